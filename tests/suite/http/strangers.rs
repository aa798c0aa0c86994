//! Requests of those who may not ask: each is refused, and all alike.

use serde_json::json;

use super::server::{Reply, Server, message, policy, token};
use crate::site::Site;

/// Headers of a request.
type Headers<'a> = &'a [(&'a str, &'a str)];

/// What every stranger gets.
fn refusal() -> Reply {
    let headers = [
        ("content-type", "text/plain"),
        ("www-authenticate", "Bearer"),
        ("content-length", "12"),
        ("connection", "close"),
    ];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    Reply { status: 401, headers, body: "Unauthorized".to_owned() }
}

#[test]
fn thirty_requests_without_a_right_are_refused_without_a_hint() {
    let (server, tokens) = Server::with_clients(&["alice", "gone", "late"]);
    token(&server.site, &["revoke", "gone"]);
    let expired = token(&server.site, &["add", "late2", "--expires", "1ms"]);
    let right = &tokens[0];
    let job = server.run(Some(right), "sleep 300");
    let file = std::fs::read_dir(server.site.path("state")).unwrap().next().unwrap().unwrap().path();
    let file = std::fs::read_to_string(file.join("tokens.json")).unwrap();
    let hash = file.split('"').find(|word| word.len() == 64).unwrap();

    let bare = right.trim_start_matches("shellwarden_");
    let flipped: String = right.chars().rev().collect();
    let other_case = right.to_uppercase();
    let mut last = right.clone();
    let end = last.pop().unwrap();
    last.push(if end == 'A' { 'B' } else { 'A' });
    let bearers = [
        format!("Bearer {}", &right[..right.len() - 1]),
        format!("Bearer {right}x"),
        format!("Bearer {right},Bearer {right}"),
        format!("Bearer {last}"),
        format!("Bearer {flipped}"),
        format!("Bearer {other_case}"),
        format!("Bearer {bare}"),
        format!("Bearer {hash}"),
        format!("Bearer {}", &hash[..8]),
        "Bearer alice".to_owned(),
        "Bearer *".to_owned(),
        "Bearer".to_owned(),
        format!("Bearer  {right}"),
        format!("Basic {right}"),
        format!("Token {right}"),
        right.clone(),
        format!("Bearer \"{right}\""),
        format!("Bearer {}", tokens[1]),
        format!("Bearer {expired}"),
        format!("Bearer {}", "a".repeat(8000)),
    ];
    let call = message("tools/call", json!({"name": "get_job_status", "arguments": {"job_id": job}})).to_string();
    let headers = [("accept", "application/json, text/event-stream"), ("content-type", "application/json")];
    let mut wrong: Vec<(String, Reply)> = Vec::new();
    let mut asked = 0;
    let mut check = |what: String, reply: Reply| {
        asked += 1;
        if reply != refusal() {
            wrong.push((what, reply));
        }
    };
    for bearer in &bearers {
        let with = [&headers[..], &[("authorization", bearer.as_str())]].concat();
        check(bearer.clone(), server.request("POST /mcp", &with, &call));
    }
    let in_query = format!("POST /mcp?access_token={right}");
    let in_body = format!("access_token={right}");
    let cookie = format!("token={right}");
    let again = format!("Bearer {right}");
    let elsewhere: [(&str, Headers<'_>, &str); 15] = [
        ("POST /mcp", &[], &call),
        ("GET /mcp", &[("accept", "text/event-stream")], ""),
        ("GET /mcp", &[("accept", "text/event-stream"), ("mcp-session-id", &job), ("last-event-id", "0")], ""),
        ("DELETE /mcp", &[("mcp-session-id", &job)], ""),
        ("PUT /mcp", &[], "x"),
        ("OPTIONS /mcp", &[], ""),
        ("HEAD /nothing", &[], ""),
        ("GET /", &[], ""),
        ("GET /nothing", &[], ""),
        ("GET /mcp/../healthz", &[], ""),
        (&in_query, &[], &call),
        ("POST /mcp", &[("content-type", "application/x-www-form-urlencoded")], &in_body),
        ("POST /mcp", &[("cookie", &cookie)], &call),
        ("POST /mcp", &[("x-authorization", &again), ("proxy-authorization", &again)], &call),
        ("POST /mcp", &[("authorization", &again), ("authorization", "Bearer other")], &call),
    ];
    for (line, with, body) in elsewhere {
        let mut reply = server.request(line, with, body);
        if line.starts_with("HEAD") {
            reply.body = "Unauthorized".to_owned();
        }
        check(format!("{line} {with:?}"), reply);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(asked >= 30, "{asked}");
    let refused = server.site.records().iter().filter(|record| record["kind"] == "decision").count();
    assert_eq!(refused, 1, "nobody but the owner of the token came as far as a decision");
}

#[test]
fn foreign_names_and_foreign_pages_are_stopped_before_anything_else() {
    let server = Server::open();
    let port = server.address.port();
    let call = message("tools/list", json!({})).to_string();
    let right = [
        ("accept", "application/json, text/event-stream"),
        ("content-type", "application/json"),
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", "tools/list"),
    ];
    let localhost = format!("localhost:{port}");
    let (own, other) = (format!("http://localhost:{port}"), format!("http://localhost:{}", port.wrapping_add(1)));
    let cases: [(Headers<'_>, u16); 9] = [
        (&[("host", &localhost)], 200),
        (&[("host", &localhost), ("origin", &own)], 200),
        (&[("host", "evil.example")], 403),
        (&[("host", "evil.example"), ("origin", "http://evil.example")], 403),
        (&[("host", &localhost), ("origin", "http://evil.example")], 403),
        (&[("host", &localhost), ("origin", &other)], 403),
        (&[("host", &localhost), ("origin", "null")], 403),
        (&[("host", "10.1.2.3")], 403),
        (&[("host", "localhost.evil.example")], 403),
    ];
    for (with, status) in cases {
        let headers = [&right[..], with].concat();
        let reply = server.request("POST /mcp", &headers, &call);
        assert_eq!(reply.status, status, "{with:?}: {reply:?}");
        let health = server.request("GET /healthz", with, "");
        assert_eq!(health.status, status, "{with:?}: {health:?}");
    }
}

#[test]
fn a_page_of_the_list_can_call_and_its_browser_is_told_so_and_no_other_page() {
    let site = Site::new();
    policy(&site, "http: {tokens: '{state}/tokens.json', origins: ['https://console.example']}\n");
    let alice = token(&site, &["add", "alice"]);
    let server = Server::start(site);
    let page = ("origin", "https://console.example");
    // What a browser asks before it sends a token; it shows none itself.
    let asks = [("access-control-request-method", "POST"), ("access-control-request-headers", "authorization")];
    let first = server.request("OPTIONS /mcp", &[&asks[..], &[page]].concat(), "");
    assert_eq!((first.status, first.header("access-control-allow-origin")), (204, Some(page.1)), "{first:?}");
    assert!(first.header("access-control-allow-headers").unwrap().contains("authorization"), "{first:?}");
    assert_eq!(first.header("access-control-allow-credentials"), None, "nothing that a browser adds by itself counts");
    let bearer = format!("Bearer {alice}");
    let call = message("tools/list", json!({})).to_string();
    let headers = [
        page,
        ("authorization", &*bearer),
        ("accept", "application/json, text/event-stream"),
        ("content-type", "application/json"),
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", "tools/list"),
    ];
    let answer = server.request("POST /mcp", &headers, &call);
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, Some(page.1)), "{answer:?}");
    // A token is needed all the same, and other pages and no page at all get what strangers get.
    assert_eq!(server.request("POST /mcp", &headers[..1], &call).status, 401);
    let other = [&asks[..], &[("origin", "https://evil.example")]].concat();
    assert_eq!(server.request("OPTIONS /mcp", &other, "").status, 403);
    assert_eq!(server.request("OPTIONS /mcp", &asks, ""), refusal());
}

#[test]
fn a_client_sees_its_own_numbers_and_those_of_all_only_where_the_policy_says_so() {
    let site = Site::new();
    policy(&site, "http: {tokens: '{state}/tokens.json', metrics: [watcher]}\n");
    let tokens: Vec<_> = ["alice", "bob", "watcher"].map(|name| token(&site, &["add", name])).into();
    let server = Server::start(site);
    server.works(Some(&tokens[0]), "a job of alice");
    server.until_jobs_are(Some(&tokens[0]), &[]);
    let seen = |of: usize| {
        let bearer = format!("Bearer {}", tokens[of]);
        let reply = server.request("GET /metrics", &[("Authorization", &bearer)], "");
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.body.lines().filter(|line| line.contains("rule=\"tools\"")).map(str::to_owned).collect::<Vec<_>>()
    };
    let decided = ["shellwarden_decisions_total{decision=\"allow\",rule=\"tools\"} 1"];
    assert_eq!(seen(0), decided);
    assert_eq!(seen(1), [""; 0], "what alice did is nothing to bob");
    assert_eq!(seen(2), decided, "whom the policy names sees all");
}

#[test]
fn metrics_are_for_clients_and_count_what_they_did() {
    let (server, tokens) = Server::with_clients(&["alice"]);
    assert_eq!(server.request("GET /metrics", &[], ""), refusal());
    let bearer = format!("Bearer {}", tokens[0]);
    server.works(Some(&tokens[0]), "a job to count");
    let reply = server.request("GET /metrics", &[("Authorization", &bearer)], "");
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(reply.header("content-type"), Some("text/plain; version=0.0.4"));
    for line in ["shellwarden_decision_seconds_count 1", "# TYPE shellwarden_decisions_total counter"] {
        assert!(reply.body.lines().any(|found| found == line), "{line} is not in\n{}", reply.body);
    }
}
