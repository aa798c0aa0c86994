//! What is done behind the writers' backs: syncing now and then, and writing what could not be written.
//!
//! In: a log with something left to do. Out: nothing left, or another try later. The thread is there only while there is
//! something to do.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::Duration;

use super::super::options::Sync;
use super::Shared;

/// Between two tries to write what was kept.
const AGAIN: Duration = Duration::from_secs(1);

/// How long records gather before one `fdatasync` for all of them.
const BATCH: Duration = Duration::from_millis(25);

#[derive(Debug, Default)]
pub(super) struct Keeper(AtomicBool);

/// Makes sure that somebody looks after the log a little later.
pub(super) fn wake(shared: &Arc<Shared>) {
    if shared.keeper.0.swap(true, Ordering::AcqRel) {
        return;
    }
    let weak = Arc::downgrade(shared);
    if thread::Builder::new().name("audit".into()).spawn(move || keep(&weak)).is_err() {
        // The next writer tries again; it also writes what was kept before its own record.
        shared.keeper.0.store(false, Ordering::Release);
    }
}

fn keep(weak: &Weak<Shared>) {
    loop {
        let Some(pause) = weak.upgrade().map(|shared| pause(&shared)) else { return };
        thread::sleep(pause);
        let Some(shared) = weak.upgrade() else { return };
        if let Err(error) = shared.tidy() {
            tracing::debug!(%error, "the audit log still cannot be written");
            continue;
        }
        if !shared.is_tidy() {
            continue;
        }
        // What is written from here on wakes another keeper; what was written just before is seen by a second look.
        shared.keeper.0.swap(false, Ordering::AcqRel);
        if shared.is_tidy() || shared.keeper.0.swap(true, Ordering::AcqRel) {
            return;
        }
    }
}

fn pause(shared: &Shared) -> Duration {
    match shared.options.sync {
        Sync::Interval(interval) => interval.min(AGAIN),
        Sync::Batch if shared.kept().is_empty() => BATCH,
        _ => AGAIN,
    }
}
