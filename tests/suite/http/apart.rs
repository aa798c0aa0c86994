//! What one client follows, another is not told of; and what the server tells about itself to anybody.

use std::io::{BufRead, BufReader, Write};

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use super::server::{Server, message, policy, posting, request, token};
use crate::site::Site;
use crate::stalling::wait_for;

/// A job that says what it is told.
fn echoing(server: &Server, token: &str) -> String {
    let arguments = json!({"command": "cat", "keep_stdin_open": true, "wait_seconds": 0});
    let answer = server.call(Some(token), "execute_command", arguments);
    let text = super::server::text(&answer);
    text.split(' ').nth(1).unwrap().to_owned()
}

fn say(server: &Server, token: &str, job: &str) {
    let answer = server.call(Some(token), "interact_with_job", json!({"job_id": job, "input": "something\n"}));
    assert_eq!(answer["isError"], false, "{answer}");
}

#[test]
fn nobody_is_told_of_the_job_of_another() {
    let (server, tokens) = Server::with_clients(&["alice", "bob"]);
    let [alice, bob] = tokens.as_slice() else { panic!("two tokens") };
    let (theirs, own) = (echoing(&server, alice), echoing(&server, bob));
    let addresses: Vec<_> =
        [&theirs, &own].iter().flat_map(|job| [format!("job://{job}"), format!("job://{job}/stdout")]).collect();
    let listen = message("subscriptions/listen", json!({"notifications": {"resourceSubscriptions": addresses}}));
    let mut stream = server.connect();
    stream.write_all(&posting(server.address, Some(bob), &listen)).unwrap();
    let mut lines = BufReader::new(stream).lines().map(Result::unwrap).filter(|line| line.starts_with("data: {"));
    let acknowledged = lines.next().unwrap();
    assert!(acknowledged.contains("acknowledged"), "{acknowledged}");
    say(&server, alice, &theirs);
    server.call(Some(alice), "kill_job", json!({"job_id": theirs}));
    say(&server, bob, &own);
    // Whatever of the other had been told would have come before this.
    let told = lines.next().unwrap();
    assert!(told.contains(&own) && !told.contains(&theirs), "{told}");
    server.call(Some(bob), "kill_job", json!({"job_id": own}));
    let told: Vec<String> = lines.by_ref().take(2).collect();
    assert!(told.iter().all(|told| told.contains(&own) && !told.contains(&theirs)), "{told:?}");
}

#[test]
fn in_a_session_the_job_of_another_cannot_be_followed_and_does_not_exist() {
    let (server, tokens) = Server::with_clients(&["alice", "bob"]);
    let [alice, bob] = tokens.as_slice() else { panic!("two tokens") };
    let theirs = server.run(Some(alice), "sleep 300");
    let bearer = format!("Bearer {bob}");
    let plain = [
        ("accept", "application/json, text/event-stream"),
        ("content-type", "application/json"),
        ("authorization", bearer.as_str()),
    ];
    let hello = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "raw", "version": "1"}}});
    let opened = server.raw(&request(server.address, "POST /mcp", &plain, &hello.to_string()));
    let session = opened.header("mcp-session-id").unwrap().to_owned();
    let headers = [&plain[..], &[("mcp-session-id", session.as_str())]].concat();
    let started = json!({"jsonrpc": "2.0", "method": "notifications/initialized"}).to_string();
    assert_eq!(server.request("POST /mcp", &headers, &started).status, 202);
    let error = |method: &str, job: &str| -> Value {
        let ask = json!({"jsonrpc": "2.0", "id": 2, "method": method, "params": {"uri": format!("job://{job}")}});
        let answer = server.request("POST /mcp", &headers, &ask.to_string()).message();
        let text = answer["error"].to_string();
        assert_ne!(text, "null", "{answer}");
        // The same words about a job that there never was.
        Value::String(text.replace(job, "JOB"))
    };
    let nobodys = "00000000-0000-4000-8000-000000000000";
    for method in ["resources/subscribe", "resources/read"] {
        assert_eq!(error(method, &theirs), error(method, nobodys), "{method}");
    }
}

#[test]
fn a_server_that_lets_nobody_in_is_alive_and_not_ready() {
    let (server, tokens) = Server::with_clients(&["alice"]);
    let status = |path: &str| server.request(&format!("GET {path}"), &[], "").status;
    assert_eq!((status("/healthz"), status("/readyz")), (200, 200));
    let file =
        std::fs::read_dir(server.site.path("state")).unwrap().next().unwrap().unwrap().path().join("tokens.json");
    let kept = std::fs::read(&file).unwrap();
    std::fs::write(&file, "no tokens").unwrap();
    wait_for("a server without tokens calls itself ready", || status("/readyz") == 503);
    assert_eq!(status("/healthz"), 200);
    std::fs::write(&file, kept).unwrap();
    wait_for("a server with tokens does not call itself ready", || status("/readyz") == 200);
    server.works(Some(&tokens[0]), "after the file was mended");
}

#[test]
fn a_token_file_that_goes_and_comes_is_noticed_without_a_request() {
    let site = Site::new();
    let file = site.path("who/tokens.json");
    policy(&site, &format!("http: {{tokens: {}}}\n", file.display()));
    std::fs::create_dir(site.path("who")).unwrap();
    let alice = token(&site, &["add", "alice"]);
    let bob = token(&site, &["add", "bob"]);
    let server = Server::start(site);
    let status = |path: &str| server.request(&format!("GET {path}"), &[], "").status;
    let kept = std::fs::read(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    wait_for("a file that was deleted counts", || status("/readyz") == 503);
    std::fs::write(&file, &kept).unwrap();
    wait_for("a file that came back does not count", || status("/readyz") == 200);
    // The same with the folder: another one takes its place, and alice is not in it.
    server.run(Some(&alice), "sleep 300");
    let folder = server.site.path("who");
    std::fs::rename(&folder, server.site.path("gone")).unwrap();
    wait_for("a folder that was taken away counts", || status("/readyz") == 503);
    server.says("changes of the token file are looked for");
    std::fs::create_dir(&folder).unwrap();
    let mut file_now: Value = serde_json::from_slice(&kept).unwrap();
    file_now["tokens"].as_array_mut().unwrap().retain(|entry| entry["client"] == "bob");
    std::fs::write(&file, file_now.to_string()).unwrap();
    // The kernel is asked again: changes are told, not found by looking.
    server.says("the kernel tells of changes of the token file again");
    server.says("client `alice` is no more");
    server.works(Some(&bob), "who is still there");
}

#[test]
fn a_server_that_drains_is_not_ready() {
    let mut server = Server::open();
    let call = json!({"command": "sleep 300", "wait_seconds": 45});
    let call = message("tools/call", json!({"name": "execute_command", "arguments": call}));
    let mut open = server.connect();
    open.write_all(&posting(server.address, None, &call)).unwrap();
    wait_for("the call is not in", || server.site.decisions("sleep 300") == 1);
    // A request that has begun is answered: its head ends after the signal.
    let mut probe = server.connect();
    let head = format!("GET /readyz HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n", server.address);
    probe.write_all(head.as_bytes()).unwrap();
    server.signal(Signal::SIGTERM);
    wait_for("the server does not drain", || std::net::TcpStream::connect(server.address).is_err());
    // Where it was cut off already that is an answer as well.
    let _ = probe.write_all(b"\r\n");
    let reply = super::server::read_reply(&mut probe);
    assert!(matches!(reply.status, 503 | 0), "{reply:?}");
    drop(open);
    assert_eq!(server.exit(), Some(0));
}
