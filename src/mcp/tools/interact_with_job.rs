//! `interact_with_job`: writes to a job's standard input and shows what it answers.
//!
//! In: a job's id and text. Out: what both streams got since. Whether that job may be written to is the engine's matter.

use serde::Deserialize;

use crate::engine::Input;

use super::super::keys;
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
    description: "Sends text or keys to a job started with keep_stdin_open or pty, and answers with what it wrote since, \
                  or its screen. Most programs need the newline. Example: {\"job_id\": \"…\", \"input\": \"yes\\n\"}",
    hints: Hints { read_only: false, destructive: true, idempotent: false, open_world: true },
    parameters: &[
        Parameter::required("job_id", Kind::Text, ""),
        Parameter::optional("input", Kind::Text, "Sent as it is; may be empty"),
        Parameter::optional("keys", Kind::TextList(64), "After it, e.g. ctrl-c, ctrl-d, up, enter"),
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
    #[serde(default)]
    input: String,
    #[serde(default)]
    keys: Vec<String>,
    close_stdin: Option<bool>,
    wait_seconds: Option<f64>,
}

async fn run(context: &Context, arguments: Arguments) -> Result<Reply, Trouble> {
    let wish: Wish = arguments.read()?;
    let wait = Wait::of(wish.wait_seconds, WAIT);
    let status = context.engine.status(&context.client, &wish.job_id).await?;
    let pressed = keys::press(&wish.keys, status.terminal.is_some()).map_err(Trouble::Refused)?;
    let mut text = wish.input + &pressed.text;
    let close = pressed.close || wish.close_stdin.unwrap_or(false);
    // Clients of `mcp-background-job` know neither keys nor an end, and count on a newline that they need not send.
    if context.dialect == Dialect::Program && wish.keys.is_empty() && !close && !text.ends_with('\n') {
        text.push('\n');
    }
    let input = Input { text: &text, close, signals: &pressed.signals };
    let answered = tokio::select! {
        answered = context.engine.interact(&context.client, &wish.job_id, input, wait.limit) => answered,
        () = context.given_up.happens() => return Err(Trouble::GivenUp),
    };
    let output = answered.map_err(|error| Trouble::Refused(error.to_string()))?;
    if context.dialect == Dialect::Program {
        return Ok(Reply::json(render::program_output(&output)));
    }
    let screen = context.engine.screen(&context.client, &wish.job_id)?;
    Ok(Reply::text(screen.map_or_else(|| render::output(&output), |screen| render::screen(&screen))))
}
