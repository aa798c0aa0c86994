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
use std::os::fd::OwnedFd;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getpid};

use crate::sandbox::{Failure, Step, ruleset};

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
        ruleset::enforce(scope, Step::SignalScope)?;
        match kill(outside, None) {
            Err(Errno::EPERM) => Ok(Self(Bound::Scope)),
            _ => Err(Failure { step: Step::SignalScope, subject: None, errno: libc::EOPNOTSUPP }),
        }
    }

    /// The tree of a process that nothing bounds: its descendants, found one by one.
    pub(super) fn of_descendants() -> Self {
        Self(Bound::Descendants)
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
            Bound::Descendants => {
                for pid in living_descendants(&HashSet::new())? {
                    let _ = kill(Pid::from_raw(pid), signal);
                }
                Ok(())
            }
        }
    }
}

/// Pid, parent and state of one line of `/proc/PID/stat`; the name in the middle may hold blanks and parentheses.
fn parse_stat(line: &str) -> Option<(i32, i32, char)> {
    let (pid, rest) = line.split_once(" (")?;
    let mut fields = rest.rsplit_once(") ")?.1.split(' ');
    let state = fields.next()?.chars().next()?;
    Some((pid.parse().ok()?, fields.next()?.parse().ok()?, state))
}

/// Every process that `/proc` shows: pid, parent, alive.
fn processes() -> io::Result<Vec<(i32, i32, bool)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let path = entry?.path();
        let numeric = path.file_name().is_some_and(|name| name.as_encoded_bytes().iter().all(u8::is_ascii_digit));
        // A process may end between the two reads; then it is no longer part of any tree.
        if let Some((pid, parent, state)) =
            numeric.then(|| fs::read_to_string(path.join("stat")).ok()).flatten().as_deref().and_then(parse_stat)
        {
            found.push((pid, parent, !matches!(state, 'Z' | 'X')));
        }
    }
    Ok(found)
}

/// Living processes below this one, without the trees of `except`.
pub(super) fn living_descendants(except: &HashSet<i32>) -> io::Result<Vec<i32>> {
    let all = processes()?;
    let mut below = vec![getpid().as_raw()];
    let mut living = Vec::new();
    while let Some(parent) = below.pop() {
        for (pid, _, alive) in all.iter().filter(|(pid, of, _)| *of == parent && !except.contains(pid)) {
            below.push(*pid);
            if *alive {
                living.push(*pid);
            }
        }
    }
    Ok(living)
}

/// Between two looks at processes that are dying; a stop or a kill takes effect a moment after it was sent.
const DYING: Duration = Duration::from_millis(1);

/// Stops the descendants until none is new, so that none can fork while the others die, then kills them; again for a
/// child of one that was in the middle of a fork, until none is left.
pub(super) fn freeze_and_kill(except: &HashSet<i32>) -> io::Result<()> {
    loop {
        let mut frozen = HashSet::new();
        loop {
            let new: Vec<i32> = living_descendants(except)?.into_iter().filter(|pid| !frozen.contains(pid)).collect();
            if new.is_empty() {
                break;
            }
            for pid in new {
                let _ = kill(Pid::from_raw(pid), Signal::SIGSTOP);
                frozen.insert(pid);
            }
        }
        if frozen.is_empty() {
            return Ok(());
        }
        for pid in frozen {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
        std::thread::sleep(DYING);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_name_cannot_forge_its_parent() {
        let cases = [
            ("plain", "7 (sh) S 3 7 7", Some((7, 3, 'S'))),
            ("a name that looks like the rest", "8 (x) Z 1 (y) R 4 8 8", Some((8, 4, 'R'))),
            ("blanks", "9 (a b c) T 5 9", Some((9, 5, 'T'))),
            ("cut", "9 (a", None),
        ];
        for (why, line, want) in cases {
            assert_eq!(parse_stat(line), want, "{why}");
        }
    }
}
