//! What a job wrote, looked at in every way there is.

use std::time::Instant;

use base64::Engine as _;
use serde_json::json;

use super::session::{PATIENCE, Session, text};

/// Writes 4 MB: far more than memory keeps.
const MUCH: &str = "seq 1 600000";

#[test]
fn a_cursor_finds_what_memory_let_go_and_a_search_goes_through_all_of_it() {
    let mut session = Session::under("jobs: {spill_size: 8 MiB}", &[]);
    let job = session.run(MUCH);
    session.ended(&job);
    let first = text(&session.call("get_job_output", json!({"job_id": job, "max_bytes": 20})));
    assert!(first.contains("1\n2\n3\n") && !first.contains("not shown"), "{first}");
    let middle = text(&session.call("get_job_output", json!({"job_id": job, "cursor": "588895:0", "max_bytes": 14})));
    assert!(middle.contains("100001\n100002\n"), "{middle}");
    let found = json!({"job_id": job, "search": "^[12]50000$", "context": 1});
    let found = text(&session.call("get_job_output", found));
    assert!(found.contains("2 lines match\n149999-149999\n150000:150000\n150001-150001\n--\n"), "{found}");
    let ends = text(&session.call("get_job_output", json!({"job_id": job, "view": "head_tail", "max_bytes": 40})));
    assert!(ends.contains("1\n2\n") && ends.contains("bytes omitted]") && ends.contains("600000\n"), "{ends}");
    let refused = text(&session.call("get_job_output", json!({"job_id": job, "search": "("})));
    assert!(refused.contains("`(` is no regex"), "{refused}");
}

#[test]
fn bytes_that_are_no_text_come_as_they_are_when_asked_for() {
    let mut session = Session::under("", &[]);
    let job = session.run(r"printf 'a\377\000b\033[1mc'");
    session.ended(&job);
    let raw = text(&session.call("get_job_output", json!({"job_id": job, "view": "base64"})));
    let want = base64::engine::general_purpose::STANDARD.encode(b"a\xff\x00b\x1b[1mc");
    assert!(raw.contains(&want), "{raw}");
}

#[test]
fn without_a_spill_what_memory_let_go_is_counted() {
    let mut session = Session::under("jobs: {spill: false}", &[]);
    let job = session.run(MUCH);
    session.ended(&job);
    let first = text(&session.call("get_job_output", json!({"job_id": job, "max_bytes": 20})));
    assert!(first.contains("bytes before or between are not shown"), "{first}");
}

#[test]
fn a_flood_is_dropped_and_counted_where_the_policy_says_so() {
    let mut session = Session::under("limits: {output: 1 MiB, on_output: drop}", &[]);
    let job = session.run(MUCH);
    let status = session.ended(&job);
    assert_eq!(status["status"], "completed", "{status}");
    let last = text(&session.call("tail_job_output", json!({"job_id": job, "lines": 1})));
    assert!(last.contains("bytes more were dropped: limits.output]"), "{last}");
}

/// Writes what it reads to the stream that it names: `1 text` or `2 text`.
const ECHO: &str = "import sys, os
for line in sys.stdin:
    os.write(int(line[0]), line[2:].encode())
";

/// Writes to a job and waits until what it says of it is there.
fn step(session: &mut Session, job: &str, input: &str) -> String {
    let sent = json!({"job_id": job, "input": format!("{input}\n"), "wait_seconds": 0.1});
    let sent = session.call("interact_with_job", sent);
    assert_eq!(sent["isError"], json!(false), "{sent}");
    let started = Instant::now();
    loop {
        let shown = text(&session.call("get_job_output", json!({"job_id": job, "view": "merged"})));
        if shown.contains(&input[2..]) {
            return shown;
        }
        assert!(started.elapsed() < PATIENCE, "{input} never came: {shown}");
    }
}

#[test]
fn both_streams_are_shown_in_the_order_in_which_they_came() {
    let mut session = Session::under("", &[]);
    std::fs::write(session.workspace().join("echo.py"), ECHO).unwrap();
    let job = session.run_with("python3 echo.py", json!({"keep_stdin_open": true}));
    // None of these lines ends like the beginning of a secret, which would be held back until more comes.
    for input in ["1 first ok", "2 second ok", "1 third ok", "1 fourth ok", "2 fünf ok"] {
        step(&mut session, &job, input);
    }
    let shown = step(&mut session, &job, "1 sixth ok");
    let want = "--- stdout and stderr in time order ---\nfirst ok\nsecond ok\nthird ok\nfourth ok\nfünf ok\nsixth ok\n";
    assert!(shown.starts_with(want), "{shown}");
    let mut pages = String::new();
    let mut cursor = "0:0".to_owned();
    while !cursor.is_empty() {
        let page = json!({"job_id": job, "view": "merged", "max_bytes": 7, "cursor": cursor});
        let page = text(&session.call("get_job_output", page));
        let (body, rest) = page.rsplit_once('\n').unwrap();
        pages.push_str(body.split_once("---\n").unwrap().1);
        let next = rest.rsplit(' ').next().unwrap();
        cursor = if rest.contains("bytes more are there") { next.to_owned() } else { String::new() };
    }
    assert_eq!(
        pages.replace(['\n', ' '], ""),
        "firstoksecondokthirdokfourthokfünfoksixthok",
        "each byte once, no character cut"
    );
    let refused = json!({"job_id": job, "view": "merged", "stream": "stderr"});
    assert!(text(&session.call("get_job_output", refused)).contains("leave out `stream`"));
    session.call("interact_with_job", json!({"job_id": job, "close_stdin": true}));
    session.ended(&job);
}
