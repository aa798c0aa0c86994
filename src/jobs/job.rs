//! One job as others see it: its state, its streams, and the ways to reach it.
//!
//! In: requests of fronts. Out: snapshots, bytes, and a note to the worker that it shall stop. Only the worker changes
//! the state.

use std::sync::{OnceLock, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::io::AsyncWriteExt;
use tokio::net::unix::pipe;
use tokio::sync::{Mutex, watch};

use super::state::{JobId, Outcome, State, Status};
use super::stream::{Channel, Stream};
use crate::launcher::ProcessHandle;

/// How long a write to a job's standard input may wait for the job to read.
const STDIN_PATIENCE: Duration = Duration::from_secs(10);

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
    /// It was started without open input, or that was closed, or the job is over.
    #[error("the standard input of this job is closed; start it with `keep_stdin_open: true` to write to it")]
    Closed,
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
}

/// One job.
#[derive(Debug)]
pub struct Job {
    pub(super) facts: Facts,
    pub(super) state: watch::Sender<State>,
    pub(super) stop: watch::Sender<Option<Stop>>,
    pub(super) stdout: Stream,
    pub(super) stderr: Stream,
    pub(super) stdin: Mutex<Option<pipe::Sender>>,
    /// Only while it runs: a handle holds a descriptor.
    process: std::sync::Mutex<Option<ProcessHandle>>,
    sandbox: OnceLock<Vec<String>>,
}

impl Job {
    pub(super) fn new(facts: Facts) -> Self {
        Self {
            facts,
            state: watch::channel(State::Queued).0,
            stop: watch::channel(None).0,
            stdout: Stream::new(Channel::Stdout, RING),
            stderr: Stream::new(Channel::Stderr, RING),
            stdin: Mutex::new(None),
            process: std::sync::Mutex::new(None),
            sandbox: OnceLock::new(),
        }
    }

    /// Its name.
    pub fn id(&self) -> JobId {
        self.facts.id
    }

    /// A picture of it now.
    pub fn status(&self) -> Status {
        let mut counts = self.stdout.counts();
        for (rule, count) in self.stderr.counts() {
            *counts.entry(rule).or_default() += count;
        }
        Status {
            id: self.facts.id,
            command: self.facts.command.clone(),
            label: self.facts.label.clone(),
            created: self.facts.created,
            state: self.state.borrow().clone(),
            stdout_bytes: self.stdout.ring().total(),
            stderr_bytes: self.stderr.ring().total(),
            redactions: counts.into_iter().collect(),
            sandbox: self.sandbox.get().cloned().unwrap_or_default(),
        }
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

    /// Looks at the kept bytes of one stream.
    pub fn with_ring<T>(&self, channel: Channel, look: impl FnOnce(&crate::output::Ring) -> T) -> T {
        match channel {
            Channel::Stdout => look(&self.stdout.ring()),
            Channel::Stderr => look(&self.stderr.ring()),
        }
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
    /// [`InputError::Closed`].
    pub async fn feed(&self, input: &[u8], close: bool) -> Result<(), InputError> {
        // A queued job has no pipe yet. The sender lives in `self`, so the channel cannot close.
        let _ = self.state.subscribe().wait_for(|state| !matches!(state, State::Queued)).await;
        let mut stdin = self.stdin.lock().await;
        let pipe = stdin.as_mut().ok_or(InputError::Closed)?;
        let written = pipe.write_all(input).await;
        if close || written.is_err() {
            *stdin = None;
        }
        written.map_err(|_| InputError::Closed)
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
