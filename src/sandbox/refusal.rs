//! What the machine does not give although a job needs it.
//!
//! In: what was asked for, and the kernel's error. Out: a [`SandboxError`] that says what to do. What is needed is decided
//! in [`super::support`].

use super::support::Isolation;

/// Something without which nothing starts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SandboxError {
    /// Landlock cannot be used at all.
    #[error("landlock cannot be used here ({}); {}", name(*errno), landlock_advice(*errno))]
    Landlock {
        /// The kernel's error.
        errno: i32,
    },
    /// Landlock lacks a right that nothing else holds.
    #[error(
        "kernel has Landlock ABI {found}, writes can only be confined from ABI {needed} on; run Linux 6.2 or newer"
    )]
    LandlockTooOld {
        /// What the kernel has.
        found: u32,
        /// What is needed.
        needed: u32,
    },
    /// System calls cannot be filtered.
    #[error("seccomp filters cannot be used here ({}); allow the seccomp system call to this process", name(*errno))]
    Seccomp {
        /// The kernel's error.
        errno: i32,
    },
    /// A job could signal the server and other jobs.
    #[error(
        "nothing keeps a job from signalling other processes: no PID namespace ({}) and Landlock ABI {found} of 6; \
         allow user namespaces or run Linux 6.12 or newer",
        name(*namespace)
    )]
    Signals {
        /// Why there is no PID namespace.
        namespace: i32,
        /// The Landlock ABI.
        found: u32,
    },
    /// A network mode that nothing holds here.
    #[error("network mode `{mode}` cannot be held here: {why}; use `none`, or allow what is missing")]
    Network {
        /// As the policy writes it.
        mode: &'static str,
        /// What is missing.
        why: String,
    },
    /// The policy demands a stronger mode than there is.
    #[error(
        "the policy demands that jobs are kept in a {needed}, and this machine gives a {found}{}; allow what is missing, or \
         demand less",
        because(*errno)
    )]
    Isolation {
        /// What the policy demands.
        needed: Isolation,
        /// What there is.
        found: Isolation,
        /// Why there is no more.
        errno: Option<i32>,
    },
    /// Another user to run as, and no right to become it or to end its processes.
    #[error("jobs cannot run as user {uid} here: {why}")]
    RunAs {
        /// The user.
        uid: u32,
        /// What is missing.
        why: String,
    },
    /// `protect` or `hide` need mounts.
    #[error(
        "the policy protects or hides `{subject}`, which needs mounts, and this account may not mount ({}); allow user \
         namespaces, or set `sandbox.on_unsupported` to `warn`",
        name(*errno)
    )]
    Mounts {
        /// The first such name.
        subject: String,
        /// Why there are no mounts.
        errno: i32,
    },
}

pub(super) fn name(errno: i32) -> String {
    format!("{:?}: {}", nix::errno::Errno::from_raw(errno), nix::errno::Errno::from_raw(errno).desc())
}

fn because(errno: Option<i32>) -> String {
    errno.map(|errno| format!(" ({})", name(errno))).unwrap_or_default()
}

fn landlock_advice(errno: i32) -> &'static str {
    match errno {
        libc::ENOSYS => "run a kernel built with it (5.13 or newer), outside containers that filter it away",
        libc::EOPNOTSUPP => "add `landlock` to the `lsm=` list of the kernel's command line",
        _ => {
            "something around this process refuses its system calls; allow landlock_create_ruleset, add_rule, restrict_self"
        }
    }
}
