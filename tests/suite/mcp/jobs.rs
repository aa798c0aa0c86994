//! The queue, silence, and what may be written to whom.

use serde_json::{Value, json};

use super::session::{Session, text};

fn refusal(answer: &Value) -> String {
    assert_eq!(answer.get("isError"), Some(&json!(true)), "{answer}");
    text(answer)
}

#[test]
fn the_more_urgent_of_two_waiting_jobs_is_started_first() {
    let mut session = Session::under("jobs: {concurrent: 1}", &[]);
    let first = session.run("sleep 1000");
    let low = session.run_with("echo low", json!({"priority": "low"}));
    let high = session.run_with("echo high", json!({"priority": "high"}));
    assert_eq!(session.status(&low)["status"], "queued");
    assert_eq!(session.status(&high)["priority"], "high");
    session.call("kill_job", json!({"job_id": first}));
    let (high, low) = (session.ended(&high), session.ended(&low));
    assert!(high["started"].as_str() < low["started"].as_str(), "{high} {low}");
    assert!(high["ended"].as_str() <= low["started"].as_str(), "one at a time: {high} {low}");
}

#[test]
fn a_job_that_does_nothing_is_called_stuck_and_one_that_works_is_not() {
    let mut session = Session::under("jobs: {stuck_after: 400ms}", &[]);
    let silent = session.run("sleep 1000");
    let busy = session.run("while true; do :; done");
    loop {
        let status = session.status(&silent);
        if status["idle_seconds"].is_u64() {
            assert_eq!(
                (status["processes"].as_u64(), status["status"].as_str()),
                (Some(1), Some("running")),
                "{status}"
            );
            break;
        }
    }
    let told = session.call("get_job_status", json!({"job_id": silent}));
    assert!(text(&told).contains("no output and no processor time"), "{told}");
    let used = |status: &Value| status["cpu_seconds"].as_f64().unwrap_or(0.0);
    while used(&session.status(&busy)) < 0.2 {}
    let status = session.status(&busy);
    assert!(status["idle_seconds"].is_null() && status["memory_bytes"].as_u64() > Some(0), "{status}");
}

#[test]
fn what_a_shell_reads_is_refused_and_what_an_interpreter_reads_is_judged() {
    let rules = r"
commands:
  default: deny
  allow:
    - {id: shell, program: [sh, bash], options: any, operands: any}
    - {id: any-code, program: python3, options: any, operands: any}
    - {id: one-script, program: perl, options: none, operands: none}
    - {id: data, program: cat, options: none, operands: none}
";
    let mut session = Session::under(rules, &[]);
    for (why, command, refused) in [
        ("a shell has a door of its own", "bash", true),
        ("the same behind a pipe", "cat | sh", true),
        ("the policy allows it any code", "python3 -", false),
        ("the policy allows this one invocation", "perl", true),
        ("data is data", "cat", false),
    ] {
        for (how, arguments) in [
            ("text", json!({"command": command, "stdin": "1\n", "wait_seconds": 30})),
            ("open", json!({"command": command, "keep_stdin_open": true, "wait_seconds": 0})),
            ("terminal", json!({"command": command, "pty": true, "wait_seconds": 0})),
        ] {
            let answer = session.call("execute_command", arguments);
            assert_eq!(answer.get("isError"), Some(&json!(refused)), "{why}, {how}: {answer}");
            if refused {
                assert!(refusal(&answer).contains("standard input"), "{why}, {how}: {answer}");
            }
        }
        let answer = session.call("execute_command", json!({"command": command, "wait_seconds": 30}));
        assert_eq!(answer.get("isError"), Some(&json!(false)), "{why}: nothing is written, so all is well: {answer}");
    }
}

#[test]
fn keys_without_a_terminal_are_signals_and_the_end_of_the_input() {
    let mut session = Session::under("", &[]);
    let job = session.run_with("cat", json!({"keep_stdin_open": true}));
    let answer = session.call("interact_with_job", json!({"job_id": job, "input": "a", "keys": ["enter", "ctrl-d"]}));
    assert!(text(&answer).contains("a\n"), "{answer}");
    assert_eq!(session.ended(&job)["exit_code"], 0);
    let job = session.run("sleep 1000");
    while session.status(&job)["status"] == "queued" {}
    session.call("interact_with_job", json!({"job_id": job, "keys": ["ctrl-c"], "wait_seconds": 5}));
    assert_eq!(session.ended(&job)["signal"], 2);
    let answer = session.call("interact_with_job", json!({"job_id": job, "keys": ["up"]}));
    assert!(refusal(&answer).contains("pty: true"), "{answer}");
}
