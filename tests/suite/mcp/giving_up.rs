//! Calls that nobody waits for any more before their job has started: at whatever step they are, no job goes on.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use super::session::{Session, Wires};
use super::tasks::{answer, ask, asked, asking};
use crate::stalling::{Stalled, wait_for};

/// Calls `execute_command`; the id of the request.
fn execute(session: &mut Session, command: &str, wait: u64) -> u64 {
    let arguments = json!({"command": command, "wait_seconds": wait, "label": "given up"});
    session.request("tools/call", json!({"name": "execute_command", "arguments": arguments}))
}

/// Gives a call up, and returns when the server has read that.
fn give_up(session: &mut Session, id: u64) {
    let cancelled = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id}});
    session.send(&cancelled.to_string());
    session.ask("tools/list", json!({}));
}

/// Jobs with that label, newest first.
fn given_up(session: &mut Session) -> Vec<Value> {
    let jobs = session.call("list_jobs", json!({"label": "given up"}));
    jobs.pointer("/structuredContent/jobs").and_then(Value::as_array).unwrap().clone()
}

/// Waits until so many jobs were given up and all of them are over.
fn until_killed(session: &mut Session, count: usize) {
    wait_for("a job goes on that nobody waits for", || {
        let jobs = given_up(session);
        jobs.len() == count && jobs.iter().all(|job| job["status"] == "killed")
    });
}

#[test]
fn a_call_cancelled_while_its_record_is_written_leaves_no_job() {
    let mut session = Session::open(Wires::Pipes);
    let kept = session.run("sleep 1000");
    // The first would have waited for its job, the second would have been answered at once.
    for (count, wait) in [45, 0].into_iter().enumerate() {
        let stalled = Stalled::below(&session.state());
        let id = execute(&mut session, "sleep 1000", wait);
        stalled.until_wanted();
        give_up(&mut session, id);
        drop(stalled);
        until_killed(&mut session, count + 1);
    }
    assert_eq!(session.status(&kept)["status"], "running", "an answered call's job goes on");
}

#[test]
fn a_call_cancelled_while_its_job_is_launched_leaves_no_job() {
    let mut session = Session::open(Wires::Pipes);
    session.works("the helper is there");
    let helper = session.children();
    let [helper] = helper.as_slice() else { panic!("one helper, not {helper:?}") };
    let helper = Pid::from_raw(*helper);
    kill(helper, Signal::SIGSTOP).unwrap();
    let id = execute(&mut session, "sleep 1000", 45);
    wait_for("the job is not there", || given_up(&mut session).len() == 1);
    give_up(&mut session, id);
    kill(helper, Signal::SIGCONT).unwrap();
    until_killed(&mut session, 1);
}

#[test]
fn a_call_cancelled_while_its_job_is_queued_never_runs_it() {
    let mut session = Session::under("jobs: {concurrent: 1}", &[]);
    let first = session.run("sleep 1000");
    let id = execute(&mut session, "touch made", 45);
    wait_for("the job does not wait", || given_up(&mut session).iter().any(|job| job["status"] == "queued"));
    give_up(&mut session, id);
    until_killed(&mut session, 1);
    session.call("kill_job", json!({"job_id": first}));
    session.works("there is a place again");
    assert!(!session.workspace().join("made").exists());
}

#[test]
fn a_task_cancelled_between_the_answer_and_its_job_leaves_none() {
    let (mut session, with) = asking();
    let id = asked(&mut session, &with);
    let stalled = Stalled::below(&session.state());
    answer(&mut session, &with, &id, "accept");
    stalled.until_wanted();
    ask(&mut session, &with, "tasks/cancel", json!({"taskId": id}));
    drop(stalled);
    wait_for("the job of a cancelled task goes on", || {
        let jobs = ask(&mut session, &with, "tools/call", json!({"name": "list_jobs", "arguments": {}}));
        jobs.pointer("/structuredContent/jobs/0/status").is_some_and(|status| *status == "killed")
    });
    assert_eq!(ask(&mut session, &with, "tasks/get", json!({"taskId": id}))["status"], "cancelled");
}
