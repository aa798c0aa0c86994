//! The end of a server: what is open is answered, what runs is gone.

use std::io::Write;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::json;

use super::server::{PATIENCE, Server, message, posting, read_reply};

/// A call on a connection of its own whose answer is not there yet.
fn waiting_call(server: &Server, arguments: &serde_json::Value) -> std::net::TcpStream {
    let call = message("tools/call", json!({"name": "execute_command", "arguments": arguments}));
    let mut stream = server.connect();
    stream.write_all(&posting(server.address, None, &call)).unwrap();
    stream
}

/// Waits until a job of this many runs.
fn until_running(server: &Server, count: usize) {
    while server.call(None, "list_jobs", json!({"status": "running"})).to_string().matches("\"job_id\"").count() < count
    {
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_call_that_ends_soon_is_answered_after_sigterm_and_a_long_one_is_told_the_end_of_its_job() {
    let mut server = Server::open();
    let mut short = waiting_call(&server, &json!({"command": "sleep 1; echo in time", "wait_seconds": 45}));
    let mut long = waiting_call(&server, &json!({"command": "sleep 300", "wait_seconds": 45}));
    until_running(&server, 2);
    server.signal(Signal::SIGTERM);
    assert!(read_reply(&mut short).body.contains("in time"));
    let told = read_reply(&mut long);
    assert!(told.body.contains("killed"), "{told:?}");
    assert_eq!(server.exit(), Some(0));
    let ends = server.site.records();
    let ends: Vec<_> = ends.iter().filter(|record| record["kind"] == "end").collect();
    assert_eq!(ends.len(), 2, "{ends:?}");
}

#[test]
fn nothing_new_comes_in_once_the_server_drains() {
    let mut server = Server::open();
    let mut open = waiting_call(&server, &json!({"command": "sleep 300", "wait_seconds": 45}));
    until_running(&server, 1);
    server.signal(Signal::SIGTERM);
    let refused = loop {
        match std::net::TcpStream::connect_timeout(&server.address, PATIENCE) {
            Err(error) => break error,
            Ok(_) => std::thread::sleep(Duration::from_millis(20)),
        }
    };
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    read_reply(&mut open);
    assert_eq!(server.exit(), Some(0));
}
