//! A person's yes counts once, for one call, as it was asked: what a client may try with the handle it was given.

use serde_json::{Value, json};

use super::session::{Session, Wires, text};

fn meta(elicitation: bool) -> Value {
    let able = if elicitation { json!({"elicitation": {"form": {}}}) } else { json!({}) };
    json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": able,
        "io.modelcontextprotocol/clientInfo": {"name": "raw", "version": "1"},
    })
}

/// A call of the era without handshake; its result.
fn call(session: &mut Session, command: &str, handle: Option<&str>, action: &str) -> Value {
    let mut params = json!({"name": "execute_command", "arguments": {"command": command}, "_meta": meta(true)});
    if let Some(handle) = handle {
        params["requestState"] = json!(handle);
        params["inputResponses"] = json!({"confirm": {"action": action, "content": {}}});
    }
    let answer = session.ask("tools/call", params);
    answer.get("result").cloned().unwrap_or_else(|| panic!("{answer}"))
}

/// The handle of a result that asks.
fn asked(result: &Value, why: &str) -> String {
    assert_eq!(result.get("resultType"), Some(&json!("input_required")), "{why}: {result}");
    let form = result.pointer("/inputRequests/confirm/params/message").and_then(Value::as_str);
    assert!(form.is_some_and(|form| form.contains("uname")), "{why}: the person sees the command: {result}");
    result.get("requestState").and_then(Value::as_str).unwrap().to_owned()
}

#[test]
fn a_yes_counts_once_for_exactly_what_was_asked() {
    let mut session = Session::start(Wires::Pipes);
    let handle = asked(&call(&mut session, "uname", None, ""), "first round");
    let ran = call(&mut session, "uname", Some(&handle), "accept");
    assert!(text(&ran).contains("Linux"), "{ran}");
    let again = asked(&call(&mut session, "uname", Some(&handle), "accept"), "the same handle a second time");
    let changed = call(&mut session, "uname -a", Some(&again), "accept");
    let changed = asked(&changed, "a yes to another command");
    asked(&call(&mut session, "uname", Some(&changed), "accept"), "a handle of another command");
    asked(&call(&mut session, "uname", Some("forged"), "accept"), "a handle that was never given out");
}

#[test]
fn the_person_sees_the_input_too() {
    let mut session = Session::start(Wires::Pipes);
    let arguments = json!({"command": "uname", "stdin": "given to it", "cwd": "."});
    let params = json!({"name": "execute_command", "arguments": arguments, "_meta": meta(true)});
    let answer = session.ask("tools/call", params);
    let form = answer.pointer("/result/inputRequests/confirm/params/message").and_then(Value::as_str).unwrap();
    assert!(form.contains("given to it") && form.contains("in the directory ."), "{form}");
}

#[test]
fn a_no_is_a_denial_and_so_is_nobody_to_ask() {
    let mut session = Session::start(Wires::Pipes);
    for action in ["decline", "cancel", "something else"] {
        let handle = asked(&call(&mut session, "uname", None, ""), action);
        let answer = call(&mut session, "uname", Some(&handle), action);
        let refused = answer.get("isError") == Some(&json!(true));
        let asked_again = answer.get("resultType") == Some(&json!("input_required"));
        assert!(refused || asked_again, "{action}: {answer}");
    }
    let params = json!({"name": "execute_command", "arguments": {"command": "uname"}, "_meta": meta(false)});
    let answer = session.ask("tools/call", params);
    assert_eq!(answer.pointer("/result/isError"), Some(&json!(true)), "{answer}");
}
