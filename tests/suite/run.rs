//! `run` from outside: the main job, exit codes, refusals, and what is on record afterwards.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use crate::site::{Site, code, stderr, stdout};

#[test]
fn the_main_job_runs_on_the_default_policy() {
    let site = Site::new();
    site.write("workspace/hello.txt", "hello\n");
    let output = site.run("git --version && ls");
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let text = stdout(&output);
    assert!(text.starts_with("git version ") && text.ends_with("hello.txt\n"), "{text}");
}

#[test]
fn process_substitutions_run_inside_the_sandbox() {
    let site = Site::new();
    site.write("workspace/a", "b\na\n");
    site.write("workspace/b", "c\nb\n");
    let cases = [
        ("two outputs read by one program", "comm -12 <(sort a) <(sort b)", "b\n"),
        ("a loop over the output", "while read -r x; do echo \"<$x>\"; done < <(sort a)", "<a>\n<b>\n"),
        ("what is written to one arrives", "tee >(sort) < a > /dev/null", "a\nb\n"),
    ];
    for (why, line, want) in cases {
        let output = site.run(line);
        assert_eq!((code(&output), stdout(&output).as_str()), (0, want), "{why}: {line}: {}", stderr(&output));
    }
}

#[test]
fn exit_codes_tell_who_ended_the_command() {
    let site = Site::new();
    site.write("workspace/empty", "");
    let cases = [
        ("the command's own", &["grep -q nothing empty"][..], 1),
        ("a pipeline has the code of its last", &["cat empty | grep -c x"][..], 1),
        ("refused by the policy", &["dd if=empty of=other"][..], 126),
        ("two words without -- are no line", &["git", "status"][..], 125),
        ("exact words", &["--", "ls", "empty"][..], 0),
        ("exact words are no line", &["--", "git status"][..], 126),
    ];
    for (why, arguments, want) in cases {
        let output = site.command("run").args(arguments).output().unwrap();
        assert_eq!(code(&output), want, "{why}: {arguments:?}: {}", stderr(&output));
    }
}

#[test]
fn a_signal_of_the_command_is_told_as_a_shell_tells_it() {
    let site = Site::new();
    site.write("workspace/die.py", "import os\nos.kill(os.getpid(), 9)\n");
    let output = site.command("run").args(["--", "python3", "die.py"]).output().unwrap();
    assert_eq!(code(&output), 128 + 9, "{}", stderr(&output));
}

#[test]
fn time_that_is_over_ends_the_whole_tree() {
    let site = Site::new();
    let canary = site.path("workspace/late");
    let script = "import os, time\nif os.fork() == 0:\n    os.setsid()\n    time.sleep(600)\ntime.sleep(600)\n";
    site.write("workspace/slow.py", script);
    let output = site.command("run").args(["--timeout", "1", "--", "python3", "slow.py"]).output().unwrap();
    assert_eq!(code(&output), 124, "{}", stderr(&output));
    assert!(stderr(&output).contains("shellwarden: "), "{}", stderr(&output));
    assert!(!canary.exists());
    let end = site.records().pop().unwrap();
    assert_eq!(end["outcome"]["state"], "timed_out", "{end}");
}

#[test]
fn a_denial_names_rule_and_file_for_the_operator_and_starts_nothing() {
    let site = Site::new();
    let output = site.run("touch made && curl http://127.0.0.1/");
    assert_eq!(code(&output), 126);
    let text = stderr(&output);
    assert!(text.contains("shellwarden: ") && text.contains("curl") && text.contains("program:"), "{text}");
    assert!(!site.path("workspace/made").exists(), "a line is judged whole before any of it runs");
    let records = site.records();
    assert_eq!(records.last().unwrap()["decision"], "deny", "{records:?}");
}

#[test]
fn decision_comes_before_start_and_end_after_in_one_chain() {
    let site = Site::new();
    for line in ["ls", "git --version", "nosuchprogram"] {
        site.run(line);
    }
    let kinds: Vec<_> = site.records().iter().map(|record| record["kind"].as_str().unwrap().to_owned()).collect();
    assert_eq!(kinds, ["decision", "start", "end", "decision", "start", "end", "decision"]);
    let folder = fs::read_dir(site.path("state")).unwrap().next().unwrap().unwrap().path();
    let verify = std::process::Command::new(env!("CARGO_BIN_EXE_shellwarden"))
        .args(["audit", "verify"])
        .arg(folder.join("audit.jsonl"))
        .output()
        .unwrap();
    assert_eq!(code(&verify), 0, "{}", stdout(&verify));
}

#[test]
fn nothing_starts_when_the_record_cannot_be_written() {
    let site = Site::new();
    site.run("ls");
    let folder = fs::read_dir(site.path("state")).unwrap().next().unwrap().unwrap().path();
    let log = folder.join("audit.jsonl");
    fs::set_permissions(&log, fs::Permissions::from_mode(0o666)).unwrap();
    let output = site.run("touch made");
    assert_eq!(code(&output), 125);
    assert!(stderr(&output).contains("audit"), "{}", stderr(&output));
    assert!(!site.path("workspace/made").exists());
}

#[test]
fn a_record_that_does_not_fit_is_a_refusal() {
    let site = Site::new();
    site.run("ls");
    let length = site.records().len();
    let mut shell = std::process::Command::new("bash");
    let line = "ulimit -f 0; exec \"$@\"";
    let run = site.command("run");
    shell.args(["-c", line, "bash"]).arg(run.get_program()).args(run.get_args()).arg("touch made");
    let output = shell.env("HOME", site.path("home")).stdin(Stdio::null()).output().unwrap();
    assert_eq!(code(&output), 125, "{}", stderr(&output));
    assert!(stderr(&output).contains("audit"), "{}", stderr(&output));
    assert!(!site.path("workspace/made").exists());
    assert_eq!(site.records().len(), length, "nothing half written is left");
    assert_eq!(code(&site.run("ls")), 0, "and the log goes on afterwards");
}

#[test]
fn broken_ground_is_one_clear_message() {
    let site = Site::new();
    let broken = site.write("policies/broken.yaml", "version: 1\nname: x\ncommands:\n  alow: []\nnetwrok: {}\n");
    let output = site.run_with(&broken, "ls");
    assert_eq!(code(&output), 125);
    for part in ["alow", "netwrok", "broken.yaml:4", "broken.yaml:5"] {
        assert!(stderr(&output).contains(part), "{part} is missing in {}", stderr(&output));
    }
    let missing = site.command("run").args(["--workspace", "/nonexistent/w", "ls"]).output().unwrap();
    assert_ne!(code(&missing), 0);
}

#[test]
fn input_is_passed_on_and_secrets_are_not() {
    let site = Site::new();
    // Put together here so that no scanner takes this file for a leak.
    let token = format!("gh{}_{}", 'p', "a1B2".repeat(9));
    let mut child = site
        .command("run")
        .arg("cat")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    use std::io::Write;
    writeln!(child.stdin.take().unwrap(), "before {token} after").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let text = stdout(&output);
    assert!(text.contains("before ") && text.contains(" after") && !text.contains(&token), "{text}");
}

#[test]
fn the_command_sees_the_environment_of_the_policy_and_nothing_else() {
    let site = Site::new();
    site.write("workspace/env.py", "import os\nprint('\\n'.join(sorted(os.environ)))\n");
    let output = site
        .command("run")
        .env("CANARY_SECRET_TOKEN", "canary-value-in-the-environment")
        .env("LD_PRELOAD_CANARY", "x")
        .args(["--", "python3", "env.py"])
        .output()
        .unwrap();
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(!stdout(&output).contains("CANARY"), "{}", stdout(&output));
}
