//! A glance at how many tasks the machine has, which costs one call: does a job that nothing counts grow past its limit?
//!
//! In: the limit, and from time to time how many tasks the job had. Out: the suspicion that it has more by now. Whether it
//! really has is looked up by the sampler, which reads the tree.
//!
//! A fork bomb doubles every fraction of a millisecond: what reads the state of each process finds a thousand more than at
//! its last look, and takes the longer to read, the more there are.

use std::time::{Duration, Instant};

use crate::sys;

/// The first glances follow close on each other: most bombs go off at once.
const FIRST: Duration = Duration::from_millis(1);
/// Between two glances at a job that has been running for some time and that nothing else stops.
const USUAL: Duration = Duration::from_millis(8);
/// The same where the kernel stops it at a number that is higher than the limit, and not much.
const BOUNDED: Duration = Duration::from_millis(100);

/// Glances at one job.
#[derive(Debug)]
pub(super) struct Crowd {
    limit: u16,
    /// Tasks of the machine that were not the job's when somebody looked.
    others: u16,
    next: Instant,
    pause: Duration,
    longest: Duration,
}

/// The kernel tells the number in sixteen bits, so it may have gone round: only differences mean something.
fn grown(now: u16, before: u16) -> u16 {
    let grown = now.wrapping_sub(before);
    // More than half of the circle is a number that has become smaller.
    if grown > u16::MAX / 2 { 0 } else { grown }
}

impl Crowd {
    /// For a job that has just started, and whose processes the kernel bounds or not; none where the number cannot be asked
    /// for.
    pub(super) fn new(limit: u64, bounded: bool) -> Option<Self> {
        let others = sys::tasks_of_machine().ok()?;
        let limit = u16::try_from(limit).unwrap_or(u16::MAX / 2);
        let longest = if bounded { BOUNDED } else { USUAL };
        Some(Self { limit, others, next: Instant::now() + FIRST, pause: FIRST, longest })
    }

    /// When to glance next.
    pub(super) fn next(&self) -> Instant {
        self.next
    }

    /// Glances, if it is time to; true when the machine has so many tasks more that they may be the job's.
    pub(super) fn suspects(&mut self, now: Instant) -> bool {
        if now < self.next {
            return false;
        }
        self.pause = (self.pause * 2).min(self.longest);
        self.next = now + self.pause;
        self.grows()
    }

    /// The same, whatever the time.
    pub(super) fn grows(&self) -> bool {
        sys::tasks_of_machine().is_ok_and(|tasks| grown(tasks, self.others) > self.limit)
    }

    /// Glance at once.
    pub(super) fn hurry(&mut self) {
        self.next = Instant::now();
    }

    /// Takes in how many tasks the job had at a look that took so long.
    pub(super) fn learn(&mut self, tasks: u64, took: Duration) {
        if let Ok(all) = sys::tasks_of_machine() {
            self.others = all.wrapping_sub(u16::try_from(tasks).unwrap_or(u16::MAX));
        }
        // Others that come and go must not make every glance a look.
        self.next = Instant::now() + self.pause.max(took * 4);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_number_that_has_grown_is_suspect() {
        let cases = [
            ("as before", 300, 300, 0),
            ("more", 400, 300, 100),
            ("fewer", 300, 400, 0),
            ("more, past the largest number", 50, 65_500, 86),
            ("fewer, past zero", 65_500, 50, 0),
        ];
        for (why, now, before, want) in cases {
            assert_eq!(grown(now, before), want, "{why}");
        }
    }
}
