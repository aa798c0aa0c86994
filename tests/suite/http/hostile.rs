//! A client that may ask and means no good: what it does, it does to itself.

use std::io::{Read, Write};

use serde_json::{Value, json};

use super::server::{Server, message, policy, posting, read_reply, request, text, token};
use crate::site::Site;
use crate::stalling::wait_for;

/// Headers of a session, which is opened by this.
fn session(server: &Server, token: &str) -> Vec<(String, String)> {
    let mut headers: Vec<_> = [
        ("accept", "application/json, text/event-stream"),
        ("content-type", "application/json"),
        ("authorization", &format!("Bearer {token}")),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    let hello = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "raw", "version": "1"}}});
    let opened = server.raw(&bytes(server, "POST /mcp", &headers, &hello));
    headers.push(("mcp-session-id".to_owned(), opened.header("mcp-session-id").unwrap().to_owned()));
    let started = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    assert_eq!(server.raw(&bytes(server, "POST /mcp", &headers, &started)).status, 202);
    headers
}

fn bytes(server: &Server, line: &str, headers: &[(String, String)], body: &Value) -> Vec<u8> {
    let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    request(server.address, line, &headers, &if body.is_null() { String::new() } else { body.to_string() })
}

#[test]
fn one_client_with_all_connections_keeps_no_other_out() {
    let site = Site::new();
    policy(&site, "http: {tokens: '{state}/tokens.json', connections: 8}\n");
    let tokens: Vec<_> = ["greedy", "alice"].map(|name| token(&site, &["add", name])).into();
    let server = Server::start(site);
    let call = message("tools/list", json!({}));
    let bytes = posting(server.address, Some(&tokens[0]), &call);
    let kept = String::from_utf8(bytes).unwrap().replace("connection: close\r\n", "");
    // Each has been let in, is answered, and stays.
    let crowd: Vec<_> = (0..8)
        .map(|_| {
            let mut stream = server.connect();
            stream.write_all(kept.as_bytes()).unwrap();
            let mut some = [0; 12];
            stream.read_exact(&mut some).unwrap();
            assert_eq!(&some, b"HTTP/1.1 200");
            stream
        })
        .collect();
    for _ in 0..20 {
        server.works(Some(&tokens[1]), "while another client holds every connection");
    }
    drop(crowd);
}

#[test]
fn a_request_that_began_before_its_token_was_revoked_is_refused_like_any_other() {
    let (server, tokens) = Server::with_clients(&["alice", "bob"]);
    let whole = posting(server.address, Some(&tokens[0]), &message("tools/list", json!({})));
    let whole =
        String::from_utf8(whole).unwrap().replace("connection: close", "connection: close\r\nexpect: 100-continue");
    let (first, rest) = whole.as_bytes().split_at(whole.len() - 10);
    let mut slow = server.connect();
    slow.write_all(first).unwrap();
    // The server asks for the rest of a request that it has let in.
    let mut asked = [0; 25];
    slow.read_exact(&mut asked).unwrap();
    assert_eq!(&asked, b"HTTP/1.1 100 Continue\r\n\r\n");
    token(&server.site, &["revoke", "alice"]);
    server.says("client `alice` is no more");
    slow.write_all(rest).unwrap();
    let refused = read_reply(&mut slow);
    assert_eq!((refused.status, refused.body.as_str()), (401, "Unauthorized"), "{refused:?}");
}

#[test]
fn a_revoked_token_ends_what_its_client_follows() {
    let (server, tokens) = Server::with_clients(&["alice", "bob"]);
    let headers = session(&server, &tokens[0]);
    let mut standing = server.connect();
    standing.write_all(&bytes(&server, "GET /mcp", &headers, &Value::Null)).unwrap();
    let listen = json!({"notifications": {"resourceSubscriptions": ["policy://active"]}});
    let mut listening = server.connect();
    let listen = posting(server.address, Some(&tokens[0]), &message("subscriptions/listen", listen));
    listening.write_all(&listen).unwrap();
    for stream in [&mut standing, &mut listening] {
        let mut some = [0; 12];
        stream.read_exact(&mut some).unwrap();
        assert_eq!(&some, b"HTTP/1.1 200");
    }
    token(&server.site, &["revoke", "alice"]);
    // Both come to an end; a stream that goes on runs into the patience of this test.
    read_reply(&mut standing);
    read_reply(&mut listening);
    assert_eq!(server.raw(&bytes(&server, "GET /mcp", &headers, &Value::Null)).status, 401);
}

#[test]
fn bodies_of_one_client_have_a_bound_together_and_others_do_not_notice() {
    let site = Site::new();
    policy(&site, "http: {tokens: '{state}/tokens.json', body: 1 MiB}\n");
    let tokens: Vec<_> = ["greedy", "alice"].map(|name| token(&site, &["add", name])).into();
    let server = Server::start(site);
    let bearer = format!("Bearer {}", tokens[0]);
    let headers = [
        ("accept", "application/json, text/event-stream"),
        ("content-type", "application/json"),
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", "tools/list"),
        ("authorization", &bearer),
        ("content-length", "1048576"),
    ];
    let head = request(server.address, "POST /mcp", &headers, "");
    // One more than there is room for; none of them is whole, so none leaves before one is turned away.
    let mut slow: Vec<_> = (0..17).map(|_| server.connect()).collect();
    for stream in &mut slow {
        stream.write_all(&head).unwrap();
        // The server may have turned this one away.
        let _ = stream.write_all(&vec![b' '; (1 << 20) - 4]);
        stream.set_nonblocking(true).unwrap();
    }
    let mut said = [0; 12];
    let mut turned_away =
        |stream: &mut std::net::TcpStream| stream.read_exact(&mut said).is_ok() && &said == b"HTTP/1.1 429";
    wait_for("one client may send as much at once as it likes", || slow.iter_mut().any(&mut turned_away));
    server.works(Some(&tokens[1]), "the other client");
    drop(slow);
    wait_for("its room is not given back", || {
        server.post(Some(&tokens[0]), &message("tools/list", json!({}))).status == 200
    });
}

#[test]
fn what_marks_an_event_means_nothing_outside_its_session_and_harms_nothing_inside() {
    let (server, tokens) = Server::with_clients(&["alice", "bob"]);
    let theirs = session(&server, &tokens[0]);
    let job = server.run(Some(&tokens[0]), "sleep 300");
    let subscribe = json!({"jsonrpc": "2.0", "id": 2, "method": "resources/subscribe",
        "params": {"uri": format!("job://{job}")}});
    assert_eq!(server.raw(&bytes(&server, "POST /mcp", &theirs, &subscribe)).status, 200);
    // Told while nobody listens, so it waits for whoever takes up the stream.
    server.call(Some(&tokens[0]), "kill_job", json!({"job_id": job}));
    for mark in ["0", "0/0", "0/1", "1/0", "18446744073709551615", "18446744073709551615/0", "-1", "x", "//", ""] {
        let with = |mut headers: Vec<(String, String)>| {
            headers.push(("last-event-id".to_owned(), mark.to_owned()));
            bytes(&server, "GET /mcp", &headers, &Value::Null)
        };
        let mut stolen = theirs.clone();
        stolen[2].1 = format!("Bearer {}", tokens[1]);
        assert_eq!(server.raw(&with(stolen)).status, 404, "{mark}");
        let mut own = session(&server, &tokens[1]);
        let mut stream = server.connect();
        own.retain(|(name, _)| name != "content-type");
        stream.write_all(&with(own.clone())).unwrap();
        // A session that ends takes its streams along; all that was said in this one is read then.
        let mut some = [0; 12];
        stream.read_exact(&mut some).unwrap();
        assert_eq!(server.raw(&bytes(&server, "DELETE /mcp", &own, &Value::Null)).status, 204, "{mark}");
        let told = read_reply(&mut stream).body;
        assert!(!told.contains(&job), "{mark}: {told}");
    }
    let ping = json!({"jsonrpc": "2.0", "id": 3, "method": "ping"});
    assert_eq!(server.raw(&bytes(&server, "POST /mcp", &theirs, &ping)).status, 200, "its owner goes on");
}

#[test]
fn an_id_that_is_still_to_be_answered_is_not_taken_twice() {
    let (server, tokens) = Server::with_clients(&["alice"]);
    let headers = session(&server, &tokens[0]);
    let call = json!({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {
        "name": "execute_command", "arguments": {"command": "cat", "keep_stdin_open": true, "wait_seconds": 45}}});
    let call = bytes(&server, "POST /mcp", &headers, &call);
    let mut first = server.connect();
    first.write_all(&call).unwrap();
    wait_for("the first call is not in", || server.site.decisions("cat") == 1);
    for _ in 0..3 {
        let twice = server.raw(&call);
        assert!(twice.status >= 400, "{twice:?}");
    }
    let jobs = server.call(Some(&tokens[0]), "list_jobs", json!({}));
    let job = jobs.pointer("/structuredContent/jobs/0/job_id").and_then(Value::as_str).unwrap().to_owned();
    assert_eq!(text(&jobs).matches("cat").count(), 1, "{jobs}");
    server.call(Some(&tokens[0]), "kill_job", json!({"job_id": job}));
    let answered = read_reply(&mut first);
    assert!(answered.body.contains("killed"), "the first has its answer: {answered:?}");
    // Once it is answered, whoever counts badly may use it again.
    let ping = json!({"jsonrpc": "2.0", "id": 7, "method": "ping"});
    assert_eq!(server.raw(&bytes(&server, "POST /mcp", &headers, &ping)).status, 200);
}
