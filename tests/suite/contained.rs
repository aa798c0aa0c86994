//! Programs that a policy approves and the sandbox has to hold: cases as data, canaries looked at from outside.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::Command;

use serde::Deserialize;

use crate::serving::Serving;
use crate::site::{Site, code, stderr, stdout};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    why: String,
    line: String,
    #[serde(default)]
    needs: String,
    /// A shorter time than the policy's, for what would go on for ever.
    #[serde(default)]
    seconds: Option<u64>,
}

fn policy(site: &Site) -> PathBuf {
    let text = "version: 1\n\
        commands: {default: allow, builtin: {dangerous: false}}\n\
        env: {inherit: [PATH, LANG]}\n\
        filesystem:\n  \
          read: [/usr, /etc, '/{bin,sbin,lib,lib32,lib64}']\n  \
          write: ['{workspace}', '{tmp}']\n  \
          execute: [/usr, '/{bin,sbin,lib,lib32,lib64}']\n\
        limits: {processes: 64, memory: 512 MiB, file_size: 64 MiB, open_files: 256, cpu_time: 1s, wall_time: 30s, tmp: 64 MiB}\n\
        sandbox: {on_unsupported: {default: warn}}\n";
    site.write("policies/any.yaml", text)
}

/// What must stay as it is, as far as anybody can see.
fn picture(site: &Site) -> (String, String, u32, i64) {
    let victim = fs::metadata(site.path("outside/victim")).unwrap();
    let text = |name: &str| fs::read_to_string(site.path(name)).unwrap();
    (text("outside/secret"), text("outside/victim"), victim.mode(), victim.mtime())
}

#[test]
fn approved_programs_do_no_harm_outside_and_the_server_goes_on() {
    let cases: Vec<Case> = serde_yaml::from_str(include_str!("../cases/contained.yaml")).unwrap();
    let site = Site::new();
    site.write("outside/secret", "canary-word\n");
    site.write("outside/victim", "victim\n");
    let policy = policy(&site);
    let doctor = site.command("doctor").args(["--json", "--policy"]).arg(&policy).output().unwrap();
    let report: serde_json::Value = serde_json::from_slice(&doctor.stdout).unwrap();
    let metadata = report["properties"].as_array().unwrap().iter().find(|one| one["name"] == "file metadata").unwrap();
    let held = metadata["strength"] == "held";
    let before = picture(&site);
    let mut serving = Serving::start_with(&site, &policy, &[("PATH", "/usr/bin:/bin")]);
    for Case { why, line, needs, seconds } in &cases {
        if needs == "mounts" && !held {
            continue;
        }
        let line = line.replace("OUT", site.path("outside").to_str().unwrap());
        let arguments = serde_json::json!({"command": line, "wait_seconds": 45, "timeout_seconds": seconds});
        let answer = serving.tool("execute_command", &arguments);
        assert!(!answer.contains("REACHED") && !answer.contains("canary-word"), "{why}: {answer}");
        assert!(answer.starts_with("job "), "{why}: it was to start: {answer}");
        assert_eq!(picture(&site), before, "{why}: {answer}");
    }
    assert!(serving.run("echo alive").contains("alive"));
    drop(serving);
    let sleeping = Command::new("pgrep").args(["-f", "sleep 4011"]).output().map(|found| found.stdout);
    assert_eq!(sleeping.unwrap_or_default(), b"", "no process outlives its job");
    let unheld = site.records().iter().map(|record| record["sandbox"]["unheld"].to_string()).collect::<String>();
    assert_eq!(unheld.contains("file metadata"), !held, "{unheld}");
    // Deeper than the standard library removes.
    assert!(Command::new("rm").arg("-rf").arg(site.path("workspace/d")).status().unwrap().success());
}

#[test]
fn a_program_that_the_repository_names_is_not_run_by_a_reading_command() {
    let site = Site::new();
    let canary = site.path("workspace/canary");
    let git = |arguments: &[&str]| {
        assert!(Command::new("git").args(arguments).current_dir(site.workspace()).status().unwrap().success());
    };
    git(&["init", "-q"]);
    let touch = format!("touch {}; false", canary.display());
    for key in ["core.fsmonitor", "core.pager", "diff.external", "alias.log", "core.sshCommand"] {
        git(&["config", key, &touch]);
    }
    site.write("workspace/file", "x\n");
    for line in ["git status", "git log --oneline", "git diff"] {
        let output = site.command("run").args(["--policy", "builtin:readonly", line]).output().unwrap();
        assert!(!canary.exists(), "{line}: {}{} ({})", stdout(&output), stderr(&output), code(&output));
    }
}
