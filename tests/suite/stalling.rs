//! A server whose record cannot be written for a while: its calls stop where their job is about to start.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// Longer than anything takes that is not stuck.
const PATIENCE: Duration = Duration::from_secs(60);

/// The record of a server, kept from it until this is dropped.
pub(crate) struct Stalled {
    inode: u64,
    _record: File,
}

impl Stalled {
    /// Takes the record below this state folder away.
    pub(crate) fn below(state: &Path) -> Self {
        let folder = fs::read_dir(state).unwrap().next().unwrap().unwrap().path();
        let record = File::open(folder.join("audit.jsonl")).unwrap();
        record.lock().unwrap();
        Self { inode: record.metadata().unwrap().ino(), _record: record }
    }

    /// Waits until the server wants to write to it, see proc_locks(5).
    pub(crate) fn until_wanted(&self) {
        let this = format!(":{}", self.inode);
        wait_for("nobody wants to write the record", || {
            let locks = fs::read_to_string("/proc/locks").unwrap();
            locks.lines().any(|line| line.contains("->") && line.split(' ').any(|word| word.ends_with(&this)))
        });
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
