//! `execute_command`: starts a command as a job and waits a moment for its end.
//!
//! In: a command line and how to run it. Out: how it ended with its output, or the id of a job that still runs. When
//! the client cancels the call before it is answered, the job that it started is ended: nobody would ever ask for it again.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::engine::{Call, Engine, NoSuchJob, Open, Priority, Size, Status, Stdin, Text};

use super::super::parameters::{Kind, Parameter};
use super::super::render;
use super::super::reply::Reply;
use super::super::tool::{Arguments, Context, Dialect, Hints, Tool, Trouble};
use super::super::wait::{MAY_ASK, Wait, until_end};

/// Bytes of output that come with the answer; the rest is one `get_job_output` away.
const SHOWN: usize = 16 << 10;

/// The longest time limit that a call may ask for, in seconds; the policy's own limit holds below it.
const LONGEST_TIMEOUT: f64 = 604_800.0;

/// How long the answer waits for the end when the call does not say, in seconds.
const WAIT_OF_A_MODEL: f64 = 10.0;

pub(super) const TOOL: Tool = Tool {
    name: "execute_command",
    title: "Run a command",
    description: "Runs a shell command as a job. Answers with exit code and output when it ends within wait_seconds, \
                  else with a job_id to follow. Pipes, &&, redirections and globs work where the policy allows the \
                  commands in them; each call starts in cwd anew. \
                  Example: {\"command\": \"cargo test 2>&1 | tail -n 20\", \"wait_seconds\": 45}",
    hints: Hints { read_only: false, destructive: true, idempotent: false, open_world: true },
    parameters: &[
        Parameter::required("command", Kind::Text, "Command line, bash syntax"),
        Parameter::optional("cwd", Kind::Text, "Directory to start in; default: the workspace"),
        Parameter::optional("env", Kind::TextMap, "Variables to set, where the policy permits them"),
        Parameter::optional("stdin", Kind::Text, "Text for standard input, followed by end of file"),
        Parameter::optional(
            "keep_stdin_open",
            Kind::Flag,
            "Keep standard input open for interact_with_job; default false",
        ),
        Parameter::optional("timeout_seconds", Kind::Seconds(0.001, LONGEST_TIMEOUT), "End the job after this time"),
        Parameter::optional(
            "wait_seconds",
            Kind::Seconds(0.0, MAY_ASK),
            "Wait this long for the end; default 10, at most 45",
        ),
        Parameter::optional("label", Kind::Text, "Your name for the job, for list_jobs"),
        Parameter::optional("priority", Kind::Choice(&["low", "normal", "high"]), "Among your jobs that wait"),
        Parameter::optional("pty", Kind::Flag, "Run in a terminal (TUI, REPL); tail_job_output shows its screen"),
        Parameter::optional("rows", Kind::Whole(1, 500), "Of the terminal; default 24"),
        Parameter::optional("cols", Kind::Whole(1, 500), "Default 80"),
    ],
    answer,
    run: |context, arguments| Box::pin(run(context, arguments)),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    command: String,
    cwd: Option<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    stdin: Option<String>,
    keep_stdin_open: Option<bool>,
    timeout_seconds: Option<f64>,
    wait_seconds: Option<f64>,
    label: Option<String>,
    priority: Option<String>,
    pty: Option<bool>,
    rows: Option<u16>,
    cols: Option<u16>,
}

impl Wish {
    /// The terminal that is asked for, if one is.
    fn terminal(&self) -> Result<Option<Size>, Trouble> {
        let sized = self.rows.is_some() || self.cols.is_some();
        match self.pty.unwrap_or(false) {
            true => Ok(Some(Size::new(self.rows.unwrap_or(24), self.cols.unwrap_or(80)))),
            false if sized => Err(Trouble::Refused("parameters `rows` and `cols` need `pty: true`".to_owned())),
            false => Ok(None),
        }
    }

    fn priority(&self) -> Priority {
        match self.priority.as_deref() {
            Some("low") => Priority::Low,
            Some("high") => Priority::High,
            _ => Priority::Normal,
        }
    }

    /// Programs written against the Python server expect an input that they can write to; models ask for it.
    fn open(&self, program: bool) -> Open {
        match self.keep_stdin_open {
            Some(true) => Open::Yes,
            None if program => Open::IfAllowed,
            Some(false) | None => Open::No,
        }
    }
}

fn answer() -> Value {
    json!({"type": "object", "properties": {"job_id": {"type": "string"}}, "required": ["job_id"]})
}

async fn run(context: &Context, arguments: Arguments) -> Result<Reply, Trouble> {
    let wish: Wish = arguments.read()?;
    let program = context.dialect == Dialect::Program;
    let wait = Wait::of(wish.wait_seconds, if program { 0.0 } else { WAIT_OF_A_MODEL });
    let call = Call {
        terminal: wish.terminal()?,
        priority: wish.priority(),
        stdin: Stdin { open: wish.open(program), text: wish.stdin },
        command: Text::Line(wish.command),
        cwd: wish.cwd,
        env: wish.env,
        timeout: wish.timeout_seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
        label: wish.label,
        id: Some(context.job),
    };
    if context.given_up.is_so() {
        return Err(Trouble::GivenUp);
    }
    let started = context.engine.execute_for(&context.client, call, &context.person, None).await;
    // Owned until the answer goes out: whatever return is taken before that ends the job.
    let started = started.map_err(|refused| Trouble::Refused(refused.to_string()))?;
    let id = started.id().to_string();
    let status = until_end(context, &id, wait.limit).await?.ok_or(Trouble::GivenUp)?;
    if program {
        return Ok(Reply::json(json!({"job_id": id})).with(started));
    }
    let reply = Reply::text(told(&context.engine, &context.client, &status, wait.note)?).with(started);
    Ok(if status.state.ended() { reply } else { reply.about_running(status) })
}

/// A job in words: how it stands, what to do next, and its output.
pub(in crate::mcp) fn told(
    engine: &Engine,
    client: &str,
    status: &Status,
    note: Option<String>,
) -> Result<String, NoSuchJob> {
    let id = status.id.to_string();
    let output = match engine.screen(client, &id)? {
        Some(screen) => render::screen(&screen),
        None => render::output(&engine.head_tail(client, &id, SHOWN)?),
    };
    let mut text = render::line(status, Timestamp::now());
    if !status.state.ended() {
        text.push_str("; follow it with get_job_status (wait_seconds) and get_job_output, end it with kill_job");
        if let Some(note) = note {
            text = format!("{text}\n{note}");
        }
    }
    Ok(format!("{text}\n{output}"))
}
