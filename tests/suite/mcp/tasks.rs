//! A job as a task, for a client that declared the extension; in both eras.

use serde_json::{Value, json};

use super::session::{Session, Wires, text};

const EXTENSION: &str = "io.modelcontextprotocol/tasks";

/// A session whose client knows tasks, and what each of its requests carries.
fn session(new_era: bool) -> (Session, Value) {
    let able = json!({"extensions": {EXTENSION: {}}});
    let client = json!({"name": "raw", "version": "1"});
    let mut session = Session::start(Wires::Pipes);
    if new_era {
        let meta = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": able,
            "io.modelcontextprotocol/clientInfo": client,
        });
        return (session, json!({"_meta": meta}));
    }
    let hello = json!({"protocolVersion": "2025-11-25", "capabilities": able, "clientInfo": client});
    let answer = session.ask("initialize", hello);
    assert!(
        answer.pointer(&format!("/result/capabilities/extensions/{}", EXTENSION.replace('/', "~1"))).is_some(),
        "{answer}"
    );
    (session, json!({}))
}

pub(super) fn ask(session: &mut Session, with: &Value, method: &str, mut params: Value) -> Value {
    if let (Some(params), Some(with)) = (params.as_object_mut(), with.as_object()) {
        params.extend(with.clone());
    }
    let answer = session.ask(method, params);
    answer.get("result").cloned().unwrap_or_else(|| panic!("{method}: {answer}"))
}

fn execute(session: &mut Session, with: &Value, command: &str) -> Value {
    let arguments = json!({"command": command, "wait_seconds": 0});
    ask(session, with, "tools/call", json!({"name": "execute_command", "arguments": arguments}))
}

/// Looks until the task is over.
fn over(session: &mut Session, with: &Value, id: &str) -> Value {
    loop {
        let task = ask(session, with, "tasks/get", json!({"taskId": id}));
        if task.get("status") != Some(&json!("working")) {
            return task;
        }
    }
}

#[test]
fn a_job_that_still_runs_is_a_task_under_the_same_id() {
    for new_era in [false, true] {
        let (mut session, with) = session(new_era);
        let task = execute(&mut session, &with, "sleep 0.3 && echo at last");
        assert_eq!(task.get("resultType"), Some(&json!("task")), "{task}");
        assert_eq!(task.get("ttlMs"), Some(&Value::Null), "no time to live: {task}");
        let id = task.get("taskId").and_then(Value::as_str).unwrap().to_owned();
        let done = over(&mut session, &with, &id);
        assert_eq!(done.get("status"), Some(&json!("completed")), "{done}");
        assert!(text(done.get("result").unwrap()).contains("at last"), "{done}");
        let status =
            ask(&mut session, &with, "tools/call", json!({"name": "get_job_status", "arguments": {"job_id": id}}));
        assert_eq!(status.pointer("/structuredContent/status"), Some(&json!("completed")), "{status}");
    }
}

#[test]
fn a_cancelled_task_is_a_killed_job() {
    for new_era in [false, true] {
        let (mut session, with) = session(new_era);
        let task = execute(&mut session, &with, "sleep 1000");
        let id = task.get("taskId").and_then(Value::as_str).unwrap().to_owned();
        ask(&mut session, &with, "tasks/cancel", json!({"taskId": id}));
        assert_eq!(over(&mut session, &with, &id).get("status"), Some(&json!("cancelled")));
    }
}

#[test]
fn a_client_without_tasks_gets_none_and_an_unknown_task_is_an_error() {
    let mut plain = Session::open(Wires::Pipes);
    let job = plain.run("sleep 1000");
    let answer = plain.ask("tasks/get", json!({"taskId": job}));
    assert_eq!(answer.pointer("/error/code"), Some(&json!(-32021)), "{answer}");
    let (mut session, _) = session(false);
    let answer = session.ask("tasks/get", json!({"taskId": "none"}));
    assert_eq!(answer.pointer("/error/code"), Some(&json!(-32602)), "{answer}");
}

/// A session of the era without handshake whose client knows tasks and can ask a person.
pub(super) fn asking() -> (Session, Value) {
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {"extensions": {EXTENSION: {}}, "elicitation": {"form": {}}},
        "io.modelcontextprotocol/clientInfo": {"name": "raw", "version": "1"},
    });
    (Session::start(Wires::Pipes), json!({"_meta": meta}))
}

/// Starts a command that the policy asks about; the id of its task.
pub(super) fn asked(session: &mut Session, with: &Value) -> String {
    let task = execute(session, with, "uname && sleep 0.5");
    assert_eq!(task["status"], "input_required", "{task}");
    let id = task["taskId"].as_str().unwrap().to_owned();
    let waiting = ask(session, with, "tasks/get", json!({"taskId": id}));
    let form = waiting.pointer("/inputRequests/confirm/params/message").and_then(Value::as_str);
    assert!(form.is_some_and(|form| form.contains("uname")), "{waiting}");
    id
}

pub(super) fn answer(session: &mut Session, with: &Value, id: &str, action: &str) {
    let responses = json!({"confirm": {"action": action, "content": {}}});
    ask(session, with, "tasks/update", json!({"taskId": id, "inputResponses": responses}));
}

#[test]
fn a_task_waits_for_a_person_and_the_answer_counts_once() {
    let (mut session, with) = asking();
    let id = asked(&mut session, &with);
    answer(&mut session, &with, &id, "accept");
    let done = over(&mut session, &with, &id);
    assert!(text(done.get("result").unwrap()).contains("Linux"), "{done}");
    answer(&mut session, &with, &id, "accept");
    let jobs = ask(&mut session, &with, "tools/call", json!({"name": "list_jobs", "arguments": {}}));
    assert_eq!(jobs.pointer("/structuredContent/jobs").and_then(Value::as_array).map(Vec::len), Some(1), "{jobs}");
    // One that nothing was asked of is a task all the same.
    let task = execute(&mut session, &with, "sleep 0.2 && echo unasked");
    let done = over(&mut session, &with, task["taskId"].as_str().unwrap());
    assert!(text(done.get("result").unwrap()).contains("unasked"), "{done}");
}

#[test]
fn a_task_that_nobody_confirms_starts_nothing() {
    let (mut session, with) = asking();
    let id = asked(&mut session, &with);
    answer(&mut session, &with, &id, "decline");
    let done = over(&mut session, &with, &id);
    assert!(text(done.get("result").unwrap()).contains("nobody said yes"), "{done}");
    let id = asked(&mut session, &with);
    ask(&mut session, &with, "tasks/cancel", json!({"taskId": id}));
    assert_eq!(over(&mut session, &with, &id)["status"], "cancelled");
    answer(&mut session, &with, &id, "accept");
    assert_eq!(over(&mut session, &with, &id)["status"], "cancelled", "too late");
    let jobs = ask(&mut session, &with, "tools/call", json!({"name": "list_jobs", "arguments": {}}));
    assert_eq!(jobs.pointer("/structuredContent/jobs"), Some(&json!([])), "{jobs}");
}
