//! Jobs that sit at a terminal: it is their own, they see its size, and what they draw is shown as a screen.

use serde_json::{Value, json};

use super::session::{Session, text};

/// Waits until the screen of a job shows a text.
fn until_shown(session: &mut Session, job: &str, wanted: &str) -> String {
    loop {
        let answer = session.call("tail_job_output", json!({"job_id": job}));
        let shown = text(&answer);
        if shown.contains(wanted) {
            return shown;
        }
        let state = session.status(job);
        assert!(matches!(state["status"].as_str(), Some("queued" | "running")), "{wanted} never came: {shown} {state}");
    }
}

fn in_terminal(session: &mut Session, command: &str, more: Value) -> String {
    let mut arguments = json!({"command": command, "pty": true, "wait_seconds": 30});
    arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    text(&session.call("execute_command", arguments))
}

#[test]
fn a_job_finds_a_terminal_of_the_size_that_was_asked_for() {
    let mut session = Session::under("", &[]);
    let shown = in_terminal(
        &mut session,
        "stty size; test -t 0 && test -t 1 && test -t 2 && echo all",
        json!({"rows": 30, "cols": 100}),
    );
    assert!(shown.contains("30 100") && shown.contains("all") && shown.contains("30 rows, 100 columns"), "{shown}");
    let program = "import os; os.write(os.open('/dev/tty', os.O_RDWR), b'on it '); print(os.environ['TERM'])";
    std::fs::write(session.workspace().join("tty.py"), program).unwrap();
    let shown = in_terminal(&mut session, "python3 tty.py", json!({}));
    assert!(shown.contains("on it xterm-256color"), "its own controlling terminal: {shown}");
    let plain = session.call("execute_command", json!({"command": "test -t 0; echo $?; python3 tty.py"}));
    assert!(
        text(&plain).contains("--- stdout ---\n1\n") && text(&plain).contains("Error"),
        "without `pty` there is none: {plain}"
    );
    let wrong = session.call("execute_command", json!({"command": "ls", "rows": 30}));
    assert!(text(&wrong).contains("need `pty: true`"), "{wrong}");
}

#[test]
fn keys_reach_the_program_and_the_screen_shows_the_last_state() {
    let mut session = Session::under("", &[]);
    let program = "import sys,tty,os\ntty.setraw(0)\nos.write(1,b'\\x1b[2J\\x1b[Hready')\nwhile True:\n  got=os.read(0,16)\n  os.write(1,b'\\x1b[2J\\x1b[3;5H'+repr(got).encode())\n  if got==b'q': break\n";
    std::fs::write(session.workspace().join("keys.py"), program).unwrap();
    let job = session.run_with("python3 keys.py", json!({"pty": true}));
    until_shown(&mut session, &job, "ready");
    let answer = session.call("interact_with_job", json!({"job_id": job, "keys": ["up"]}));
    until_shown(&mut session, &job, "b'\\x1b[A'");
    assert!(!text(&answer).contains("ready"), "it was cleared: {answer}");
    session.call("interact_with_job", json!({"job_id": job, "input": "q"}));
    assert_eq!(session.ended(&job)["exit_code"], 0);
    let size = session.status(&job)["pty"].clone();
    assert_eq!(size, json!({"rows": 24, "cols": 80}));
}

#[test]
fn control_keys_mean_at_a_terminal_what_they_always_mean() {
    let mut session = Session::under("", &[]);
    let job = session.run_with("sleep 1000", json!({"pty": true}));
    while session.status(&job)["status"] == "queued" {}
    session.call("interact_with_job", json!({"job_id": job, "keys": ["ctrl-c"]}));
    assert_eq!(session.ended(&job)["signal"], 2, "the terminal sends the signal");
    let job = session.run_with("cat", json!({"pty": true}));
    let answer = session.call("interact_with_job", json!({"job_id": job, "input": "typed\n", "close_stdin": true}));
    assert!(text(&answer).contains("typed"), "{answer}");
    assert_eq!(session.ended(&job)["exit_code"], 0, "the end of the input is a key, too");
}

#[test]
fn a_secret_that_is_drawn_in_pieces_is_not_shown() {
    let mut session = Session::under("", &[]);
    // Drawn from its end to its start, so that it never stands in the stream as one.
    let token: String = ["ghp", "_", &"a1B2c3D4e5F6".repeat(3)].concat();
    let mut program = String::from("printf '\\033[2J'");
    for (index, c) in token.char_indices().rev() {
        program.push_str(&format!("; printf '\\033[1;{}H{c}'", index + 1));
    }
    let shown = in_terminal(&mut session, &program, json!({}));
    assert!(shown.contains("--- screen") && !shown.contains(&token), "{shown}");
}
