//! Another policy while the server runs: whole or not at all, on record, and not from files that others can change.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use super::session::{Session, text};
use crate::site::{Site, code, stderr};

/// A policy whose one rule has this id, and that tells by its reason which one it is.
fn policy(id: &str) -> String {
    let rest = include_str!("../../clients/policy.yaml");
    let rest: String = rest.lines().filter(|line| !line.contains("refused")).map(|line| format!("{line}\n")).collect();
    rest.replace("  deny:\n", &format!("  deny:\n    - {{id: {id}, program: whoami, reason: told by {id}}}\n"))
}

/// Puts a whole file in the place of another.
fn put(path: &Path, text: &str) {
    let beside = path.with_extension("new");
    fs::write(&beside, text).unwrap();
    fs::rename(beside, path).unwrap();
}

struct Served {
    session: Session,
    site: Site,
    file: PathBuf,
}

impl Served {
    fn new() -> Self {
        let site = Site::new();
        let file = site.write("policies/policy.yaml", &policy("first"));
        Self::of(site, file)
    }

    fn of(site: Site, file: PathBuf) -> Self {
        let mut command = site.command("serve");
        command.arg("--policy").arg(&file);
        let session = Session::open_command(command);
        Self { site, file, session }
    }

    fn records(&self, kind: &str) -> Vec<Value> {
        let mut records = self.site.records();
        records.retain(|record| record["kind"] == kind);
        records
    }

    /// Waits until so many reloads are on record; the last one.
    fn reloads(&mut self, count: usize) -> Value {
        loop {
            let reloads = self.records("policy_reload");
            if reloads.len() >= count {
                return reloads[count - 1].clone();
            }
            self.session.works("it answers meanwhile");
        }
    }

    /// Which rule refuses now?
    fn refusal(&mut self) -> String {
        text(&self.session.call("execute_command", json!({"command": "whoami"})))
    }
}

#[test]
fn a_link_on_the_way_that_is_turned_is_noticed() {
    let site = Site::new();
    let first = site.write("releases/1/policy.yaml", &policy("first"));
    let second = site.write("releases/2/policy.yaml", &policy("second"));
    let link = site.path("now");
    let turn = |to: &Path| {
        let beside = link.with_extension("new");
        symlink(to.parent().unwrap(), &beside).unwrap();
        fs::rename(beside, &link).unwrap();
    };
    turn(&first);
    let mut served = Served::of(site, link.join("policy.yaml"));
    assert!(served.refusal().contains("told by first"));
    turn(&second);
    assert_eq!(served.reloads(1)["outcome"], "in_force");
    assert!(served.refusal().contains("told by second"));
    put(&second, &policy("third"));
    assert_eq!(served.reloads(2)["outcome"], "in_force");
    assert!(served.refusal().contains("told by third"), "where the link leads now is watched as well");
}

#[test]
fn a_change_of_the_file_is_in_force_and_a_broken_one_is_reported_and_is_not() {
    let mut served = Served::new();
    assert!(served.refusal().contains("told by first"));
    let running = served.session.run("sleep 1000");
    put(&served.file, &policy("second"));
    assert_eq!(served.reloads(1)["outcome"], "in_force");
    assert!(served.refusal().contains("told by second"));
    put(&served.file, "version: 1\nno_such_key: true\n");
    let refused = served.reloads(2);
    assert_eq!(refused["outcome"], "refused");
    assert!(refused["reason"].as_str().unwrap().contains("no_such_key"), "{refused}");
    assert!(served.refusal().contains("told by second"), "the old one stays");
    // What is set up once cannot be changed by halves.
    put(&served.file, &policy("third").replace("retain: 100", "retain: 7"));
    let refused = served.reloads(3);
    assert!(refused["reason"].as_str().unwrap().contains("restart the server"), "{refused}");
    put(&served.file, &policy("fourth"));
    assert_eq!(served.reloads(4)["outcome"], "in_force");
    served.session.signal(Signal::SIGHUP);
    assert_eq!(served.reloads(5)["outcome"], "in_force", "whoever asks gets it read again, changed or not");
    let state = served.session.call("get_job_status", json!({"job_id": running}));
    assert_eq!(state.pointer("/structuredContent/status"), Some(&json!("running")), "{state}");
}

#[test]
fn each_of_many_decisions_is_by_exactly_one_policy_and_the_record_says_which() {
    let mut served = Served::new();
    let (reloads, decisions) = match std::env::var_os("SHELLWARDEN_RELOAD_ALL") {
        Some(_) => (100, 1000),
        None => (12, 60),
    };
    let mut done = 0;
    for n in 0..reloads {
        let text = if n % 2 == 0 { policy(&format!("rule-{n}")) } else { "version: [".to_owned() };
        put(&served.file, &text);
        let asked: Vec<u64> = (0..decisions / reloads)
            .map(|at| {
                // Each another one: the same, refused again and again, would be slowed.
                let call = json!({"name": "execute_command", "arguments": {"command": format!("whoami {n} {at}")}});
                served.session.request("tools/call", call)
            })
            .collect();
        done += asked.len();
        // Answers come in any order.
        let mut open: std::collections::BTreeSet<u64> = asked.into_iter().collect();
        while !open.is_empty() {
            let line = served.session.next().unwrap();
            line["id"].as_u64().map(|id| open.remove(&id));
        }
        served.reloads(n + 1);
    }
    let records = served.site.records();
    let mut rule_of = std::collections::BTreeMap::new();
    let mut known = Vec::new();
    let mut refused = 0;
    for record in &records {
        let digest = record["policy_digest"].as_str().unwrap_or_default().to_owned();
        match record["kind"].as_str().unwrap() {
            "policy_load" => known.push(digest),
            "policy_reload" if record["outcome"] == "in_force" => known.push(digest),
            "policy_reload" => refused += 1,
            "decision" if record["decision"] == "deny" => {
                assert!(known.contains(&digest), "by a policy that came into force before: {record}");
                let rule = record["rules"][0].as_str().unwrap();
                assert_eq!(*rule_of.entry(digest).or_insert(rule), rule, "one policy, one rule");
            }
            _ => {}
        }
    }
    assert_eq!(refused, reloads / 2);
    let denied = records.iter().filter(|record| record["decision"] == "deny").count();
    assert_eq!(denied, done);
    let rules: std::collections::BTreeSet<_> = rule_of.values().collect();
    assert_eq!(rules.len(), rule_of.len(), "each rule belongs to one policy");
}

#[test]
fn a_policy_that_others_can_change_starts_nothing() {
    use std::os::unix::fs::PermissionsExt;
    let site = Site::new();
    let file = site.write("policies/policy.yaml", &policy("open"));
    fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).unwrap();
    let output = site.run_with(&file, "ls");
    assert_eq!(code(&output), 125, "{}", stderr(&output));
    assert!(stderr(&output).contains("can be written by everybody"), "{}", stderr(&output));
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(code(&site.run_with(&file, "ls")), 0);
}
