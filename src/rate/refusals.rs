//! A command that was refused again and again is not judged again at once.
//!
//! In: who asked, what exactly, and a clock reading. Out: how long to wait before the same is judged again. What counts as
//! the same and as refused is decided by the caller.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hash};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Refusals of the same command that are answered at once.
const FREE: u32 = 10;
/// The pause after the first one too many; it doubles with each further refusal.
const FIRST: Duration = Duration::from_secs(1);
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(60);
/// After so long without another try, the count starts again.
const FORGOTTEN: Duration = Duration::from_secs(600);
/// Commands that are counted at the same time.
const COMMANDS: usize = 4096;

#[derive(Debug, Clone, Copy)]
struct Seen {
    times: u32,
    last: Instant,
}

/// Counts refusals of the same by the same.
#[derive(Debug, Default)]
pub struct Refusals {
    hasher: RandomState,
    seen: Mutex<HashMap<u64, Seen>>,
}

impl Refusals {
    fn seen(&self) -> MutexGuard<'_, HashMap<u64, Seen>> {
        // Each entry is replaced whole, so a panic leaves none half written.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long until this is judged again; none when it is now.
    pub fn wait(&self, what: impl Hash, now: Instant) -> Option<Duration> {
        let key = self.hasher.hash_one(what);
        let seen = self.seen().get(&key).copied()?;
        let doublings = seen.times.checked_sub(FREE)?;
        let pause = FIRST.saturating_mul(1_u32.checked_shl(doublings).unwrap_or(u32::MAX)).min(LONGEST);
        (seen.last + pause).checked_duration_since(now).filter(|wait| !wait.is_zero())
    }

    /// Counts one refusal.
    pub fn count(&self, what: impl Hash, now: Instant) {
        let key = self.hasher.hash_one(what);
        let mut seen = self.seen();
        let stale = |entry: &Seen| now.saturating_duration_since(entry.last) >= FORGOTTEN;
        if seen.len() >= COMMANDS && !seen.contains_key(&key) {
            seen.retain(|_, entry| !stale(entry));
            // Whoever tries that many different ones is met by the limits on commands.
            if seen.len() >= COMMANDS {
                return;
            }
        }
        let entry = seen.entry(key).or_insert(Seen { times: 0, last: now });
        if stale(entry) {
            entry.times = 0;
        }
        *entry = Seen { times: entry.times.saturating_add(1), last: now };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_refused_again_and_again_waits_longer_and_longer() {
        let (refusals, mut now) = (Refusals::default(), Instant::now());
        let mut waits = Vec::new();
        for _ in 0..FREE + 9 {
            if let Some(wait) = refusals.wait(("a", "rm x"), now) {
                waits.push(wait.as_secs());
                now += wait;
                assert_eq!(refusals.wait(("a", "rm x"), now), None, "after the pause it is judged again");
            }
            refusals.count(("a", "rm x"), now);
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert!(refusals.wait(("a", "rm x"), now).is_some());
        assert_eq!(refusals.wait(("a", "rm y"), now), None, "another command is another matter");
        assert_eq!(refusals.wait(("b", "rm x"), now), None, "and so is another client");
        refusals.count(("a", "rm x"), now + FORGOTTEN);
        assert_eq!(refusals.wait(("a", "rm x"), now + FORGOTTEN), None, "a long silence is forgiven");
    }

    #[test]
    fn what_is_counted_is_bounded() {
        let (refusals, now) = (Refusals::default(), Instant::now());
        (0..COMMANDS * 2).for_each(|n| refusals.count(n, now));
        assert!(refusals.seen().len() <= COMMANDS);
        refusals.count("later", now + FORGOTTEN);
        assert_eq!(refusals.seen().len(), 1);
    }
}
