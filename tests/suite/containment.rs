//! Attacks from inside a job on what the policy keeps from it, tried by real programs; the canary is looked at from
//! outside.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::site::{Site, code, stderr, stdout};

/// What `doctor` says about names on this machine: the layer under test may be missing here.
fn names_are_held(site: &Site) -> bool {
    let output = site.command("doctor").arg("--json").output().unwrap();
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let all = report["properties"].as_array().unwrap();
    let held = all.iter().any(|one| one["name"] == "protected and hidden names" && one["strength"] == "held");
    if !held {
        println!("this account may not mount: names below the write roots are not held here");
    }
    held
}

/// Runs a shell script that the workspace holds, as a build tool would.
fn tried(site: &Site, script: &str) -> Output {
    site.write("workspace/try.sh", script);
    let python = "import subprocess\nprint(subprocess.run(['/bin/bash', 'try.sh']).returncode)\n";
    site.write("workspace/try.py", python);
    site.command("run").args(["--", "python3", "try.py"]).output().unwrap()
}

fn git(site: &Site, arguments: &[&str]) {
    let made = Command::new("git").args(arguments).current_dir(site.workspace()).output().unwrap();
    assert!(made.status.success(), "{}", stderr(&made));
}

fn repository() -> Site {
    let site = Site::new();
    git(&site, &["init", "-q"]);
    git(&site, &["config", "user.name", "A Tester"]);
    git(&site, &["config", "user.email", "tester@example.invalid"]);
    fs::create_dir_all(site.path("workspace/.git/hooks")).unwrap();
    site
}

#[test]
fn protected_names_of_the_preset_survive_every_way_to_change_them() {
    let site = repository();
    if !names_are_held(&site) {
        return;
    }
    let envrc = site.write("workspace/.envrc", "mine\n");
    let hook = site.write("workspace/.git/hooks/pre-commit", "mine\n");
    let claude = site.write("workspace/.claude/settings.json", "mine\n");
    let config = site.path("workspace/.git/config");
    let before = fs::read(&config).unwrap();
    let files = [&envrc, &hook, &claude];
    let attempts = [
        "for f in .envrc .git/hooks/pre-commit .git/config .claude/settings.json; do echo evil >$f; done",
        "rm -rf .envrc .git/hooks .git/config .claude; mkdir -p .git/hooks .claude; echo evil >.envrc",
        "mv .git .g2; mkdir -p .git/hooks; echo evil >.git/hooks/pre-commit; cp .g2/config .git/; echo evil >>.git/config",
        "mv .claude c2; mkdir .claude; echo evil >.claude/settings.json",
        "echo evil >x; mv -f x .envrc; ln -sf x .envrc; ln .git/config y && echo evil >y",
        "git config core.fsmonitor evil; git config --file .git/config core.hooksPath /tmp",
        "chmod 777 .envrc .git/config; touch -d 2001-01-01 .envrc .git/config; umount .envrc && echo evil >.envrc",
    ];
    for script in attempts {
        let output = tried(&site, script);
        assert_eq!(code(&output), 0, "the attempt itself ran: {}", stderr(&output));
        for file in files {
            assert_eq!(fs::read_to_string(file).unwrap(), "mine\n", "{script}: {}", stderr(&output));
            assert!(fs::metadata(file).unwrap().mtime() > 1_500_000_000, "{script}");
        }
        assert_eq!(fs::read(&config).unwrap(), before, "{script}: {}", stderr(&output));
    }
}

#[test]
fn hidden_names_of_the_preset_are_not_read() {
    let site = repository();
    if !names_are_held(&site) {
        return;
    }
    site.write("workspace/.env", "canary-top\n");
    site.write("workspace/a/b/.env", "canary-below\n");
    site.write("home/.cargo/credentials.toml", "canary-credentials\n");
    let home = site.path("home");
    let attempts = [
        "cat .env a/b/.env",
        "mv a c; cat c/b/.env; cp -r a d; cat d/b/.env; ln .env e; cat e",
        "umount .env; cat .env /proc/self/cwd/.env /proc/self/root$PWD/a/b/.env",
        "git add -A; git cat-file --batch-all-objects --batch",
        "cat HOME/.cargo/credentials.toml; ls -la HOME/.cargo",
    ];
    for script in attempts {
        let output = tried(&site, &script.replace("HOME", home.to_str().unwrap()));
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        let said = stdout(&output) + &stderr(&output);
        assert!(!said.contains("canary"), "{script}: {said}");
        assert_eq!(fs::read_to_string(site.path("workspace/.env")).unwrap(), "canary-top\n");
    }
}

#[test]
fn a_command_line_that_names_a_kept_name_is_refused_in_every_mode() {
    let site = repository();
    site.write("workspace/.env", "canary\n");
    let cases = [
        ("cat .env", "`.env` is hidden by the policy"),
        ("echo x >.git/config", "`.git/config` is protected by the policy"),
        ("cp .git/HEAD .vscode/tasks.json", "`.vscode/tasks.json` is protected by the policy"),
        ("cat later/.env", "`later/.env` is hidden by the policy"),
    ];
    for (line, want) in cases {
        let output = site.run(line);
        assert_eq!(code(&output), 126, "{line}");
        assert!(stderr(&output).contains(want), "{line}: {}", stderr(&output));
    }
}

#[test]
fn git_works_beside_protected_names() {
    let site = repository();
    site.write("workspace/file.txt", "one\n");
    for line in [
        "git status --short",
        "git add file.txt && git commit -q -m first",
        "git switch -q -c other && git mv file.txt moved.txt && git commit -q -m second",
        "git switch -q - && git merge -q other && git log --oneline",
    ] {
        let output = site.run(line);
        assert_eq!(code(&output), 0, "{line}: {}{}", stdout(&output), stderr(&output));
    }
}

#[test]
fn what_is_not_held_is_on_record() {
    let site = Site::new();
    assert_eq!(code(&site.run("ls")), 0);
    let records = site.records();
    let decision = records.iter().find(|record| record["kind"] == "decision").unwrap();
    let unheld = decision["sandbox"]["unheld"].to_string();
    let told = unheld.contains("filesystem.protect") && unheld.contains(".envrc");
    assert_eq!(told, !names_are_held(&site), "{unheld}");
}

#[test]
fn policy_and_state_inside_the_workspace_are_protected_or_nothing_starts() {
    let site = Site::new();
    let policy = site.write("workspace/conf/policy.yaml", "version: 1\nextends: builtin:workspace\n");
    let held = names_are_held(&site);
    let run = |script: &str| {
        site.write("workspace/try.sh", script);
        let mut command = Command::new(env!("CARGO_BIN_EXE_shellwarden"));
        command.args(["run", "--workspace"]).arg(site.workspace()).arg("--policy").arg(&policy);
        command.arg("--state").arg(site.path("workspace/kept/state")).args(["--", "make", "-f", "try.mk"]);
        command.env("HOME", site.path("home")).current_dir(site.workspace()).stdin(Stdio::null()).output().unwrap()
    };
    site.write("workspace/try.mk", "all:\n\t-/bin/bash try.sh\n");
    let attempts = [
        "echo evil >conf/policy.yaml",
        "mv conf c2; mkdir conf; echo evil >conf/policy.yaml",
        "rm -rf conf kept; mkdir conf; echo evil >conf/policy.yaml",
        "for f in kept/state/*/audit.jsonl; do echo evil >>$f; rm -f $f; done; mv kept k2",
    ];
    let written = fs::read(&policy).unwrap();
    for script in attempts {
        let output = run(script);
        assert_eq!(code(&output) == 125, !held, "{}", stderr(&output));
        assert_eq!(fs::read(&policy).unwrap(), written, "{script}: {}", stderr(&output));
    }
    if held {
        let state = fs::read_dir(site.path("workspace/kept/state")).unwrap().next().unwrap().unwrap().path();
        let log = fs::read_to_string(state.join("audit.jsonl")).unwrap();
        assert!(!log.contains("\nevil") && log.lines().count() == 3 * attempts.len(), "{log}");
    }
}

#[test]
fn a_job_that_reads_everything_around_cannot_read_or_lock_the_records() {
    let site = Site::new();
    let policy = format!(
        "version: 1\nextends: builtin:readonly\n\
         commands: {{allow: [{{id: sh, program: bash, options: any, operands: any}}]}}\n\
         filesystem: {{read: ['{}', /usr, /etc], execute: [/usr, '/{{bin,lib,lib64}}']}}\n",
        site.path("").display()
    );
    let policy = site.write("policies/policy.yaml", &policy);
    assert_eq!(code(&site.run_with(&policy, "ls")), 0);
    let state = fs::read_dir(site.path("state")).unwrap().next().unwrap().unwrap().path();
    let script = "cat ../policies/policy.yaml >/dev/null && echo reads\n\
                  for f in $1/*; do exec 9<\"$f\" && flock -n 9 && echo locked; cat \"$f\"; done\n";
    site.write("workspace/try.sh", script);
    let output = site.command("run").arg("--policy").arg(&policy).args(["--", "bash", "try.sh"]).arg(&state).output();
    let output = output.unwrap();
    assert_eq!(stdout(&output), "reads\n", "{}", stderr(&output));
    assert!(site.records().len() >= 6);
}

#[test]
fn a_policy_behind_a_link_that_jobs_could_replace_is_refused() {
    let site = Site::new();
    let policy = site.write("policies/own.yaml", "version: 1\nextends: builtin:workspace\n");
    let link = site.path("workspace/policy.yaml");
    std::os::unix::fs::symlink(policy, &link).unwrap();
    let output = site.run_with(&link, "ls");
    assert_eq!(code(&output), 125);
    assert!(stderr(&output).contains("is a symlink where jobs"), "{}", stderr(&output));
}

/// A policy that lets python run, which then tries what the sandbox should refuse.
fn python_policy(site: &Site, execute: &str, more: &str) -> std::path::PathBuf {
    let text = format!(
        "version: 1\nextends: builtin:readonly\n\
         commands: {{allow: [{{id: python, program: python3, options: any, operands: any}}]}}\n\
         filesystem: {{write: ['{{workspace}}'], execute: {execute}}}\n{more}"
    );
    site.write("policies/python.yaml", &text)
}

#[test]
fn only_the_programs_of_the_line_are_executed() {
    let site = Site::new();
    let script = "import os, shutil, subprocess\n\
        open('own', 'w').write('#!/usr/bin/python3\\nopen(\"canary\", \"w\")\\n')\n\
        os.chmod('own', 0o755)\n\
        shutil.copy('/usr/bin/touch', 'copy')\n\
        for words in [['/usr/bin/touch', 'canary'], ['./copy', 'canary'], ['./own'], ['/bin/sh', '-c', ': >canary']]:\n    \
            try:\n        subprocess.run(words)\n    \
            except OSError as error:\n        print(words[0], error.errno)\n\
        os.makedirs('one/two', exist_ok=True)\n\
        open('one/two/file', 'w').close()\n\
        os.rename('one/two/file', 'one/file')\n\
        print('tried')\n";
    site.write("workspace/try.py", script);
    for (execute, started) in [("approved", false), ("[/usr, '/{bin,lib,lib64}']", true)] {
        let policy = python_policy(&site, execute, "");
        let output = site.run_with(&policy, "python3 try.py");
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        assert!(stdout(&output).ends_with("tried\n"), "{}", stdout(&output));
        let canary = site.path("workspace/canary");
        assert_eq!(canary.exists(), started, "execute: {execute}: {}", stdout(&output));
    }
}

#[test]
fn what_the_readonly_preset_allows_finds_its_helpers() {
    let site = repository();
    site.write("workspace/file.txt", "two words\n");
    let lines = [
        "git status --short",
        "git submodule status",
        "egrep 'two|three' file.txt",
        "cat file.txt | sort | awk '{print $1}'",
        "which ls && sed -n 1p file.txt | tr a-z A-Z",
        "timeout 5 env LC_ALL=C wc -l file.txt",
    ];
    for line in lines {
        let mut command = site.command("run");
        let output = command.args(["--policy", "builtin:readonly", line]).output().unwrap();
        assert_eq!(code(&output), 0, "{line}: {}{}", stdout(&output), stderr(&output));
    }
}

/// Connects to each port of the words; `open` or the error.
const CONNECT: &str = "import socket, sys\n\
    def to(port):\n    \
        try:\n        socket.create_connection(('127.0.0.1', port), 5).close(); return 'open'\n    \
        except OSError as error:\n        return str(error.errno)\n\
    print(*[to(int(port)) for port in sys.argv[1:]])\n";

#[test]
fn ports_that_the_policy_names_are_reached_and_no_others() {
    let site = Site::new();
    let services = [0, 1].map(|_| std::net::TcpListener::bind("127.0.0.1:0").unwrap());
    let [granted, other] = services.each_ref().map(|service| service.local_addr().unwrap().port());
    site.write("workspace/connect.py", CONNECT);
    let policy = python_policy(&site, "approved", &format!("network: {{mode: ports, connect: [{granted}]}}\n"));
    let output = site.run_with(&policy, &format!("python3 connect.py {granted} {other}"));
    assert_eq!(stdout(&output), format!("open {}\n", nix::libc::EACCES), "{}", stderr(&output));
}

#[test]
fn a_loopback_of_its_own_carries_nothing_of_the_machine() {
    let site = Site::new();
    let service = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = service.local_addr().unwrap().port();
    let own = "s = socket.create_server(('127.0.0.1', 0))\nprint(to(s.getsockname()[1]))\n";
    site.write("workspace/connect.py", &format!("{CONNECT}{own}"));
    let policy = python_policy(&site, "approved", "network: loopback\n");
    let output = site.run_with(&policy, &format!("python3 connect.py {port}"));
    let doctor = site.command("doctor").args(["--json", "--policy"]).arg(&policy).output().unwrap();
    let report: serde_json::Value = serde_json::from_slice(&doctor.stdout).unwrap();
    assert_eq!(code(&doctor), i32::from(report["holds"] != true));
    if report["holds"] == true {
        assert_eq!(stdout(&output), format!("{}\nopen\n", nix::libc::ECONNREFUSED), "{}", stderr(&output));
    } else {
        assert_eq!(code(&output), 125, "refused before anything starts: {}", stderr(&output));
        assert!(report["refusals"][0].as_str().unwrap().contains("loopback"), "{report}");
    }
}

#[test]
fn the_end_of_one_command_takes_nothing_from_another_in_the_same_workspace() {
    let site = Site::new();
    if !names_are_held(&site) {
        return;
    }
    let wait = "import os, time\nopen('begun', 'w')\nwhile not os.path.exists('go'): time.sleep(0.01)\n";
    let late = "import os, time\nopen('ready', 'w')\nwhile not os.path.exists('ended'): time.sleep(0.01)\n\
        os.makedirs('.git/hooks', exist_ok=True)\nopen('.git/hooks/pre-commit', 'w').write('evil')\n";
    site.write("workspace/wait.py", wait);
    site.write("workspace/late.py", late);
    let start = |script| site.command("run").arg(format!("python3 {script}")).spawn().unwrap();
    let until = |name: &str| {
        let limit = Instant::now() + Duration::from_secs(60);
        while !site.path(&format!("workspace/{name}")).exists() {
            assert!(Instant::now() < limit, "{name}");
            std::thread::sleep(Duration::from_millis(5));
        }
    };
    let mut first = start("wait.py");
    until("begun");
    let mut second = start("late.py");
    until("ready");
    site.write("workspace/go", "");
    assert!(first.wait().unwrap().success());
    site.write("workspace/ended", "");
    assert!(!second.wait().unwrap().success(), "it could write");
    let left: Vec<_> = fs::read_dir(site.workspace()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().starts_with('.')), "{left:?}");
}
