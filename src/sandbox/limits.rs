//! How much one job may use.
//!
//! In: limits of the policy. Out: rlimits on the calling process and all it starts. Limits of the whole job need
//! namespaces or cgroups and are not set here.

use std::io;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

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

impl Limits {
    /// Puts the limits of a single process in force, and core dumps off. `own_user_namespace` tells that the count of
    /// processes is the job's own; on a shared uid `RLIMIT_NPROC` would count the user's other processes.
    ///
    /// # Errors
    /// What `setrlimit(2)` answers.
    pub(crate) fn apply(&self, own_user_namespace: bool) -> io::Result<()> {
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
        if let Some(processes) = self.processes.filter(|_| own_user_namespace) {
            // The supervisor is one process of that uid in the namespace.
            let most = processes.saturating_add(1);
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
