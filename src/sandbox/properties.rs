//! The promises to an operator, each with what holds it on this machine.
//!
//! In: a [`Support`]. Out: one [`Property`] per mechanism and promise, for `doctor`. Nothing here changes what is in
//! force.

use serde::Serialize;

use super::support::{Isolation, ProcessCount, Support};

/// The eight promises of SECURITY.md.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Promise {
    /// Nothing runs that the policy did not approve.
    P1,
    /// A job reads, writes, executes and connects only where the policy says.
    P2,
    /// Every process of a job is gone when it ends.
    P3,
    /// Host and server stay usable.
    P4,
    /// No known secret is shown or stored.
    P5,
    /// Every decision is on record.
    P6,
    /// The model cannot change policy, limits, audit or the binary.
    P7,
    /// One client, one job cannot see or signal another's.
    P8,
}

/// How well a property is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Strength {
    /// Nothing holds it.
    Missing,
    /// Held with a named gap.
    Weaker,
    /// Held.
    Held,
}

/// One thing that is kept from happening, and by what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Property {
    /// Short name.
    pub name: &'static str,
    /// The promise that it is part of.
    pub promise: Promise,
    /// What holds it here.
    pub mechanism: String,
    /// How well.
    pub strength: Strength,
    /// What the gap is; empty when there is none.
    pub why: String,
    /// What would improve it on this machine; empty when nothing would.
    pub improve: String,
}

fn held(name: &'static str, promise: Promise, mechanism: impl Into<String>) -> Property {
    Property {
        name,
        promise,
        mechanism: mechanism.into(),
        strength: Strength::Held,
        why: String::new(),
        improve: String::new(),
    }
}

impl Property {
    fn weaker(self, strength: Strength, why: impl Into<String>, improve: impl Into<String>) -> Self {
        Self { strength, why: why.into(), improve: improve.into(), ..self }
    }
}

fn reason(errno: i32) -> String {
    if errno == libc::ECANCELED {
        return "a weaker mode was asked for".to_owned();
    }
    nix::errno::Errno::from_raw(errno).desc().to_owned()
}

/// What holds each promise that the sandbox has a part in. P1, P5 and P6 are held by policy, redaction and audit.
pub fn properties(support: &Support) -> Vec<Property> {
    let mut all = files(support);
    all.push(network(support));
    all.extend(processes(support));
    all
}

/// Landlock's third erratum: what lies in a directory that was moved out of a bind mount was judged by the mount's rules
/// alone. The first only refused too much, and the second too many signals between threads of one process.
const DISCONNECTED: u32 = 1 << 2;

fn files(support: &Support) -> Vec<Property> {
    let abi = match support.landlock_abi() {
        Ok(abi) => abi,
        Err(errno) => {
            let nothing = held("files", Promise::P2, "nothing").weaker(
                Strength::Missing,
                format!("Landlock cannot be used: {}", reason(errno)),
                "run a kernel with Landlock enabled, or allow its system calls",
            );
            return vec![nothing];
        }
    };
    let contents = held("file contents", Promise::P2, format!("Landlock ABI {abi}"));
    let contents = match abi {
        0..=2 => {
            contents.weaker(Strength::Missing, "truncating is not confined before ABI 3", "run Linux 6.2 or newer")
        }
        3..=4 => {
            contents.weaker(Strength::Weaker, "device ioctls are not confined before ABI 5", "run Linux 6.10 or newer")
        }
        _ => contents,
    };
    let contents = if support.landlock_errata() & DISCONNECTED == 0 && contents.strength == Strength::Held {
        let why =
            "this kernel does not say that it has the fix for directories that were moved out of a mount (erratum 3)";
        contents.weaker(Strength::Weaker, why, "run a kernel with the fix")
    } else {
        contents
    };
    let metadata = match support.mounts() {
        Ok(()) => held("file metadata", Promise::P2, "read-only mounts outside the write roots"),
        Err(errno) => held("file metadata", Promise::P2, "file permissions alone").weaker(
            Strength::Weaker,
            format!(
                "no mounts ({}): mode, times and attributes of this user's files outside the write roots can be changed, \
                 which Landlock does not see",
                reason(errno)
            ),
            "allow user namespaces to this account, or run as a user that owns nothing else",
        ),
    };
    let names = match support.mounts() {
        Ok(()) => held("protected and hidden names", Promise::P7, "over-mounts, and every directory above them pinned"),
        Err(errno) => held("protected and hidden names", Promise::P7, "nothing").weaker(
            Strength::Missing,
            format!("no mounts: {}", reason(errno)),
            "allow user namespaces to this account",
        ),
    };
    let processes = match support.fresh_proc() {
        Ok(()) => held("other processes in /proc", Promise::P8, "a /proc of the job's own"),
        Err(errno) => held("other processes in /proc", Promise::P8, "Landlock, unless the policy grants /proc").weaker(
            Strength::Weaker,
            format!("no /proc of the job's own: {}", reason(errno)),
            "do not grant /proc, or run outside a container that masks parts of it",
        ),
    };
    let server = held("policy, audit and binary", Promise::P7, "they lie outside every write root");
    vec![contents, metadata, names, processes, server]
}

fn network(support: &Support) -> Property {
    match support.seccomp() {
        Ok(()) => held("network and UNIX sockets", Promise::P2, "seccomp: no socket can be made"),
        Err(errno) => held("network and UNIX sockets", Promise::P2, "nothing").weaker(
            Strength::Missing,
            format!("system calls cannot be filtered: {}", reason(errno)),
            "allow the seccomp system call to this process",
        ),
    }
}

fn processes(support: &Support) -> Vec<Property> {
    let missing = support.pid_namespace().err().map(reason).unwrap_or_default();
    let allow = "allow user namespaces to this account, or run as root";
    let (tree, signals) = match support.isolation() {
        Isolation::MountNamespace | Isolation::PidNamespace => (
            held("end of a whole tree", Promise::P3, "PID namespace"),
            held("signals to others", Promise::P8, "PID namespace"),
        ),
        Isolation::SignalScope => {
            let why = format!(
                "no PID namespace ({missing}): if helper and supervisor are killed at the same moment, the server has to \
                 find the job's processes, and a server killed as well leaves them"
            );
            (
                held("end of a whole tree", Promise::P3, "Landlock signal scope").weaker(Strength::Weaker, why, allow),
                held("signals to others", Promise::P8, "Landlock signal scope"),
            )
        }
        Isolation::Freeze => {
            let why = format!("no PID namespace ({missing}) and no signal scope: a tree is stopped process by process");
            let tree = held("end of a whole tree", Promise::P3, "freeze and kill");
            let signals = held("signals to others", Promise::P8, "Landlock signal scope of the job");
            let scoped = support.landlock_abi().is_ok_and(|abi| abi >= 6);
            let signals = if scoped {
                signals
            } else {
                signals.weaker(Strength::Missing, "signals are not scoped before ABI 6", "run Linux 6.12 or newer")
            };
            (tree.weaker(Strength::Weaker, why, allow), signals)
        }
    };
    let sampled = "the supervisor looks from time to time: a job can pass its limit for a moment";
    let usage =
        held("memory and CPU of a job", Promise::P4, "rlimits of each process, and the supervisor adds up the tree")
            .weaker(Strength::Weaker, sampled, "");
    let files = held("size of files", Promise::P4, "rlimits of each process").weaker(
        Strength::Weaker,
        "many files together can take more than one may",
        "put the write roots on a file system with a quota",
    );
    let count = match support.process_count() {
        ProcessCount::UserNamespace => {
            held("number of processes", Promise::P4, "RLIMIT_NPROC in the job's user namespace")
        }
        ProcessCount::PidNamespace => {
            let why = "the kernel takes no limit below 301; below it, a bomb can have some hundred before the supervisor ends it";
            let both = "highest pid of the job's PID namespace, and the supervisor counts";
            held("number of processes", Promise::P4, both).weaker(Strength::Weaker, why, "")
        }
        ProcessCount::Shared => {
            let counted = held("number of processes", Promise::P4, "the supervisor counts");
            if support.uid() == 0 {
                let why =
                    "a fork bomb can have some hundred processes before the supervisor ends it, on a busy machine more";
                let improve = "give the container a limit of its own (pids.max)";
                counted.weaker(Strength::Weaker, why, improve)
            } else {
                let why = "a fork bomb can have some hundred processes before the supervisor ends it; RLIMIT_NPROC bounds it \
                           at a thousand above what the machine had when the job started";
                counted.weaker(Strength::Weaker, why, "allow user namespaces to this account")
            }
        }
    };
    vec![tree, signals, usage, files, count]
}
