//! A server whose record cannot be written for a while: its calls stop where their job is about to start.

use std::fs::{self, File};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// Longer than anything takes that is not stuck.
const PATIENCE: Duration = Duration::from_secs(60);

/// The record of a server, kept from it until this is dropped.
pub(crate) struct Stalled {
    _record: File,
}

impl Stalled {
    /// Takes the record below this state folder away.
    pub(crate) fn below(state: &Path) -> Self {
        let folder = fs::read_dir(state).unwrap().next().unwrap().unwrap().path();
        let record = File::open(folder.join("audit.jsonl")).unwrap();
        record.lock().unwrap();
        Self { _record: record }
    }

    /// Leaves the server time to come to where it wants to write. Nothing outside of it can see that it tries; one that
    /// is slower is met at an earlier step, where the same must hold.
    pub(crate) fn until_wanted(&self) {
        thread::sleep(Duration::from_millis(300));
    }
}

/// Waits until something is so.
pub(crate) fn wait_for(otherwise: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "{otherwise}");
        thread::sleep(Duration::from_millis(10));
    }
}
