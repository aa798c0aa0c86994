//! Tools whose calls go on as tasks.
//!
//! In: calls of clients, those that know tasks and those that do not. Out: tasks that end well, badly, not at all or only
//! with an answer; whoever knows no tasks waits for the result, unless the tool insists.

use std::sync::LazyLock;
use std::time::Duration;

use rmcp::ErrorData;
use rmcp::model::{CallToolRequestParams, CallToolResponse, CallToolResult, ClientCapabilities, CreateTaskResult};
use rmcp::task_manager::{TaskContext, TaskExit, TaskManager, TaskOptions};
use serde_json::{Value, json};

use super::{calls, of, result, rounds};

/// All tasks. They are kept as long as the process lives.
pub(super) static TASKS: LazyLock<TaskManager> = LazyLock::new(TaskManager::new);

/// How often a client should look, in milliseconds.
const LOOK_EVERY: u64 = 100;

/// What a task does.
#[derive(Debug, Clone)]
enum Work {
    /// Sleeps, then says so.
    Sleep(Duration),
    /// Ends as a tool that says that it failed.
    Fail,
    /// Ends as a call that could not be answered.
    Break,
    /// Ends once all of these are answered.
    Ask(Vec<(String, Value)>),
    /// Says this.
    Say(String),
}

fn text(said: &str, is_error: bool) -> Result<CallToolResult, TaskExit> {
    Ok(result(json!({"content": [{"type": "text", "text": said}], "isError": is_error}))?)
}

/// Asks one thing and waits for the answer.
async fn answer(task: &TaskContext, (key, question): (String, Value)) -> Result<Value, TaskExit> {
    task.request_input(key, of(question)?).await
}

impl Work {
    async fn run(self, task: TaskContext) -> Result<CallToolResult, TaskExit> {
        match self {
            Self::Sleep(time) => tokio::select! {
                () = tokio::time::sleep(time) => text("computed", false),
                () = task.cancelled() => Err(TaskExit::Cancelled),
            },
            Self::Fail => text("the job failed, as it always does", true),
            Self::Break => Err(ErrorData::internal_error("the job broke, as it always does", None).into()),
            Self::Ask(questions) => {
                let asked = questions.into_iter().map(|question| {
                    let task = task.clone();
                    tokio::spawn(async move { answer(&task, question).await })
                });
                let mut answers = Vec::new();
                for waiting in asked.collect::<Vec<_>>() {
                    let answered = waiting.await.map_err(|error| ErrorData::internal_error(error.to_string(), None))?;
                    answers.push(answered?.to_string());
                }
                text(&answers.join(" "), false)
            }
            Self::Say(words) => text(&words, false),
        }
    }

    /// The task that does this, for a client that knows tasks.
    fn start(self) -> CallToolResponse {
        let options = TaskOptions::new().with_ttl_ms(None).with_poll_interval_ms(LOOK_EVERY);
        CreateTaskResult::new(TASKS.spawn(options, |task| Box::pin(self.run(task)))).into()
    }
}

/// Answers a call of one of these tools; nothing about any other.
pub(super) async fn call(
    request: &CallToolRequestParams,
    able: &ClientCapabilities,
) -> Option<Result<CallToolResponse, ErrorData>> {
    let argument = |name: &str| request.arguments.as_ref().and_then(|all| all.get(name));
    let confirm = |key: &str| rounds::form(key, "Go on?", "confirm");
    let work = match request.name.as_ref() {
        "greet" => {
            let name = argument("name").and_then(Value::as_str).unwrap_or_default();
            return Some(calls::text(&format!("Hello, {name}!")));
        }
        "slow_compute" => {
            let time = Duration::from_secs(argument("seconds").and_then(Value::as_u64).unwrap_or(0));
            if !able.supports_tasks() {
                tokio::time::sleep(time).await;
                return Some(calls::text("computed"));
            }
            Work::Sleep(time)
        }
        "failing_job" => Work::Fail,
        "protocol_error_job" => Work::Break,
        "confirm_delete" => Work::Ask(vec![confirm("confirm")]),
        "multi_input" => Work::Ask(vec![confirm("first"), confirm("second")]),
        "test_tool_with_task" => {
            let name = request.input_responses.as_ref().and_then(|all| all.get("user_name")).map(ToString::to_string);
            match name {
                Some(name) => Work::Say(format!("done for {name}")),
                None => {
                    let question = rounds::form("user_name", "What is your name?", "name");
                    return Some(rounds::ask(&[question], None).map(Into::into));
                }
            }
        }
        _ => return None,
    };
    if able.supports_tasks() {
        return Some(Ok(work.start()));
    }
    let needed = ClientCapabilities::builder().enable_tasks().build();
    Some(Err(ErrorData::missing_required_client_capability(needed)))
}
