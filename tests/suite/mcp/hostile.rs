//! Frames that no honest client sends. After each the server is alive and right.

use serde_json::{Value, json};

use super::session::{Session, Wires, text};

/// Why, and the line. What the server answers is its own matter, except that it keeps working.
const FRAMES: &[(&str, &str)] = &[
    ("no JSON", "hello"),
    ("half a frame", r#"{"jsonrpc":"2.0","id":"a","#),
    ("an empty line", ""),
    ("only blanks", "   \t "),
    ("a number", "42"),
    ("a string", "\"text\""),
    ("null", "null"),
    ("true", "true"),
    ("an empty object", "{}"),
    ("an empty batch", "[]"),
    ("a batch", r#"[{"jsonrpc":"2.0","id":"a","method":"tools/list"},{"jsonrpc":"2.0","id":"b","method":"ping"}]"#),
    ("a batch of nonsense", "[1,2,3]"),
    ("no version", r#"{"id":"a","method":"tools/list"}"#),
    ("a wrong version", r#"{"jsonrpc":"1.0","id":"a","method":"tools/list"}"#),
    ("no method", r#"{"jsonrpc":"2.0","id":"a"}"#),
    ("a method that is none", r#"{"jsonrpc":"2.0","id":"a","method":"no/such"}"#),
    ("a method that is a number", r#"{"jsonrpc":"2.0","id":"a","method":7}"#),
    ("an id that is null", r#"{"jsonrpc":"2.0","id":null,"method":"tools/list"}"#),
    ("an id that is a list", r#"{"jsonrpc":"2.0","id":[1],"method":"tools/list"}"#),
    ("an id that is an object", r#"{"jsonrpc":"2.0","id":{},"method":"tools/list"}"#),
    ("a fractional id", r#"{"jsonrpc":"2.0","id":1.5,"method":"tools/list"}"#),
    ("a huge id", r#"{"jsonrpc":"2.0","id":99999999999999999999999999,"method":"tools/list"}"#),
    ("params that are text", r#"{"jsonrpc":"2.0","id":"a","method":"tools/list","params":"x"}"#),
    ("params that are a list", r#"{"jsonrpc":"2.0","id":"a","method":"tools/call","params":[1]}"#),
    ("a call without a name", r#"{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"arguments":{}}}"#),
    ("a call of nothing", r#"{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":""}}"#),
    ("a call of a tool that is none", r#"{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"sudo"}}"#),
    (
        "arguments that are text",
        r#"{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"list_jobs","arguments":"x"}}"#,
    ),
    (
        "arguments that are a list",
        r#"{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"list_jobs","arguments":[]}}"#,
    ),
    ("an answer to nothing", r#"{"jsonrpc":"2.0","id":"zzz","result":{}}"#),
    ("an error to nothing", r#"{"jsonrpc":"2.0","id":"zzz","error":{"code":-1,"message":"x"}}"#),
    ("an error without an id", r#"{"jsonrpc":"2.0","error":{"code":-1,"message":"x"}}"#),
    (
        "a second handshake",
        r#"{"jsonrpc":"2.0","id":"a","method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"x","version":"1"}}}"#,
    ),
    ("a handshake without params", r#"{"jsonrpc":"2.0","id":"a","method":"initialize"}"#),
    ("a cancel of nothing", r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"none"}}"#),
    ("a cancel without an id", r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{}}"#),
    (
        "progress of nothing",
        r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"t","progress":1}}"#,
    ),
    ("a notification that is none", r#"{"jsonrpc":"2.0","method":"notifications/nothing"}"#),
    ("a language server's notification", r#"{"jsonrpc":"2.0","method":"$/setTrace","params":{"value":"off"}}"#),
    ("a key twice", r#"{"jsonrpc":"2.0","id":"a","id":"b","method":"tools/list"}"#),
    ("a lone surrogate", r#"{"jsonrpc":"2.0","id":"\ud800","method":"tools/list"}"#),
    ("a NUL in a name", r#"{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"list\u0000jobs"}}"#),
    ("a task for a client without tasks", r#"{"jsonrpc":"2.0","id":"a","method":"tasks/get","params":{"taskId":"x"}}"#),
    ("a level that is none", r#"{"jsonrpc":"2.0","id":"a","method":"logging/setLevel","params":{"level":"loud"}}"#),
    (
        "a resource that is none",
        r#"{"jsonrpc":"2.0","id":"a","method":"resources/read","params":{"uri":"file:///etc/passwd"}}"#,
    ),
    ("a prompt that is none", r#"{"jsonrpc":"2.0","id":"a","method":"prompts/get","params":{"name":"x"}}"#),
    ("a page that is none", r#"{"jsonrpc":"2.0","id":"a","method":"tools/list","params":{"cursor":"nowhere"}}"#),
    ("a byte order mark before the frame", "\u{feff}{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"method\":\"ping\"}"),
    (
        "two frames in one line",
        r#"{"jsonrpc":"2.0","id":"a","method":"ping"}{"jsonrpc":"2.0","id":"b","method":"ping"}"#,
    ),
    ("a comment", "// nothing"),
    ("an answer and a request in one", r#"{"jsonrpc":"2.0","id":"a","method":"tools/list","result":{}}"#),
    ("a number that is none", r#"{"jsonrpc":"2.0","id":NaN,"method":"ping"}"#),
    ("the other era's way to begin", r#"{"jsonrpc":"2.0","id":"a","method":"server/discover","params":{}}"#),
    (
        "a subscription to nothing",
        r#"{"jsonrpc":"2.0","id":"a","method":"resources/subscribe","params":{"uri":"job://none"}}"#,
    ),
    (
        "metadata of the other era",
        r#"{"jsonrpc":"2.0","id":"a","method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"1999-01-01"}}}"#,
    ),
];

#[test]
fn no_frame_stops_the_server() {
    let mut session = Session::open(Wires::Pipes);
    for (why, frame) in FRAMES {
        session.send(frame);
        session.works(why);
    }
}

#[test]
fn bytes_that_are_no_text_are_no_frame() {
    let mut session = Session::open(Wires::Pipes);
    let frames: [(&str, &[u8]); 4] = [
        ("no UTF-8", b"\xff\xfe\x00\x01\n"),
        ("bad UTF-8 in a string", b"{\"jsonrpc\":\"2.0\",\"id\":\"\xc3\x28\",\"method\":\"ping\"}\n"),
        ("a carriage return before the newline", b"{\"jsonrpc\":\"2.0\",\"id\":\"r\",\"method\":\"ping\"}\r\n"),
        ("NULs", b"\0\0\0\0\n"),
    ];
    for (why, bytes) in frames {
        session.send_bytes(bytes);
        session.works(why);
    }
}

#[test]
fn deep_nesting_does_not_overflow_the_stack() {
    let mut session = Session::open(Wires::Pipes);
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let deep = format!("{}1{}", open.repeat(100_000), close.repeat(100_000));
        session.send(&deep);
        let inside = format!(
            r#"{{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{{"name":"list_jobs","arguments":{{"label":{deep}}}}}}}"#
        );
        session.send(&inside);
        session.works("after deep nesting");
    }
}

#[test]
fn a_line_above_the_cap_is_dropped_and_the_next_is_read() {
    let mut session = Session::open(Wires::Pipes);
    session.send(&"x".repeat(17 << 20));
    session.works("after 17 MiB without a newline");
    let stuffed = json!({"command": "cat", "stdin": "y".repeat(4 << 20), "wait_seconds": 45});
    let answer = session.call("execute_command", stuffed);
    assert!(
        text(&answer).contains("completed"),
        "4 MiB are read: {}",
        text(&answer).chars().take(200).collect::<String>()
    );
}

#[test]
fn ids_in_flight_twice_are_answered_and_nothing_is_lost_for_others() {
    let mut session = Session::open(Wires::Pipes);
    let call = json!({"name": "execute_command", "arguments": {"command": "sleep 0.2"}});
    let twice = json!({"jsonrpc": "2.0", "id": "twice", "method": "tools/call", "params": call}).to_string();
    session.send(&twice);
    session.send(&twice);
    session.works("two requests with one id");
}

#[test]
fn a_flood_of_lists_is_answered_in_full() {
    let mut session = Session::open(Wires::Pipes);
    let ids: Vec<_> = (0..10_000).map(|_| session.request("tools/list", json!({}))).collect();
    let mut open: std::collections::BTreeSet<_> = ids.into_iter().collect();
    while !open.is_empty() {
        let answer = session.next().unwrap();
        assert!(answer.get("result").is_some(), "{answer}");
        open.remove(&answer.get("id").and_then(Value::as_u64).unwrap());
    }
}

#[test]
fn wrong_arguments_of_every_tool_are_answered_as_text() {
    let mut session = Session::open(Wires::Pipes);
    let tools = session.ask("tools/list", json!({}));
    let tools = tools.pointer("/result/tools").and_then(Value::as_array).unwrap().clone();
    for tool in tools {
        let name = tool.get("name").and_then(Value::as_str).unwrap();
        for wrong in [json!({"no_such_parameter": 1}), json!({"job_id": 7, "command": 7, "limit": "x"})] {
            let answer = session.call(name, wrong);
            assert_eq!(answer.get("isError"), Some(&json!(true)), "{name}: {answer}");
            assert!(text(&answer).contains("parameter"), "{name}: {answer}");
        }
    }
}
