//! `kill_job`: ends a job with every process it started, or sends it a signal.
//!
//! In: a job's id, perhaps a signal. Out: killed, already_terminated or not_found; none of them is an error.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::engine::Kill;

use super::super::parameters::{Kind, Parameter};
use super::super::reply::Reply;
use super::super::tool::{Arguments, Context, Hints, Tool, Trouble};

pub(super) const TOOL: Tool = Tool {
    name: "kill_job",
    title: "End a job",
    description: "Ends a job and every process it started: asks first, then forces. With signal it only sends that one \
                  (KILL forces at once). Example: {\"job_id\": \"…\"}",
    hints: Hints { read_only: false, destructive: true, idempotent: true, open_world: false },
    parameters: &[
        Parameter::required("job_id", Kind::Text, ""),
        Parameter::optional("signal", Kind::Text, "For example INT, TERM, KILL, USR1"),
    ],
    answer,
    run: |context, arguments| Box::pin(run(context, arguments)),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    job_id: String,
    signal: Option<String>,
}

fn answer() -> Value {
    json!({
        "type": "object",
        "properties": {"status": {"type": "string", "enum": ["killed", "already_terminated", "not_found"]}},
        "required": ["status"],
    })
}

async fn run(context: &Context, arguments: Arguments) -> Result<Reply, Trouble> {
    let wish: Wish = arguments.read()?;
    let killed = context.engine.kill(&context.client, &wish.job_id, wish.signal.as_deref()).await;
    let status = match killed.map_err(Trouble::Refused)? {
        Kill::Killed => "killed",
        Kill::AlreadyTerminated => "already_terminated",
        Kill::NotFound => "not_found",
    };
    Ok(Reply::json(json!({"status": status})))
}
