//! Clients that leave, give up, or stop reading in the middle of things: the server stays right and leaves nothing behind.

use serde_json::{Value, json};

use super::session::{PATIENCE, Session, Wires};

/// A call of every tool, those that can wait in their longest wait, about a job that goes on for ever.
fn calls(job: &str) -> Vec<(&'static str, Value)> {
    let wait = 45;
    vec![
        ("execute_command", json!({"command": "sleep 1000", "wait_seconds": wait})),
        ("execute_command", json!({"command": "yes", "wait_seconds": wait})),
        ("execute_command", json!({"command": "cat", "pty": true, "wait_seconds": wait})),
        ("check_command", json!({"command": "ls"})),
        ("get_job_status", json!({"job_id": job, "wait_seconds": wait})),
        ("get_job_output", json!({"job_id": job})),
        ("tail_job_output", json!({"job_id": job})),
        ("interact_with_job", json!({"job_id": job, "input": "x\n", "wait_seconds": wait})),
        ("wait_for_jobs", json!({"job_ids": [job], "until": "all", "timeout_seconds": wait})),
        ("list_jobs", json!({})),
        ("kill_job", json!({"job_id": job})),
    ]
}

#[test]
fn a_client_that_leaves_in_the_middle_of_any_call_stops_nothing() {
    for index in 0..calls("").len() {
        let mut session = Session::open(Wires::Pipes);
        let job = session.run_with("cat", json!({"keep_stdin_open": true}));
        let (tool, arguments) = calls(&job).swap_remove(index);
        session.request("tools/call", json!({"name": tool, "arguments": arguments}));
        session.hang_up();
        assert!(session.exit().success(), "{tool} {arguments}");
    }
}

#[test]
fn everything_can_be_cancelled_and_nothing_of_it_is_left() {
    let mut session = Session::open(Wires::Pipes);
    let job = session.run_with("cat", json!({"keep_stdin_open": true}));
    let mut ids = Vec::new();
    for (tool, arguments) in calls(&job).into_iter().filter(|(tool, _)| *tool != "kill_job") {
        ids.push(session.request("tools/call", json!({"name": tool, "arguments": arguments})));
    }
    // Twice, and once more for what was never asked.
    for id in ids.iter().chain(&ids).chain(&[u64::MAX]) {
        let params = json!({"requestId": id, "reason": "test"});
        session.send(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params}).to_string());
    }
    session.works("after all of them");
    loop {
        let jobs = session.call("list_jobs", json!({"limit": 100}));
        let jobs = jobs.pointer("/structuredContent/jobs").and_then(Value::as_array).unwrap().clone();
        let alive = jobs.iter().filter(|job| matches!(job["status"].as_str(), Some("running" | "queued")));
        let alive: Vec<_> = alive.map(|job| job["job_id"].clone()).collect();
        if alive.len() == 1 {
            assert_eq!(alive, [json!(job)], "what another call started goes on");
            break;
        }
    }
}

#[test]
fn a_client_that_does_not_read_for_a_while_stalls_no_job_and_loses_nothing() {
    let mut session = Session::open(Wires::Pipes);
    let file = session.workspace().join("done");
    let job = session.run("sleep 0.5 && echo made > done");
    session.stop_reading();
    let ids: Vec<_> = (0..300).map(|_| session.request("tools/list", json!({}))).collect();
    let deadline = std::time::Instant::now() + PATIENCE;
    while !std::fs::read_to_string(&file).is_ok_and(|text| text == "made\n") {
        assert!(std::time::Instant::now() < deadline, "the job was stalled");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    session.read_again();
    let mut open: std::collections::BTreeSet<_> = ids.into_iter().collect();
    while !open.is_empty() {
        let answer = session.next().unwrap();
        open.remove(&answer.get("id").and_then(Value::as_u64).unwrap());
    }
    assert_eq!(session.ended(&job)["status"], "completed");
}
