//! Limits of a whole job that no kernel object holds, looked at from time to time.
//!
//! In: the limits, and which of them the kernel counts by itself. Out: the limit that was passed. Ending the job is the
//! supervisor's part. This timer is the one thing in the launcher that polls; a job that does nothing is looked at once
//! a second.

use std::io;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::crowd::Crowd;
use super::tree::Tree;
use super::usage::{self, Usage, shared_memory_of_machine};
use crate::sandbox::Limits;

/// A limit of the whole job, and that it was passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Passed {
    Memory,
    Processes,
    CpuTime,
}

impl Passed {
    /// Its name in the policy.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Processes => "processes",
            Self::CpuTime => "cpu_time",
        }
    }
}

/// Most programs have ended before the first look.
const FIRST: Duration = Duration::from_millis(25);
/// Between two looks at a job that works.
const USUAL: Duration = Duration::from_millis(100);
/// Between two looks at a job that grows fast.
const HURRY: Duration = Duration::from_millis(10);
/// Between two looks at a job that does nothing.
const IDLE: Duration = Duration::from_secs(1);
/// The pause is so many times as long as the look, so that looking costs little on a machine with many processes.
const SHARE: u32 = 40;
/// A single process that reaches the limit gets a signal that it can handle from the kernel; the job's end comes later.
const CPU_SLACK: Duration = Duration::from_millis(500);

/// What the kernel does by itself.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Held {
    /// It refuses more processes than the limit.
    pub(super) counted: bool,
    /// It refuses more than some higher number.
    pub(super) bounded: bool,
    /// The job has an IPC namespace.
    pub(super) own_segments: bool,
}

/// Looks at one job.
#[derive(Debug)]
pub(super) struct Sampler {
    cpu: Option<Duration>,
    memory: Option<u64>,
    /// Most processes and threads; past it the job is ended.
    processes: Option<u64>,
    /// Their number from which on the kernel refuses more.
    full: Option<u64>,
    /// Glances between the looks, where the kernel counts no processes.
    crowd: Option<Crowd>,
    next: Instant,
    pause: Duration,
    last: Usage,
    /// Time of processes that nobody waited for, which the kernel adds to nobody's.
    unclaimed: Duration,
    /// System V segments belong to this job alone.
    own_segments: bool,
    shared_before: Option<u64>,
    peak: u64,
    was_full: bool,
}

impl Sampler {
    /// For a job with these limits; none when the kernel holds all of them.
    pub(super) fn new(limits: &Limits, held: &Held) -> Option<Self> {
        let cpu = limits.cpu_time.map(|limit| limit.get() + CPU_SLACK);
        let memory = limits.memory.map(|limit| limit.get());
        let (processes, full) = if held.counted { (None, limits.processes) } else { (limits.processes, None) };
        (cpu.is_some() || memory.is_some() || limits.processes.is_some()).then(|| Self {
            cpu,
            memory,
            processes,
            full,
            crowd: processes.and_then(|limit| Crowd::new(limit, held.bounded)),
            next: Instant::now() + FIRST,
            pause: FIRST,
            last: Usage::default(),
            unclaimed: Duration::ZERO,
            own_segments: held.own_segments,
            shared_before: None,
            peak: 0,
            was_full: false,
        })
    }

    /// Time until the next look.
    pub(super) fn wait(&self) -> Duration {
        let next = self.crowd.as_ref().map_or(self.next, |crowd| crowd.next().min(self.next));
        next.saturating_duration_since(Instant::now())
    }

    /// Most memory that the tree had at any look.
    pub(super) fn peak(&self) -> u64 {
        self.peak
    }

    /// Did the kernel refuse further processes at any look?
    pub(super) fn was_full(&self) -> bool {
        self.was_full
    }

    /// Looks, if it is time to; the limit that was passed. `group` is the process group of the first process
    /// while that lives, `ordered` tells whether somebody waits for this process.
    pub(super) fn look(
        &mut self,
        tree: &Tree,
        group: Option<i32>,
        ordered: &dyn Fn() -> bool,
    ) -> io::Result<Option<Passed>> {
        let started = Instant::now();
        if let (Some(limit), Some(crowd)) = (self.processes, self.crowd.as_mut())
            && crowd.suspects(started)
        {
            // Reading the state of each takes longer than a bomb needs for the next thousand.
            if tree.has_more_than(limit, group)? {
                return Ok(Some(Passed::Processes));
            }
            crowd.learn(self.last.tasks, started.elapsed());
        }
        if started < self.next {
            return Ok(None);
        }
        let mut usage = Usage::now()?;
        if usage.cpu + Duration::from_millis(20) < self.last.cpu {
            // Either a process ended while its parent was read already, or nobody waited for it.
            usage = Usage::now()?;
            self.unclaimed += self.last.cpu.saturating_sub(usage.cpu);
        }
        self.was_full |= self.full.is_some_and(|full| usage.tasks >= full);
        if self.processes.is_some_and(|limit| usage.tasks > limit) {
            return Ok(Some(Passed::Processes));
        }
        let Some(memory) = self.memory_of(&usage, ordered) else {
            self.crowd.iter_mut().for_each(Crowd::hurry);
            self.next = Instant::now() + HURRY;
            return Ok(None);
        };
        self.peak = self.peak.max(memory);
        let passed = if self.memory.is_some_and(|limit| memory > limit) {
            Some(Passed::Memory)
        } else if self.cpu.is_some_and(|limit| usage.cpu + self.unclaimed > limit) {
            Some(Passed::CpuTime)
        } else {
            None
        };
        self.schedule(&usage, started);
        if let Some(crowd) = self.crowd.as_mut() {
            crowd.learn(usage.tasks, started.elapsed());
        }
        self.last = usage;
        Ok(passed)
    }

    /// What the tree has written to, as exactly as it takes to compare it with the limit; none when something else became
    /// urgent meanwhile.
    fn memory_of(&mut self, usage: &Usage, ordered: &dyn Fn() -> bool) -> Option<u64> {
        let Some(limit) = self.memory else { return Some(usage.resident) };
        let shared = shared_memory_of_machine();
        let before = *self.shared_before.get_or_insert(shared);
        // Unless files in memory grew somewhere on the machine, this job's did not.
        let grew = shared.saturating_sub(before) > limit / 8;
        let segments = if grew && self.own_segments { usage::segments() } else { 0 };
        let files = if grew { usage.memory_files() + segments } else { 0 };
        if usage.resident + files <= limit {
            return Some(usage.resident.max(files));
        }
        // Each process that forks makes whoever looks into its memory wait.
        let urgent = || ordered() || self.crowd.as_ref().is_some_and(Crowd::grows);
        let written = usage.written(limit.saturating_sub(files), &urgent)?;
        // A file in memory that is also mapped is in both figures.
        Some(if written > limit || files > limit { written.max(files) } else { (written + files).min(limit + 1) })
    }

    /// Looks again sooner at what grows, and later at what rests.
    fn schedule(&mut self, usage: &Usage, started: Instant) {
        let grew = |before: u64, now: u64, limit: Option<u64>| {
            limit.is_some_and(|limit| now.saturating_sub(before) > limit / 8)
        };
        let limit = self.processes.or(self.full);
        let fast = grew(self.last.tasks, usage.tasks, limit) || grew(self.last.resident, usage.resident, self.memory);
        let rests =
            usage.cpu == self.last.cpu && usage.tasks == self.last.tasks && usage.resident == self.last.resident;
        self.pause = match (fast, rests) {
            (true, _) => HURRY,
            (_, true) => (self.pause * 2).min(IDLE),
            (_, false) => USUAL,
        };
        let now = Instant::now();
        // What grows must not win time by making the looks long.
        let share = if fast { 1 } else { SHARE };
        self.next = now + self.pause.max((now - started) * share).min(IDLE);
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed assumption is a failed test")]
mod tests {
    use super::*;

    #[test]
    fn a_job_without_limits_of_the_whole_is_never_looked_at() {
        let file_size = Some("1 MiB".parse().unwrap());
        assert!(Sampler::new(&Limits { file_size, ..Limits::default() }, &Held::default()).is_none());
        let held = Held { counted: true, ..Held::default() };
        let counted = Sampler::new(&Limits { processes: Some(3), ..Limits::default() }, &held).unwrap();
        assert_eq!((counted.processes, counted.full), (None, Some(3)), "the kernel refuses, nothing is ended");
    }

    #[test]
    fn what_grows_is_looked_at_sooner_and_what_rests_later() {
        let limits = Limits { processes: Some(80), ..Limits::default() };
        let mut sampler = Sampler::new(&limits, &Held::default()).unwrap();
        let usage = |tasks, cpu| Usage { tasks, cpu: Duration::from_millis(cpu), ..Usage::default() };
        let mut pause = |usage: Usage| {
            sampler.schedule(&usage, Instant::now());
            sampler.last = usage;
            sampler.pause
        };
        assert_eq!(pause(usage(20, 1)), HURRY);
        assert_eq!(pause(usage(21, 2)), USUAL);
        assert_eq!(pause(usage(21, 2)), USUAL * 2);
        (0..9).for_each(|_| {
            pause(usage(21, 2));
        });
        assert_eq!(pause(usage(21, 2)), IDLE);
        assert_eq!(pause(usage(21, 3)), USUAL);
    }
}
