//! However the server ends, its jobs end with it.

use std::os::unix::process::ExitStatusExt;

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use super::session::{PATIENCE, Session, Wires};

/// Starts a job and returns the directory of its process.
fn job(session: &mut Session) -> String {
    let id = session.run("sleep 1000");
    loop {
        let status = session.call("get_job_status", json!({"job_id": id}));
        if let Some(pid) = status.pointer("/structuredContent/pid").and_then(Value::as_u64) {
            return format!("/proc/{pid}");
        }
        let state = status.pointer("/structuredContent/status");
        assert_eq!(state, Some(&json!("queued")), "it runs or is about to: {status}");
    }
}

#[test]
fn the_end_of_input_and_each_signal_end_the_server_and_its_jobs() {
    for wires in [Wires::Pipes, Wires::Sockets] {
        for signal in [None, Some(Signal::SIGTERM), Some(Signal::SIGINT)] {
            let mut session = Session::open(wires);
            let process = stat_of(&job(&mut session));
            // A call that still waits must not keep the server.
            session.request(
                "tools/call",
                json!({"name": "execute_command", "arguments": {"command": "sleep 1000", "wait_seconds": 45}}),
            );
            match signal {
                None => session.hang_up(),
                Some(signal) => session.signal(signal),
            }
            assert!(session.exit().success(), "{wires:?} {signal:?}");
            wait_for_end(process);
        }
    }
}

#[test]
fn a_server_that_is_shot_leaves_no_job() {
    let mut session = Session::open(Wires::Pipes);
    let process = job(&mut session);
    let handle = stat_of(&process);
    session.signal(Signal::SIGKILL);
    assert_eq!(session.exit().signal(), Some(Signal::SIGKILL as i32));
    wait_for_end(handle);
}

#[test]
fn a_client_that_does_not_read_cannot_keep_the_server() {
    let mut session = Session::open(Wires::Pipes);
    let process = stat_of(&job(&mut session));
    let listing = json!({"jsonrpc": "2.0", "id": "x", "method": "tools/list"}).to_string();
    // The harness reads in a thread of its own until it is told to stop: the pipe fills only then.
    session.stop_reading();
    for _ in 0..200 {
        session.send(&listing);
    }
    session.signal(Signal::SIGTERM);
    assert!(session.exit().success());
    wait_for_end(process);
}

#[test]
fn no_session_is_no_crash() {
    let mut session = Session::start(Wires::Pipes);
    session.hang_up();
    assert!(session.exit().success(), "a client that leaves before it said anything");
    let mut session = Session::start(Wires::Pipes);
    session.send(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#);
    assert_eq!(session.exit().code(), Some(125), "a first message that opens nothing");
}

fn stat_of(process: &str) -> std::fs::File {
    // An open directory of a process in /proc stays that process's: reading it fails once the process is gone.
    std::fs::File::open(format!("{process}/stat")).unwrap()
}

/// The kernel may still be taking the job's namespaces apart when the server has gone; what ran in them is over.
fn wait_for_end(mut stat: std::fs::File) {
    use std::io::{Read, Seek};
    let deadline = std::time::Instant::now() + PATIENCE;
    loop {
        let mut text = String::new();
        let gone = stat.rewind().is_err() || stat.read_to_string(&mut text).is_err() || text.contains(") Z ");
        if gone {
            return;
        }
        assert!(std::time::Instant::now() < deadline, "the job is left: {text}");
        std::thread::yield_now();
    }
}
