//! Kernel features taken away one at a time: nothing starts, or the weaker mode that `doctor` and the record name.

use serde_json::{Value, json};

use crate::mode::{Mode, modes, report, wrapped};
use crate::site::{Site, code, stderr};
use crate::talk::Talk;
use crate::{Case, case_of};

/// What becomes of a job without a feature.
enum Then {
    /// `run`, `doctor` and the record refuse with this text.
    Refused(&'static str),
    /// The job runs; `doctor` and the record name this.
    Weaker(&'static str),
    /// Another way holds the same.
    AsBefore,
}
use Then::{AsBefore, Refused, Weaker};

/// ENOSYS, EPERM and EINVAL.
const ERRORS: [i32; 3] = [libc::ENOSYS, libc::EPERM, libc::EINVAL];

const FEATURES: &[(&str, &[i32], Then)] = &[
    ("landlock_create_ruleset", &ERRORS, Refused("landlock cannot be used here")),
    ("landlock_add_rule", &ERRORS, Refused("landlock cannot be used here")),
    ("landlock_restrict_self", &ERRORS, Refused("landlock cannot be used here")),
    ("seccomp", &ERRORS, Refused("seccomp filters cannot be used here")),
    ("close_range", &ERRORS, Refused("the launcher process cannot work")),
    ("capset", &ERRORS, Refused("cannot give up capabilities")),
    ("namespaces", &ERRORS, Weaker("file metadata")),
    ("mounts", &ERRORS, Weaker("file metadata")),
    ("network namespaces", &ERRORS, AsBefore),
    ("openat2", &[libc::ENOSYS, libc::EPERM], AsBefore),
];

pub(crate) fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for (feature, errors, then) in FEATURES {
        for errno in *errors {
            let without = format!("{feature}={errno}");
            cases.push(case_of(format!("without {without}"), move || taken_away(&without, then)));
        }
    }
    for mode in modes() {
        cases.push(case_of(format!("what is weaker is told ({})", mode.name), move || told(mode)));
    }
    cases.push(case_of("changes of protected names without mounts".into(), changed_names));
    cases.push(case_of("what the policy insists on".into(), insisted));
    cases.push(case_of("a loopback without network namespaces".into(), no_loopback));
    cases
}

/// The texts of what a record says is not held.
fn unheld(records: &[Value]) -> String {
    records.iter().map(|record| record["sandbox"]["unheld"].to_string()).collect()
}

fn taken_away(without: &str, then: &Then) {
    let site = Site::new();
    let output = wrapped(&site, "run", &[], without).arg("touch canary").output().unwrap();
    let doctor = report(&mut wrapped(&site, "doctor", &[], without));
    let (said, records, shown) = (stderr(&output), site.records(), doctor.to_string());
    let status = || {
        let mut talk = Talk::start(wrapped(&site, "serve", &[], without))?;
        let answer = talk.call("execute_command", &json!({"command": "touch canary"}));
        Ok::<_, String>(talk.status(&answer)["structuredContent"].to_string())
    };
    match then {
        Refused(why) => {
            assert_eq!(code(&output), 125, "{said}");
            assert!(said.contains("nothing was started") && said.contains(why), "{said}");
            assert!(!site.path("workspace/canary").exists());
            assert_eq!(doctor["holds"], false, "{shown}");
            assert!(doctor["refusals"].to_string().contains(why), "{shown}");
            let recorded = records.iter().any(|record| record.to_string().contains(why));
            assert!(recorded, "{records:?}");
            let served = status().unwrap_or_else(|said| said);
            assert!(served.contains(why), "{served}");
            assert!(!site.path("workspace/canary").exists());
        }
        Weaker(what) => {
            assert_eq!(code(&output), 0, "{said}");
            assert_eq!(doctor["holds"], true, "{shown}");
            let weak = |one: &Value| one["name"] == *what && one["strength"] != "held";
            assert!(doctor["properties"].as_array().unwrap().iter().any(weak), "{shown}");
            assert!(unheld(&records).contains(what), "{records:?}");
            let status = status().unwrap();
            assert!(status.contains(&format!("not in force: {what}")), "{status}");
        }
        AsBefore => {
            assert_eq!(code(&output), 0, "{said}");
            assert_eq!(doctor["holds"], true, "{shown}");
            assert!(site.path("workspace/canary").exists());
            let status = status().unwrap();
            assert!(!status.contains("not in force"), "{status}");
        }
    }
}

/// Everything that `doctor` calls weaker or missing for jobs is on record as well, in each mode.
fn told(mode: Mode) {
    let site = Site::new();
    let output = mode.command(&site, "run").arg("touch canary").output().unwrap();
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let doctor = mode.doctor(&site, &[]);
    for promise in 1..=8 {
        let name = format!("P{promise}");
        let all = doctor["properties"].as_array().unwrap();
        let mut of_it = all.iter().filter(|one| one["promise"] == name.as_str()).peekable();
        assert!(of_it.peek().is_some(), "{name}: {doctor}");
        let empty = |value: &Value| value.as_str().is_none_or(str::is_empty);
        let gap = |one: &Value| empty(&one["mechanism"]) || one["strength"] != "held" && empty(&one["why"]);
        assert!(!of_it.any(gap), "{name}: {doctor}");
    }
    let trials = doctor["profiles"].as_array().unwrap();
    assert_eq!(trials.len(), 2, "a trial job of each profile ran: {doctor}");
    let metadata = doctor["properties"].as_array().unwrap().iter().find(|one| one["name"] == "file metadata").unwrap();
    let weaker = unheld(&site.records()).contains("file metadata");
    assert_eq!(metadata["strength"] == "weaker", weaker, "{doctor}");
    if mode.is_weak() {
        assert!(weaker, "without namespaces there are no mounts");
        assert!(metadata["why"].as_str().unwrap().len() > 10 && metadata["improve"].as_str().unwrap().len() > 10);
    }
}

/// Where nothing holds a protected name, the reply and the record tell that it changed.
fn changed_names() {
    let site = Site::new();
    site.write("workspace/.envrc", "mine\n");
    site.write("workspace/try.py", "open('.envrc', 'a').write('evil')\n");
    for without in ["mounts=1", "namespaces=1", "openat2=38"] {
        let held = report(&mut wrapped(&site, "doctor", &[], without))["profiles"][0]["in_force"]["isolation"]
            == "MountNamespace";
        let output = wrapped(&site, "run", &[], without).arg("python3 try.py").output().unwrap();
        let said = stderr(&output).contains("protected names changed while the command ran");
        let end = site.records().into_iter().rfind(|record| record["kind"] == "end").unwrap();
        let recorded = end["outcome"]["protected_changed"].to_string().contains(".envrc");
        assert_eq!((said, recorded), (!held, !held), "{without}: {}{end}", stderr(&output));
    }
}

/// What the policy insists on by name is refused where nothing holds it; without that it is told.
fn insisted() {
    for key in ["metadata", "tmp", "shared_memory", "protect", "hide"] {
        let site = Site::new();
        site.write("workspace/.env", "hidden\n");
        let text = format!("version: 1\nextends: builtin:workspace\nsandbox: {{on_unsupported: {{{key}: refuse}}}}\n");
        let policy = site.write("policies/own.yaml", &text);
        let output = wrapped(&site, "run", &[], "mounts=1").arg("--policy").arg(&policy).arg("ls").output().unwrap();
        assert_eq!(code(&output), 125, "{key}: {}", stderr(&output));
        assert!(stderr(&output).contains("`sandbox.on_unsupported"), "{key}: {}", stderr(&output));
        assert_eq!(site.records().iter().filter(|record| record["kind"] == "decision").count(), 0, "{key}");
    }
}

/// What only a namespace holds is refused where there is none, and the refusal is on record.
fn no_loopback() {
    let site = Site::new();
    let policy = site.write("policies/own.yaml", "version: 1\nextends: builtin:workspace\nnetwork: loopback\n");
    for without in ["namespaces=1", "network namespaces=1"] {
        let mut run = wrapped(&site, "run", &[], without);
        let output = run.arg("--policy").arg(&policy).arg("touch canary").output().unwrap();
        let doctor = report(wrapped(&site, "doctor", &[], without).arg("--policy").arg(&policy));
        assert_eq!(code(&output), 125, "{}", stderr(&output));
        assert!(stderr(&output).contains("network mode `loopback` cannot be held here"), "{}", stderr(&output));
        assert_eq!(doctor["holds"], false, "{doctor}");
        assert!(!site.path("workspace/canary").exists());
        assert!(site.records().iter().any(|record| record.to_string().contains("loopback")), "{:?}", site.records());
    }
}
