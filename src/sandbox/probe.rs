//! Tries each mechanism in a process that ends afterwards.
//!
//! In: a single-threaded process. Out: what the kernel answered, as its error number. Nothing is given up in the process
//! that asks; what the answers mean is [`super::support`]'s part.

use std::io;

use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;

use super::Network;
use super::confinement::Grants;
use super::mounts;
use super::namespace::{self, Identity};
use super::ruleset::{self, Layer, Log, OwnPlaces};
use super::seccomp::Reach;
use super::step::{Failure, Step};
use super::support::Isolation;
use crate::sys::{self, Forked};

fn number(error: &io::Error) -> i32 {
    error.raw_os_error().unwrap_or(libc::EINVAL)
}

/// Runs a check in a child, so that what it gives up is given up there.
fn in_child(check: impl FnOnce() -> io::Result<()>) -> Result<(), i32> {
    // What a child leaves that was killed.
    let mut found = Err(libc::EINTR);
    let child = sys::fork_until_exec(|| {
        found = check().map_err(|error| number(&error));
        0
    });
    let child = child.map_err(|error| number(&error))?;
    waitpid(Pid::from_raw(child), None).map_err(|errno| errno as i32)?;
    found
}

/// The same in new namespaces, which takes a copy of this process.
fn in_namespaces(flags: i32, check: impl FnOnce() -> io::Result<()>) -> Result<(), i32> {
    match sys::fork_into(flags).map_err(|error| number(&error))? {
        Forked::Child => sys::exit_now(check().err().map_or(0, |error| number(&error))),
        Forked::Parent(pid) => match waitpid(Pid::from_raw(pid), None) {
            Ok(WaitStatus::Exited(_, 0)) => Ok(()),
            Ok(WaitStatus::Exited(_, errno)) => Err(errno),
            Ok(_) => Err(libc::EINTR),
            Err(errno) => Err(errno as i32),
        },
    }
}

fn failed(failure: Failure) -> io::Error {
    io::Error::from_raw_os_error(failure.errno)
}

pub(super) fn landlock() -> Result<u32, i32> {
    let abi = sys::version_of_landlock().map_err(|error| error.raw_os_error().unwrap_or(libc::EINVAL))?;
    in_child(|| {
        let layer = Layer::prepare(&Grants::default(), abi, false).map_err(failed)?;
        ruleset::enforce(
            &layer.for_job(OwnPlaces::default(), None).map_err(failed)?,
            Log::Program { abi },
            Step::Landlock,
        )
        .map_err(failed)
    })?;
    Ok(abi)
}

pub(super) fn seccomp() -> Result<(), i32> {
    in_child(|| {
        let reach = Reach { own_pids: false, own_ipc: false, network: Network::None };
        let filter = reach.filter().map_err(|_| io::Error::from_raw_os_error(libc::EINVAL))?;
        nix::sys::prctl::set_no_new_privs()?;
        filter.install()
    })
}

pub(super) fn signal_scope() -> Result<(), i32> {
    in_child(|| {
        ruleset::enforce(&ruleset::signal_scope().map_err(failed)?, Log::Own, Step::SignalScope).map_err(failed)?;
        match nix::sys::signal::kill(nix::unistd::getppid(), None) {
            Err(nix::errno::Errno::EPERM) => Ok(()),
            _ => Err(io::Error::from_raw_os_error(libc::EOPNOTSUPP)),
        }
    })
}

/// Makes namespaces as a job has them, and in them what `check` asks for.
fn try_namespaces(user: bool, flags: i32, check: impl FnOnce() -> io::Result<()>) -> Result<(), i32> {
    let who = Identity::current();
    in_namespaces(flags, || {
        if user {
            namespace::map_to_itself(who)?;
        }
        if nix::unistd::getpid().as_raw() != 1 {
            return Err(io::Error::from_raw_os_error(libc::EOPNOTSUPP));
        }
        check()
    })
}

/// Which namespaces can be made, and what can be done in them.
pub(super) struct Namespaces {
    pub(super) pids: Result<(), i32>,
    pub(super) mounts: Result<(), i32>,
    pub(super) fresh_proc: Result<(), i32>,
    pub(super) network: Result<(), i32>,
}

impl Namespaces {
    pub(super) fn probe(strongest: Isolation, user: bool) -> Self {
        if strongest < Isolation::PidNamespace {
            let no = Err(libc::ECANCELED);
            return Self { pids: no, mounts: no, fresh_proc: no, network: no };
        }
        let (pids, view) = (namespace::flags(user, false), namespace::flags(user, true));
        let with_proc = || mount_view().and_then(|()| mounts::fresh_proc());
        let all = || with_proc().and_then(|()| sys::bring_up_loopback());
        let mounted = strongest >= Isolation::MountNamespace;
        // Where everything works, one process finds it out.
        if mounted && try_namespaces(user, view | libc::CLONE_NEWNET, all).is_ok() {
            return Self { pids: Ok(()), mounts: Ok(()), fresh_proc: Ok(()), network: Ok(()) };
        }
        let network = try_namespaces(user, pids | libc::CLONE_NEWNET, sys::bring_up_loopback);
        let pids = try_namespaces(user, pids, || Ok(()));
        let mounts =
            if mounted { pids.and_then(|()| try_namespaces(user, view, mount_view)) } else { Err(libc::ECANCELED) };
        let fresh_proc = mounts.and_then(|()| try_namespaces(user, view, with_proc));
        Self { pids, mounts, fresh_proc, network }
    }
}

fn mount_view() -> io::Result<()> {
    mounts::apply(&Grants::default(), None).map_err(failed)
}
