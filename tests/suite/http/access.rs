//! Who is let in, and what each client sees of the others: nothing.

use std::io::Write;

use serde_json::{Value, json};

use super::server::{Server, message, policy, posting, read_reply, serve, text, token};
use crate::site::{Site, stderr};
use crate::stalling::wait_for;

/// Every message about a job that its owner could send.
fn about(job: &str) -> Vec<Value> {
    let tool = |name: &str, arguments: Value| ("tools/call", json!({"name": name, "arguments": arguments}));
    let all = [
        tool("get_job_status", json!({"job_id": job})),
        tool("get_job_status", json!({"job_id": job, "wait_seconds": 5})),
        tool("get_job_output", json!({"job_id": job})),
        tool("tail_job_output", json!({"job_id": job})),
        tool("interact_with_job", json!({"job_id": job, "input": "x"})),
        tool("kill_job", json!({"job_id": job})),
        tool("kill_job", json!({"job_id": job, "signal": "KILL"})),
        tool("wait_for_jobs", json!({"job_ids": [job], "timeout_seconds": 5})),
        ("resources/read", json!({"uri": format!("job://{job}")})),
        ("resources/read", json!({"uri": format!("job://{job}/stdout")})),
        ("resources/read", json!({"uri": format!("job://{job}/stderr")})),
        ("tasks/get", json!({"taskId": job})),
        ("tasks/cancel", json!({"taskId": job})),
    ];
    all.into_iter().map(|(method, params)| message(method, params)).collect()
}

#[test]
fn to_each_client_the_jobs_of_others_are_jobs_that_never_were() {
    let (server, tokens) = Server::with_clients(&["alice", "bob"]);
    let [alice, bob] = tokens.as_slice() else { panic!("two tokens") };
    let job = server.run(Some(alice), "sleep 300");
    let never = "00000000-0000-4000-8000-000000000000";
    for (real, made_up) in about(&job).iter().zip(about(never)) {
        let (one, other) = (server.post(Some(bob), real), server.post(Some(bob), &made_up));
        let masked = |body: &str, id: &str| body.replace(id, "ID");
        assert_eq!(one.status, other.status, "{real}");
        assert_eq!(masked(&one.body, &job), masked(&other.body, never), "{real}");
    }
    let seen = server.call(Some(bob), "list_jobs", json!({}));
    assert_eq!(text(&seen), "no jobs");
    let resources = server.ask(Some(bob), "resources/list", json!({})).to_string();
    assert!(!resources.contains(&job), "{resources}");
    let typed = json!({
        "ref": {"type": "ref/resource", "uri": "job://{id}"}, "argument": {"name": "id", "value": &job[..4]},
    });
    assert_eq!(server.ask(Some(bob), "completion/complete", typed.clone())["completion"]["values"], json!([]));
    // Its owner sees all of that, and the job is unharmed.
    assert_eq!(server.ask(Some(alice), "completion/complete", typed)["completion"]["values"], json!([job]));
    let status = server.call(Some(alice), "get_job_status", json!({"job_id": job}));
    assert!(text(&status).contains("running") || text(&status).contains("queued"), "{status}");
}

#[test]
fn a_session_of_another_client_does_not_exist() {
    let (server, tokens) = Server::with_clients(&["alice", "bob"]);
    let headers = |token: &str| {
        vec![
            ("authorization".to_owned(), format!("Bearer {token}")),
            ("accept".to_owned(), "application/json, text/event-stream".to_owned()),
            ("content-type".to_owned(), "application/json".to_owned()),
        ]
    };
    let hello = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "raw", "version": "1"}}});
    let send = |token: &str, line: &str, session: Option<&str>, body: &Value| {
        let mut headers = headers(token);
        headers.extend(session.map(|session| ("mcp-session-id".to_owned(), session.to_owned())));
        let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        server.request(line, &headers, &body.to_string())
    };
    let opened = send(&tokens[0], "POST /mcp", None, &hello);
    let session = opened.header("mcp-session-id").unwrap().to_owned();
    let ping = json!({"jsonrpc": "2.0", "id": 2, "method": "ping"});
    for (line, body) in [("POST /mcp", &ping), ("GET /mcp", &Value::Null), ("DELETE /mcp", &Value::Null)] {
        let theirs = send(&tokens[1], line, Some(&session), body);
        let nobodys = send(&tokens[1], line, Some("00000000-0000-4000-8000-000000000000"), body);
        assert_eq!(theirs, nobodys, "{line}");
    }
    let own = send(&tokens[0], "POST /mcp", Some(&session), &ping);
    assert_eq!(own.status, 200, "{own:?}");
}

#[test]
fn who_may_come_in_is_on_record_or_does_not_change() {
    use std::os::unix::fs::PermissionsExt;
    let site = crate::site::Site::new();
    policy(&site, "http: {tokens: '{state}/tokens.json'}\n");
    let secret = token(&site, &["add", "alice", "--expires", "1h"]);
    token(&site, &["add", "bob"]);
    token(&site, &["revoke", "alice"]);
    let records = || -> Vec<Value> {
        let records = site.records();
        assert!(!json!(records).to_string().contains(&secret), "the token itself is nowhere");
        records.into_iter().filter(|record| record["kind"] == "token").collect()
    };
    let told: Vec<_> = records().iter().map(|it| (it["action"].clone(), it["client"].clone())).collect();
    let want = [("add", "alice"), ("add", "bob"), ("revoke", "alice")];
    assert_eq!(told, want.map(|(action, client)| (json!(action), json!(client))));
    assert!(records()[0]["expires"].is_string() && records()[2]["ids"][0].is_string(), "{:?}", records());
    // A change that fails says so.
    let run = |arguments: &[&str]| {
        let mut command = site.command("token");
        command.arg("--policy").arg(site.path("policies/policy.yaml")).args(arguments).output().unwrap()
    };
    assert!(!run(&["add", "no name"]).status.success());
    assert!(records()[4]["failed"].is_string(), "{:?}", records());
    let folder = std::fs::read_dir(site.path("state")).unwrap().next().unwrap().unwrap().path();
    std::fs::set_permissions(folder.join("audit.jsonl"), std::fs::Permissions::from_mode(0o666)).unwrap();
    assert_eq!(run(&["add", "carol"]).status.code(), Some(125));
    assert!(!token(&site, &["list"]).contains("carol"));
}

#[test]
fn a_revoked_token_is_worth_nothing_at_once_and_takes_its_jobs_along() {
    let (server, tokens) = Server::with_clients(&["alice", "bob"]);
    let job = server.run(Some(&tokens[0]), "sleep 300");
    let wait =
        message("tools/call", json!({"name": "get_job_status", "arguments": {"job_id": job, "wait_seconds": 45}}));
    let mut waiting = server.connect();
    waiting.write_all(&posting(server.address, Some(&tokens[0]), &wait)).unwrap();
    token(&server.site, &["revoke", "alice"]);
    let refused = server.post(Some(&tokens[0]), &message("tools/list", json!({})));
    assert_eq!(refused.status, 401);
    server.says("client `alice` is no more");
    // A call that was open ends, long before its wait.
    read_reply(&mut waiting);
    server.works(Some(&tokens[1]), "the other client goes on");
    loop {
        let records = server.site.records();
        let end = records.iter().find(|record| record["kind"] == "end" && record["job"] == job.as_str());
        if let Some(end) = end {
            assert_eq!(end["outcome"]["state"], "killed", "{end}");
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

#[test]
fn each_client_has_its_own_policy_and_identity_on_record() {
    let site = Site::new();
    policy(&site, "http: {tokens: '{state}/tokens.json'}\n");
    let mine = std::fs::read_to_string(site.path("policies/policy.yaml")).unwrap();
    let narrow = site.write("policies/narrow.yaml", &mine.replace("echo, ", "").replace("http:", "#"));
    let wide = token(&site, &["add", "wide"]);
    let thin = token(&site, &["add", "thin", "--client-policy", narrow.to_str().unwrap()]);
    let server = Server::start(site);
    server.works(Some(&wide), "its policy allows it");
    let refused = server.call(Some(&thin), "execute_command", json!({"command": "echo still here"}));
    assert_eq!(refused["isError"], true, "{refused}");
    let records = server.site.records();
    let decision = |client: &str| {
        let of = records.iter().find(|record| record["kind"] == "decision" && record["client"] == client);
        of.unwrap_or_else(|| panic!("{client}: {records:?}"))["decision"].clone()
    };
    assert_eq!((decision("http:wide"), decision("http:thin")), (json!("allow"), json!("deny")));
}

#[test]
fn the_record_says_whose_policy_was_loaded_anew() {
    let site = Site::new();
    policy(&site, "http: {tokens: '{state}/tokens.json'}\n");
    let mine = std::fs::read_to_string(site.path("policies/policy.yaml")).unwrap();
    let narrow = site.write("policies/narrow.yaml", &mine.replace("echo, ", "").replace("http:", "#"));
    token(&site, &["add", "wide"]);
    token(&site, &["add", "thin", "--client-policy", narrow.to_str().unwrap()]);
    let server = Server::start(site);
    let narrower = std::fs::read_to_string(&narrow).unwrap().replace("sleep, ", "");
    std::fs::write(&narrow, narrower).unwrap();
    let reloads = || -> Vec<Value> {
        let records = server.site.records();
        records.into_iter().filter(|record| record["kind"] == "policy_reload").collect()
    };
    wait_for("the change is not on record", || !reloads().is_empty());
    let reloads = reloads();
    assert_eq!(
        (&reloads[0]["client"], &reloads[0]["outcome"]),
        (&json!("http:thin"), &json!("in_force")),
        "{reloads:?}"
    );
}

#[test]
fn another_address_needs_tokens_and_says_what_it_means_without_tls() {
    let site = Site::new();
    policy(&site, "");
    let refused = serve(&site, "0.0.0.0:0").output().unwrap();
    assert_eq!(refused.status.code(), Some(125));
    assert!(stderr(&refused).contains("without tokens whoever reaches it may run commands"), "{}", stderr(&refused));
    policy(&site, "http: {tokens: '{state}/tokens.json'}\n");
    let refused = serve(&site, "0.0.0.0:0").output().unwrap();
    assert!(stderr(&refused).contains("tokens.json"), "a named file must be there: {}", stderr(&refused));
    token(&site, &["add", "alice"]);
    let mut command = serve(&site, "0.0.0.0:0");
    let mut server = command.spawn().unwrap();
    let mut said = std::io::BufReader::new(server.stderr.take().unwrap());
    let mut line = String::new();
    std::io::BufRead::read_line(&mut said, &mut line).unwrap();
    assert!(line.contains("not encrypted: whoever sees the traffic can read tokens"), "{line}");
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(server.id().try_into().unwrap()), nix::sys::signal::SIGTERM)
        .unwrap();
    assert_eq!(server.wait().unwrap().code(), Some(0));
}

#[test]
fn a_limit_on_the_server_counts_all_clients_together() {
    let site = Site::new();
    policy(&site, "rate_limits: [{scope: server, commands: 3, per: 1d}]\nhttp: {tokens: '{state}/tokens.json'}\n");
    let tokens: Vec<_> = ["alice", "bob"].map(|name| token(&site, &["add", name])).into();
    let server = Server::start(site);
    let run = |of: usize| {
        let answer = server.call(Some(&tokens[of]), "execute_command", json!({"command": "true"}));
        text(&answer).contains("rate limit")
    };
    assert_eq!([run(0), run(1), run(0), run(1), run(0)], [false, false, false, true, true]);
}
