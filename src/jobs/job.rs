//! One job as others see it: its state, its streams, and the ways to reach it.
//!
//! In: requests of fronts. Out: snapshots, bytes, and a note to the worker that it shall stop. Only the worker changes
//! the state.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::io::AsyncWriteExt;
use tokio::net::unix::pipe;
use tokio::sync::{Mutex, watch};

use super::activity::{Pulse, Usage};
use super::gate::Priority;
use super::screen::{Screen, Shown, Size};
use super::sequence::{Run, Sequence};
use super::state::{JobId, Outcome, State, Status};
use super::stream::{Channel, Stream};
use crate::launcher::ProcessHandle;
use crate::output::SpillPlan;

/// How long a write to a job's standard input may wait for the job to read.
const STDIN_PATIENCE: Duration = Duration::from_secs(10);

/// What a terminal reads as the end of the input (`VEOF` of termios(3)).
const END_OF_INPUT: &[u8] = b"\x04";

/// Bytes of each stream that are kept in memory.
const RING: usize = 1 << 20;

/// Why the worker shall end the job, and how hard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stop {
    /// What the job will be called afterwards.
    pub(super) outcome: Outcome,
    /// Time between SIGTERM and SIGKILL; none means SIGKILL at once.
    pub(super) grace: Option<Duration>,
}

/// Why input did not reach a job.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InputError {
    /// It is over. The words are those of `mcp-background-job`, which its clients look for.
    #[error("Job {0} is not running and cannot accept input")]
    Over(JobId),
    /// It was started without open input, or that was closed.
    #[error("the standard input of this job is closed; start it with `keep_stdin_open: true` to write to it")]
    Closed,
    /// What it reads would be run as code, and the policy has not judged that.
    #[error("{0}")]
    Code(String),
    /// It does not read.
    #[error("the job did not read its standard input for {} s; part of the input may have arrived", .0.as_secs())]
    Stuck(Duration),
}

/// What is fixed when a job is accepted.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) id: JobId,
    pub(super) client: String,
    pub(super) command: String,
    pub(super) label: Option<String>,
    pub(super) created: Timestamp,
    pub(super) priority: Priority,
    pub(super) terminal: Option<Size>,
    /// Why nothing may be written to it, where that is so.
    pub(super) no_input: Option<String>,
    /// Where output goes that has no room in memory.
    pub(super) spill: Option<SpillPlan>,
    /// Silence of this length is told.
    pub(super) stuck_after: Duration,
}

/// One job.
#[derive(Debug)]
pub struct Job {
    pub(super) facts: Facts,
    pub(super) state: watch::Sender<State>,
    pub(super) stop: watch::Sender<Option<Stop>>,
    pub(super) stdout: Stream,
    pub(super) stderr: Stream,
    sequence: Arc<std::sync::Mutex<Sequence>>,
    pub(super) stdin: Mutex<Option<pipe::Sender>>,
    /// Only while it runs: a handle holds a descriptor.
    process: std::sync::Mutex<Option<ProcessHandle>>,
    sandbox: OnceLock<Vec<String>>,
    screen: Option<Screen>,
    /// Only while it runs.
    pulse: std::sync::Mutex<Option<Pulse>>,
    /// Bytes that were written to its standard input.
    fed: AtomicU64,
}

impl Job {
    pub(super) fn new(mut facts: Facts) -> Self {
        let spill = facts.spill.take();
        let sequence = Arc::default();
        Self {
            screen: facts.terminal.map(Screen::new),
            facts,
            state: watch::channel(State::Queued).0,
            stop: watch::channel(None).0,
            stdout: Stream::new(Channel::Stdout, RING, spill.clone(), Arc::clone(&sequence)),
            stderr: Stream::new(Channel::Stderr, RING, spill, Arc::clone(&sequence)),
            sequence,
            stdin: Mutex::new(None),
            process: std::sync::Mutex::new(None),
            sandbox: OnceLock::new(),
            pulse: std::sync::Mutex::new(None),
            fed: AtomicU64::new(0),
        }
    }

    /// Its name.
    pub fn id(&self) -> JobId {
        self.facts.id
    }

    /// Why nothing may be written to its standard input, where that is so.
    pub fn no_input(&self) -> Option<&str> {
        self.facts.no_input.as_deref()
    }

    /// A picture of it now.
    pub fn status(&self) -> Status {
        let mut counts = self.stdout.counts();
        for (rule, count) in self.stderr.counts() {
            *counts.entry(rule).or_default() += count;
        }
        let (usage, idle) = self.vital_signs();
        Status {
            id: self.facts.id,
            command: self.facts.command.clone(),
            label: self.facts.label.clone(),
            priority: self.facts.priority,
            created: self.facts.created,
            usage,
            idle,
            terminal: self.facts.terminal,
            state: self.state.borrow().clone(),
            stdout_bytes: self.stdout.ring().total(),
            stderr_bytes: self.stderr.ring().total(),
            redactions: counts.into_iter().collect(),
            sandbox: self.sandbox.get().cloned().unwrap_or_default(),
        }
    }

    /// Waits until the job runs, or never will: did it?
    pub async fn begun(&self) -> bool {
        let mut state = self.state.subscribe();
        let state = state.wait_for(|state| !matches!(state, State::Queued)).await;
        state.is_ok_and(|state| !matches!(*state, State::Ended { since: None, .. }))
    }

    /// Returns when the job is over.
    pub async fn ended(&self) {
        // The sender lives in `self`, so the channel cannot close before the state comes.
        let _ = self.state.subscribe().wait_for(State::ended).await;
    }

    /// Returns a picture that differs from `seen` in state or bytes written.
    pub async fn changed(&self, seen: &Status) -> Status {
        let mut state = self.state.subscribe();
        let mut out = self.stdout.written();
        let mut err = self.stderr.written();
        loop {
            let now = self.status();
            let picture = |status: &Status| (status.state.clone(), status.stdout_bytes, status.stderr_bytes);
            if picture(&now) != picture(seen) {
                return now;
            }
            // The senders live in `self`, so none of these can fail.
            tokio::select! {
                _ = state.changed() => {}
                _ = out.changed() => {}
                _ = err.changed() => {}
            }
        }
    }

    /// Looks at its processes and returns a picture with what they use now.
    pub fn look(&self) -> Status {
        if let Some(process) = self.process() {
            let bytes = self.stdout.ring().total() + self.stderr.ring().total() + self.fed.load(Ordering::Relaxed);
            let usage = Usage::of_tree(process.pid());
            let mut pulse = self.pulse.lock().unwrap_or_else(PoisonError::into_inner);
            pulse.get_or_insert_with(|| Pulse::new(Instant::now())).feel(Instant::now(), bytes, usage);
        }
        self.status()
    }

    /// What it uses, and for how long it has been silent if that is worth telling.
    fn vital_signs(&self) -> (Option<Usage>, Option<Duration>) {
        let pulse = self.pulse.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(pulse) = pulse.as_ref() else { return (None, None) };
        let idle = pulse.idle(Instant::now());
        (pulse.usage(), Some(idle).filter(|idle| *idle >= self.facts.stuck_after))
    }

    /// The screen of its terminal now; none when it has no terminal.
    pub fn screen(&self) -> Option<Shown> {
        self.screen.as_ref().map(|screen| screen.show(&self.stdout.ring()))
    }

    /// Looks at the kept bytes of one stream.
    pub fn with_ring<T>(&self, channel: Channel, look: impl FnOnce(&crate::output::Ring) -> T) -> T {
        match channel {
            Channel::Stdout => look(&self.stdout.ring()),
            Channel::Stderr => look(&self.stderr.ring()),
        }
    }

    /// In which order both streams were written, oldest first.
    pub fn runs(&self) -> Vec<Run> {
        self.sequence.lock().unwrap_or_else(PoisonError::into_inner).runs()
    }

    /// Returns once nothing was written for `quiet`, or the job is over, or `limit` has passed.
    pub async fn settled(&self, quiet: Duration, limit: Duration) {
        let mut out = self.stdout.written();
        let mut err = self.stderr.written();
        let quiet_for_once = async {
            loop {
                tokio::select! {
                    _ = out.changed() => {}
                    _ = err.changed() => {}
                    () = tokio::time::sleep(quiet) => break,
                }
            }
        };
        tokio::select! {
            () = quiet_for_once => {}
            () = self.ended() => {}
            () = tokio::time::sleep(limit) => {}
        }
    }

    /// Writes to its standard input; closes it afterwards when `close` is set. A job that does not read is given up
    /// after a while.
    ///
    /// # Errors
    /// [`InputError`].
    pub async fn write(&self, input: &[u8], close: bool) -> Result<(), InputError> {
        let written = tokio::time::timeout(STDIN_PATIENCE, self.feed(input, close)).await;
        written.unwrap_or(Err(InputError::Stuck(STDIN_PATIENCE)))
    }

    /// The same for as long as the job lives; waits for its start.
    ///
    /// # Errors
    /// [`InputError`], but for the one that tells of waiting.
    pub async fn feed(&self, input: &[u8], close: bool) -> Result<(), InputError> {
        if let Some(why) = &self.facts.no_input {
            return Err(InputError::Code(why.clone()));
        }
        // A queued job has no pipe yet. The sender lives in `self`, so the channel cannot close.
        let _ = self.state.subscribe().wait_for(|state| !matches!(state, State::Queued)).await;
        let mut stdin = self.stdin.lock().await;
        let unread = || if self.status().state.ended() { InputError::Over(self.facts.id) } else { InputError::Closed };
        let pipe = stdin.as_mut().ok_or_else(unread)?;
        let mut written = pipe.write_all(input).await;
        self.fed.fetch_add(input.len() as u64, Ordering::Relaxed);
        match (close, self.screen.is_some()) {
            // A terminal stays open; what its program reads has an end.
            (true, true) if written.is_ok() => written = pipe.write_all(END_OF_INPUT).await,
            (true, false) => *stdin = None,
            _ => {}
        }
        if written.is_err() {
            *stdin = None;
        }
        written.map_err(|_| unread())
    }

    /// The processes of the job, while they run.
    pub(super) fn process(&self) -> Option<ProcessHandle> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Keeps the handle while the job runs; `None` gives its descriptor back.
    pub(super) fn keep_process(&self, process: Option<ProcessHandle>) {
        if let Some(process) = &process {
            let in_force = process.sandbox();
            let weaker = in_force.unheld.iter().map(|unheld| format!("not in force: {} ({})", unheld.what, unheld.why));
            let told = in_force.mechanisms.iter().cloned().chain(weaker).collect();
            // A job is started once.
            let _ = self.sandbox.set(told);
        }
        let pulse = process.as_ref().map(|_| Pulse::new(Instant::now()));
        *self.pulse.lock().unwrap_or_else(PoisonError::into_inner) = pulse;
        *self.process.lock().unwrap_or_else(PoisonError::into_inner) = process;
    }

    /// Asks the worker to end it; the first request decides what the job is called afterwards.
    pub(super) fn request_stop(&self, stop: Stop) {
        self.stop.send_if_modified(|current| match current {
            Some(earlier) => {
                // A later request may only be harder.
                let harder = stop.grace.is_none() && earlier.grace.is_some();
                if harder {
                    earlier.grace = None;
                }
                harder
            }
            None => {
                *current = Some(stop.clone());
                true
            }
        });
    }
}
