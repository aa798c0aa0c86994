//! How much one job may use.
//!
//! In: limits of the policy. Out: rlimits on the calling process and all it starts. Limits of the whole job need
//! namespaces or cgroups and are not set here.

use std::io;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::sys;
use crate::units::{ByteSize, Period};

/// Limits of one job; what is absent stays as the server has it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Limits {
    /// CPU time of each process, whole seconds, rounded up.
    #[serde(with = "as_text")]
    pub cpu_time: Option<Period>,
    /// Largest file that can be written.
    #[serde(with = "as_text")]
    pub file_size: Option<ByteSize>,
    /// Open descriptors of each process.
    pub open_files: Option<u64>,
    /// Writable memory of each process.
    #[serde(with = "as_text")]
    pub memory: Option<ByteSize>,
    /// Processes and threads of the whole job, where a mechanism for it exists.
    pub processes: Option<u64>,
}

/// A value with a unit as the text that a policy would hold.
pub(super) mod as_text {
    use std::fmt::Display;
    use std::str::FromStr;

    use super::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<T: Display, S: Serializer>(value: &Option<T>, to: S) -> Result<S::Ok, S::Error> {
        value.as_ref().map(ToString::to_string).serialize(to)
    }

    pub(crate) fn deserialize<'de, T, D>(from: D) -> Result<Option<T>, D::Error>
    where
        T: FromStr,
        T::Err: Display,
        D: Deserializer<'de>,
    {
        let text = Option::<String>::deserialize(from)?;
        text.map(|text| text.parse().map_err(serde::de::Error::custom)).transpose()
    }
}

/// Lowers one limit; one that the server itself has lower already stays.
fn lower(resource: Resource, soft: u64, hard: u64) -> io::Result<()> {
    let (_, ceiling) = getrlimit(resource)?;
    Ok(setrlimit(resource, soft.min(ceiling), hard.min(ceiling))?)
}

/// What the kernel counts for `RLIMIT_NPROC`, and whether that is of use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Count {
    /// The processes of the job alone.
    OfUserNamespace,
    /// Those of the user's other programs as well. The limit lies above all that the machine has now, with room for what
    /// they start later: it bounds a fork bomb, nothing else. For root the kernel ignores it.
    OfUser,
    /// Something else holds the number.
    Elsewhere,
}

/// What a desktop, an editor and a build may start while a job runs.
const LATER: u64 = 1024;

/// At least as many as the other programs of this user have and will have. The kernel tells nobody the count that it compares with,
/// but all tasks of the machine are no fewer. None where that cannot be asked for.
fn others_of_user() -> Option<u64> {
    let short = sys::tasks_of_machine().ok().map(u64::from)?;
    // The short number may have gone round; that file has all its digits: `0.00 0.00 0.00 1/234 567`.
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let long = text.split(['/', ' ']).nth(4).and_then(|all| all.parse::<u64>().ok());
    Some(long.unwrap_or(0).max(short) + LATER)
}

impl Limits {
    /// Puts the limits of a single process in force, and core dumps off.
    ///
    /// # Errors
    /// What `setrlimit(2)` answers.
    pub(crate) fn apply(&self, count: Count) -> io::Result<()> {
        lower(Resource::RLIMIT_CORE, 0, 0)?;
        if let Some(period) = self.cpu_time {
            let seconds = period.get().as_millis().div_ceil(1000);
            let seconds = u64::try_from(seconds).unwrap_or(u64::MAX);
            // SIGXCPU at the limit, SIGKILL a second later for whoever ignores it.
            lower(Resource::RLIMIT_CPU, seconds, seconds.saturating_add(1))?;
        }
        if let Some(size) = self.file_size {
            lower(Resource::RLIMIT_FSIZE, size.get(), size.get())?;
        }
        if let Some(files) = self.open_files {
            lower(Resource::RLIMIT_NOFILE, files, files)?;
        }
        if let Some(size) = self.memory {
            lower(Resource::RLIMIT_DATA, size.get(), size.get())?;
        }
        let others = match count {
            // The supervisor is one process of that uid in the namespace.
            Count::OfUserNamespace => Some(1),
            Count::OfUser => others_of_user(),
            Count::Elsewhere => None,
        };
        if let (Some(processes), Some(others)) = (self.processes, others) {
            let most = processes.saturating_add(others);
            lower(Resource::RLIMIT_NPROC, most, most)?;
        }
        Ok(())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed assumption is a failed test")]
mod tests {
    use super::*;

    #[test]
    fn limits_survive_the_wire() {
        let limits = Limits {
            cpu_time: Some("1500ms".parse().unwrap()),
            memory: Some("3 MiB".parse().unwrap()),
            processes: Some(7),
            ..Limits::default()
        };
        let bytes = postcard::to_stdvec(&limits).unwrap();
        assert_eq!(postcard::from_bytes::<Limits>(&bytes).unwrap(), limits);
    }
}
