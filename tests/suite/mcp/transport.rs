//! Frames in, frames out: both eras, both kinds of wires, and nothing but the protocol on standard output.

use serde_json::{Value, json};

use super::session::{Session, Wires, text};

#[test]
fn a_session_works_over_pipes_and_over_sockets() {
    for wires in [Wires::Pipes, Wires::Sockets] {
        let mut session = Session::open(wires);
        session.works("first call");
        let tools = session.ask("tools/list", json!({}));
        let names: Vec<_> = tools.pointer("/result/tools").and_then(Value::as_array).unwrap().iter().collect();
        assert!(names.len() >= 8, "{wires:?}: {tools}");
        session.hang_up();
        assert!(session.exit().success(), "{wires:?}");
    }
}

#[test]
fn the_era_without_handshake_is_served_on_the_same_wire() {
    let mut session = Session::start(Wires::Pipes);
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": {"name": "raw", "version": "1"},
    });
    let found = session.ask("server/discover", json!({"_meta": meta}));
    let versions = found.pointer("/result/supportedVersions").and_then(Value::as_array).unwrap();
    assert!(versions.contains(&json!("2026-07-28")) && versions.contains(&json!("2025-11-25")), "{found}");
    let call = json!({"name": "execute_command", "arguments": {"command": "echo new era"}, "_meta": meta});
    let answer = session.ask("tools/call", call);
    assert_eq!(answer.pointer("/result/resultType"), Some(&json!("complete")), "{answer}");
    assert!(text(answer.get("result").unwrap()).contains("new era"), "{answer}");
}

#[test]
fn an_older_version_is_agreed_on() {
    for version in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
        let mut session = Session::start(Wires::Pipes);
        let hello =
            json!({"protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "raw", "version": "1"}});
        let answer = session.ask("initialize", hello);
        assert_eq!(answer.pointer("/result/protocolVersion"), Some(&json!(version)), "{answer}");
    }
}

#[test]
fn requests_before_the_end_of_input_are_answered() {
    let mut session = Session::open(Wires::Pipes);
    let id =
        session.request("tools/call", json!({"name": "execute_command", "arguments": {"command": "echo last words"}}));
    session.hang_up();
    assert!(text(session.answer(id).get("result").unwrap()).contains("last words"));
    assert!(session.next().is_none(), "nothing follows");
    assert!(session.exit().success());
}

#[test]
fn cancelling_a_call_ends_what_it_started_and_nothing_else() {
    let mut session = Session::open(Wires::Pipes);
    let other = session.run("sleep 1000");
    let slow = json!({"command": "sleep 1000", "wait_seconds": 45, "label": "cancelled"});
    let id = session.request("tools/call", json!({"name": "execute_command", "arguments": slow}));
    let mine = loop {
        let jobs = session.call("list_jobs", json!({"label": "cancelled"}));
        let running = jobs.pointer("/structuredContent/jobs/0");
        if let Some(job) = running.filter(|job| job.get("status") == Some(&json!("running"))) {
            break job.get("job_id").and_then(Value::as_str).unwrap().to_owned();
        }
    };
    session
        .send(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id}}).to_string());
    let ended = session.call("get_job_status", json!({"job_id": mine, "wait_seconds": 30}));
    assert_eq!(ended.pointer("/structuredContent/status"), Some(&json!("killed")), "{ended}");
    let running = session.call("get_job_status", json!({"job_id": other}));
    assert_eq!(running.pointer("/structuredContent/status"), Some(&json!("running")), "{running}");
}

#[test]
fn an_exchanged_policy_is_told_to_whoever_follows_it() {
    let mut session = Session::under("", &[]);
    let uri = json!({"uri": "policy://active"});
    assert!(session.ask("resources/subscribe", uri.clone()).get("result").is_some());
    let before = session.ask("resources/read", uri.clone());
    session.rewrite_policy("commands: {deny: [{id: more, program: id, reason: tests want another}]}");
    loop {
        let line = session.next().unwrap();
        if line.get("method") == Some(&json!("notifications/resources/updated")) {
            assert_eq!(line.pointer("/params/uri"), Some(&json!("policy://active")), "{line}");
            break;
        }
    }
    assert_ne!(session.ask("resources/read", uri)["result"], before["result"]);
}

#[test]
fn what_came_before_the_first_look_at_a_job_is_told_as_well() {
    let mut session = Session::open(Wires::Pipes);
    let job = session.run("echo early; sleep 1000");
    while !session.call("get_job_output", json!({"job_id": job})).to_string().contains("early") {}
    // Nothing more comes from it: only what is there already can be told.
    let uri = json!({"uri": format!("job://{job}/stdout")});
    session.request("resources/subscribe", uri.clone());
    loop {
        let line = session.next().unwrap();
        if line.get("method") == Some(&json!("notifications/resources/updated")) {
            assert_eq!(line.get("params"), Some(&uri), "{line}");
            break;
        }
    }
}

#[test]
fn a_job_never_reaches_the_wires_of_the_protocol() {
    let mut session = Session::open(Wires::Pipes);
    // Descriptor 1 of a job is its own pipe; a job that could write to the server's would be no JSON here.
    let answer = session.call("execute_command", json!({"command": "echo one; echo two >&2; ls -l /proc/self/fd"}));
    assert!(text(&answer).contains("one"), "{answer}");
    session.works("after it");
}
