//! `explain`: what the policy says of a line. Nothing runs and nothing is recorded.
//!
//! In: a line, or JSON lines `{"id", "command", "cwd", "env"}` on stdin. Out: text or JSON; 0 allow, 1 deny, 4 ask, 2 ours.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Write};
use std::process::ExitCode;

use serde::Deserialize;
use serde_json::Value;

use super::args::Explain;
use super::setup::{Failure, Site};
use crate::engine::{Call, Judge, Text};

/// Exit code of an explanation that could not be made.
const NOT_EXPLAINED: u8 = 2;

/// One question of `--jsonl`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    #[serde(default)]
    id: Value,
    command: String,
    #[serde(default)]
    cwd: Option<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
}

pub(super) fn explain(arguments: Explain) -> Result<ExitCode, Failure> {
    let site = Site::find(&arguments.places).map_err(|failure| failure.code(NOT_EXPLAINED))?;
    let policy = site.load().map_err(|failure| failure.code(NOT_EXPLAINED))?;
    let judge = Judge::new(policy).map_err(|error| Failure::new(error).code(NOT_EXPLAINED))?;
    let explained = match arguments.line {
        Some(line) => one(&judge, line, arguments.places.cwd, arguments.json),
        None => each(&judge, arguments.places.cwd.as_deref()),
    };
    explained.map_err(|error| Failure::new(format!("explain: {error}")).code(NOT_EXPLAINED))
}

fn one(judge: &Judge, line: String, cwd: Option<String>, json: bool) -> io::Result<ExitCode> {
    let checked = judge.check(&Call { command: Text::Line(line), cwd, ..Call::default() }, &Value::Null);
    let mut out = io::stdout().lock();
    if json {
        serde_json::to_writer(&mut out, &checked.full)?;
        writeln!(out)?;
    } else {
        writeln!(out, "{}", checked.for_operator)?;
    }
    Ok(ExitCode::from(match checked.decision {
        "allow" => 0,
        "ask" => 4,
        _ => 1,
    }))
}

/// Answers each line with one; a line that is no question is an error that names it.
fn each(judge: &Judge, cwd: Option<&str>) -> io::Result<ExitCode> {
    let mut out = io::stdout().lock();
    for (number, line) in io::stdin().lock().lines().enumerate() {
        let line = line?;
        if line.trim().is_empty() {
            continue;
        }
        let question: Question = serde_json::from_str(&line)
            .map_err(|error| io::Error::other(format!("line {} of stdin: {error}", number + 1)))?;
        let cwd = question.cwd.or_else(|| cwd.map(str::to_owned));
        let call = Call { command: Text::Line(question.command), cwd, env: question.env, ..Call::default() };
        serde_json::to_writer(&mut out, &judge.check(&call, &question.id).full)?;
        writeln!(out)?;
        out.flush()?;
    }
    Ok(ExitCode::SUCCESS)
}
