//! One `fdatasync` for all records that wait for one.
//!
//! In: the number of a record that is in its file. Out: the disk has it. Whoever comes first syncs; who comes meanwhile
//! waits for the next round, which one of them leads for all.

use std::fs::File;
use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

#[derive(Debug, Default)]
pub(super) struct Commit {
    state: Mutex<State>,
    done: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// The highest number that somebody waits for, and the file that holds it.
    newest: Option<(u64, Arc<File>)>,
    /// The highest number that the disk has.
    synced: u64,
    /// Somebody syncs.
    led: bool,
}

impl Commit {
    /// Returns once the disk has record `seq`, which is in `file`.
    pub(super) fn wait(&self, seq: u64, file: &Arc<File>) -> io::Result<()> {
        // Numbers only grow, and each is set whole.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.newest.as_ref().is_none_or(|(newest, _)| *newest < seq) {
            state.newest = Some((seq, Arc::clone(file)));
        }
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
            state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.led = false;
            if synced.is_ok() {
                state.synced = state.synced.max(covered);
            }
            self.done.notify_all();
            synced?;
        }
        Ok(())
    }
}
