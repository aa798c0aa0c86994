//! `wait_for_jobs`: one wait for several jobs, for an end, a text in the output, or silence.
//!
//! In: ids and what to wait for. Out: how each job stands, which of them made the wait end, and by what.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use regex::Regex;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::engine::{Cursor, Engine, NoSuchJob, Status};

use super::super::parameters::{Kind, Parameter};
use super::super::render;
use super::super::reply::Reply;
use super::super::tool::{Arguments, Context, Dialect, Hints, Tool, Trouble};
use super::super::wait::{MAY_ASK, Wait};

/// Bytes of output that are searched at a time.
const PIECE: usize = 64 << 10;

/// Bytes that are searched again with what follows, so that a match over a border is found.
const OVERLAP: usize = 4 << 10;

/// How long to wait when the call does not say, in seconds.
const WAIT: f64 = 30.0;

/// How long silence must last when the call does not say, in seconds.
const IDLE: f64 = 5.0;

pub(super) const TOOL: Tool = Tool {
    name: "wait_for_jobs",
    title: "Wait for jobs",
    description: "Waits until any or all of some jobs end, until one prints a text (pattern, a regex), or falls silent \
                  (idle). Example: {\"job_ids\": [\"…\"], \"until\": \"pattern\", \"pattern\": \"listening on\"}",
    hints: Hints::LOOKS,
    parameters: &[
        Parameter::required("job_ids", Kind::TextList(64), ""),
        Parameter::optional("until", Kind::Choice(&["any", "all", "pattern", "idle"]), "Default any"),
        Parameter::optional("pattern", Kind::Text, "Searched in stdout and stderr from the start"),
        Parameter::optional("idle_seconds", Kind::Seconds(0.1, 45.0), "Default 5"),
        Parameter::optional("timeout_seconds", Kind::Seconds(0.0, MAY_ASK), "Default 30, at most 45"),
    ],
    answer,
    run: |context, arguments| Box::pin(run(context, arguments)),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    job_ids: Vec<String>,
    until: Option<String>,
    pattern: Option<String>,
    idle_seconds: Option<f64>,
    timeout_seconds: Option<f64>,
}

fn answer() -> Value {
    let job = json!({"type": "object", "properties": {"job_id": {"type": "string"}, "status": {"type": "string"}}});
    json!({
        "type": "object",
        "properties": {"reached": {"type": "boolean"}, "jobs": {"type": "array", "items": job}},
        "required": ["reached", "jobs"],
    })
}

/// What one job is watched for; its end always ends the watch.
#[derive(Clone)]
enum Watch {
    End,
    Text(Regex),
    Silence(Duration),
}

/// Why the watch of one job ended.
enum News {
    Ended,
    Printed(String),
    Silent,
}

async fn run(context: &Context, arguments: Arguments) -> Result<Reply, Trouble> {
    let mut wish: Wish = arguments.read()?;
    let watch = watch(&wish)?;
    let wait = Wait::of(wish.timeout_seconds, WAIT);
    wish.job_ids.sort_unstable();
    wish.job_ids.dedup();
    for id in &wish.job_ids {
        context.engine.status(&context.client, id).await?;
    }
    let all = wish.until.as_deref() == Some("all");
    let (reached, news) = until(context, &wish.job_ids, &watch, all, wait.limit).await;
    let mut lines = Vec::new();
    let mut jobs = Vec::new();
    for id in &wish.job_ids {
        let status = context.engine.status(&context.client, id).await?;
        let of_this = news.iter().find(|(of, _)| of == id).map(|(_, news)| news);
        lines.push(in_words(&status, of_this));
        jobs.push(in_json(&status, of_this, context.dialect));
    }
    if !reached {
        lines.push(wait.note.unwrap_or_else(|| format!("not reached within {} s", wait.limit.as_secs_f64())));
    }
    Ok(Reply::both(lines.join("\n"), json!({"reached": reached, "jobs": jobs})))
}

fn watch(wish: &Wish) -> Result<Watch, Trouble> {
    match (wish.until.as_deref(), &wish.pattern) {
        (Some("pattern"), Some(pattern)) => match Regex::new(pattern) {
            Ok(pattern) => Ok(Watch::Text(pattern)),
            Err(error) => Err(Trouble::Refused(format!("parameter `pattern` is no regex: {error}"))),
        },
        (Some("pattern"), None) => Err(Trouble::Refused("until `pattern` needs the parameter `pattern`".to_owned())),
        (_, Some(_)) => Err(Trouble::Refused("parameter `pattern` needs until `pattern`".to_owned())),
        (Some("idle"), None) => {
            let seconds = wish.idle_seconds.unwrap_or(IDLE);
            Ok(Watch::Silence(Duration::try_from_secs_f64(seconds).unwrap_or_default()))
        }
        _ => Ok(Watch::End),
    }
}

/// Watches the jobs until what was asked for has come, with all news up to then.
async fn until(
    context: &Context,
    ids: &[String],
    watch: &Watch,
    all: bool,
    limit: Duration,
) -> (bool, Vec<(String, News)>) {
    let mut watched = JoinSet::new();
    for id in ids {
        let (engine, client, id) = (Arc::clone(&context.engine), context.client.clone(), id.clone());
        let watch = watch.clone();
        watched.spawn(async move { (watch_one(&engine, &client, &id, &watch).await, id) });
    }
    let started = Instant::now();
    let deadline = tokio::time::sleep(limit);
    tokio::pin!(deadline);
    let mut news = Vec::new();
    loop {
        tokio::select! {
            one = watched.join_next() => match one {
                Some(Ok((Ok(what), id))) => {
                    // A job that ends without the text may have siblings that print it.
                    let enough = !matches!((&what, watch), (News::Ended, Watch::Text(_)));
                    news.push((id, what));
                    if enough && !all {
                        return (true, news);
                    }
                }
                // A job that was forgotten meanwhile has no news.
                Some(_) => {}
                None => return (all, news),
            },
            () = &mut deadline => return (false, news),
            () = context.given_up.happens() => return (false, news),
            () = context.progress.due() => {
                let word = format!("{} of {} jobs still watched", watched.len(), ids.len());
                context.progress.tell(started.elapsed().min(limit), limit, &word).await;
            }
        }
    }
}

async fn watch_one(engine: &Engine, client: &str, id: &str, watch: &Watch) -> Result<News, NoSuchJob> {
    let mut status = engine.status(client, id).await?;
    let mut read = Cursor::default();
    loop {
        if let Watch::Text(pattern) = watch
            && let Some(found) = search(engine, client, id, pattern, &mut read)?
        {
            return Ok(News::Printed(found));
        }
        if status.state.ended() {
            return Ok(News::Ended);
        }
        let changed = engine.changed(client, id, &status);
        status = match watch {
            Watch::Silence(length) => match tokio::time::timeout(*length, changed).await {
                Ok(changed) => changed?,
                Err(_silent) => return Ok(News::Silent),
            },
            Watch::End | Watch::Text(_) => changed.await?,
        };
    }
}

/// Searches what came since the cursors, and leaves them a little before the end.
fn search(
    engine: &Engine,
    client: &str,
    id: &str,
    pattern: &Regex,
    read: &mut Cursor,
) -> Result<Option<String>, NoSuchJob> {
    loop {
        let output = engine.read(client, id, *read, PIECE)?;
        for piece in [&output.stdout, &output.stderr] {
            if let Some(found) = pattern.find(&piece.text) {
                return Ok(Some(line_around(&piece.text, found.start())));
            }
        }
        if output.stdout.more == 0 && output.stderr.more == 0 {
            return Ok(None);
        }
        // A piece that is shorter than the overlap is read again in full; one that is not moves the cursor on.
        let on = |from: u64, next: u64| from.max(next.saturating_sub(OVERLAP as u64));
        *read = Cursor { stdout: on(read.stdout, output.stdout.next), stderr: on(read.stderr, output.stderr.next) };
    }
}

/// The line of a text in which a byte stands, shortened.
fn line_around(text: &str, at: usize) -> String {
    let start = text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |newline| newline + 1);
    text.get(start..).and_then(|rest| rest.lines().next()).unwrap_or_default().chars().take(200).collect()
}

fn in_words(status: &Status, news: Option<&News>) -> String {
    let line = render::line(status, Timestamp::now());
    match news {
        Some(News::Printed(found)) => format!("{line}; it printed: {found}"),
        Some(News::Silent) => format!("{line}; it is silent"),
        Some(News::Ended) | None => line,
    }
}

fn in_json(status: &Status, news: Option<&News>, dialect: Dialect) -> Value {
    let mut json = match dialect {
        Dialect::Model => render::summary_json(status),
        Dialect::Program => render::program_summary(status),
    };
    let (name, value) = match news {
        Some(News::Printed(found)) => ("printed", json!(found)),
        Some(News::Silent) => ("silent", json!(true)),
        Some(News::Ended) => ("ended", json!(true)),
        None => return json,
    };
    if let Some(facts) = json.as_object_mut() {
        facts.insert(name.to_owned(), value);
    }
    json
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_a_match_is_shown() {
        assert_eq!(line_around("one\ntwo three\nfour", 8), "two three");
        assert_eq!(line_around("one", 0), "one");
    }
}
