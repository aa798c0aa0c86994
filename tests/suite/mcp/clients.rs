//! Real clients: the scripts of `tests/clients`, each run with what the environment offers.
//!
//! `SHELLWARDEN_TEST_PYTHON` names Pythons that have the package `mcp`, version 1 and version 2, separated by colons.
//! `SHELLWARDEN_TEST_FASTMCP` names one that has `fastmcp` with tasks, `SHELLWARDEN_TEST_FORMER` one that
//! has `mcp-background-job`. `SHELLWARDEN_TEST_NODE` names a folder whose `node_modules` has the TypeScript SDKs and the
//! Inspector. `.ci/clients` installs them and prints these variables. What is not offered is skipped aloud, unless
//! `SHELLWARDEN_TEST_CLIENTS=required` says that everything must be there.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::Command;

/// Runs a script and fails with what it said.
fn run(program: &OsStr, script: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(script);
    let output = Command::new(program)
        .arg(path)
        .env("SHELLWARDEN_BINARY", env!("CARGO_BIN_EXE_shellwarden"))
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}", program.display()));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script} with {}:\n{said}", program.display());
    // Nothing is skipped behind the back of this test.
    assert!(!said.contains("skipped"), "{script} with {}:\n{said}", program.display());
}

/// What a variable names; none is a skip that is told, where clients are not required.
fn offered(script: &str, variable: &str) -> Option<OsString> {
    let found = std::env::var_os(variable).filter(|value| !value.is_empty());
    if found.is_none() {
        let required = std::env::var_os("SHELLWARDEN_TEST_CLIENTS").is_some_and(|how| how == "required");
        assert!(!required, "clients are required, and {variable} names none; see .ci/clients");
        // Straight to the terminal, past the capture of the test harness.
        let note = format!("skipped: clients/{script} ({variable} is not set; see .ci/clients)\n");
        let _ = std::io::Write::write_all(&mut std::io::stderr(), note.as_bytes());
    }
    found
}

fn python(script: &str) {
    for python in offered(script, "SHELLWARDEN_TEST_PYTHON").iter().flat_map(std::env::split_paths) {
        run(python.as_os_str(), script);
    }
}

/// With the first of them: for what does not depend on who asks.
fn any_python(script: &str) {
    let named = offered(script, "SHELLWARDEN_TEST_PYTHON");
    if let Some(python) = named.iter().flat_map(std::env::split_paths).next() {
        run(python.as_os_str(), script);
    }
}

fn node(script: &str) {
    if offered(script, "SHELLWARDEN_TEST_NODE").is_some() {
        run(OsStr::new("node"), script);
    }
}

#[test]
fn the_everyday_session() {
    python("session.py");
}

#[test]
fn nothing_of_a_job_is_left() {
    any_python("leftovers.py");
}

#[test]
fn the_workflow_of_the_python_server() {
    offered("drop_in.py, on the Python server itself", "SHELLWARDEN_TEST_FORMER");
    python("drop_in.py");
}

#[test]
fn questions_and_progress() {
    python("asking.py");
}

#[test]
fn resources() {
    python("resources.py");
}

#[test]
fn the_client_that_users_of_the_python_server_have() {
    if let Some(python) = offered("fast.py", "SHELLWARDEN_TEST_FASTMCP") {
        run(&python, "fast.py");
    }
}

#[test]
fn the_typescript_sdks() {
    node("typescript.mjs");
}

#[test]
fn the_typescript_package_for_tasks() {
    node("tasks.mjs");
}

#[test]
fn the_inspector() {
    node("inspector.mjs");
}

#[test]
fn two_clients_over_http_against_each_other() {
    any_python("two_clients.py");
    node("two_clients.mjs");
}
