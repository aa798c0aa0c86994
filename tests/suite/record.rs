//! The record as an operator meets it: through the binary, on a full disk, and what of it is in the server's own log.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};
use shellwarden::audit::{self, Audit, DecisionRecord, Known, Options};
use shellwarden::paths::AbsPath;

use crate::serving::Serving;
use crate::site::{Site, code, stderr, stdout};

/// What no line of a log may hold.
const SECRET: &str = "hunter2-correct-horse";

fn audit_command(arguments: &[&str], file: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shellwarden"));
    command.arg("audit").arg(arguments[0]).arg(file).args(&arguments[1..]).output().unwrap()
}

fn log(site: &Site) -> PathBuf {
    let folder = fs::read_dir(site.path("state")).unwrap().next().unwrap().unwrap().path();
    folder.join("audit.jsonl")
}

fn key(site: &Site, name: &str, byte: u8) -> String {
    let file = site.write(name, &char::from(byte).to_string().repeat(40));
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    file.to_str().unwrap().to_owned()
}

#[test]
fn verify_checks_seals_and_remembers_the_end() {
    let site = Site::new();
    let (own, other) = (key(&site, "home/key", b'k'), key(&site, "home/other", b'o'));
    let policy = format!("version: 1\nextends: builtin:readonly\naudit: {{key_file: '{own}'}}\n");
    let policy = site.write("policies/policy.yaml", &policy);
    assert_eq!(code(&site.run_with(&policy, "ls")), 0);
    let (file, head) = (log(&site), site.path("head"));
    let head = head.to_str().unwrap();
    let verify = |arguments: &[&str]| audit_command(&[&["verify"], arguments].concat(), &file);
    let unchecked = verify(&[]);
    assert_eq!(code(&unchecked), 0, "{}", stdout(&unchecked));
    assert!(stdout(&unchecked).contains("sealed ones not checked: name the key with --key"), "{}", stdout(&unchecked));
    let sealed = verify(&["--key", &own, "--remember", head]);
    assert_eq!(code(&sealed), 0, "{}", stdout(&sealed));
    assert!(stdout(&sealed).contains("chain whole") && !stdout(&sealed).contains("not checked"), "{}", stdout(&sealed));
    let foreign = verify(&["--key", &other]);
    assert_eq!(code(&foreign), 1);
    assert!(stdout(&foreign).contains("its seal does not fit"), "{}", stdout(&foreign));
    let remembered = fs::read_to_string(head).unwrap();
    assert_eq!(code(&verify(&["--head", remembered.trim()])), 0);
    assert_eq!(code(&site.run_with(&policy, "ls")), 0);
    assert_eq!(code(&verify(&["--key", &own, "--remember", head])), 0, "what came later follows what was remembered");
    let text = fs::read_to_string(&file).unwrap();
    let last = text.trim_end().rfind('\n').unwrap();
    fs::write(&file, &text[..=last]).unwrap();
    assert_eq!(code(&verify(&["--key", &own])), 0, "the rest is whole by itself");
    let cut = verify(&["--key", &own, "--remember", head]);
    assert_eq!(code(&cut), 1, "{}", stdout(&cut));
    assert_eq!(code(&verify(&["--head", "nonsense"])), 1);
}

#[test]
fn show_prints_the_records_that_were_asked_for_as_json() {
    let site = Site::new();
    assert_eq!(code(&site.run("ls")), 0);
    site.run("nosuchprogram");
    let file = log(&site);
    let show = |arguments: &[&str]| -> Vec<Value> {
        let output = audit_command(&[&["show", "--json"], arguments].concat(), &file);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        stdout(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    assert_eq!(show(&[]), site.records(), "unfiltered, it is the log");
    let denied = show(&["--decision", "deny"]);
    assert!(denied.len() == 1 && denied[0]["command"] == "nosuchprogram", "{denied:?}");
    let job = show(&["--kind", "end"])[0]["job"].as_str().unwrap().to_owned();
    assert_eq!(show(&["--job", &job]).len(), 3, "decision, start and end");
    assert_eq!(show(&["--until", "2001-01-01"]).len(), 0);
}

#[test]
fn show_prints_nothing_that_a_terminal_obeys() {
    let site = Site::new();
    let file = AbsPath::new(site.path("evil.jsonl")).unwrap();
    let evil = "\u{1b}[2K\u{202e}\n";
    let [client, command, decision, reason] = [0; 4].map(|_| evil.to_owned());
    let rules = vec![evil.to_owned()];
    let record = DecisionRecord { client, command, decision, reason, rules, ..DecisionRecord::default() };
    Audit::open(&file, Options::default()).unwrap().refused(record).unwrap();
    let shown = audit_command(&["show"], file.as_path()).stdout;
    assert!(shown.ends_with(b"\n") && shown.len() > 100, "{shown:?}");
    let row = &shown[..shown.len() - 1];
    assert!(row.iter().all(|byte| (b' '..=b'~').contains(byte)), "{}", String::from_utf8_lossy(row));
}

#[test]
fn nothing_secret_is_in_a_log_line_at_debug() {
    let site = Site::new();
    let said = site.path("said");
    let policy = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/policy.yaml");
    let mut command = Command::new("bash");
    let serve = site.command("serve");
    command.args(["-c", "exec \"$@\" 2>\"$0\""]).arg(&said).arg(serve.get_program()).args(serve.get_args());
    command.args(["--policy", policy]).envs(serve.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.env("SHELLWARDEN_LOG", "trace,rmcp=trace").current_dir(site.workspace());
    let mut serving = Serving::run_command(command);
    let (line, env) = (format!("echo {SECRET}; echo \"$GREETING\"; cat"), json!({"GREETING": SECRET}));
    let call = json!({"command": line, "env": env, "stdin": SECRET, "label": SECRET, "wait_seconds": 45});
    let answer = serving.tool("execute_command", &call);
    assert!(answer.contains(SECRET), "it ran: {answer}");
    serving.tool("execute_command", &json!({"command": format!("whoami {SECRET}")}));
    serving.tool("check_command", &json!({"command": format!("whoami {SECRET}")}));
    serving.tool("get_job_output", &json!({"job_id": SECRET}));
    drop(serving);
    let said = fs::read_to_string(said).unwrap();
    let job = site.records().iter().find_map(|record| record["job"].as_str().map(str::to_owned)).unwrap();
    for step in ["decided", "recorded", "accepted", "over"] {
        let told = said.lines().any(|line| line.contains(step) && line.contains(&job));
        assert!(told, "`{step}` with the job's id is not in\n{said}");
    }
    let leaks: Vec<_> = said.lines().filter(|line| line.contains(SECRET)).collect();
    assert!(leaks.is_empty(), "{leaks:#?}");
}

/// A state folder on a small disk of its own, in a mount namespace; making one needs root.
#[test]
fn a_full_disk_is_a_refusal_and_a_disk_with_room_again_an_end_of_it() {
    if !nix::unistd::geteuid().is_root() {
        println!("SKIPPED: a mount namespace of the test's own needs root");
        return;
    }
    let site = Site::new();
    let serve = site.command("serve");
    let mut command = Command::new("unshare");
    let script = "mount -t tmpfs -o size=4m,mode=700 none \"$0\" && exec \"$@\"";
    command.args(["--mount", "bash", "-c", script]).arg(site.path("state"));
    command.arg(serve.get_program()).args(serve.get_args());
    command.args(["--policy", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/policy.yaml")]);
    command.env("HOME", site.path("home")).current_dir(site.workspace());
    let mut serving = Serving::run_command(command);
    let state = PathBuf::from(format!("/proc/{}/root{}", serving.server.id(), site.path("state").display()));
    let records = || -> (PathBuf, Vec<Value>) {
        let folder = fs::read_dir(&state).unwrap().map(|entry| entry.unwrap().path()).find(|path| path.is_dir());
        let file = folder.unwrap().join("audit.jsonl");
        let text = fs::read_to_string(&file).unwrap();
        (file, text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
    };
    let mut ran = 0;
    assert!(serving.run("echo before").contains("before"));
    ran += 1;
    let mut fill = fs::File::create(state.join("fill")).unwrap();
    while fill.write_all(&[0; 4096]).is_ok() {}
    // What is left of the log's last page may take some more records.
    let refused = (0..100).any(|n| {
        let answer = serving.run(&format!("touch ran-{n}"));
        let refused = answer.contains("the audit record cannot be written, so nothing was started");
        assert_eq!(site.workspace().join(format!("ran-{n}")).exists(), !refused, "{answer}");
        ran += usize::from(!refused);
        refused
    });
    assert!(refused, "the disk was never full");
    fs::remove_file(state.join("fill")).unwrap();
    drop(fill);
    let whole = (0..100).any(|_| {
        assert!(serving.run("echo after").contains("after"), "it recovers by itself");
        ran += 1;
        let (file, records) = records();
        let of = |kind: &str| records.iter().filter(|record| record["kind"] == kind).count();
        let allowed = records.iter().filter(|record| record["decision"] == "allow").count();
        assert_eq!(allowed, ran, "each that ran is on record");
        of("start") == ran && of("end") == ran && audit::verify(&file, &Known::default()).is_ok()
    });
    assert!(whole, "nothing is lost");
}
