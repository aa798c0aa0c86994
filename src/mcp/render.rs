//! What a client sees of a job: state and output, in words for a model, as JSON for the rest.
//!
//! In: plain data of the engine, already redacted and free of control sequences. Out: text and JSON. Nothing is left
//! out silently: bytes that are missing are counted.

use std::fmt::Write as _;

use jiff::Timestamp;
use nix::sys::signal::Signal;
use serde_json::{Map, Value, json};

use crate::engine::{End, Exit, Merged, Outcome, Output, Piece, Priority, Shown, State, Status};

/// One line on where a job stands.
pub(super) fn line(status: &Status, now: Timestamp) -> String {
    let id = status.id;
    match &status.state {
        State::Queued => format!("job {id} is queued; it starts as soon as there is a place"),
        State::Running { since, pid } => {
            let stuck = status.idle.map(|idle| {
                let silent = idle.as_secs();
                format!("; no output and no processor time for {silent} s: it waits for something, perhaps for input")
            });
            let stuck = stuck.unwrap_or_default();
            format!("job {id} is running (pid {pid}, {} so far){stuck}", seconds(*since, now))
        }
        State::Ended { since, end } => {
            let took = since.map(|since| format!(" after {}", seconds(since, end.at))).unwrap_or_default();
            let changed = match end.changed.as_slice() {
                [] => String::new(),
                names => format!("; protected names changed while it ran: {}", names.join(", ")),
            };
            format!("job {id} {}{took}{changed}", how(end))
        }
    }
}

/// How a job ended.
fn how(end: &End) -> String {
    let exit = exit(&end.exit);
    match &end.outcome {
        Outcome::Completed => format!("completed: {exit}"),
        Outcome::Failed => format!("failed: {exit}"),
        Outcome::Killed => "was killed".to_owned(),
        Outcome::TimedOut => "was ended by its time limit".to_owned(),
        Outcome::Limited(limit) => format!("was ended by the limit `{limit}`"),
    }
}

fn exit(exit: &Exit) -> String {
    match exit {
        Exit::Code(code) => format!("exit code {code}"),
        Exit::Signal(number) => match signal_name(*number) {
            Some(name) => format!("ended by signal {number} ({name})"),
            None => format!("ended by signal {number}"),
        },
        Exit::None(why) => why.clone(),
    }
}

fn signal_name(number: i32) -> Option<&'static str> {
    Signal::try_from(number).ok().map(Signal::as_str)
}

fn seconds(from: Timestamp, to: Timestamp) -> String {
    format!("{:.2} s", to.duration_since(from).as_secs_f64().max(0.0))
}

/// Everything that is known of a job. Absent facts are absent, so that the answer stays short.
pub(super) fn status_json(status: &Status) -> Value {
    let mut all = Map::new();
    let mut put = |name: &str, value: Value| {
        if !value.is_null() {
            all.insert(name.to_owned(), value);
        }
    };
    put("job_id", status.id.to_string().into());
    put("status", status.state.name().into());
    put("command", status.command.clone().into());
    put("label", json!(status.label));
    put("created", status.created.to_string().into());
    if status.priority != Priority::Normal {
        put("priority", status.priority.name().into());
    }
    if let Some(size) = status.terminal {
        put("pty", json!({"rows": size.rows, "cols": size.columns}));
    }
    if let Some(usage) = status.usage {
        put("cpu_seconds", json!(usage.cpu.as_secs_f64()));
        put("memory_bytes", usage.memory.into());
        put("processes", usage.processes.into());
    }
    put("idle_seconds", json!(status.idle.map(|idle| idle.as_secs())));
    match &status.state {
        State::Queued => {}
        State::Running { since, pid } => {
            put("started", since.to_string().into());
            put("pid", (*pid).into());
        }
        State::Ended { since, end } => {
            put("started", json!(since.map(|since| since.to_string())));
            put("ended", end.at.to_string().into());
            match &end.exit {
                Exit::Code(code) => put("exit_code", (*code).into()),
                Exit::Signal(number) => put("signal", (*number).into()),
                Exit::None(why) => put("reason", why.clone().into()),
            }
            if let Outcome::Limited(limit) = &end.outcome {
                put("limit", limit.clone().into());
            }
            if !end.changed.is_empty() {
                put("protected_changed", json!(end.changed));
            }
            put("cpu_seconds", json!(end.cpu.as_secs_f64()));
            put("peak_memory_bytes", end.peak_memory.into());
        }
    }
    put("stdout_bytes", status.stdout_bytes.into());
    put("stderr_bytes", status.stderr_bytes.into());
    if !status.redactions.is_empty() {
        put(
            "redactions",
            status.redactions.iter().cloned().map(|(rule, count)| (rule, count.into())).collect::<Map<_, _>>().into(),
        );
    }
    put("sandbox", json!(status.sandbox));
    Value::Object(all)
}

/// What a list shows of a job; `get_job_status` has the rest.
pub(super) fn summary_json(status: &Status) -> Value {
    const SHOWN: &[&str] = &["job_id", "status", "command", "label", "created", "exit_code", "signal"];
    let mut json = status_json(status);
    if let Some(facts) = json.as_object_mut() {
        facts.retain(|name, _| SHOWN.contains(&name.as_str()));
    }
    json
}

/// The four states of `mcp-background-job`: a queued job counts as running, one that a limit ended as killed.
pub(super) fn program_state(state: &State) -> &'static str {
    match state.name() {
        "queued" => "running",
        "timed_out" | "limited" => "killed",
        other => other,
    }
}

/// The summary of a job in the shape of `mcp-background-job`.
pub(super) fn program_summary(status: &Status) -> Value {
    let started = match &status.state {
        State::Queued => status.created,
        State::Running { since, .. } => *since,
        State::Ended { since, .. } => since.unwrap_or(status.created),
    };
    json!({
        "job_id": status.id.to_string(),
        "status": program_state(&status.state),
        "command": status.command,
        "started": started.to_string(),
    })
}

/// Both streams in the shape of `mcp-background-job`: lines with newlines between them, none after the last.
pub(super) fn program_output(output: &Output) -> Value {
    let lines = |piece: &Piece| json!(piece.text.strip_suffix('\n').unwrap_or(&piece.text));
    json!({"stdout": lines(&output.stdout), "stderr": lines(&output.stderr)})
}

/// The screen of a terminal for a model.
pub(super) fn screen(shown: &Shown) -> String {
    let Shown { text, cursor: (row, column), size } = shown;
    format!(
        "--- screen, {} rows, {} columns, cursor at row {row}, column {column} ---\n{text}\n",
        size.rows, size.columns
    )
}

/// Both streams for a model: a heading for each one that has something to say.
pub(super) fn output(output: &Output) -> String {
    let mut text = String::new();
    for (name, piece) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
        stream(&mut text, name, piece);
    }
    if text.is_empty() { "(no output)".to_owned() } else { text }
}

/// Both streams as one for a model.
pub(super) fn merged(merged: &Merged) -> String {
    let Merged { text, dropped, more, unordered, .. } = merged;
    let piece = Piece { text: text.clone(), dropped: *dropped, more: *more, ..Piece::default() };
    let name = match unordered {
        0 => "stdout and stderr in time order".to_owned(),
        bytes => format!("stdout and stderr, in time order after the first {bytes} bytes"),
    };
    let mut text = String::new();
    stream(&mut text, &name, &piece);
    if text.is_empty() { "(no output)".to_owned() } else { text }
}

fn stream(text: &mut String, name: &str, piece: &Piece) {
    if piece.text.is_empty() && piece.dropped == 0 && piece.more == 0 {
        return;
    }
    let mut heading = name.to_owned();
    if piece.dropped > 0 {
        // Writing to a String cannot fail.
        let _ = write!(heading, ", {} bytes before or between are not shown", piece.dropped);
    }
    if piece.more > 0 {
        let _ = write!(heading, ", {} bytes more after this", piece.more);
    }
    let _ = write!(text, "--- {heading} ---\n{}", piece.text);
    if !piece.text.is_empty() && !piece.text.ends_with('\n') {
        text.push('\n');
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed assumption is a failed test")]
mod tests {
    use super::*;
    use crate::engine::JobId;
    use std::time::Duration;

    const ID: &str = "67e55044-10b1-426f-9247-bb680e5fe0c8";

    fn job(state: State) -> Status {
        Status {
            id: ID.parse::<JobId>().unwrap(),
            command: "make".to_owned(),
            label: None,
            created: Timestamp::UNIX_EPOCH,
            state,
            priority: Priority::Normal,
            usage: None,
            idle: None,
            terminal: None,
            stdout_bytes: 5,
            stderr_bytes: 0,
            redactions: vec![("ticket".to_owned(), 2)],
            sandbox: vec!["landlock".to_owned()],
        }
    }

    fn ended(outcome: Outcome, exit: Exit) -> State {
        let at = Timestamp::from_second(3).unwrap();
        let end = End { outcome, exit, at, cpu: Duration::from_millis(1500), peak_memory: 4096, changed: Vec::new() };
        State::Ended { since: Some(Timestamp::from_second(1).unwrap()), end }
    }

    #[test]
    fn a_state_reads_as_one_line() {
        let cases = [
            (State::Queued, "job {} is queued; it starts as soon as there is a place"),
            (State::Running { since: Timestamp::UNIX_EPOCH, pid: 7 }, "job {} is running (pid 7, 9.00 s so far)"),
            (ended(Outcome::Completed, Exit::Code(0)), "job {} completed: exit code 0 after 2.00 s"),
            (ended(Outcome::Failed, Exit::Signal(11)), "job {} failed: ended by signal 11 (SIGSEGV) after 2.00 s"),
            (
                ended(Outcome::Failed, Exit::None("exec: no such file".into())),
                "job {} failed: exec: no such file after 2.00 s",
            ),
            (
                ended(Outcome::Limited("memory".into()), Exit::Signal(9)),
                "job {} was ended by the limit `memory` after 2.00 s",
            ),
            (ended(Outcome::TimedOut, Exit::Signal(9)), "job {} was ended by its time limit after 2.00 s"),
        ];
        for (state, want) in cases {
            assert_eq!(line(&job(state), Timestamp::from_second(9).unwrap()), want.replace("{}", ID));
        }
    }

    #[test]
    fn json_of_a_job_has_its_facts_and_no_nulls() {
        let json = status_json(&job(ended(Outcome::Limited("memory".into()), Exit::Signal(9))));
        let want = json!({
            "job_id": ID, "status": "limited", "command": "make", "created": "1970-01-01T00:00:00Z",
            "started": "1970-01-01T00:00:01Z", "ended": "1970-01-01T00:00:03Z", "signal": 9, "limit": "memory",
            "cpu_seconds": 1.5, "peak_memory_bytes": 4096, "stdout_bytes": 5, "stderr_bytes": 0,
            "redactions": {"ticket": 2}, "sandbox": ["landlock"],
        });
        assert_eq!(json, want);
    }

    #[test]
    fn output_names_its_streams_and_what_is_missing() {
        let piece = |text: &str, dropped, more| Piece { text: text.to_owned(), next: 0, dropped, more };
        let cases = [
            (piece("", 0, 0), piece("", 0, 0), "(no output)"),
            (piece("a\n", 0, 0), piece("", 0, 0), "--- stdout ---\na\n"),
            (
                piece("a", 0, 0),
                piece("b", 3, 9),
                "--- stdout ---\na\n--- stderr, 3 bytes before or between are not shown, 9 bytes more after this ---\nb\n",
            ),
        ];
        for (stdout, stderr, want) in cases {
            assert_eq!(output(&Output { stdout, stderr }), want);
        }
    }
}
