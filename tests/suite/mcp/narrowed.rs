//! The environment variables of the Python server narrow the policy and never widen it.

use serde_json::json;

use super::session::{Session, text};
use crate::site::{Site, code, stderr};

#[test]
fn fewer_jobs_and_less_time() {
    let mut session = Session::under("jobs: {concurrent: 2}", &[("MCP_BG_MAX_JOBS", "1"), ("MCP_BG_JOB_TIMEOUT", "1")]);
    let (first, second) = (session.run("sleep 1000"), session.run("true"));
    assert_eq!(session.status(&second)["status"], "queued");
    assert_eq!(session.ended(&first)["status"], "timed_out");
    assert_eq!(session.ended(&second)["status"], "completed");
    let mut session =
        Session::under("jobs: {concurrent: 1}", &[("MCP_BG_MAX_JOBS", "50"), ("MCP_BG_JOB_TIMEOUT", "9999")]);
    let (_, second) = (session.run("sleep 1000"), session.run("true"));
    assert_eq!(session.status(&second)["status"], "queued", "a larger value changes nothing");
}

#[test]
fn fewer_commands() {
    let patterns = [("MCP_BG_ALLOWED_COMMANDS", "^echo ,ls,whoami")];
    let mut session = Session::under("", &patterns);
    for (command, refused) in [
        ("echo hello", false),
        ("ls", false),
        ("ls && echo x", false),
        ("lsblk", true),
        ("echo x; cat /etc/hostname", true),
        ("echo $(cat /etc/hostname)", true),
        ("whoami", true),
    ] {
        let answer = session.call("check_command", json!({"command": command}));
        let decision = answer["structuredContent"]["decision"].as_str().unwrap().to_owned();
        assert_eq!(decision == "deny", refused, "{command}: {}", text(&answer));
    }
    let answer = session.call("execute_command", json!({"command": "cat"}));
    assert!(text(&answer).contains("only commands that begin with `^echo `, `ls`, `whoami`"), "{answer}");
}

#[test]
fn another_place_to_start_that_the_policy_allows() {
    let site = Site::new();
    std::fs::create_dir(site.workspace().join("below")).unwrap();
    let below = site.workspace().join("below");
    let start = |dir: &str| {
        let mut command = site.command("serve");
        command.arg("--policy").arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/policy.yaml"));
        command.env("MCP_BG_WORKING_DIR", dir).output().unwrap()
    };
    assert_eq!(code(&start(below.to_str().unwrap())), 0);
    let outside = start("/etc");
    assert_eq!(code(&outside), 125);
    assert!(
        stderr(&outside).contains("`/etc` is not one that the policy lets commands start in"),
        "{}",
        stderr(&outside)
    );
    let mut session = Session::under("", &[("MCP_BG_WORKING_DIR", ".")]);
    session.works("a relative directory is below the one of the server");
}

#[test]
fn a_bad_value_or_name_stops_the_start() {
    let site = Site::new();
    for (name, value, told) in [
        ("MCP_BG_MAX_JOBS", "0", "takes a whole number from 1 to 100, not `0`"),
        ("MCP_BG_MAX_OUTPUT_SIZE", "lots", "takes a size"),
        ("MCP_BG_JOB_TIMEOUT", "-1", "takes a whole number of seconds"),
        ("MCP_BG_CLEANUP_INTERVAL", "5", "from 10 to 3600"),
        ("MCP_BG_ALLOWED_COMMANDS", "", "takes regular expressions"),
        ("MCP_BG_ALLOWED_COMMANDS", "(", "is no regular expression"),
        ("MCP_BG_WORKING_DIR", "/no/such/place", "takes a directory that exists"),
        ("MCP_BG_MAX_JOB", "3", "did you mean `MCP_BG_MAX_JOBS`?"),
    ] {
        let output = site.command("serve").env(name, value).output().unwrap();
        assert_eq!(code(&output), 125, "{name}={value}");
        assert!(stderr(&output).contains(told), "{name}={value}: {}", stderr(&output));
    }
}
