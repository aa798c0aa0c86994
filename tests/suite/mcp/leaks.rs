//! Secrets on every way out of the server: replies, cursor reads, searches, errors, spill files, records and history.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::session::Session;
use crate::site::Site;

/// Put together here so that no scanner takes this file for a leak.
fn token() -> String {
    ["gh", "p_", &"aB3dE6gH9j".repeat(4)].concat()
}

/// Prints the token to both streams: in pieces, coloured, in base64 and with percent signs, then enough to fill memory.
const PRINTS: &str = "import base64, os, time
t = 'gh' + 'p_' + 'aB3dE6gH9j' * 4
for part in t[:7], t[7:20], t[20:] + ' end\\n':
    os.write(1, part.encode()); time.sleep(0.02)
os.write(2, f'{t} err\\n'.encode())
os.write(1, f'{t[:20]}\\x1b[31m{t[20:]}\\n'.encode())
os.write(2, base64.b64encode(f'x={t}; y'.encode()) + b'\\n')
os.write(1, ''.join('%%%02X' % b for b in t.encode()).encode() + b'\\n')
os.write(1, t[:20].encode()); time.sleep(0.02); os.write(2, t[20:].encode() + b' split\\n')
os.write(1, b'\\n' + b'filler line, nothing in it\\n' * 60000)
";

/// All files below a folder that hold the text.
fn holding(folder: &Path, text: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            found.extend(holding(&path, text));
        } else if fs::read(&path).is_ok_and(|bytes| bytes.windows(text.len()).any(|part| part == text.as_bytes())) {
            found.push(path);
        }
    }
    found
}

/// What the server and its helper hold open below the state folder without a name: the spill.
fn spilled(site: &Site) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let state = site.path("state");
    for process in fs::read_dir("/proc").unwrap().flatten() {
        let Ok(descriptors) = fs::read_dir(process.path().join("fd")) else { continue };
        for descriptor in descriptors.flatten() {
            let Ok(target) = fs::read_link(descriptor.path()) else { continue };
            if target.starts_with(&state) && target.to_string_lossy().ends_with("(deleted)") {
                found.extend(fs::read(descriptor.path()));
            }
        }
    }
    found
}

fn views(job: &str) -> Vec<(&'static str, Value)> {
    let output = |more: Value| {
        let mut arguments = json!({"job_id": job, "max_bytes": 8 << 20});
        arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        ("get_job_output", arguments)
    };
    vec![
        output(json!({})),
        output(json!({"cursor": "5:3"})),
        output(json!({"view": "merged", "max_bytes": 4000})),
        output(json!({"view": "head_tail", "max_bytes": 4000})),
        output(json!({"view": "base64", "max_bytes": 4000})),
        output(json!({"search": "end|err|split|redacted", "context": 1})),
        ("tail_job_output", json!({"job_id": job, "lines": 100})),
        ("get_job_status", json!({"job_id": job})),
        ("list_jobs", json!({})),
    ]
}

/// Requests that are wrong in a way that an answer could repeat.
fn malformed(job: &str, token: &str) -> Vec<(&'static str, Value)> {
    let call = |tool: &str, arguments: Value| ("tools/call", json!({"name": tool, "arguments": arguments}));
    vec![
        call(token, json!({})),
        call("execute_command", json!({"command": "ls", "timeout_seconds": token})),
        call("execute_command", json!({"command": "ls", (token): 1})),
        call("execute_command", json!({"command": [token]})),
        call("execute_command", json!({"command": "ls", "priority": token})),
        call("get_job_output", json!({"job_id": token})),
        call("get_job_output", json!({"job_id": job, "stream": token})),
        call("get_job_output", json!({"job_id": job, "cursor": token})),
        call("get_job_output", json!({"job_id": job, "search": format!("({token}")})),
        call("wait_for_jobs", json!({"job_ids": [token]})),
        call("wait_for_jobs", json!({"job_ids": [job], "until": token})),
        call("kill_job", json!({"job_id": job, "signal": token})),
        call("list_jobs", json!({"status": token})),
        ("resources/read", json!({"uri": format!("job://{token}")})),
        ("resources/read", json!({"uri": token})),
        ("prompts/get", json!({"name": token})),
        ("tasks/get", json!({"taskId": token})),
    ]
}

#[test]
fn no_secret_leaves_by_any_reply_file_or_record() {
    let (site, token) = (Site::new(), token());
    let policy = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/policy.yaml");
    let mut command = site.command("serve");
    command.arg("--policy").arg(policy);
    let mut session = Session::open_command(command);
    site.write("workspace/prints.py", PRINTS);
    let line = format!("python3 prints.py {token}");
    let job = session.run_with(&line, json!({"label": format!("with {token}"), "env": {"GREETING": token.clone()}}));
    let status = session.ended(&job);
    assert_eq!(status["status"], "completed", "{status}");
    let mut replies: Vec<Value> = views(&job).into_iter().map(|(tool, wish)| session.call(tool, wish)).collect();
    for (tool, wish) in [
        ("execute_command", json!({"command": format!("whoami {token}")})),
        ("execute_command", json!({"command": format!("echo ${{x:={token}}} <(")})),
        ("execute_command", json!({"command": "ls", "env": {"OTHER": token.clone()}})),
        ("execute_command", json!({"command": "ls", "cwd": format!("/{token}")})),
        ("check_command", json!({"command": format!("whoami {token}")})),
    ] {
        replies.push(session.call(tool, wish));
    }
    for (method, params) in malformed(&job, &token) {
        replies.push(session.ask(method, params));
    }
    let percent: String = token.bytes().map(|byte| format!("%{byte:02X}")).collect();
    for reply in &replies {
        let reply = reply.to_string();
        for secret in [token.as_str(), &percent[3..], &token[..20]] {
            assert!(!reply.contains(secret), "{secret} in {}", &reply[..reply.len().min(3000)]);
        }
    }
    let fired = status["redactions"]["github-token"].as_u64();
    assert!(fired >= Some(5), "names and counts are in the status: {status}");
    let end = site.records().into_iter().find(|record| record["kind"] == "end").unwrap();
    assert_eq!(end["outcome"]["redactions"]["github-token"].as_u64(), fired, "and the same in the record: {end}");
    assert!(!spilled(&site).iter().any(|bytes| bytes.windows(20).any(|part| part == &token.as_bytes()[..20])));
    drop(session);
    assert_eq!(holding(&site.path("state"), &token), Vec::<PathBuf>::new());
}

#[test]
fn what_fired_is_told_while_the_job_runs_and_a_printed_frame_stays_text() {
    let mut session = Session::under("", &[]);
    let program = "import os, sys
os.write(1, b'{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\\n' + b'gh' + b'p_' + b'aB3dE6gH9j' * 4 + b' x\\n')
sys.stdin.read()
";
    fs::write(session.workspace().join("waits.py"), program).unwrap();
    let job = session.run_with("python3 waits.py", json!({"keep_stdin_open": true}));
    let fired = loop {
        let status = session.status(&job);
        assert!(matches!(status["status"].as_str(), Some("queued" | "running")), "{status}");
        if !status["redactions"].is_null() {
            break status["redactions"].clone();
        }
    };
    assert_eq!(fired, json!({"github-token": 1}));
    let shown = session.call("get_job_output", json!({"job_id": job}));
    let text = super::session::text(&shown);
    assert!(text.contains(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#) && text.contains("[redacted:"), "{text}");
    session.call("kill_job", json!({"job_id": job}));
}

#[test]
fn a_server_that_is_shot_leaves_nothing_that_a_job_printed() {
    let site = Site::new();
    let policy = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/policy.yaml");
    let mut command = site.command("serve");
    command.arg("--policy").arg(policy);
    let mut session = Session::open_command(command);
    let program = "import os, sys
os.write(1, b'what was printed is kept nowhere\\n' * 100000)
os.write(2, b'all of it is out\\n')
sys.stdin.read()
";
    site.write("workspace/prints.py", program);
    let job = session.run_with("python3 prints.py", json!({"keep_stdin_open": true}));
    loop {
        let shown = session.call("tail_job_output", json!({"job_id": job}));
        if super::session::text(&shown).contains("all of it is out") {
            break;
        }
    }
    let printed = b"what was printed is kept nowhere";
    let holds = |bytes: &[u8]| bytes.windows(printed.len()).any(|part| part == printed);
    // An ordinary user cannot look into the server, which is part of what keeps jobs out of the spill.
    let seen = spilled(&site).iter().any(|bytes| holds(bytes));
    assert_eq!(seen, nix::unistd::geteuid().is_root(), "what memory has no room for is spilled");
    session.signal(nix::sys::signal::Signal::SIGKILL);
    session.exit();
    // The helper and its jobs go by themselves; they hold no file of the spill.
    assert!(!spilled(&site).iter().any(|bytes| holds(bytes)));
    assert_eq!(holding(&site.path("state"), "what was printed is kept nowhere"), Vec::<PathBuf>::new());
}
