//! Calls that wait for a person behind a task.
//!
//! In: a question of the policy that a call raised, for a client that knows tasks and can ask. Out: a task in the state
//! `input_required`; after the answer the call goes on, and the job that it starts has the id of the task. The call itself
//! waits here with its arguments: an answer can neither be replayed nor be given to another command.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use rmcp::model::{CreateTaskResult, DetailedTask, InputResponses, JsonObject, Task, TaskPayload, TaskStatus};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::person::{self, Raised};

/// Waiting and refused calls at a time; the oldest are forgotten, which refuses those that still wait.
const MOST: usize = 64;

/// How often a client should look, in milliseconds.
const LOOK_EVERY: u64 = 1_000;

/// All such calls of one client.
#[derive(Debug, Clone, Default)]
pub(super) struct Pending {
    calls: Arc<Mutex<HashMap<String, Waiting>>>,
}

/// One call.
#[derive(Debug)]
struct Waiting {
    created: Timestamp,
    updated: Timestamp,
    stage: Stage,
    /// Ends the call, and the job that it starts.
    given_up: CancellationToken,
}

#[derive(Debug)]
enum Stage {
    /// Nobody has answered.
    Asked(Raised),
    /// The call goes on; as soon as its job exists, that is the task.
    Answered,
    /// It came to nothing; what the call answered.
    Over(JsonObject),
    /// The client gave it up before its job was there.
    Cancelled,
}

impl Pending {
    fn calls(&self) -> MutexGuard<'_, HashMap<String, Waiting>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a call in, which ends when `given_up` fires; the answer is its task.
    pub(super) fn ask(&self, id: &str, raised: Raised, given_up: CancellationToken) -> CreateTaskResult {
        let mut calls = self.calls();
        if calls.len() >= MOST
            && let Some(oldest) = calls.iter().min_by_key(|(_, call)| call.created).map(|(id, _)| id.clone())
        {
            calls.remove(&oldest);
        }
        let now = Timestamp::now();
        let word = format!("waits for a person: {}", raised.question.reason);
        calls.insert(id.to_owned(), Waiting { created: now, updated: now, stage: Stage::Asked(raised), given_up });
        let task = task(id, TaskStatus::InputRequired, now, now);
        CreateTaskResult::new(task.with_status_message(word))
    }

    /// How it stands; none when no such call is known, or its job can tell better.
    pub(super) fn get(&self, id: &str) -> Option<DetailedTask> {
        let calls = self.calls();
        let call = calls.get(id)?;
        let payload = match &call.stage {
            Stage::Asked(raised) => TaskPayload::InputRequired { input_requests: person::requests(&raised.question) },
            Stage::Answered => TaskPayload::Working,
            Stage::Over(result) => TaskPayload::Completed { result: result.clone() },
            Stage::Cancelled => TaskPayload::Cancelled,
        };
        Some(DetailedTask::new(task(id, payload.status(), call.created, call.updated), payload))
    }

    /// Passes an answer on, once. False when no such call waits for one.
    pub(super) fn answer(&self, id: &str, responses: &InputResponses) -> bool {
        let mut calls = self.calls();
        let Some(call) = calls.get_mut(id) else { return false };
        let (true, Some(yes)) = (matches!(call.stage, Stage::Asked(_)), person::accepted(responses)) else {
            return true;
        };
        if let Stage::Asked(raised) = std::mem::replace(&mut call.stage, Stage::Answered) {
            call.updated = Timestamp::now();
            // A call that gave up meanwhile tells so by its result.
            let _ = raised.answer.send(yes);
        }
        true
    }

    /// Gives a call up that waits for its answer, or was answered and has not come to an end. False when there is none.
    pub(super) fn cancel(&self, id: &str) -> bool {
        let mut calls = self.calls();
        let open = |call: &&mut Waiting| matches!(call.stage, Stage::Asked(_) | Stage::Answered);
        let Some(call) = calls.get_mut(id).filter(open) else { return false };
        // Dropping the way to answer is a no; whoever was answered already learns it from the token.
        call.stage = Stage::Cancelled;
        call.given_up.cancel();
        call.updated = Timestamp::now();
        true
    }

    /// What became of a call: none when its job exists.
    pub(super) fn settle(&self, id: &str, result: Option<JsonObject>) {
        let mut calls = self.calls();
        match result {
            None => _ = calls.remove(id),
            Some(result) => {
                if let Some(call) = calls.get_mut(id).filter(|call| !matches!(call.stage, Stage::Cancelled)) {
                    call.stage = Stage::Over(result);
                    call.updated = Timestamp::now();
                }
            }
        }
    }
}

fn task(id: &str, status: TaskStatus, created: Timestamp, updated: Timestamp) -> Task {
    Task::new(id, status, created.to_string(), updated.to_string()).with_poll_interval_ms(LOOK_EVERY)
}

/// The two ends between a call and whoever answers its question.
pub(super) fn line() -> (oneshot::Sender<Raised>, oneshot::Receiver<Raised>) {
    oneshot::channel()
}
