//! One `fdatasync` for all records that wait for one.
//!
//! In: numbers of records that are in their files. Out: the disk has them. Whoever comes first syncs; who comes meanwhile
//! waits for the next round, which one of them leads for all.

use std::fs::File;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

#[derive(Debug, Default)]
pub(super) struct Commit {
    state: Mutex<State>,
    done: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// The newest record, and the file that holds it.
    newest: Option<(u64, Arc<File>)>,
    /// The highest number that the disk has.
    synced: u64,
    /// Somebody syncs.
    led: bool,
}

impl Commit {
    /// What was there before is left to whoever wrote it.
    pub(super) fn begin(&self, before: u64) {
        let mut state = self.state();
        state.synced = state.synced.max(before);
    }

    /// Record `seq` is in `file`.
    pub(super) fn written(&self, seq: u64, file: &Arc<File>) {
        let mut state = self.state();
        if state.newest.as_ref().is_none_or(|(newest, _)| *newest < seq) {
            state.newest = Some((seq, Arc::clone(file)));
        }
    }

    /// Has the disk everything?
    pub(super) fn is_idle(&self) -> bool {
        let state = self.state();
        state.newest.as_ref().is_none_or(|(newest, _)| *newest <= state.synced)
    }

    /// Returns once the disk has everything that is in a file by now.
    pub(super) fn all(&self) -> io::Result<()> {
        let newest = self.state().newest.as_ref().map_or(0, |(newest, _)| *newest);
        self.wait(newest)
    }

    /// Returns once the disk has record `seq`.
    pub(super) fn wait(&self, seq: u64) -> io::Result<()> {
        let mut state = self.state();
        while state.synced < seq {
            if state.led {
                state = self.done.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let Some((covered, file)) = state.newest.clone() else { return Ok(()) };
            state.led = true;
            drop(state);
            // A file is synced before another is begun, so the newest one is all that is left.
            let synced = file.sync_data();
            state = self.state();
            state.led = false;
            if synced.is_ok() {
                state.synced = state.synced.max(covered);
            }
            self.done.notify_all();
            synced?;
        }
        Ok(())
    }

    /// Numbers only grow, and each is set whole, so a panic elsewhere does not matter.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed assumption is a failed test")]
mod tests {
    use super::*;

    #[test]
    fn a_round_covers_what_is_there_when_it_begins() {
        let commit = Commit::default();
        commit.begin(10);
        assert!(commit.is_idle(), "what was there before is not ours");
        let file = Arc::new(tempfile::tempfile().unwrap());
        (11..=20).for_each(|seq| commit.written(seq, &file));
        commit.written(15, &file);
        commit.wait(10).unwrap();
        assert!(!commit.is_idle(), "there was nothing to wait for");
        commit.wait(11).unwrap();
        assert!(commit.is_idle(), "all ten went in one round");
        commit.all().unwrap();
    }

    #[test]
    fn a_disk_that_fails_is_told_to_everybody_who_waits() {
        let commit = Commit::default();
        // A pipe cannot be synced.
        let (_, pipe) = std::io::pipe().unwrap();
        let file = Arc::new(File::from(std::os::fd::OwnedFd::from(pipe)));
        commit.written(1, &file);
        std::thread::scope(|scope| {
            let waiting: Vec<_> = (0..4).map(|_| scope.spawn(|| commit.wait(1).is_err())).collect();
            assert!(waiting.into_iter().all(|waits| waits.join().unwrap()));
        });
        assert!(!commit.is_idle());
    }
}
