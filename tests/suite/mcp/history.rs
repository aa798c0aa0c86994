//! Jobs outlive their server in the history, and the record is whole, however a server ends.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use shellwarden::audit::{self, Known};

use super::session::{PATIENCE, Session, text};
use crate::site::Site;

fn serve(site: &Site) -> Session {
    let policy = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/policy.yaml");
    let mut command = site.command("serve");
    command.arg("--policy").arg(policy);
    Session::open_command(command)
}

fn log(site: &Site) -> PathBuf {
    let folder = fs::read_dir(site.path("state")).unwrap().next().unwrap().unwrap().path();
    folder.join("audit.jsonl")
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
        "shellwarden_jobs_open 0",
        "shellwarden_launch_seconds_count 1",
        "shellwarden_decision_seconds_count 2",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
    }
}

/// A small generator, so that a run can be repeated from its seed.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

/// Shoots a server at random moments under load. `SHELLWARDEN_KILLS` sets how often, `SHELLWARDEN_SEED` the moments.
#[test]
fn whenever_a_server_is_shot_the_record_is_whole_and_says_what_was_cut() {
    let number = |name: &str, default: u64| std::env::var(name).map_or(default, |text| text.parse().unwrap());
    let (kills, seed) = (number("SHELLWARDEN_KILLS", 4), number("SHELLWARDEN_SEED", 0x5eed_1234));
    println!("{kills} kills, seed {seed:#x}");
    let mut random = Random(seed);
    let site = Site::new();
    let mut started = BTreeSet::new();
    for kill in 0..kills {
        let mut session = serve(&site);
        // Each job leaves a mark by which it is known to have run, whatever the server still said about it.
        let line = |n: u64| format!("touch ran-{kill}-{n} && sleep 0.0{}", n % 10);
        let first = session.run("sleep 1000");
        started.insert(first);
        let moment = Instant::now() + Duration::from_micros(random.below(200_000));
        let mut n = 0;
        while Instant::now() < moment {
            let call = json!({"name": "execute_command", "arguments": {"command": line(n), "wait_seconds": 0}});
            session.request("tools/call", call);
            n += 1;
        }
        session.signal(Signal::SIGKILL);
        session.exit();
    }
    let mut last = serve(&site);
    let listed = last.call("list_jobs", json!({"limit": 10_000}));
    let verified = audit::verify(log(&site).as_path(), &Known::default());
    assert!(verified.is_ok(), "{verified:?}");
    let records = site.records();
    let of_kind = |kind: &str| -> Vec<&Value> { records.iter().filter(|record| record["kind"] == kind).collect() };
    let jobs = |kind: &str| -> BTreeSet<String> {
        of_kind(kind).iter().filter_map(|record| record["job"].as_str()).map(str::to_owned).collect()
    };
    let decisions = of_kind("decision");
    for entry in fs::read_dir(site.workspace()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let recorded = decisions.iter().any(|record| record["command"].as_str().unwrap().contains(&name));
        assert!(recorded || !name.starts_with("ran-"), "{name} ran without a record");
    }
    let (allowed, ended, cut) = (jobs("decision"), jobs("end"), jobs("cut"));
    assert!(started.is_subset(&cut), "each server left one running");
    // The history is limited, the record is not: what has no end was cut off, and was found so.
    let neither: Vec<_> = allowed.iter().filter(|job| !ended.contains(*job) && !cut.contains(*job)).collect();
    assert!(neither.is_empty(), "{} of {} jobs have neither end nor cut", neither.len(), allowed.len());
    let listed = text(&listed);
    assert!(kills == 0 || listed.contains("cut off: "), "the history lists what was cut: {listed}");
    assert_no_job_is_left(&site);
}

/// No process works in the workspace any more. The kernel may still be taking namespaces apart.
fn assert_no_job_is_left(site: &Site) {
    let deadline = Instant::now() + PATIENCE;
    let workspace = site.workspace();
    let inside = || {
        let entries = fs::read_dir("/proc").unwrap().flatten();
        entries.filter_map(|entry| fs::read_link(entry.path().join("cwd")).ok()).filter(|cwd| *cwd == workspace).count()
    };
    // The server itself and its helper were started there.
    while inside() > 2 {
        assert!(Instant::now() < deadline, "{} processes are left", inside());
        std::thread::yield_now();
    }
}
