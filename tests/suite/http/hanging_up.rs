//! Clients that hang up before their call is answered: whatever moment they choose, no job of theirs goes on.

use std::io::Write;
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::server::{Server, message, policy, posting, request, text};
use crate::site::Site;
use crate::stalling::{Stalled, wait_for};

/// A call on a connection of its own.
fn call(server: &Server, arguments: &Value) -> TcpStream {
    let call = message("tools/call", json!({"name": "execute_command", "arguments": arguments}));
    let mut stream = server.connect();
    stream.write_all(&posting(server.address, None, &call)).unwrap();
    stream
}

#[test]
fn whoever_hangs_up_at_any_moment_leaves_no_job() {
    let site = Site::new();
    policy(&site, "jobs: {concurrent: 3}\n");
    let server = Server::start(site);
    // The job of an answered call is its own: it takes a place all the time, and stays.
    let kept = server.run(None, "sleep 1000");
    let long = json!({"command": "sleep 300", "wait_seconds": 45});
    for round in 0..24_u64 {
        // More than there are places, so some hang up while their jobs wait for one.
        let calls: Vec<_> = (0..5).map(|_| call(&server, &long)).collect();
        thread::sleep(Duration::from_millis(round * round / 4));
        drop(calls);
    }
    server.until_jobs_are(None, &[&kept]);
    let ended = server.call(None, "list_jobs", json!({"status": "killed", "limit": 100}));
    assert!(!text(&ended).contains("no jobs"), "some had been started: {ended}");
}

/// Waits until the server has closed its end of a connection whose other end was this port, see proc_net_tcp(5).
fn until_closed(port: u16) {
    let other = format!(":{port:04X}");
    wait_for("the server keeps a connection that its client has left", || {
        let sockets = std::fs::read_to_string("/proc/net/tcp").unwrap();
        let mut fields = sockets.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        // Until then it is in the state ESTABLISHED, then in CLOSE_WAIT.
        let open = |fields: &[&str]| fields[2].ends_with(&other) && matches!(fields[3], "01" | "08");
        !fields.any(|fields| open(&fields))
    });
}

/// Waits until so many of the jobs with this label were started, and all are over.
fn until_killed(server: &Server, count: usize) {
    wait_for("a job goes on that nobody waits for", || {
        let jobs = server.call(None, "list_jobs", json!({"label": "given up"}));
        let jobs = jobs.pointer("/structuredContent/jobs").and_then(Value::as_array).unwrap().clone();
        jobs.len() == count && jobs.iter().all(|job| job["status"] == "killed")
    });
}

#[test]
fn whoever_hangs_up_while_the_record_is_written_leaves_no_job() {
    let server = Server::open();
    server.works(None, "its first call is on record, and not what is waited for below");
    for (count, wait) in [45, 0].into_iter().enumerate() {
        let stalled = Stalled::below(&server.site.path("state"));
        let stream = call(&server, &json!({"command": "sleep 300", "wait_seconds": wait, "label": "given up"}));
        stalled.until_wanted();
        let port = stream.local_addr().unwrap().port();
        drop(stream);
        until_closed(port);
        drop(stalled);
        until_killed(&server, count + 1);
    }
}

#[test]
fn whoever_ends_a_session_while_the_record_is_written_leaves_no_job() {
    let server = Server::open();
    let plain = [("accept", "application/json, text/event-stream"), ("content-type", "application/json")];
    let hello = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "raw", "version": "1"}}});
    for (count, wait) in [45, 0].into_iter().enumerate() {
        let opened = server.request("POST /mcp", &plain, &hello.to_string());
        let session = opened.header("mcp-session-id").unwrap().to_owned();
        let headers = [&plain[..], &[("mcp-session-id", session.as_str())]].concat();
        let started = json!({"jsonrpc": "2.0", "method": "notifications/initialized"}).to_string();
        assert_eq!(server.request("POST /mcp", &headers, &started).status, 202);
        let stalled = Stalled::below(&server.site.path("state"));
        let arguments = json!({"command": "sleep 300", "wait_seconds": wait, "label": "given up"});
        let call = json!({"jsonrpc": "2.0", "id": 2, "method": "tools/call",
            "params": {"name": "execute_command", "arguments": arguments}});
        let mut stream = server.connect();
        stream.write_all(&request(server.address, "POST /mcp", &headers, &call.to_string())).unwrap();
        stalled.until_wanted();
        assert_eq!(server.request("DELETE /mcp", &headers, "").status, 204);
        drop(stalled);
        until_killed(&server, count + 1);
    }
}
