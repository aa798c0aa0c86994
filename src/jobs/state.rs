//! What a job can be, and what is told about it.
//!
//! In: facts from the worker. Out: plain data for replies and records. Nothing here changes a job.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use super::activity::Usage;
use super::gate::Priority;
use super::screen::Size;

/// The name of a job: random, so that nobody can guess another client's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(Uuid);

impl JobId {
    /// A fresh one.
    pub fn random() -> Self {
        Self(Uuid::new_v4())
    }

    /// The id as records keep it.
    pub fn uuid(self) -> Uuid {
        self.0
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl FromStr for JobId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::parse_str(text).map(Self)
    }
}

/// How the first process of a job ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exit {
    /// It returned this code.
    Code(i32),
    /// A signal ended it.
    Signal(i32),
    /// It never ran, or nobody saw its end; the text says why.
    None(String),
}

/// Why a job is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Exit code 0.
    Completed,
    /// Another exit code, a signal of its own, or it could not be started.
    Failed,
    /// Somebody asked for it.
    Killed,
    /// Its wall time was over.
    TimedOut,
    /// This limit of the policy ended it.
    Limited(String),
}

/// Everything that is known once a job is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// Why.
    pub outcome: Outcome,
    /// How its first process ended.
    pub exit: Exit,
    /// When its last process was gone.
    pub at: Timestamp,
    /// Processor time of all its processes.
    pub cpu: Duration,
    /// Largest resident set of one of its processes, in bytes.
    pub peak_memory: u64,
    /// Protected names that changed while it ran, where nothing could hold them.
    pub changed: Vec<String>,
}

/// The state of a job; each variant holds what only that state has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Waits for a free place.
    Queued,
    /// Its processes run.
    Running {
        /// When it was started.
        since: Timestamp,
        /// Process id at the root of its tree, as the server sees it.
        pid: i32,
    },
    /// Its last process is gone.
    Ended {
        /// When it was started; none when it never was.
        since: Option<Timestamp>,
        /// The rest.
        end: End,
    },
}

impl State {
    /// The word for it in replies.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running { .. } => "running",
            Self::Ended { end, .. } => match end.outcome {
                Outcome::Completed => "completed",
                Outcome::Failed => "failed",
                Outcome::Killed => "killed",
                Outcome::TimedOut => "timed_out",
                Outcome::Limited(_) => "limited",
            },
        }
    }

    /// Is it over?
    pub fn ended(&self) -> bool {
        matches!(self, Self::Ended { .. })
    }
}

/// A moment's picture of a job.
#[derive(Debug, Clone)]
pub struct Status {
    /// Its name.
    pub id: JobId,
    /// The command line, redacted.
    pub command: String,
    /// What the caller called it.
    pub label: Option<String>,
    /// How urgent it is while it waits.
    pub priority: Priority,
    /// When it was accepted.
    pub created: Timestamp,
    /// Queued, running or ended.
    pub state: State,
    /// Bytes that it wrote to standard output, after redaction.
    pub stdout_bytes: u64,
    /// Bytes that it wrote to standard error, after redaction.
    pub stderr_bytes: u64,
    /// What its processes use, as they were last looked at; none unless it runs.
    pub usage: Option<Usage>,
    /// For how long it has written nothing and used no processor time, once that is longer than the policy's
    /// `jobs.stuck_after`.
    pub idle: Option<Duration>,
    /// The terminal that it sits at, where it has one.
    pub terminal: Option<Size>,
    /// Redaction rules that fired, with how often.
    pub redactions: Vec<(String, u64)>,
    /// The layers that confine it, one short text each.
    pub sandbox: Vec<String>,
}
