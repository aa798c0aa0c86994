//! `get_job_status`: where a job stands, perhaps after waiting for its end.
//!
//! In: a job's id, how long to wait. Out: its state and facts.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::parameters::{Kind, Parameter};
use super::super::render;
use super::super::reply::Reply;
use super::super::tool::{Arguments, Context, Dialect, Hints, Tool, Trouble};
use super::super::wait::{MAY_ASK, Wait, until_end};

pub(super) const TOOL: Tool = Tool {
    name: "get_job_status",
    title: "State of a job",
    description: "State, exit code, times and resource use of a job, and whether it seems stuck. With wait_seconds it answers at the job's end or \
                  after that time. Example: {\"job_id\": \"…\", \"wait_seconds\": 30}",
    hints: Hints::LOOKS,
    parameters: &[
        Parameter::required("job_id", Kind::Text, ""),
        Parameter::optional("wait_seconds", Kind::Seconds(0.0, MAY_ASK), "Default 0, at most 45"),
    ],
    answer,
    run: |context, arguments| Box::pin(run(context, arguments)),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    job_id: String,
    wait_seconds: Option<f64>,
}

fn answer() -> Value {
    json!({
        "type": "object",
        "properties": {"status": {"type": "string", "enum": ["running", "completed", "failed", "killed"]}},
        "required": ["status"],
    })
}

async fn run(context: &Context, arguments: Arguments) -> Result<Reply, Trouble> {
    let wish: Wish = arguments.read()?;
    let wait = Wait::of(wish.wait_seconds, 0.0);
    let status = match until_end(context, &wish.job_id, wait.limit).await? {
        Some(status) => status,
        // Cancelled: the answer is thrown away, whatever it says.
        None => context.engine.status(&context.client, &wish.job_id).await?,
    };
    if context.dialect == Dialect::Program {
        return Ok(Reply::json(json!({"status": render::program_state(&status.state)})));
    }
    let status = if status.state.ended() { status } else { context.engine.look(&context.client, &wish.job_id).await? };
    let mut json = render::status_json(&status);
    let mut text = render::line(&status, Timestamp::now());
    if let Some(note) = wait.note.filter(|_| !status.state.ended()) {
        text = format!("{text}\n{note}");
        if let Some(facts) = json.as_object_mut() {
            facts.insert("note".to_owned(), note.into());
        }
    }
    Ok(Reply::both(text, json))
}
