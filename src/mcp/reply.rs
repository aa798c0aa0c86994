//! An answer on its way to the wire.
//!
//! In: text, JSON, or both. Out: the protocol's result. Many hosts show a model the JSON and hide the text as soon as
//! JSON is there, so an answer's JSON is complete or absent.

use rmcp::model::{CallToolResult, ContentBlock};
use serde_json::Value;

use crate::engine::{Started, Status};

use super::given_up::GivenUp;

/// What a tool answers.
#[derive(Debug)]
pub(super) struct Reply {
    text: String,
    json: Option<Value>,
    /// The job that the call started and that still runs.
    running: Option<Status>,
    /// The job that the call started, as long as the client does not know of it.
    started: Option<Started>,
}

impl Reply {
    /// Text alone: command output, which JSON only makes longer and harder to read.
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), json: None, running: None, started: None }
    }

    /// State, decisions, lists: the same in words and as JSON.
    pub(super) fn both(text: impl Into<String>, json: Value) -> Self {
        Self { text: text.into(), json: Some(json), running: None, started: None }
    }

    /// JSON, with its own text as the copy that clients without structured results read.
    pub(super) fn json(json: Value) -> Self {
        Self { text: json.to_string(), json: Some(json), running: None, started: None }
    }

    /// The same, naming the job that the call started and that still runs.
    pub(super) fn about_running(self, job: Status) -> Self {
        Self { running: Some(job), ..self }
    }

    /// The same, with the job that the call started: it ends with the answer, should that not reach its client.
    pub(super) fn with(self, started: Started) -> Self {
        Self { started: Some(started), ..self }
    }

    /// The answer goes out, and what it tells of lives on. None when nobody waits for it any more.
    pub(super) fn goes_out(mut self, given_up: &GivenUp) -> Option<Self> {
        if given_up.is_so() {
            return None;
        }
        self.started.take().map(Started::keep);
        Some(self)
    }

    /// The job that the call started and that still runs.
    pub(super) fn running(&self) -> Option<&Status> {
        self.running.as_ref()
    }

    pub(super) fn into_result(self) -> CallToolResult {
        let mut result = CallToolResult::success(vec![ContentBlock::text(self.text)]);
        result.structured_content = self.json;
        result
    }
}

/// A refusal or a mistake, as text that the model reads.
pub(super) fn error(text: impl Into<String>) -> CallToolResult {
    CallToolResult::error(vec![ContentBlock::text(text)])
}
