//! SIGKILL or SIGTERM while many clients work: every job is gone, the record is whole, nobody waits for an answer that never
//! comes.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::json;

use super::server::{Server, message, text, try_post};

/// Processes whose arguments hold this word.
fn with_word(word: &str) -> Vec<String> {
    let processes = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let arguments = processes.filter_map(|process| std::fs::read_to_string(process.path().join("cmdline")).ok());
    arguments.filter(|arguments| arguments.split('\0').any(|argument| argument == word)).collect()
}

#[test]
fn a_kill_under_load_leaves_no_job_and_a_record_that_verifies() {
    restarted_under_load(Signal::SIGKILL, None);
}

#[test]
fn an_end_under_load_leaves_no_job_and_each_of_them_in_the_record() {
    let server = restarted_under_load(Signal::SIGTERM, Some(0));
    let records = server.site.records();
    let jobs = |kind: &str| -> BTreeSet<String> {
        let of_kind = records.iter().filter(|record| record["kind"] == kind);
        of_kind.filter_map(|record| record["job"].as_str().map(str::to_owned)).collect()
    };
    let (started, ended) = (jobs("start"), jobs("end"));
    assert!(started.len() > 20, "{started:?}");
    assert!(started.is_subset(&ended), "without an end: {:?}", started.difference(&ended).collect::<Vec<_>>());
}

/// Ends a server by this signal while clients work, and looks at what is left; the server that came after it.
fn restarted_under_load(signal: Signal, code: Option<i32>) -> Server {
    let (mut server, tokens) = Server::with_clients(&["alice", "bob", "carol"]);
    // Nobody else sleeps for just so long.
    let word = format!("300.{}", server.pid());
    let address = server.address;
    let (answered, cut) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let job = server.run(Some(&tokens[0]), &format!("sleep {word}"));
    thread::scope(|scope| {
        for token in &tokens {
            for _ in 0..2 {
                scope.spawn(|| {
                    let long = json!({"command": format!("sleep {word}"), "wait_seconds": 0});
                    let quick = json!({"command": "echo x", "wait_seconds": 45});
                    // Until the server is gone; then the connection is refused or ends, at once.
                    loop {
                        let Ok(stream) = std::net::TcpStream::connect(address) else { break };
                        drop(stream);
                        for arguments in [&long, &quick] {
                            let call = json!({"name": "execute_command", "arguments": arguments});
                            let reply = try_post(address, Some(token), &message("tools/call", call));
                            match reply.status {
                                0 => cut.fetch_add(1, Ordering::Relaxed),
                                _ => answered.fetch_add(1, Ordering::Relaxed),
                            };
                        }
                    }
                });
            }
        }
        while answered.load(Ordering::Relaxed) < 20 {
            thread::sleep(Duration::from_millis(10));
        }
        server.signal(signal);
    });
    assert_eq!(server.exit(), code);
    while !with_word(&word).is_empty() {
        thread::sleep(Duration::from_millis(20));
    }
    let folder = std::fs::read_dir(server.site.path("state")).unwrap().next().unwrap().unwrap().path();
    let log = folder.join("audit.jsonl");
    let verify = std::process::Command::new(env!("CARGO_BIN_EXE_shellwarden"));
    let verified = { verify }.args(["audit", "verify"]).arg(&log).output().unwrap();
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));

    let again = server.again();
    let lost = again.call(Some(&tokens[0]), "get_job_output", json!({"job_id": job}));
    assert!(lost["isError"] == true || text(&lost).contains(&job), "{lost}");
    again.works(Some(&tokens[0]), "after the restart");
    again
}
