//! What a developer's agent does in its first minute, really run under the `workspace` preset.

use std::path::PathBuf;
use std::process::{Command, Output};

use crate::site::{Site, code, stderr, stdout};

/// `run LINE` with the real home, where toolchains live.
fn at_home(site: &Site, line: &str) -> Output {
    let home = std::env::var_os("HOME").unwrap();
    site.command("run").env("HOME", home).arg(line).output().unwrap()
}

fn passes(site: &Site, line: &str) -> String {
    let output = at_home(site, line);
    assert_eq!(code(&output), 0, "`{line}`\n{}\n{}", stdout(&output), stderr(&output));
    stdout(&output)
}

/// A repository with one commit's worth of files, made from outside.
fn repository() -> Site {
    let site = Site::new();
    let git = |arguments: &[&str]| {
        let made = Command::new("git").args(arguments).current_dir(site.workspace()).output().unwrap();
        assert!(made.status.success(), "{}", stderr(&made));
    };
    git(&["init", "-q"]);
    git(&["config", "user.name", "A Tester"]);
    git(&["config", "user.email", "tester@example.invalid"]);
    site.write("workspace/file.txt", "one\n");
    site
}

#[test]
fn git_status_add_commit_log() {
    let site = repository();
    assert!(passes(&site, "git status --short").contains("?? file.txt"));
    passes(&site, "git add file.txt && git commit -m 'first change'");
    assert!(passes(&site, "git log --oneline | head -n 1").contains("first change"));
    assert_eq!(passes(&site, "git status --short"), "");
}

#[test]
fn cargo_tests_a_small_crate_offline() {
    let site = Site::new();
    site.write("workspace/Cargo.toml", "[package]\nname = \"tiny\"\nversion = \"0.1.0\"\nedition = \"2021\"\n");
    site.write("workspace/src/lib.rs", "#[test]\nfn adds() {\n    assert_eq!(1 + 1, 2);\n}\n");
    let text = passes(&site, "cargo test --offline 2>&1 | tail -n 20");
    assert!(text.contains("test result: ok. 1 passed"), "{text}");
}

#[test]
fn python_and_node_scripts_run() {
    let site = Site::new();
    site.write(
        "workspace/hello.py",
        "import json, subprocess\nprint(json.dumps(subprocess.run(['true']).returncode))\n",
    );
    site.write(
        "workspace/hello.js",
        "const {execFileSync} = require('child_process');\nexecFileSync('true');\nconsole.log('node ran');\n",
    );
    assert_eq!(passes(&site, "python3 hello.py"), "0\n");
    assert_eq!(passes(&site, "node hello.js"), "node ran\n");
}

#[test]
fn what_the_preset_promises_to_keep_out_stays_out() {
    let site = Site::new();
    let outside: PathBuf = site.write("home/outside.txt", "not for jobs\n");
    let script = format!(
        "import socket, sys\n\
         def tried(name, attempt):\n    \
             try:\n        attempt()\n        print(name, 'REACHED')\n    \
             except OSError as error:\n        print(name, 'refused', error.errno)\n\
         tried('read', lambda: open({outside:?}).read())\n\
         tried('write', lambda: open({:?}, 'w'))\n\
         tried('connect', lambda: socket.create_connection(('127.0.0.1', 9), 1))\n",
        site.path("home/made.txt"),
    );
    site.write("workspace/try.py", &script);
    let text = passes(&site, "python3 try.py");
    assert!(!text.contains("REACHED") && text.lines().count() == 3, "{text}");
    assert!(!site.path("home/made.txt").exists());
}
