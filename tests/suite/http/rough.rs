//! Peers that mean no good, or know no better: they are refused, and nobody else notices.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::json;

use super::server::{PATIENCE, Server, message, policy, read_reply, request, token};
use crate::site::Site;
use crate::stalling::wait_for;

/// Headers of a message of the era without handshake.
const RIGHT: [(&str, &str); 4] = [
    ("accept", "application/json, text/event-stream"),
    ("content-type", "application/json"),
    ("mcp-protocol-version", "2026-07-28"),
    ("mcp-method", "tools/list"),
];

/// Waits until the server closes a connection, and says how long that took.
fn until_closed(stream: &mut TcpStream) -> Duration {
    let begin = Instant::now();
    let mut rest = Vec::new();
    // A reset is an end as well.
    let _ = stream.read_to_end(&mut rest);
    begin.elapsed()
}

#[test]
fn slow_and_silent_peers_are_cut_off_and_delay_nobody() {
    let server = Server::open();
    let mut slow: Vec<_> = (0..60).map(|_| server.connect()).collect();
    for stream in slow.iter_mut().take(40) {
        stream.write_all(b"POST /mcp HTTP/1.1\r\nhost: localhost\r\nx-slow: ").unwrap();
    }
    for _ in 0..5 {
        server.works(None, "while sixty peers dawdle");
        for stream in slow.iter_mut().take(40) {
            stream.write_all(b"a").unwrap();
        }
    }
    for stream in &mut slow {
        assert!(until_closed(stream) < PATIENCE);
    }
}

#[test]
fn a_crowd_of_strangers_keeps_no_known_client_out() {
    let site = Site::new();
    policy(&site, "http: {tokens: '{state}/tokens.json', connections: 8}\n");
    let alice = token(&site, &["add", "alice"]);
    let server = Server::start(site);
    let mut crowd: Vec<_> = (0..30).map(|_| server.connect()).collect();
    server.works(Some(&alice), "among thirty strangers, in a house for eight");
    assert!(until_closed(&mut crowd[0]) < PATIENCE, "the oldest stranger made room");
}

#[test]
fn what_is_too_long_is_refused_before_it_is_read() {
    let server = Server::open();
    let long = (5 << 20).to_string();
    let announced = [&RIGHT[..], &[("content-length", long.as_str())]].concat();
    let refused = server.raw(&request(server.address, "POST /mcp", &announced, ""));
    assert_eq!(refused.status, 413, "{refused:?}");
    // In pieces, without saying how long it will be.
    let mut stream = server.connect();
    let head = request(server.address, "POST /mcp", &[&RIGHT[..], &[("content-length", "")]].concat(), "");
    let head = String::from_utf8(head).unwrap().replace("content-length: \r\n", "transfer-encoding: chunked\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let chunk = format!("100000\r\n{}\r\n", " ".repeat(1 << 20));
    // The server stops reading after four of them.
    let sent = (0..64).take_while(|_| stream.write_all(chunk.as_bytes()).is_ok()).count();
    assert!(sent < 64, "everything was read");
    let reply = read_reply(&mut stream);
    assert!(matches!(reply.status, 413 | 0), "{reply:?}");
    let name = "x".repeat(200 << 10);
    let headers = server.request("GET /healthz", &[("x-long", &name)], "");
    assert!(matches!(headers.status, 431 | 400 | 0), "{headers:?}");
    server.works(None, "after all that");
}

#[test]
fn nonsense_is_refused_and_half_open_connections_are_forgotten() {
    let server = Server::open();
    let host = format!("host: {}\r\n", server.address);
    let nonsense = [
        "\r\n\r\n".to_owned(),
        "hello\r\n\r\n".to_owned(),
        "GET\r\n\r\n".to_owned(),
        format!("GET /healthz HTTP/9.9\r\n{host}\r\n"),
        format!("GET /healthz HTTP/1.1\r\n{host}bad header\r\n\r\n"),
        format!("GET /healthz HTTP/1.1\r\n{host}a\0b: c\r\n\r\n"),
        format!("POST /mcp HTTP/1.1\r\n{host}content-length: 5\r\ncontent-length: 6\r\n\r\n12345"),
        format!("POST /mcp HTTP/1.1\r\n{host}content-length: -1\r\n\r\n"),
        format!("POST /mcp HTTP/1.1\r\n{host}content-length: 99999999999999999999\r\n\r\n"),
        format!("POST /mcp HTTP/1.1\r\n{host}transfer-encoding: chunked\r\n\r\nzz\r\n"),
        format!("POST /mcp HTTP/1.1\r\n{host}transfer-encoding: gzip\r\n\r\n"),
        format!("CONNECT example.com:443 HTTP/1.1\r\n{host}\r\n"),
        format!("GET http://example.com/healthz HTTP/1.1\r\n{host}\r\n"),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
        "\u{16}\u{3}\u{1}\u{2}\0\u{1}".to_owned(),
    ];
    for bytes in &nonsense {
        let mut stream = server.connect();
        let _ = stream.write_all(bytes.as_bytes());
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let reply = read_reply(&mut stream);
        assert_ne!(reply.status, 200, "{bytes:?}: {reply:?}");
        assert!(!reply.body.contains("example.com"), "{bytes:?}: {reply:?}");
    }
    let call = message("tools/list", json!({})).to_string();
    let whole = request(server.address, "POST /mcp", &RIGHT, &call);
    for cut in [1, 20, whole.len() / 2, whole.len() - 1] {
        let mut stream = server.connect();
        stream.write_all(&whole[..cut]).unwrap();
    }
    for body in ["", "{", "[]", "null", "{\"jsonrpc\":\"2.0\"}", "\u{0}", "[[[[[[[[[[[[[[[[[["] {
        let reply = server.request("POST /mcp", &RIGHT, body);
        assert!((400..500).contains(&reply.status), "{body:?}: {reply:?}");
    }
    server.works(None, "after all that");
}

#[test]
fn sessions_and_calls_of_one_client_are_bounded() {
    let site = Site::new();
    policy(&site, "http: {sessions: 3, calls: 4}\n");
    let server = Server::start(site);
    let hello = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "raw", "version": "1"}}});
    let plain = [("accept", "application/json, text/event-stream"), ("content-type", "application/json")];
    let open = || {
        let opened = server.request("POST /mcp", &plain, &hello.to_string());
        opened.header("mcp-session-id").unwrap_or_else(|| panic!("{opened:?}")).to_owned()
    };
    let sessions: Vec<_> = (0..5).map(|_| open()).collect();
    let ping = json!({"jsonrpc": "2.0", "id": 2, "method": "ping"}).to_string();
    let status = |session: &String| {
        let headers = [&plain[..], &[("mcp-session-id", session.as_str())]].concat();
        server.request("POST /mcp", &headers, &ping).status
    };
    assert_eq!(sessions.iter().map(status).collect::<Vec<_>>(), [404, 404, 200, 200, 200]);

    let body = json!({"command": "sleep 300", "wait_seconds": 45});
    let body = message("tools/call", json!({"name": "execute_command", "arguments": body})).to_string();
    let call = [
        &plain[..],
        &[("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/call"), ("mcp-name", "execute_command")],
    ];
    let bytes = request(server.address, "POST /mcp", &call.concat(), &body);
    let mut calls: Vec<_> = (0..4).map(|_| server.connect()).collect();
    for stream in &mut calls {
        stream.write_all(&bytes).unwrap();
    }
    // Nothing else is asked until all four are in: it could take the place of one of them.
    wait_for("not all calls are in", || server.site.decisions("sleep 300") == 4);
    let refused = server.post(None, &message("tools/call", json!({"name": "list_jobs", "arguments": {}})));
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("1")));
    // Whoever hangs up ends its calls, and with them what they started.
    drop(calls);
    server.until_jobs_are(None, &[]);
}
