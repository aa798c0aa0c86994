//! Jobs as tasks, for clients that declared the tasks extension.
//!
//! In: a job that still runs when its call is answered. Out: the task that stands for it. A task *is* the job, under the
//! same id: there is no second list, no time to live that could end a run, and a job can be followed by either name.
//! A task that waits for a person's answer has no job yet and is kept in `pending`.

use std::sync::Arc;

use jiff::Timestamp;
use rmcp::ErrorData;
use rmcp::model::{
    CallToolResult, CreateTaskResult, DetailedTask, GetTaskResult, JsonObject, Task, TaskPayload, TaskStatus,
};
use serde_json::Value;

use crate::engine::{Engine, NoSuchJob, Outcome, State, Status};

use super::render;
use super::reply::Reply;
use super::tools::told;

/// How often a client should look, in milliseconds.
const LOOK_EVERY: u64 = 1_000;

/// The task that stands for a job, as the answer to the call that started it.
pub(super) fn create(status: &Status) -> CreateTaskResult {
    CreateTaskResult::new(task(status))
}

/// How a task stands.
pub(super) async fn get(engine: &Engine, client: &str, id: &str) -> Result<GetTaskResult, ErrorData> {
    let status = engine.status(client, id).await.map_err(unknown)?;
    let payload = match &status.state {
        State::Queued | State::Running { .. } => TaskPayload::Working,
        State::Ended { end, .. } if end.outcome == Outcome::Killed => TaskPayload::Cancelled,
        State::Ended { .. } => TaskPayload::Completed { result: result(engine, client, &status).map_err(unknown)? },
    };
    Ok(GetTaskResult::new(DetailedTask::new(task(&status), payload)))
}

/// Ends the job of a task; the answer does not wait for its end.
pub(super) async fn cancel(engine: &Arc<Engine>, client: &str, id: &str) -> Result<(), ErrorData> {
    engine.status(client, id).await.map_err(unknown)?;
    let (engine, client, id) = (Arc::clone(engine), client.to_owned(), id.to_owned());
    tokio::spawn(async move {
        if let Err(error) = engine.kill(&client, &id, None).await {
            tracing::warn!("a cancelled task cannot be ended: {error}");
        }
    });
    Ok(())
}

/// Input for the task of a job: it waits for none, so it is ignored, as the extension wants it for unknown keys.
pub(super) async fn update(engine: &Engine, client: &str, id: &str) -> Result<(), ErrorData> {
    engine.status(client, id).await.map(|_| ()).map_err(unknown)
}

fn task(status: &Status) -> Task {
    let (now, state) = (Timestamp::now(), &status.state);
    let updated = match state {
        State::Queued => status.created,
        State::Running { .. } => now,
        State::Ended { end, .. } => end.at,
    };
    Task::new(status.id.to_string(), TaskStatus::Working, status.created.to_string(), updated.to_string())
        .with_status_message(render::line(status, now))
        .with_poll_interval_ms(LOOK_EVERY)
}

/// What the call would have answered, had it waited for the end.
fn result(engine: &Engine, client: &str, status: &Status) -> Result<JsonObject, NoSuchJob> {
    Ok(json(Reply::text(told(engine, client, status, None)?).into_result()))
}

/// A result as the task keeps it: always an object.
pub(super) fn json(result: CallToolResult) -> JsonObject {
    serde_json::to_value(result).ok().and_then(|value| value.as_object().cloned()).unwrap_or_default()
}

fn unknown(missing: NoSuchJob) -> ErrorData {
    ErrorData::invalid_params(missing.to_string(), None::<Value>)
}
