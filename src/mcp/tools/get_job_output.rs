//! `get_job_output`: what a job wrote, from a cursor on.
//!
//! In: a job's id, where to start, how much at most. Out: text, and the cursor from which to read on. Bytes before a
//! cursor are never sent again.

use regex::RegexBuilder;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::diag;
use crate::engine::{Cursor, Engine, Output, Piece, Search};

use super::super::parameters::{Kind, Parameter};
use super::super::render;
use super::super::reply::Reply;
use super::super::tool::{Arguments, Context, Dialect, Hints, Tool, Trouble};

/// Bytes of each stream that a model gets when it does not say: below what hosts warn about.
const FOR_A_MODEL: u64 = 16 << 10;

/// A search pattern may not take more memory than this.
const LARGEST_REGEX: usize = 1 << 20;

/// The most of each stream in one answer. Replies are held in memory several times over.
const MOST: u64 = 8 << 20;

/// What is shown of so many bytes is made in less time than it takes to hand the work over.
const QUICK: usize = 64 << 10;

pub(super) const TOOL: Tool = Tool {
    name: "get_job_output",
    title: "Output of a job",
    description: "Output of a job from the start, or from the cursor that an earlier answer gave: then only what is new. \
                  Example: {\"job_id\": \"…\", \"cursor\": \"2048:0\"}",
    hints: Hints::LOOKS,
    parameters: &[
        Parameter::required("job_id", Kind::Text, ""),
        Parameter::optional("stream", Kind::Choice(&["both", "stdout", "stderr"]), ""),
        Parameter::optional("cursor", Kind::Text, "`next cursor` of an earlier answer"),
        Parameter::optional("max_bytes", Kind::Whole(1, MOST), "Of each stream; default 16384"),
        Parameter::optional("search", Kind::Text, "Only lines that match this regex, with their numbers"),
        Parameter::optional("context", Kind::Whole(0, 20), "Lines around each match"),
        Parameter::optional("limit", Kind::Whole(1, 1000), "Matches shown of each stream; default 50"),
        Parameter::optional(
            "view",
            Kind::Choice(&["page", "merged", "head_tail", "base64"]),
            "Both streams in time order, both ends, or the bytes as they are",
        ),
    ],
    answer: both_streams,
    run: |context, arguments| Box::pin(run(context, arguments)),
};

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    job_id: String,
    stream: Option<String>,
    cursor: Option<String>,
    max_bytes: Option<u64>,
    search: Option<String>,
    context: Option<u64>,
    limit: Option<u64>,
    view: Option<String>,
}

impl Wish {
    /// Looks at the job as the call wants it.
    fn look(&self, engine: &Engine, client: &str, from: Cursor, most: usize) -> Result<Output, Trouble> {
        let id = &self.job_id;
        if let Some(pattern) = &self.search {
            let start = diag::echo(pattern);
            let pattern = RegexBuilder::new(pattern).size_limit(LARGEST_REGEX).build().map_err(|_| {
                Trouble::Refused(format!(
                    "`search`: `{start}` is no regex; escape `( [ {{ . * + ?` with a backslash to find them as they are"
                ))
            })?;
            let count = |number: Option<u64>, default| usize::try_from(number.unwrap_or(default)).unwrap_or(usize::MAX);
            let search = Search { pattern: &pattern, context: count(self.context, 0), limit: count(self.limit, 50) };
            return Ok(engine.search(client, id, &search)?);
        }
        Ok(match self.view.as_deref() {
            Some("head_tail") => engine.head_tail(client, id, most)?,
            Some("base64") => engine.read_raw(client, id, from, most)?,
            _ => engine.read(client, id, from, most)?,
        })
    }
}

/// The schema of an answer with both streams.
pub(super) fn both_streams() -> Value {
    json!({
        "type": "object",
        "properties": {"stdout": {"type": "string"}, "stderr": {"type": "string"}},
        "required": ["stdout", "stderr"],
    })
}

async fn run(context: &Context, arguments: Arguments) -> Result<Reply, Trouble> {
    let wish: Wish = arguments.read()?;
    let from = wish.cursor.as_deref().map_or(Ok(Cursor::default()), cursor)?;
    let default = if context.dialect == Dialect::Program { MOST } else { FOR_A_MODEL };
    let most = usize::try_from(wish.max_bytes.unwrap_or(default)).unwrap_or(usize::MAX);
    if wish.view.as_deref() == Some("merged") {
        return merged(context, &wish, from, most).await;
    }
    let look = {
        let (wish, client) = (wish.clone(), context.client.clone());
        move |engine: &Engine| wish.look(engine, &client, from, most)
    };
    // What takes its time keeps no thread from the calls of others.
    let read = match wish.search.is_some() || most > QUICK {
        true => context.long(look).await?,
        false => look(&context.engine),
    }?;
    let shown = only(wish.stream.as_deref(), read, from);
    if context.dialect == Dialect::Program {
        return Ok(Reply::json(render::program_output(&shown)));
    }
    let next = Cursor { stdout: shown.stdout.next, stderr: shown.stderr.next };
    let rest = rest(context, &wish, next, shown.stdout.more + shown.stderr.more).await?;
    Ok(Reply::text(format!("{}\n{rest}", render::output(&shown).trim_end_matches('\n'))))
}

/// Both streams as one.
async fn merged(context: &Context, wish: &Wish, from: Cursor, most: usize) -> Result<Reply, Trouble> {
    if wish.search.is_some() || matches!(wish.stream.as_deref(), Some("stdout" | "stderr")) {
        let why = "`view: merged` shows all of both streams; leave out `stream` and `search`, or `view`";
        return Err(Trouble::Refused(why.to_owned()));
    }
    let (client, id) = (context.client.clone(), wish.job_id.clone());
    let read = move |engine: &Engine| engine.merged(&client, &id, from, most);
    let shown = if most > QUICK { context.long(read).await? } else { read(&context.engine) }?;
    if context.dialect == Dialect::Program {
        return Ok(Reply::json(json!({"stdout": shown.text, "stderr": ""})));
    }
    let rest = rest(context, wish, shown.next, shown.more).await?;
    Ok(Reply::text(format!("{}\n{rest}", render::merged(&shown).trim_end_matches('\n'))))
}

/// The line that says whether there is more, and from where to read on.
async fn rest(context: &Context, wish: &Wish, next: Cursor, more: u64) -> Result<String, Trouble> {
    let status = context.engine.status(&context.client, &wish.job_id).await?;
    let next = format!("{}:{}", next.stdout, next.stderr);
    Ok(match (more, status.state.ended()) {
        (0, true) => format!("the job has ended; this was all (next cursor {next})"),
        (0, false) => format!("the job is {}; next cursor {next}", status.state.name()),
        (more, _) => format!("{more} bytes more are there; next cursor {next}"),
    })
}

/// Both streams or one of them; the other's cursor stays where it was.
fn only(stream: Option<&str>, read: Output, from: Cursor) -> Output {
    let untouched = |next| Piece { next, ..Piece::default() };
    match stream {
        Some("stdout") => Output { stderr: untouched(from.stderr), ..read },
        Some("stderr") => Output { stdout: untouched(from.stdout), ..read },
        _ => read,
    }
}

/// Reads `STDOUT:STDERR`, both in bytes.
fn cursor(text: &str) -> Result<Cursor, Trouble> {
    let parse = || {
        let (stdout, stderr) = text.split_once(':')?;
        Some(Cursor { stdout: stdout.parse().ok()?, stderr: stderr.parse().ok()? })
    };
    parse().ok_or_else(|| {
        let start = diag::echo(text);
        Trouble::Refused(format!(
            "`{start}` is no cursor; use the `next cursor` of an earlier answer, such as `2048:0`, or leave it out"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_as_it_was_written() {
        assert_eq!(cursor("2048:7").ok(), Some(Cursor { stdout: 2048, stderr: 7 }));
        for wrong in ["", "5", "a:b", "-1:0", "1:2:3", "99999999999999999999:0"] {
            assert!(cursor(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_stream_that_was_not_asked_for_keeps_its_cursor() {
        let piece = |text: &str, next| Piece { text: text.to_owned(), next, ..Piece::default() };
        let read = Output { stdout: piece("out", 3), stderr: piece("err", 9) };
        let from = Cursor { stdout: 0, stderr: 6 };
        let shown = only(Some("stdout"), read, from);
        assert_eq!((shown.stdout.next, shown.stderr.next, shown.stderr.text.as_str()), (3, 6, ""));
    }
}
