//! A root of the policy that a job replaces by a symlink grants nothing of where the link leads.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use crate::serving::Serving;
use crate::site::{Site, code, stderr};

/// Jobs write the workspace, and execute from one of its folders.
fn policy(site: &Site) -> PathBuf {
    fs::create_dir_all(site.path("workspace/a/out")).unwrap();
    site.write("outside/out/secret", "canary\n");
    let text = "version: 1\nextends: builtin:readonly\ncommands: {default: allow}\n\
        filesystem:\n  \
          write: ['{workspace}']\n  \
          execute: [/usr, '/{bin,lib,lib64}', '{workspace}/a/out']\n\
        sandbox: {on_unsupported: {default: warn}}\n";
    site.write("policies/own.yaml", text)
}

#[test]
fn while_the_server_runs() {
    let site = Site::new();
    let policy = policy(&site);
    let secret = site.path("outside/out/secret");
    site.write("workspace/read.py", &format!("print(open({secret:?}).read())\n"));
    site.write(
        "workspace/swap.py",
        &format!("import os\nos.rename('a', 'b')\nos.symlink({:?}, 'a')\n", site.path("outside")),
    );
    let mut serving = Serving::start(&site, &policy);
    for script in ["read", "swap", "read"] {
        let text = serving.run(&format!("python3 {script}.py"));
        assert!(!text.contains("canary"), "{text}");
    }
    assert!(site.path("workspace/a").is_symlink(), "the attempt itself works");
    let text = serving.run("python3 read.py");
    assert!(text.contains("is reached through a symlink"), "{text}");
}

#[test]
fn between_two_starts() {
    let site = Site::new();
    let policy = policy(&site);
    fs::rename(site.path("workspace/a"), site.path("workspace/b")).unwrap();
    symlink(site.path("outside"), site.path("workspace/a")).unwrap();
    let output = site.run_with(&policy, "ls");
    assert_eq!(code(&output), 125);
    assert!(stderr(&output).contains("which a job could replace"), "{}", stderr(&output));
}
