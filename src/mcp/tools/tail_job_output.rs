//! `tail_job_output`: the last lines that a job wrote.
//!
//! In: a job's id and a number of lines. Out: those lines of both streams.

use jiff::Timestamp;
use serde::Deserialize;

use crate::engine::Engine;

use super::super::parameters::{Kind, Parameter};
use super::super::render;
use super::super::reply::Reply;
use super::super::tool::{Arguments, Context, Dialect, Hints, Tool, Trouble};
use super::get_job_output::both_streams;

/// Lines of each stream when the call does not say.
const LINES: u64 = 50;

/// So many lines are seldom long.
const FEW: usize = 100;

pub(super) const TOOL: Tool = Tool {
    name: "tail_job_output",
    title: "Last lines of a job",
    description: "The last lines of stdout and stderr of a job; of a pty job its screen. Example: {\"job_id\": \"…\", \"lines\": 20}",
    hints: Hints::LOOKS,
    parameters: &[
        Parameter::required("job_id", Kind::Text, ""),
        Parameter::optional("lines", Kind::Whole(1, 1000), "Default 50"),
    ],
    answer: both_streams,
    run: |context, arguments| Box::pin(run(context, arguments)),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    job_id: String,
    lines: Option<u64>,
}

async fn run(context: &Context, arguments: Arguments) -> Result<Reply, Trouble> {
    let wish: Wish = arguments.read()?;
    let lines = usize::try_from(wish.lines.unwrap_or(LINES)).unwrap_or(usize::MAX);
    let (client, id) = (context.client.clone(), wish.job_id.clone());
    let tail = move |engine: &Engine| engine.tail(&client, &id, lines);
    let output = if lines > FEW { context.long(tail).await? } else { tail(&context.engine) }?;
    if context.dialect == Dialect::Program {
        return Ok(Reply::json(render::program_output(&output)));
    }
    let status = context.engine.status(&context.client, &wish.job_id).await?;
    let screen = context.engine.screen(&context.client, &wish.job_id)?;
    let shown = screen.map_or_else(|| render::output(&output), |screen| render::screen(&screen));
    Ok(Reply::text(format!("{}\n{shown}", render::line(&status, Timestamp::now()))))
}
