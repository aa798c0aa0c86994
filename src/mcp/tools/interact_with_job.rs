//! `interact_with_job`: writes to a job's standard input and shows what it answers.
//!
//! In: a job's id and text. Out: what both streams got since. Whether that job may be written to is the engine's matter.

use serde::Deserialize;

use super::super::parameters::{Kind, Parameter};
use super::super::render;
use super::super::reply::Reply;
use super::super::tool::{Arguments, Context, Dialect, Hints, Tool, Trouble};
use super::super::wait::{MAY_ASK, Wait};
use super::get_job_output::both_streams;

/// How long to wait for an answer of the job when the call does not say, in seconds.
const WAIT: f64 = 2.0;

pub(super) const TOOL: Tool = Tool {
    name: "interact_with_job",
    title: "Write to a job",
    description: "Sends text to the standard input of a job started with keep_stdin_open, and answers with what the job \
                  wrote since. Most programs need the newline. Example: {\"job_id\": \"…\", \"input\": \"yes\\n\"}",
    hints: Hints { read_only: false, destructive: true, idempotent: false, open_world: true },
    parameters: &[
        Parameter::required("job_id", Kind::Text, ""),
        Parameter::required("input", Kind::Text, "Sent as it is; may be empty"),
        Parameter::optional("close_stdin", Kind::Flag, "End of file after the input; default false"),
        Parameter::optional("wait_seconds", Kind::Seconds(0.0, MAY_ASK), "Wait for output; default 2, at most 45"),
    ],
    answer: both_streams,
    run: |context, arguments| Box::pin(run(context, arguments)),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    job_id: String,
    input: String,
    close_stdin: Option<bool>,
    wait_seconds: Option<f64>,
}

async fn run(context: &Context, arguments: Arguments) -> Result<Reply, Trouble> {
    let wish: Wish = arguments.read()?;
    let wait = Wait::of(wish.wait_seconds, WAIT);
    let close = wish.close_stdin.unwrap_or(false);
    let answered = tokio::select! {
        answered = context.engine.interact(&context.client, &wish.job_id, &wish.input, close, wait.limit) => answered,
        () = context.cancelled.cancelled() => return Err(Trouble::Refused("cancelled".to_owned())),
    };
    let output = answered.map_err(|error| Trouble::Refused(error.to_string()))?;
    if context.dialect == Dialect::Program {
        return Ok(Reply::json(render::program_output(&output)));
    }
    Ok(Reply::text(render::output(&output)))
}
