//! Signals to all processes of a job at once.
//!
//! In: proof of how the tree is bounded. Out: a signal to every process in it. When to send one is the supervisor's
//! decision.
//!
//! INVARIANT: `kill(-1)` is only called by a process that is the first of a PID namespace, or that has seen that its
//! signals do not leave its own Landlock scope. As root it would end the machine's processes otherwise.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::{Pid, getpid};

use super::usage;
use crate::sandbox::{Failure, Step, ruleset};
use crate::sys;

/// How far this supervisor's signals go.
#[derive(Debug)]
pub(super) struct Tree(Bound);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bound {
    Namespace,
    Scope,
    Descendants,
}

impl Tree {
    /// The tree of a process that is the first of its PID namespace.
    pub(super) fn of_namespace() -> Result<Self, Failure> {
        if getpid().as_raw() == 1 {
            return Ok(Self(Bound::Namespace));
        }
        Err(Failure { step: Step::Supervisor, subject: None, errno: libc::EOPNOTSUPP })
    }

    /// Enters a signal scope and looks whether `outside`, of the same user, is out of reach.
    pub(super) fn of_scope(scope: &OwnedFd, outside: Pid) -> Result<Self, Failure> {
        ruleset::enforce(scope, ruleset::Log::Own, Step::SignalScope)?;
        match kill(outside, None) {
            Err(Errno::EPERM) => Ok(Self(Bound::Scope)),
            _ => Err(Failure { step: Step::SignalScope, subject: None, errno: libc::EOPNOTSUPP }),
        }
    }

    /// The tree of a process that nothing bounds: its descendants, found one by one.
    pub(super) fn of_descendants() -> Self {
        Self(Bound::Descendants)
    }

    /// Has the tree more than so many processes? Quick, for trees that grow: some that were not made just now may be
    /// overlooked. `group` is the process group of its first process.
    ///
    /// # Errors
    /// The processes cannot be read. They may stand still then, so the job has to be ended.
    pub(super) fn has_more_than(&self, limit: u64, group: Option<i32>) -> io::Result<bool> {
        match self.0 {
            Bound::Namespace | Bound::Scope => Ok(newest_within_reach(limit)),
            Bound::Descendants => more_descendants_than(limit, group),
        }
    }

    /// Sends a signal to every process of the tree but this one. Without a process there is nothing to do.
    pub(super) fn signal(&self, signal: i32) -> io::Result<()> {
        let signal = Signal::try_from(signal)?;
        match self.0 {
            Bound::Namespace | Bound::Scope => match kill(Pid::from_raw(-1), signal) {
                Ok(()) | Err(Errno::ESRCH) => Ok(()),
                // Only processes that are beyond reach are left, so none of the tree.
                Err(Errno::EPERM) if self.0 == Bound::Scope => Ok(()),
                Err(errno) => Err(errno.into()),
            },
            Bound::Descendants if signal == Signal::SIGKILL => freeze_and_kill(&HashSet::new()),
            Bound::Descendants => tell_descendants(signal),
        }
    }
}

/// How many of the newest numbers are tried.
const NEWEST: i32 = 1 << 14;

/// Are more than `limit` of the newest processes and threads within reach of this process's signals? They are its tree then,
/// if nothing else is. A bomb has the newest numbers, so this ends after about as many calls.
fn newest_within_reach(limit: u64) -> bool {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    // The last field is the newest number in the namespace of whoever reads.
    let Some(newest) = text.split_ascii_whitespace().last().and_then(|pid| pid.parse::<i32>().ok()) else {
        return false;
    };
    let own = getpid().as_raw();
    let numbers = (1..=newest).rev().take(NEWEST.unsigned_abs() as usize).filter(|pid| *pid != own);
    let within = numbers.filter(|pid| kill(Pid::from_raw(*pid), None).is_ok());
    within.zip(0..=limit).count() as u64 > limit
}

/// Sends a signal to the descendants, and to those that were being forked meanwhile.
fn tell_descendants(signal: Signal) -> io::Result<()> {
    /// Whoever forks whenever it gets the signal is not followed for ever.
    const ROUNDS: usize = 16;
    let mut told = HashSet::new();
    for _ in 0..ROUNDS {
        let all = living_descendants(&HashSet::new())?;
        let new: Vec<i32> = all.into_iter().filter(|pid| told.insert(*pid)).collect();
        if new.is_empty() {
            break;
        }
        for pid in new {
            let _ = kill(Pid::from_raw(pid), signal);
        }
    }
    Ok(())
}

/// Living processes below this one, without the trees of `except`.
pub(super) fn living_descendants(except: &HashSet<i32>) -> io::Result<Vec<i32>> {
    let all = usage::processes()?;
    let below = usage::below(getpid().as_raw(), &all, except);
    Ok(below.into_iter().filter(|stat| stat.is_alive()).map(|stat| stat.pid).collect())
}

/// A guard for the wait below; the kernel wakes it as soon as a process is gone.
const DYING: Duration = Duration::from_millis(200);

/// Stops the descendants until none is new, so that none can fork while the others die, then kills them; again for a
/// child of one that was in the middle of a fork, until none is left.
pub(super) fn freeze_and_kill(except: &HashSet<i32>) -> io::Result<()> {
    loop {
        let frozen = freeze(except)?;
        if frozen.is_empty() {
            return Ok(());
        }
        // Without a descriptor to spare, or before Linux 5.3, the next look finds it.
        let dying: Vec<OwnedFd> = frozen.iter().filter_map(|pid| sys::open_process(*pid).ok()).collect();
        for pid in frozen {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
        await_death(dying.into_iter())?;
    }
}

/// Stops the descendants until none is new.
fn freeze(except: &HashSet<i32>) -> io::Result<HashSet<i32>> {
    let mut frozen = HashSet::new();
    loop {
        let new = living_descendants(except)?;
        let new: Vec<i32> = new.into_iter().filter(|pid| frozen.insert(*pid)).collect();
        if new.is_empty() {
            return Ok(frozen);
        }
        for pid in new {
            let _ = kill(Pid::from_raw(pid), Signal::SIGSTOP);
        }
    }
}

/// Are there more than so many? They stand still while they are counted, and go on if not.
fn more_descendants_than(limit: u64, group: Option<i32>) -> io::Result<bool> {
    if let Some(group) = group {
        // Most never leave it, and those that do are then stopped one by one.
        let _ = killpg(Pid::from_raw(group), Signal::SIGSTOP);
    }
    let frozen = freeze(&HashSet::new())?;
    if frozen.len() as u64 > limit {
        return Ok(true);
    }
    for pid in frozen {
        let _ = kill(Pid::from_raw(pid), Signal::SIGCONT);
    }
    Ok(false)
}

/// Sleeps until all of these processes are gone. A process that is stuck in the kernel makes the caller look again.
fn await_death(processes: impl Iterator<Item = OwnedFd>) -> io::Result<()> {
    let guard = PollTimeout::try_from(DYING).unwrap_or(PollTimeout::ZERO);
    for process in processes {
        match poll(&mut [PollFd::new(process.as_fd(), PollFlags::POLLIN)], guard) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(())
}

/// Sleeps until one of the living descendants ends, at most so long.
pub(super) fn await_any_death(most: Duration) {
    let living = living_descendants(&HashSet::new()).unwrap_or_default();
    let living: Vec<OwnedFd> = living.into_iter().filter_map(|pid| sys::open_process(pid).ok()).collect();
    let mut polled: Vec<PollFd<'_>> = living.iter().map(|one| PollFd::new(one.as_fd(), PollFlags::POLLIN)).collect();
    let most = PollTimeout::try_from(most).unwrap_or(PollTimeout::ZERO);
    // Whatever woke this, the caller looks again.
    let _ = poll(&mut polled, most);
}
