//! `list_jobs`: the client's jobs, newest first.
//!
//! In: which of them. Out: one line and one JSON object for each.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::engine::Status;

use super::super::parameters::{Kind, Parameter};
use super::super::render;
use super::super::reply::Reply;
use super::super::tool::{Arguments, Context, Dialect, Hints, Tool, Trouble};

/// Jobs in one answer when a model does not say.
const FOR_A_MODEL: u64 = 20;

/// The most in one answer.
const MOST: u64 = 10_000;

const STATES: &[&str] = &["queued", "running", "completed", "failed", "killed", "timed_out", "limited"];

pub(super) const TOOL: Tool = Tool {
    name: "list_jobs",
    title: "All jobs",
    description: "Your jobs, newest first. Example: {\"status\": \"running\"}",
    hints: Hints::LOOKS,
    parameters: &[
        Parameter::optional("status", Kind::Choice(STATES), ""),
        Parameter::optional("label", Kind::Text, "Only jobs with this label"),
        Parameter::optional("limit", Kind::Whole(1, MOST), "Default 20"),
    ],
    answer,
    run: |context, arguments| Box::pin(run(context, arguments)),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    status: Option<String>,
    label: Option<String>,
    limit: Option<u64>,
}

fn answer() -> Value {
    let text = json!({"type": "string"});
    let job = json!({
        "type": "object",
        "properties": {"job_id": text, "status": text, "command": text, "started": {"type": "string", "format": "date-time"}},
        "required": ["job_id", "status", "command", "started"],
    });
    json!({"type": "object", "properties": {"jobs": {"type": "array", "items": job}}, "required": ["jobs"]})
}

async fn run(context: &Context, arguments: Arguments) -> Result<Reply, Trouble> {
    let wish: Wish = arguments.read()?;
    let program = context.dialect == Dialect::Program;
    let limit = wish.limit.unwrap_or(if program { MOST } else { FOR_A_MODEL });
    let wanted = |job: &Status| {
        wish.status.as_deref().is_none_or(|state| state == job.state.name())
            && wish.label.as_deref().is_none_or(|label| job.label.as_deref() == Some(label))
    };
    let mut jobs = context.engine.list(&context.client).await;
    jobs.retain(wanted);
    let found = jobs.len();
    jobs.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    if program {
        let jobs: Vec<_> = jobs.iter().map(render::program_summary).collect();
        return Ok(Reply::json(json!({"jobs": jobs})));
    }
    let now = Timestamp::now();
    let mut lines: Vec<_> = jobs.iter().map(|job| one_line(job, now)).collect();
    if lines.is_empty() {
        lines.push("no jobs".to_owned());
    }
    let mut json = json!({"jobs": jobs.iter().map(render::summary_json).collect::<Vec<_>>()});
    if found > jobs.len() {
        let note = format!("{} older ones are not shown; raise limit or filter", found - jobs.len());
        lines.push(note.clone());
        if let Some(object) = json.as_object_mut() {
            object.insert("note".to_owned(), note.into());
        }
    }
    Ok(Reply::both(lines.join("\n"), json))
}

fn one_line(job: &Status, now: Timestamp) -> String {
    let label = job.label.as_deref().map(|label| format!(" [{label}]")).unwrap_or_default();
    format!("{}{label}: {}", render::line(job, now), job.command)
}
