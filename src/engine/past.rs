//! Jobs of servers that are gone.
//!
//! In: statuses of jobs of this server. Out: rows of the history, and what they say as statuses. What a job printed went
//! with its server.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Engine;
use crate::history::Row;
use crate::jobs::{End, Exit, Job, JobId, Outcome, State, Status};
use crate::metrics::{self, Metrics};
use crate::rate::Permit;

/// What a job that was cut off says of its end.
const CUT: &str = "cut off: the server ended before the job did, and the job with it";

/// The facts of a row.
#[derive(Debug, Serialize, Deserialize)]
struct Facts {
    command: String,
    label: Option<String>,
    since: Option<Timestamp>,
    outcome: Option<String>,
    limit: Option<String>,
    code: Option<i32>,
    signal: Option<i32>,
    reason: Option<String>,
    cpu_ms: u64,
    peak_memory: u64,
    stdout_bytes: u64,
    stderr_bytes: u64,
    redactions: Vec<(String, u64)>,
    sandbox: Vec<String>,
    changed: Vec<String>,
}

/// What the history keeps of a job.
pub(super) fn row(client: &str, status: &Status) -> Row {
    let (since, end) = match &status.state {
        State::Queued => (None, None),
        State::Running { since, .. } => (Some(*since), None),
        State::Ended { since, end } => (*since, Some(end)),
    };
    let (code, signal, reason) = match end.map(|end| &end.exit) {
        Some(Exit::Code(code)) => (Some(*code), None, None),
        Some(Exit::Signal(signal)) => (None, Some(*signal), None),
        Some(Exit::None(why)) => (None, None, Some(why.clone())),
        None => (None, None, None),
    };
    let limit = end.and_then(|end| match &end.outcome {
        Outcome::Limited(limit) => Some(limit.clone()),
        _ => None,
    });
    let facts = Facts {
        command: status.command.clone(),
        label: status.label.clone(),
        since,
        outcome: end.map(|_| status.state.name().to_owned()),
        limit,
        code,
        signal,
        reason,
        cpu_ms: end.map_or(0, |end| u64::try_from(end.cpu.as_millis()).unwrap_or(u64::MAX)),
        peak_memory: end.map_or(0, |end| end.peak_memory),
        stdout_bytes: status.stdout_bytes,
        stderr_bytes: status.stderr_bytes,
        redactions: status.redactions.clone(),
        sandbox: status.sandbox.clone(),
        changed: end.map_or_else(Vec::new, |end| end.changed.clone()),
    };
    let facts = serde_json::to_string(&facts).unwrap_or_default();
    let ended = end.map(|end| end.at);
    Row { id: status.id.uuid(), client: client.to_owned(), created: status.created, ended, facts, cut: false }
}

/// A job that is about to begin.
pub(super) fn begun(client: &str, id: JobId, command: &str, label: Option<String>) -> Row {
    row(client, &empty(id, command.to_owned(), label, Timestamp::now()))
}

fn empty(id: JobId, command: String, label: Option<String>, created: Timestamp) -> Status {
    Status {
        id,
        command,
        label,
        priority: crate::jobs::Priority::default(),
        created,
        state: State::Queued,
        stdout_bytes: 0,
        stderr_bytes: 0,
        usage: None,
        idle: None,
        terminal: None,
        redactions: Vec::new(),
        sandbox: Vec::new(),
    }
}

/// What a row says of a job; none when it says nothing that this version understands.
fn status(row: &Row) -> Option<Status> {
    let facts: Facts = serde_json::from_str(&row.facts).ok()?;
    let cut = || Exit::None(CUT.to_owned());
    let exit = match (facts.code, facts.signal) {
        _ if row.cut => cut(),
        (Some(code), _) => Exit::Code(code),
        (None, Some(signal)) => Exit::Signal(signal),
        (None, None) => facts.reason.map_or_else(cut, Exit::None),
    };
    let outcome = match (facts.outcome.as_deref(), facts.limit) {
        (_, Some(limit)) => Outcome::Limited(limit),
        (Some("completed"), _) => Outcome::Completed,
        (Some("killed"), _) => Outcome::Killed,
        (Some("timed_out"), _) => Outcome::TimedOut,
        _ => Outcome::Failed,
    };
    let end = End {
        outcome,
        exit,
        at: row.ended?,
        cpu: Duration::from_millis(facts.cpu_ms),
        peak_memory: facts.peak_memory,
        changed: facts.changed,
    };
    Some(Status {
        state: State::Ended { since: facts.since, end },
        stdout_bytes: facts.stdout_bytes,
        stderr_bytes: facts.stderr_bytes,
        redactions: facts.redactions,
        sandbox: facts.sandbox,
        ..empty(row.id.to_string().parse().ok()?, facts.command, facts.label, row.created)
    })
}

/// Counts a job that is over.
fn count(numbers: &Metrics, status: &Status) {
    let State::Ended { since, .. } = &status.state else { return };
    // A clock that was set back makes no time, and no job that never ran.
    let launch = since.map(|since| Duration::try_from(since.duration_since(status.created)).unwrap_or_default());
    numbers.ended(&metrics::Ended {
        state: status.state.name(),
        launch,
        bytes: (status.stdout_bytes, status.stderr_bytes),
        redactions: &status.redactions,
    });
}

impl Engine {
    /// A job of a server that is gone.
    pub(super) async fn past(&self, client: &str, id: &str) -> Option<Status> {
        let id: JobId = id.parse().ok()?;
        self.history.as_ref()?.find(client, id.uuid()).await.as_ref().and_then(status)
    }

    /// All jobs of servers that are gone.
    pub(super) async fn all_past(&self, client: &str) -> Vec<Status> {
        let Some(history) = &self.history else { return Vec::new() };
        history.list(client).await.iter().filter_map(status).collect()
    }

    /// Counts the end of a job and writes it to the history, as soon as it comes; then others may have its places.
    pub(super) fn remember(&self, client: &str, job: &Arc<Job>, places: Vec<Permit>) {
        let (client, job, history) = (client.to_owned(), Arc::clone(job), self.keeper.clone());
        let own = Arc::clone(&self.numbers);
        self.endings.spawn(async move {
            let all = [metrics::global(), &*own];
            if job.begun().await {
                all.iter().for_each(|numbers| numbers.began());
            }
            job.ended().await;
            drop(places);
            let status = job.status();
            tracing::debug!(job = %status.id, client, state = status.state.name(), "over");
            all.iter().for_each(|numbers| count(numbers, &status));
            let Some(history) = history else { return };
            let kept = history.put(row(&client, &status));
            // A failure was told by the writer; waiting lets a shutdown know that it is there.
            let _ = tokio::task::spawn_blocking(|| kept.wait()).await;
        });
    }
}
