//! What holds one job, here and now.
//!
//! In: what the kernel gives and what the job asks for. Out: an [`InForce`] for its status and the audit record. Every
//! mechanism named in it is a step that had to succeed before the program started.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::confinement::Network;
use super::spec::SandboxSpec;
use super::support::{Isolation, ProcessCount, Support};

/// Where POSIX shared memory and semaphores lie.
pub const SHARED_MEMORY: &str = "/dev/shm";

/// A limit or promise that nothing holds for this job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unheld {
    /// What was asked for.
    pub what: String,
    /// Why it is not in force.
    pub why: String,
}

/// The mechanisms around one job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InForce {
    /// How its processes are kept together.
    pub isolation: Isolation,
    /// The Landlock ABI its ruleset uses.
    pub landlock_abi: u32,
    /// Names of all mechanisms, for people.
    pub mechanisms: Vec<String>,
    /// What was asked for and is not held.
    pub unheld: Vec<Unheld>,
}

impl InForce {
    /// What will hold this job when all its steps succeed.
    pub(crate) fn of(spec: &SandboxSpec, support: &Support) -> Self {
        let abi = support.landlock_abi().unwrap_or(0);
        let mut mechanisms = vec![format!("landlock (abi {abi})"), "seccomp".to_owned(), "no_new_privs".to_owned()];
        mechanisms.push(match support.isolation() {
            Isolation::MountNamespace | Isolation::PidNamespace => "pid namespace".to_owned(),
            Isolation::SignalScope => "landlock signal scope".to_owned(),
            Isolation::Freeze => "freeze and kill".to_owned(),
        });
        if support.own_user_namespace() {
            mechanisms.push("user namespace".to_owned());
        }
        mechanisms.extend(spec.run_as().map(|user| format!("user {} of the job", user.uid)));
        if spec.execute_only().is_some() {
            mechanisms.push("execute layer".to_owned());
        }
        if support.isolation() == Isolation::MountNamespace {
            mechanisms.push("mount, ipc and uts namespaces".to_owned());
        }
        mechanisms.extend(match spec.confinement().network() {
            Network::Loopback => Some("network namespace".to_owned()),
            Network::Ports { .. } => Some("landlock tcp ports".to_owned()),
            Network::None | Network::Full => None,
        });
        let mut unheld = unheld_names(spec, support);
        if support.mounts().is_err() {
            let why =
                "without mounts, mode, times and attributes of this user's files outside the write roots can change";
            unheld.push(Unheld { what: "file metadata".to_owned(), why: why.to_owned() });
        }
        let shares = spec.confinement().write().iter().any(|root| root.as_path() == Path::new(SHARED_MEMORY));
        if shares && support.mounts().is_err() {
            let why = format!("without mounts, {SHARED_MEMORY} is shared with the other programs of this account");
            unheld.push(Unheld { what: "shared memory".to_owned(), why });
        }
        match (spec.tmp_size(), support.mounts()) {
            (None, _) => {}
            (Some(size), Ok(())) => mechanisms.push(format!("tmp of {size} in memory")),
            (Some(_), Err(_)) => {
                let why = "without mounts the job's own directory can grow as its file system can".to_owned();
                unheld.push(Unheld { what: "size of tmp".to_owned(), why });
            }
        }
        mechanisms.extend(limits(spec, support));
        Self { isolation: support.isolation(), landlock_abi: abi, mechanisms, unheld }
    }
}

/// What holds the limits of the whole job.
fn limits(spec: &SandboxSpec, support: &Support) -> Vec<String> {
    let mut held = Vec::new();
    let limits = spec.limits();
    if let Some(most) = limits.processes {
        held.push(match (support.counts_processes(Some(most)), support.process_count()) {
            (true, ProcessCount::UserNamespace) => "process count of the user namespace".to_owned(),
            (true, _) => "process count of the pid namespace".to_owned(),
            // The kernel does not count those of root.
            (false, _) if spec.run_as().map_or(support.uid(), |user| user.uid) == 0 => {
                "processes counted by the supervisor from time to time".to_owned()
            }
            (false, _) => "processes counted by the supervisor, RLIMIT_NPROC far above".to_owned(),
        });
    }
    if limits.memory.is_some() {
        held.push("memory of the whole job added up by the supervisor from time to time".to_owned());
    }
    if limits.cpu_time.is_some() {
        held.push("cpu time of the whole job added up by the supervisor from time to time".to_owned());
    }
    held
}

/// Protected and hidden names that no mount holds: all of them without mounts. (With them, one that does not exist gets a
/// placeholder.)
fn unheld_names(spec: &SandboxSpec, support: &Support) -> Vec<Unheld> {
    if support.mounts().is_ok() {
        return Vec::new();
    }
    let profile = spec.confinement();
    let lists = [("protect", profile.protect()), ("hide", profile.hide())];
    let named = lists.into_iter().flat_map(|(key, paths)| paths.iter().map(move |path| (key, path)));
    let why = "this account may not mount";
    named.map(|(key, path)| Unheld { what: format!("filesystem.{key}: {path}"), why: why.to_owned() }).collect()
}
