//! How often and how many at a time: by client, server, tool and rule; and a refusal that is asked for again and again.

use serde_json::json;

use super::session::{Session, text};

/// The answer to a command that is started and not waited for.
fn start(session: &mut Session, command: &str) -> String {
    text(&session.call("execute_command", json!({"command": command, "wait_seconds": 0})))
}

#[test]
fn a_tool_has_limits_of_its_own() {
    let mut session = Session::under("rate_limits: [{scope: tool, tool: list_jobs, commands: 2, per: 1d}]", &[]);
    for _ in 0..2 {
        assert_eq!(session.call("list_jobs", json!({}))["isError"], false);
    }
    let refused = session.call("list_jobs", json!({}));
    assert_eq!(refused["isError"], true);
    assert!(text(&refused).contains("is used up; try again in 4"), "{refused}");
    session.works("other tools are not limited");
}

#[test]
fn every_tool_can_be_limited_and_nothing_else() {
    let mut session = Session::under("", &[]);
    let answer = session.ask("tools/list", json!({}));
    let tools = answer["result"]["tools"].as_array().unwrap();
    let served: Vec<_> = tools.iter().map(|tool| tool["name"].clone()).collect();
    let schema = shellwarden::policy::schema();
    let limited = schema.pointer("/properties/rate_limits/items/properties/tool/enum").unwrap();
    assert_eq!(limited, &json!(served));
}

#[test]
fn a_rule_has_limits_of_its_own() {
    let policy = "commands: {allow: [{id: sleeping, program: sleep, options: any, operands: any}]}\n\
        rate_limits: [{scope: rule, rule: sleeping, commands: 1, per: 1d}]";
    let mut session = Session::under(policy, &[]);
    let answers = [start(&mut session, "sleep 0"), start(&mut session, "echo x && sleep 0")];
    assert!(!answers[0].contains("rate limit"), "{answers:?}");
    assert!(answers[1].contains("rate limit `rule-1` is used up; try again in"), "{answers:?}");
    session.works("other rules are not limited");
}

#[test]
fn so_many_at_a_time_and_one_more_when_one_has_ended() {
    let mut session = Session::under("rate_limits: [{scope: client, concurrent: 2}]", &[]);
    let (first, second) = (session.run("sleep 1000"), session.run("sleep 1000"));
    let refused = start(&mut session, "echo x");
    assert!(refused.contains("lets 2 at a time run, wait for one to end; try again in 1 s"), "{refused}");
    session.call("kill_job", json!({"job_id": first}));
    session.ended(&first);
    // The place is given back in the moment after the end.
    let again = (0..100).any(|_| !start(&mut session, "echo x").contains("at a time"));
    assert!(again, "a place is free again");
    session.call("kill_job", json!({"job_id": second}));
}

#[test]
fn the_same_refused_command_is_slowed_and_others_are_not() {
    let mut session = Session::under("commands: {deny: [{id: no-id, program: id, reason: told why}]}", &[]);
    for n in 0..10 {
        let refused = start(&mut session, "id");
        assert!(refused.contains("told why"), "{n}: {refused}");
    }
    let slowed = start(&mut session, "id");
    assert!(slowed.contains("refused again and again; try again in"), "{slowed}");
    assert!(start(&mut session, "id -u").contains("told why"), "another command is judged");
    session.works("what is allowed runs");
}

#[test]
fn refused_commands_use_up_a_limit_as_others_do() {
    let policy = "commands: {deny: [{id: no-id, program: id, reason: told why}]}\n\
        rate_limits: [{scope: client, commands: 3, per: 1d}]";
    let mut session = Session::under(policy, &[]);
    for n in 0..3 {
        assert!(start(&mut session, &format!("id {n}")).contains("told why"));
    }
    let refused = start(&mut session, "echo x");
    assert!(refused.contains("rate limit `client-1` is used up; try again in"), "{refused}");
}
