//! Processes that lost their supervisor, or their helper.
//!
//! In: which children are still looked after. Out: the others ended and reaped. Helper and server are subreapers, so
//! whatever a dead process below them leaves behind becomes their child.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use super::tree;
use crate::sys;

/// How long supervisors have to end their own jobs before the server does it for them.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long the server keeps looking at all.
const LIMIT: Duration = Duration::from_secs(20);

/// Ends what a dead helper left to this process and reaps it. Blocks; runs once, on a thread of its own.
///
/// The supervisors see the helper's end themselves and end their jobs in an orderly way, so they get a moment; anything
/// else below this process is a process of a job without supervisor.
pub(super) fn end_all(supervisors: &HashSet<i32>) {
    let started = Instant::now();
    let nobody = HashSet::new();
    // Without a child there is nobody to look for: whatever is below a subreaper ends up as its child.
    while reap_all() && started.elapsed() < LIMIT {
        let patience = PATIENCE.saturating_sub(started.elapsed());
        let looked_after = if patience.is_zero() { &nobody } else { supervisors };
        if tree::freeze_and_kill(looked_after).is_err() || !reap_all() {
            return;
        }
        // What is left are supervisors: one that ends may leave something behind.
        tree::await_any_death(patience.max(Duration::from_millis(10)));
    }
}

/// Reaps every child that has ended; true while some are left.
fn reap_all() -> bool {
    loop {
        match sys::reap() {
            Ok(Some(_)) => {}
            Ok(None) => return true,
            Err(_) => return false,
        }
    }
}
