//! What a front asks of the engine, and what it gets back.
//!
//! In: nothing, plain data. Out: the same. Fronts turn these into text, JSON or exit codes.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::jobs::{JobId, Priority, Size};

/// One command that a client wants to run.
#[derive(Debug, Clone, Default)]
pub struct Call {
    /// The command line, or exact words.
    pub command: Text,
    /// Directory to start in; the policy's default when absent.
    pub cwd: Option<String>,
    /// Variables that the caller asks to set; the policy says which may be.
    pub env: BTreeMap<String, String>,
    /// What the command reads from standard input.
    pub stdin: Stdin,
    /// Wall time; it only narrows the policy's.
    pub timeout: Option<Duration>,
    /// What the caller calls the job.
    pub label: Option<String>,
    /// How urgent it is among the caller's jobs that wait for a place.
    pub priority: Priority,
    /// A terminal in place of pipes.
    pub terminal: Option<Size>,
    /// The id that the job shall have; a fresh one when absent.
    pub id: Option<JobId>,
}

/// The command as it came in.
#[derive(Debug, Clone)]
pub enum Text {
    /// A line of shell, to be analysed.
    Line(String),
    /// Exact words, no shell.
    Exact(Vec<String>),
}

impl Default for Text {
    fn default() -> Self {
        Self::Line(String::new())
    }
}

impl Text {
    /// One line for replies and records.
    pub fn display(&self) -> String {
        match self {
            Self::Line(line) => line.clone(),
            Self::Exact(words) => words.join(" "),
        }
    }
}

/// What a command finds on standard input.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stdin {
    /// Text that is written at once.
    pub text: Option<String>,
    /// Stays open for later input instead of being at its end.
    pub open: Open,
}

/// Does standard input stay open?
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Open {
    /// No: it is at its end, after the text.
    #[default]
    No,
    /// Where the policy has nothing against it: a program that would run its input as code finds it at its end.
    IfAllowed,
    /// Yes, or nothing is started.
    Yes,
}

/// Why a command was not started. Each message is short, says what and why, and what to do.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Refused {
    /// The policy says no. `for_model` goes to the model, `for_operator` ends with the rule that would allow it.
    #[error("{for_model}")]
    Denied {
        /// Short text for a model.
        for_model: String,
        /// Full text for a person.
        for_operator: String,
    },
    /// The policy wants a person to confirm, and this front cannot ask one.
    #[error("{for_model}")]
    NeedsConfirmation {
        /// Short text for a model.
        for_model: String,
        /// Full text for a person.
        for_operator: String,
    },
    /// Too many commands in this time.
    #[error("{why}; try again in {} s", retry_after.as_secs_f32().ceil())]
    RateLimited {
        /// Which limit.
        id: String,
        /// What is used up.
        why: String,
        /// When there is room again.
        retry_after: Duration,
    },
    /// All places and the queue are taken.
    #[error("{running} jobs run and {queued} wait; wait for one to end or kill one (`list_jobs`)")]
    Full {
        /// Jobs that run.
        running: usize,
        /// Jobs that wait.
        queued: usize,
    },
    /// The record could not be written, so nothing was started.
    #[error("the audit record cannot be written, so nothing was started: {0}")]
    Audit(String),
    /// The sandbox for it cannot be built.
    #[error("the sandbox cannot be built, so nothing was started: {0}")]
    Sandbox(String),
    /// The server is shutting down.
    #[error("the server is shutting down; nothing was started")]
    ShuttingDown,
}

/// No job of this client has that id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no job `{0}`; `list_jobs` shows those there are")]
pub struct NoSuchJob(pub String);

/// What `check_command` answers.
#[derive(Debug, Clone)]
pub struct Checked {
    /// `allow`, `ask` or `deny`.
    pub decision: &'static str,
    /// Short text for a model.
    pub for_model: String,
    /// Full text for a person, with the rule that would allow it.
    pub for_operator: String,
    /// The answer as JSON, for anybody: without secrets, and without what would loosen the policy.
    pub json: serde_json::Value,
    /// The whole answer as JSON, for an operator.
    pub full: serde_json::Value,
}

/// A part of what a job wrote, made fit for a model.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Output {
    /// Standard output.
    pub stdout: Piece,
    /// Standard error.
    pub stderr: Piece,
}

/// A part of one stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Piece {
    /// Text, with invalid bytes replaced and control sequences removed.
    pub text: String,
    /// Cursor after it, in bytes of the redacted stream.
    pub next: u64,
    /// Bytes between the asked cursor and the first one still held.
    pub dropped: u64,
    /// Bytes after `next` that are held and were not sent because of the size limit.
    pub more: u64,
}

/// A part of both streams in the order in which they came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged {
    /// Text, as in a [`Piece`].
    pub text: String,
    /// Cursors after it.
    pub next: Cursor,
    /// Bytes since the asked cursor that are no longer held.
    pub dropped: u64,
    /// Bytes after `next` that are held and were not sent because of the size limit.
    pub more: u64,
    /// Bytes of the text, at its beginning, that are older than the memory of the order: first those of standard output.
    pub unordered: u64,
}

/// Where a reader stands in both streams.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cursor {
    /// In standard output.
    pub stdout: u64,
    /// In standard error.
    pub stderr: u64,
}

/// What became of a request to end a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kill {
    /// It ran, and is gone or got the signal.
    Killed,
    /// It was over before.
    AlreadyTerminated,
    /// This client has no such job.
    NotFound,
}
