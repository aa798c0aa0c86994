//! Jobs that have ended, in the order in which they did.
//!
//! In: each job at its end. Out: those that need not be kept any longer. Looking costs nothing while nobody is to go,
//! however many are kept.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

use super::state::JobId;

/// The jobs of a manager that have ended; clones are the same list.
#[derive(Debug, Clone, Default)]
pub(super) struct Retired(Arc<Mutex<VecDeque<(Timestamp, JobId)>>>);

impl Retired {
    /// One more, which ended at that time.
    pub(super) fn add(&self, at: Timestamp, id: JobId) {
        // A panic elsewhere leaves the list whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push_back((at, id));
    }

    /// Takes out those beyond the newest `most`, and those that ended longer than `keep` before `now`.
    pub(super) fn take_old(&self, most: usize, keep: SignedDuration, now: Timestamp) -> Vec<JobId> {
        let mut ended = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut old = Vec::new();
        while let Some((at, id)) = ended.front().copied() {
            if ended.len() <= most && now.duration_since(at) <= keep {
                break;
            }
            ended.pop_front();
            old.push(id);
        }
        old
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_go_when_they_are_too_many_or_too_old() {
        let (retired, ids) = (Retired::default(), [(); 4].map(|()| JobId::random()));
        let at = |second: i64| Timestamp::UNIX_EPOCH + SignedDuration::from_secs(second);
        ids.iter().zip(0..).for_each(|(id, second)| retired.add(at(second), *id));
        let keep = SignedDuration::from_secs(10);
        let cases = [
            ("room for all, none is old", 4, 10, &ids[..0]),
            ("room for three", 3, 10, &ids[..1]),
            ("the two oldest of three are old", 3, 13, &ids[1..3]),
            ("no room at all", 0, 13, &ids[3..]),
        ];
        for (why, most, now, want) in cases {
            assert_eq!(retired.take_old(most, keep, at(now)), want, "{why}");
        }
    }
}
