//! Where jobs live: their account, their own directory, folders made for them, and what is left of them.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::PathBuf;

use nix::unistd::{chown, geteuid};

use crate::serving::Serving;
use crate::site::{Site, code, stderr, stdout};

/// The preset, on any machine, with more; lets python3 run in the workspace, and says more.
fn policy(site: &Site, more: &str) -> PathBuf {
    let text = format!(
        "version: 1\nextends: builtin:workspace\n\
         sandbox: {{on_unsupported: {{default: warn}}}}\n{more}"
    );
    site.write("policies/own.yaml", &text)
}

fn doctor(site: &Site, policy: &std::path::Path) -> serde_json::Value {
    let output = site.command("doctor").args(["--json", "--policy"]).arg(policy).output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", stderr(&output)))
}

const WHO: &str = "id -u; id -G; : >\"$TMPDIR/own\" && cp \"$TMPDIR/own\" made\n";

#[test]
fn jobs_run_as_the_account_that_the_policy_names() {
    let site = Site::new();
    site.write("workspace/who.sh", WHO);
    let rule = "commands: {allow: [{id: sh, program: sh, options: any, operands: any}]}\n";
    let policy = policy(&site, &format!("run_as: 64321:64322\n{rule}"));
    // Programs that this user can reach, wherever the tester's own are.
    let run = || {
        let mut command = site.command("run");
        command.env("PATH", "/usr/bin:/bin").arg("--policy").arg(&policy).arg("sh who.sh").output().unwrap()
    };
    if !geteuid().is_root() {
        let output = run();
        assert_eq!(code(&output), 125);
        assert!(stderr(&output).contains("jobs cannot run as user 64321 here"), "{}", stderr(&output));
        assert_eq!(doctor(&site, &policy)["holds"], false);
        return;
    }
    // Others may pass, and the workspace is that user's.
    fs::set_permissions(site.path(""), fs::Permissions::from_mode(0o711)).unwrap();
    let refused = run();
    assert_eq!(code(&refused), 1, "the workspace is still somebody else's: {}", stderr(&refused));
    let notes = doctor(&site, &policy)["notes"].to_string();
    assert!(notes.contains("jobs run as user 64321 without capabilities and cannot write"), "{notes}");
    chown(&site.workspace(), Some(64321.into()), Some(64322.into())).unwrap();
    assert_eq!(doctor(&site, &policy)["notes"].as_array().unwrap().len(), 0);
    let output = run();
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert_eq!(stdout(&output), "64321\n64322\n", "{}", stderr(&output));
    assert_eq!(fs::metadata(site.path("workspace/made")).unwrap().uid(), 64321);
}

#[test]
fn the_own_directory_of_a_job_is_bounded_or_that_is_told() {
    let site = Site::new();
    let script = "import os\n\
        print(os.path.realpath(os.environ['TMPDIR']))\n\
        with open(os.path.join(os.environ['TMPDIR'], 'big'), 'wb') as big:\n    big.write(bytes(8 << 20))\n";
    site.write("workspace/fill.py", script);
    let policy = policy(&site, "limits: {tmp: 1 MiB}\n");
    let output = site.run_with(&policy, "python3 fill.py");
    let decision = site.records().into_iter().find(|record| record["kind"] == "decision").unwrap();
    let unheld = decision["sandbox"]["unheld"].to_string();
    let told = unheld.contains("size of tmp");
    assert_eq!(code(&output) == 0, told, "{unheld}: {}", stderr(&output));
    assert!(told || stderr(&output).contains("No space left"), "{}", stderr(&output));
    let directory = stdout(&output).lines().next().unwrap().to_owned();
    assert!(!PathBuf::from(&directory).exists(), "{directory} is gone with the job");
}

#[test]
fn folders_are_made_for_jobs_and_not_behind_a_link() {
    let site = Site::new();
    site.write("workspace/new.py", "open('build/out/new', 'w').write('x')\nopen('new', 'w')\n");
    let more = "filesystem:\n  read: ['{workspace}']\n  write: ['{workspace}/build/out']\n  create: ['{workspace}/build/out']\n";
    let text = format!(
        "version: 1\nextends: builtin:readonly\n{more}\
         commands: {{allow: [{{id: python, program: python3, options: any, operands: any}}]}}\n"
    );
    let policy = site.write("policies/own.yaml", &text);
    assert_eq!(code(&site.run_with(&policy, "ls")), 0);
    assert!(site.path("workspace/build/out").is_dir());
    let output = site.run_with(&policy, "python3 new.py");
    assert!(stderr(&output).contains("Permission denied: 'new'") || stderr(&output).contains("Read-only"));
    assert!(site.path("workspace/build/out/new").exists(), "{}", stderr(&output));
    fs::remove_dir_all(site.path("workspace/build")).unwrap();
    fs::create_dir(site.path("elsewhere")).unwrap();
    symlink(site.path("elsewhere"), site.path("workspace/build")).unwrap();
    let output = site.run_with(&policy, "ls");
    assert_eq!(code(&output), 125);
    assert!(stderr(&output).contains("is a symlink, behind which nothing is made"), "{}", stderr(&output));
    assert_eq!(fs::read_dir(site.path("elsewhere")).unwrap().count(), 0);
    let outside = site.write("policies/out.yaml", "version: 1\nfilesystem: {create: ['{home}/x']}\n");
    assert!(stderr(&site.run_with(&outside, "ls")).contains("lies outside the workspace"));
}

#[test]
fn a_mode_that_the_policy_demands_is_given_or_nothing_starts() {
    let site = Site::new();
    let isolation = |demand: &str| {
        let policy = policy(&site, "").with_file_name(format!("{demand}.yaml"));
        let text = format!("version: 1\nextends: builtin:workspace\nsandbox: {{require: {demand}}}\n");
        fs::write(&policy, text).unwrap();
        let output = site.run_with(&policy, "ls");
        let report = doctor(&site, &policy);
        assert_eq!(code(&output), if report["holds"] == true { 0 } else { 125 }, "{}", stderr(&output));
        let refusals = report["refusals"].to_string();
        assert!(
            report["holds"] == true || refusals.contains("the policy demands that jobs are kept in a"),
            "{refusals}"
        );
        report["holds"] == true
    };
    assert!(isolation("namespaces") || !isolation("mounts"), "mounts are the stronger demand");
}

#[test]
fn what_a_killed_server_left_is_removed_by_the_next() {
    let site = Site::new();
    let policy = policy(&site, "");
    let temporary = site.path("temporary");
    fs::create_dir(&temporary).unwrap();
    let left = || fs::read_dir(&temporary).unwrap().count();
    let mut serving = Serving::start_in(&site, &policy, &temporary);
    assert!(serving.run("ls").contains("completed"));
    assert_eq!(left(), 1);
    serving.server.kill().unwrap();
    serving.server.wait().unwrap();
    assert_eq!(left(), 1, "nobody was left to remove it");
    let mut other = Serving::start_in(&site, &policy, &temporary);
    assert!(other.run("ls").contains("completed"));
    assert_eq!(left(), 1, "its own, and not the other's");
    let output = site.command("run").env("TMPDIR", &temporary).arg("ls").output().unwrap();
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(other.run("ls").contains("completed"), "a living server keeps its own");
    drop(other);
    assert_eq!(left(), 0);
}
