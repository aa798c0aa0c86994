//! What this kernel and this account really allow, found out by doing it.
//!
//! In: a single-threaded process that may fork probes. Out: a [`Support`] that the server keeps and `doctor` prints.
//! Which of it a policy needs is checked in [`Support::check`].

use std::io;

use serde::{Deserialize, Serialize};

use super::Network;
use super::confinement::{Confinement, Unsupported};
use super::limits::Count;
use super::mounts;
use super::namespace;
use super::probe;
use super::refusal::{SandboxError, name};
use super::run_as::RunAs;
use crate::sys;

/// `CAP_SYS_ADMIN` of linux/capability.h.
const CAP_SYS_ADMIN: u64 = 1 << 21;
/// Truncating a file is only refused from this ABI on.
const OLDEST_LANDLOCK: u32 = 3;
/// TCP ports are judged from this ABI on.
const PORTS_LANDLOCK: u32 = 4;
/// Signals are scoped from this ABI on.
const SCOPING_LANDLOCK: u32 = 6;

/// How the processes of a job are kept together; the stronger, the greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Isolation {
    /// The tree is stopped, process by process, until none is new, and then killed.
    Freeze,
    /// One signal to everything in the supervisor's Landlock signal scope.
    SignalScope,
    /// A PID namespace: when its first process ends, the kernel ends the rest.
    PidNamespace,
    /// The same, with a view of the file system, IPC objects and a host name of the job's own.
    MountNamespace,
}

impl std::fmt::Display for Isolation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Freeze => "tree that is frozen and killed",
            Self::SignalScope => "landlock signal scope",
            Self::PidNamespace => "pid namespace",
            Self::MountNamespace => "mount namespace",
        })
    }
}

/// What a job's processes are counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProcessCount {
    /// `RLIMIT_NPROC` in the job's user namespace.
    UserNamespace,
    /// The highest pid of the job's PID namespace; the kernel takes no less than 301.
    PidNamespace,
    /// Nothing: the kernel's count is shared with everything else that runs as this user.
    Shared,
}

/// Is a release such as `6.18.44-x` at least `major.minor`? Before 6.14 the highest pid is the whole machine's, and
/// writing it from a job's namespace would change it for everybody.
fn release_at_least(release: &str, major: u32, minor: u32) -> bool {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(|digits| digits.parse::<u32>().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) >= (major, minor)
}

/// What was found. Errors are the kernel's numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Support {
    kernel: String,
    uid: u32,
    capabilities: u64,
    landlock: Result<u32, i32>,
    landlock_errata: u32,
    seccomp: Result<(), i32>,
    signal_scope: Result<(), i32>,
    pid_namespace: Result<(), i32>,
    mounts: Result<(), i32>,
    fresh_proc: Result<(), i32>,
    network: Result<(), i32>,
    own_user_namespace: bool,
    isolation: Isolation,
}

impl Support {
    /// Finds out what holds here; `strongest` caps how job trees are kept together.
    ///
    /// # Errors
    /// The process cannot even be asked about itself.
    pub(crate) fn probe(strongest: Isolation) -> io::Result<Self> {
        let capabilities = sys::effective_capabilities()?;
        let own_user_namespace = capabilities & CAP_SYS_ADMIN == 0;
        let probe::Namespaces { pids: pid_namespace, mounts, fresh_proc, network } =
            probe::Namespaces::probe(strongest, own_user_namespace);
        let up_to = |least: Isolation, probe: &dyn Fn() -> Result<(), i32>| {
            if strongest >= least { probe() } else { Err(libc::ECANCELED) }
        };
        let signal_scope = up_to(Isolation::SignalScope, &probe::signal_scope);
        let isolation = match (mounts, pid_namespace, signal_scope) {
            (Ok(()), ..) => Isolation::MountNamespace,
            (_, Ok(()), _) => Isolation::PidNamespace,
            (_, _, Ok(())) => Isolation::SignalScope,
            _ => Isolation::Freeze,
        };
        Ok(Self {
            kernel: nix::sys::utsname::uname()?.release().to_string_lossy().into_owned(),
            uid: nix::unistd::geteuid().as_raw(),
            capabilities,
            landlock: probe::landlock(),
            landlock_errata: sys::errata_of_landlock().unwrap_or(0),
            seccomp: probe::seccomp(),
            signal_scope,
            pid_namespace,
            mounts,
            fresh_proc,
            network,
            own_user_namespace: own_user_namespace && isolation >= Isolation::PidNamespace,
            isolation,
        })
    }

    /// Is everything here without which no job starts?
    ///
    /// # Errors
    /// What is missing, and what to do about it.
    pub fn check(&self) -> Result<(), SandboxError> {
        let found = self.landlock.map_err(|errno| SandboxError::Landlock { errno })?;
        if found < OLDEST_LANDLOCK {
            return Err(SandboxError::LandlockTooOld { found, needed: OLDEST_LANDLOCK });
        }
        self.seccomp.map_err(|errno| SandboxError::Seccomp { errno })?;
        match self.pid_namespace {
            Err(namespace) if found < SCOPING_LANDLOCK => Err(SandboxError::Signals { namespace, found }),
            _ => Ok(()),
        }
    }

    /// Release of the running kernel.
    pub fn kernel(&self) -> &str {
        &self.kernel
    }

    /// The user that jobs run as.
    pub fn uid(&self) -> u32 {
        self.uid
    }

    /// Effective capabilities of the helper, bit n for capability n; jobs have none.
    pub fn capabilities(&self) -> u64 {
        self.capabilities
    }

    /// The Landlock ABI that was put in force by the probe, or the kernel's error.
    ///
    /// # Errors
    /// The kernel's error number.
    pub fn landlock_abi(&self) -> Result<u32, i32> {
        self.landlock
    }

    /// Landlock errata that this kernel has fixed, as bits.
    pub fn landlock_errata(&self) -> u32 {
        self.landlock_errata
    }

    /// Whether a system call filter was put in force by the probe, or the kernel's error.
    ///
    /// # Errors
    /// The kernel's error number.
    pub fn seccomp(&self) -> Result<(), i32> {
        self.seccomp
    }

    /// Whether a PID namespace was made by the probe, or the kernel's error.
    ///
    /// # Errors
    /// The kernel's error number; `ECANCELED` when a weaker mode was asked for.
    pub fn pid_namespace(&self) -> Result<(), i32> {
        self.pid_namespace
    }

    /// Whether a job's view of the file system was mounted by the probe, or the kernel's error.
    ///
    /// # Errors
    /// The kernel's error number; `ECANCELED` when a weaker mode was asked for.
    pub fn mounts(&self) -> Result<(), i32> {
        self.mounts
    }

    /// Whether a `/proc` of the job's own was mounted by the probe, or the kernel's error.
    ///
    /// # Errors
    /// The kernel's error number.
    pub fn fresh_proc(&self) -> Result<(), i32> {
        self.fresh_proc
    }

    /// Whether a network namespace with its own loopback was made by the probe, or the kernel's error.
    ///
    /// # Errors
    /// The kernel's error number; `ECANCELED` when a weaker mode was asked for.
    pub fn network_namespace(&self) -> Result<(), i32> {
        self.network
    }

    /// What counts the processes of a job on its own.
    pub fn process_count(&self) -> ProcessCount {
        let numbered = self.fresh_proc.is_ok() && release_at_least(&self.kernel, 6, 14);
        match (self.own_user_namespace, numbered) {
            (true, _) => ProcessCount::UserNamespace,
            (false, true) => ProcessCount::PidNamespace,
            (false, false) => ProcessCount::Shared,
        }
    }

    /// Does the kernel itself refuse a job more than so many processes? Where it does not, the job's supervisor counts.
    pub fn counts_processes(&self, limit: Option<u64>) -> bool {
        match self.process_count() {
            ProcessCount::UserNamespace => true,
            ProcessCount::PidNamespace => limit.is_none_or(mounts::pids_can_bound),
            ProcessCount::Shared => false,
        }
    }

    /// What the kernel's own count of processes is worth for a job with this limit.
    pub(crate) fn count(&self, limit: Option<u64>) -> Count {
        match (self.own_user_namespace, self.counts_processes(limit)) {
            (true, _) => Count::OfUserNamespace,
            (false, true) => Count::Elsewhere,
            (false, false) => Count::OfUser,
        }
    }

    /// Can jobs be started as this user, and ended?
    ///
    /// # Errors
    /// [`SandboxError::RunAs`].
    pub fn check_run_as(&self, user: &RunAs) -> Result<(), SandboxError> {
        let refused = |why: String| Err(SandboxError::RunAs { uid: user.uid, why });
        if let Some(capability) = user.missing(self.uid, self.capabilities) {
            return refused(format!("the server lacks {capability}; start it as root"));
        }
        if self.own_user_namespace && user.uid != self.uid {
            return refused(
                "in a user namespace of its own a job can only be the server's user; start it as root".into(),
            );
        }
        Ok(())
    }

    /// Can this machine hold what a profile asks for beyond the grants?
    ///
    /// # Errors
    /// A network mode that nothing holds; a `protect` or `hide` name that nothing holds, unless the profile said `warn`.
    pub fn check_profile(&self, profile: &Confinement) -> Result<(), SandboxError> {
        match (profile.network(), self.network, self.landlock) {
            (Network::Loopback, Err(errno), _) => {
                let why = format!("no network namespace ({})", name(errno));
                return Err(SandboxError::Network { mode: "loopback", why });
            }
            (Network::Ports { .. }, _, Ok(abi)) if abi < PORTS_LANDLOCK => {
                let why = format!("Landlock ABI {abi} of {PORTS_LANDLOCK}; run Linux 6.7 or newer");
                return Err(SandboxError::Network { mode: "ports", why });
            }
            _ => {}
        }
        if let Some(needed) = profile.at_least().filter(|needed| *needed > self.isolation) {
            let errno = if needed == Isolation::MountNamespace { self.mounts } else { self.pid_namespace }.err();
            return Err(SandboxError::Isolation { needed, found: self.isolation, errno });
        }
        let named = profile.protect().iter().chain(profile.hide()).next();
        match (named, self.mounts, profile.unsupported()) {
            (Some(subject), Err(errno), Unsupported::Refuse) => {
                Err(SandboxError::Mounts { subject: subject.to_string(), errno })
            }
            _ => Ok(()),
        }
    }

    /// Whether the signal scope held in the probe, or the kernel's error.
    ///
    /// # Errors
    /// The kernel's error number; `ECANCELED` when a weaker mode was asked for.
    pub fn signal_scope(&self) -> Result<(), i32> {
        self.signal_scope
    }

    /// Jobs get a user namespace of their own, with their uid mapped to itself.
    pub fn own_user_namespace(&self) -> bool {
        self.own_user_namespace
    }

    /// The `CLONE_NEW*` flags of a job's supervisor.
    pub(crate) fn namespaces(&self, network: &Network) -> i32 {
        let own_network = if *network == Network::Loopback { libc::CLONE_NEWNET } else { 0 };
        match self.isolation {
            Isolation::MountNamespace => namespace::flags(self.own_user_namespace, true) | own_network,
            Isolation::PidNamespace => namespace::flags(self.own_user_namespace, false) | own_network,
            Isolation::SignalScope | Isolation::Freeze => 0,
        }
    }

    /// How job trees are kept together here.
    pub fn isolation(&self) -> Isolation {
        self.isolation
    }
}

#[cfg(test)]
mod tests;
