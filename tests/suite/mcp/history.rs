//! Jobs outlive their server in the history, however a server ends.

use std::fs;

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use super::session::{Session, text};
use crate::site::Site;

fn serve(site: &Site) -> Session {
    let policy = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/policy.yaml");
    let mut command = site.command("serve");
    command.arg("--policy").arg(policy);
    Session::open_command(command)
}

fn facts(session: &mut Session, job: &str) -> Value {
    session.call("get_job_status", json!({"job_id": job}))["structuredContent"].clone()
}

#[test]
fn finished_jobs_and_those_that_were_cut_off_are_known_after_a_restart() {
    let site = Site::new();
    let mut first = serve(&site);
    let done = first.run_with("echo hello; exit 3", json!({"label": "mine"}));
    first.ended(&done);
    let running = first.run("sleep 1000");
    first.signal(Signal::SIGKILL);
    first.exit();

    let mut second = serve(&site);
    let facts_of_done = facts(&mut second, &done);
    assert_eq!(facts_of_done["status"], "failed", "{facts_of_done}");
    assert_eq!((&facts_of_done["exit_code"], &facts_of_done["label"]), (&json!(3), &json!("mine")));
    let cut = facts(&mut second, &running);
    assert_eq!(cut["status"], "failed", "{cut}");
    assert!(cut["reason"].as_str().unwrap().starts_with("cut off: "), "{cut}");
    let listed = text(&second.call("list_jobs", json!({})));
    assert!(listed.contains(&done) && listed.contains(&running), "{listed}");
    let again = second.call("kill_job", json!({"job_id": running}));
    assert!(text(&again).contains("over") || text(&again).contains("already"), "{again}");
    let records = site.records();
    let cuts: Vec<_> = records.iter().filter(|record| record["kind"] == "cut").collect();
    assert_eq!(cuts.len(), 1, "{cuts:?}");
    assert_eq!(cuts[0]["job"], running.as_str());
    assert_eq!(cuts[0]["command"], "sleep 1000");
}

#[test]
fn two_servers_of_one_workspace_do_not_disturb_each_other() {
    let site = Site::new();
    let mut one = serve(&site);
    let mut other = serve(&site);
    let running = one.run("sleep 1000");
    let done = one.run("echo done");
    one.ended(&done);
    let own = other.run("echo other");
    other.ended(&own);
    for job in [&running, &done] {
        let answer = other.call("get_job_status", json!({"job_id": job}));
        assert_eq!(answer["isError"], json!(true), "a server that lives keeps its jobs to itself: {answer}");
    }
    assert_eq!(facts(&mut one, &running)["status"], "running", "and they are not taken for cut off");
    one.hang_up();
    one.exit();
    assert_eq!(facts(&mut other, &done)["status"], "completed", "what it left can be seen");
    assert_eq!(facts(&mut other, &running)["status"], "killed");
    assert_eq!(facts(&mut other, &own)["status"], "completed");
}

#[test]
fn the_metrics_file_counts_decisions_and_jobs() {
    let site = Site::new();
    let file = site.path("metrics.prom");
    let policy = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/policy.yaml");
    let mut command = site.command("serve");
    command.arg("--policy").arg(policy).arg("--metrics-file").arg(&file);
    let mut session = Session::open_command(command);
    session.works("a job");
    session.call("execute_command", json!({"command": "whoami"}));
    session.hang_up();
    assert!(session.exit().success());
    let text = fs::read_to_string(file).unwrap();
    for line in [
        r#"shellwarden_jobs_total{state="completed"} 1"#,
        r#"shellwarden_decisions_total{decision="deny",rule="refused"} 1"#,
        r#"shellwarden_jobs_open{state="queued"} 0"#,
        r#"shellwarden_jobs_open{state="running"} 0"#,
        "shellwarden_launch_seconds_count 1",
        "shellwarden_decision_seconds_count 2",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
    }
}
