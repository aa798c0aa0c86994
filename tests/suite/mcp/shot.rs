//! A server is shot at random moments under load; after each restart the record is whole and says what became of each job.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use shellwarden::audit::{self, Check, Known};

use super::session::{PATIENCE, Session, text};
use crate::site::Site;

fn serve(site: &Site) -> Session {
    // Nothing is to fall out of the history that a restart has to find there.
    let policy = include_str!("../../clients/policy.yaml").replace("retain: 100,", "retain: 10000,");
    let policy = site.write("policies/policy.yaml", &policy);
    let mut command = site.command("serve");
    command.arg("--policy").arg(policy);
    Session::open_command(command)
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

/// What the record says so far; each restart adds what came since, and checks that it continues the chain.
#[derive(Default)]
struct Ledger {
    check: Check,
    read: u64,
    lines: u64,
    /// Jobs that may run, with their commands.
    allowed: BTreeMap<String, String>,
    commands: BTreeSet<String>,
    started: BTreeSet<String>,
    ended: BTreeSet<String>,
    cut: BTreeSet<String>,
    repaired: u64,
}

impl Ledger {
    /// Reads what is new. A server may be about to write: only the last line may be unfinished.
    fn catch_up(&mut self, path: &Path) {
        let mut file = File::open(path).unwrap();
        file.seek(SeekFrom::Start(self.read)).unwrap();
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        for line in bytes.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n")) {
            self.lines += 1;
            self.read += line.len() as u64;
            self.check.line(line, self.lines);
            let record = serde_json::from_slice(line).unwrap_or(Value::Null);
            self.take(&record);
        }
        let verified = self.check.clone().end(path);
        assert!(verified.is_ok(), "{verified:?}");
    }

    fn take(&mut self, record: &Value) {
        let text = |name: &str| record[name].as_str().unwrap_or_default().to_owned();
        match record["kind"].as_str().unwrap_or_default() {
            "decision" => {
                self.commands.insert(text("command"));
                self.allowed.insert(text("job"), text("command"));
            }
            "start" => {
                assert!(self.allowed.contains_key(&text("job")), "it started before it was allowed: {record}");
                self.started.insert(text("job"));
            }
            "end" => {
                assert!(!self.cut.contains(&text("job")), "it ended after it was said to be cut off: {record}");
                self.ended.insert(text("job"));
            }
            "cut" => assert!(self.cut.insert(text("job")), "it was cut off twice: {record}"),
            "repaired" => self.repaired += 1,
            _ => {}
        }
    }

    /// No job ran unrecorded: each left a file of a name that its command holds.
    fn knows_all_that_ran(&self, workspace: &Path) {
        for entry in fs::read_dir(workspace).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let recorded = self.commands.contains(&line(&name));
            assert!(recorded || !name.starts_with("ran-"), "{name} ran without a record");
        }
    }

    /// Each job of the servers that are gone has an end, or is said to have been cut off.
    fn knows_what_became_of_all(&self) {
        let open: Vec<_> =
            self.allowed.iter().filter(|(job, _)| !self.ended.contains(*job) && !self.cut.contains(*job)).collect();
        assert!(open.is_empty(), "{} of {} have neither end nor cut: {open:?}", open.len(), self.allowed.len());
    }
}

/// Leaves a mark by which it is known to have run, whatever the server still said about it.
fn line(mark: &str) -> String {
    let digit = mark.chars().last().unwrap_or('0');
    format!("touch {mark} && sleep 0.0{digit}")
}

fn log(site: &Site) -> PathBuf {
    let folder = fs::read_dir(site.path("state")).unwrap().next().unwrap().unwrap().path();
    folder.join("audit.jsonl")
}

/// One server's life: a job that outlasts it, calls until a random moment, the shot. The id of that job.
fn shoot(session: &mut Session, kill: u64, random: &mut Random) -> String {
    let lasting = session.run("sleep 1000");
    let moment = Instant::now() + Duration::from_micros(random.below(400_000));
    let mut n = 0;
    while Instant::now() < moment {
        let arguments = json!({"command": line(&format!("ran-{kill}-{n}")), "wait_seconds": 0});
        // One of four is waited for, so that jobs start and end as well as wait in the queue.
        if n % 4 == 3 {
            session.call("execute_command", arguments);
        } else {
            session.request("tools/call", json!({"name": "execute_command", "arguments": arguments}));
        }
        n += 1;
    }
    session.signal(Signal::SIGKILL);
    session.exit();
    lasting
}

/// `SHELLWARDEN_KILLS` sets how often, `SHELLWARDEN_SEED` the moments.
#[test]
fn whenever_a_server_is_shot_the_record_is_whole_and_says_what_was_cut() {
    let number = |name: &str, default: u64| std::env::var(name).map_or(default, |text| text.parse().unwrap());
    let (kills, seed) = (number("SHELLWARDEN_KILLS", 4), number("SHELLWARDEN_SEED", 0x5eed_1234));
    println!("{kills} kills, seed {seed:#x}");
    let mut random = Random(seed);
    let site = Site::new();
    let mut ledger = Ledger::default();
    let mut session = serve(&site);
    for kill in 0..kills {
        let lasting = shoot(&mut session, kill, &mut random);
        assert_no_job_is_left(&site);
        session = serve(&site);
        // Asking for a job of a server that is gone is what makes the next one look for such.
        let told = session.call("get_job_status", json!({"job_id": lasting}))["structuredContent"].clone();
        assert!(told["reason"].as_str().unwrap_or_default().starts_with("cut off: "), "kill {kill}: {told}");
        ledger.catch_up(&log(&site));
        ledger.knows_all_that_ran(&site.workspace());
        ledger.knows_what_became_of_all();
        assert!(ledger.cut.contains(&lasting), "kill {kill}: {lasting}");
    }
    let verified = audit::verify(&log(&site), &Known::default()).unwrap();
    assert_eq!(verified.records, ledger.lines);
    let listed = text(&session.call("list_jobs", json!({"limit": 10_000})));
    assert!(kills == 0 || listed.contains("cut off: "), "the history lists what was cut: {listed}");
    let Ledger { allowed, started, ended, cut, repaired, .. } = &ledger;
    let (allowed, started, ended, cut) = (allowed.len(), started.len(), ended.len(), cut.len());
    println!("{allowed} jobs allowed, {started} started, {ended} ended, {cut} cut off, {repaired} torn lines");
}

/// No process works in the workspace any more, the server and its helper included. The kernel may still be taking
/// namespaces apart.
fn assert_no_job_is_left(site: &Site) {
    let deadline = Instant::now() + PATIENCE;
    let workspace = site.workspace();
    let inside = || {
        let entries = fs::read_dir("/proc").unwrap().flatten();
        entries.filter_map(|entry| fs::read_link(entry.path().join("cwd")).ok()).filter(|cwd| *cwd == workspace).count()
    };
    while inside() > 0 {
        assert!(Instant::now() < deadline, "{} processes are left", inside());
        std::thread::yield_now();
    }
}
