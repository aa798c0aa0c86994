//! What a running job uses, and since when it has done nothing.
//!
//! In: the process at the root of its tree, as /proc shows it. Out: processor time, memory and processes of the tree, and
//! the moment of the last sign of life. What follows from silence is the reader's matter.

use std::fs;
use std::time::{Duration, Instant};

/// Most processes that are looked at; a tree that is larger is counted in part.
const MOST: u64 = 4096;

/// What the processes of a job use now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Processor time of those that live and of those that were waited for.
    pub cpu: Duration,
    /// Resident memory of those that live, shared pages counted in each.
    pub memory: u64,
    /// How many live.
    pub processes: u64,
}

impl Usage {
    /// The tree below `root`, which itself, our supervisor, is not counted. None where /proc does not show it.
    pub(super) fn of_tree(root: i32) -> Option<Self> {
        let mut usage = Self::default();
        let mut ahead = children(root)?;
        // What the supervisor waited for is the job's time as well.
        usage.cpu += Stat::of(root)?.waited_for;
        while let Some(pid) = ahead.pop() {
            // One that ended since its parent was read is counted by who waited for it.
            let Some(stat) = Stat::of(pid) else { continue };
            usage.cpu += stat.own + stat.waited_for;
            usage.memory += stat.memory;
            usage.processes += 1;
            if usage.processes >= MOST {
                break;
            }
            ahead.extend(children(pid).unwrap_or_default());
        }
        Some(usage)
    }
}

/// Children of every thread of a process.
fn children(pid: i32) -> Option<Vec<i32>> {
    let mut found = Vec::new();
    for thread in fs::read_dir(format!("/proc/{pid}/task")).ok()?.flatten() {
        let listed = fs::read_to_string(thread.path().join("children")).unwrap_or_default();
        found.extend(listed.split_ascii_whitespace().filter_map(|pid| pid.parse::<i32>().ok()));
    }
    Some(found)
}

/// What one line of /proc/PID/stat says, see proc_pid_stat(5).
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    own: Duration,
    waited_for: Duration,
    memory: u64,
}

impl Stat {
    fn of(pid: i32) -> Option<Self> {
        Self::parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    fn parse(line: &str) -> Option<Self> {
        // The name in parentheses may hold anything; the fields after it are numbers, the state first.
        let fields: Vec<&str> = line.rsplit_once(')')?.1.split_ascii_whitespace().collect();
        let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
        // The kernel shows 100 ticks a second to programs on x86-64, and pages of 4 KiB.
        let time = |ticks: u64| Duration::from_millis(ticks.saturating_mul(10));
        Some(Self {
            own: time(number(11)? + number(12)?),
            waited_for: time(number(13)? + number(14)?),
            memory: number(21)?.saturating_mul(4096),
        })
    }
}

/// The last sign of life of a job.
#[derive(Debug)]
pub(super) struct Pulse {
    usage: Option<Usage>,
    bytes: u64,
    last: Instant,
}

impl Pulse {
    pub(super) fn new(now: Instant) -> Self {
        Self { usage: None, bytes: 0, last: now }
    }

    /// Takes a look: bytes written and read so far, and what /proc shows. Any difference is a sign of life, and so is a
    /// look that failed: silence is only told when it was seen.
    pub(super) fn feel(&mut self, now: Instant, bytes: u64, usage: Option<Usage>) {
        let same = matches!((&self.usage, &usage), (Some(before), Some(after)) if before.cpu == after.cpu);
        if !same || bytes != self.bytes {
            self.last = now;
        }
        self.bytes = bytes;
        self.usage = usage;
    }

    /// What the last look showed.
    pub(super) fn usage(&self) -> Option<Usage> {
        self.usage
    }

    /// For how long there was none.
    pub(super) fn idle(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_does_not_shift_the_fields() {
        let line =
            "7 (a) (b c) S 1 7 7 0 -1 4194560 100 0 0 0 150 50 7 3 20 0 1 0 100 8192 25 18446744073709551615 1 1";
        let want = Stat { own: Duration::from_secs(2), waited_for: Duration::from_millis(100), memory: 25 * 4096 };
        assert_eq!(Stat::parse(line), Some(want));
        assert_eq!(Stat::parse("7 (a) S"), None);
    }

    #[test]
    fn silence_is_neither_bytes_nor_processor_time_nor_a_failed_look() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let used = |millis| Some(Usage { cpu: Duration::from_millis(millis), ..Usage::default() });
        let mut pulse = Pulse::new(start);
        let looks = [
            ("the first look", 1, 0, used(10), 0),
            ("the same again", 2, 0, used(10), 1),
            ("a byte", 3, 1, used(10), 0),
            ("the same again", 5, 1, used(10), 2),
            ("processor time", 6, 1, used(20), 0),
            ("the same again", 9, 1, used(20), 3),
            ("nothing was seen", 10, 1, None, 0),
        ];
        for (why, second, bytes, usage, idle) in looks {
            pulse.feel(at(second), bytes, usage);
            assert_eq!(pulse.idle(at(second)), Duration::from_secs(idle), "{why} at {second}");
        }
    }

    #[test]
    fn a_tree_is_seen_below_its_root() {
        let parent = i32::try_from(std::process::id()).ok();
        let usage = parent.and_then(Usage::of_tree);
        assert!(usage.is_some(), "this test's own process is in /proc");
    }
}
