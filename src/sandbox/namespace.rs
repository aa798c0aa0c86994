//! Namespaces of a job: which flags, and the user's place in an own user namespace.
//!
//! In: whether a user namespace is needed to be allowed the others. Out: clone flags; ids mapped to themselves.

use std::fs;
use std::io;

use nix::unistd::{Gid, Uid};

/// The ids that a user namespace maps to themselves.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Identity {
    pub(crate) uid: Uid,
    pub(crate) gid: Gid,
}

impl Identity {
    /// Who this process is; inside a new user namespace it is too late to ask.
    pub(crate) fn current() -> Self {
        Self { uid: nix::unistd::geteuid(), gid: nix::unistd::getegid() }
    }
}

/// The `CLONE_NEW*` flags of a job's supervisor. Where it may mount, IPC objects and the host name are its own as well.
pub(crate) fn flags(own_user_namespace: bool, mounts: bool) -> i32 {
    let user = if own_user_namespace { libc::CLONE_NEWUSER } else { 0 };
    let view = if mounts { libc::CLONE_NEWNS | libc::CLONE_NEWIPC | libc::CLONE_NEWUTS } else { 0 };
    libc::CLONE_NEWPID | user | view
}

/// Maps uid and gid to themselves in the user namespace of this process. The map files belong to root while the process
/// cannot be dumped, hence the moment in which it can.
///
/// # Errors
/// What the kernel answers to the writes; `EPERM` where user namespaces are made but not trusted.
pub(crate) fn map_to_itself(who: Identity) -> io::Result<()> {
    nix::sys::prctl::set_dumpable(true)?;
    let written = fs::write("/proc/self/setgroups", "deny")
        .and_then(|()| fs::write("/proc/self/uid_map", format!("{0} {0} 1", who.uid)))
        .and_then(|()| fs::write("/proc/self/gid_map", format!("{0} {0} 1", who.gid)));
    nix::sys::prctl::set_dumpable(false)?;
    written
}
