//! Real clients: the scripts of `tests/clients`, each run with what the environment offers.
//!
//! `SHELLWARDEN_TEST_PYTHON` names Pythons that have the package `mcp` (version 1 or 2) and perhaps `fastmcp`, separated
//! by colons. `SHELLWARDEN_TEST_NODE` names a folder whose `node_modules` has the TypeScript SDK. What is not offered is
//! skipped, and the skip is printed.

use std::ffi::OsStr;
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
}

fn python(script: &str) {
    match std::env::var_os("SHELLWARDEN_TEST_PYTHON") {
        Some(pythons) => std::env::split_paths(&pythons).for_each(|python| run(python.as_os_str(), script)),
        None => skipped(script, "SHELLWARDEN_TEST_PYTHON names no Python with the package `mcp`"),
    }
}

fn skipped(script: &str, why: &str) {
    // Straight to the terminal, past the capture of the test harness.
    let note = format!("skipped: clients/{script} ({why})\n");
    let _ = std::io::Write::write_all(&mut std::io::stderr(), note.as_bytes());
}

#[test]
fn the_everyday_session() {
    python("session.py");
}

#[test]
fn nothing_of_a_job_is_left() {
    python("leftovers.py");
}

#[test]
fn the_workflow_of_the_python_server() {
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
    python("fast.py");
}

#[test]
fn the_typescript_sdk() {
    match std::env::var_os("SHELLWARDEN_TEST_NODE") {
        Some(_) => run(OsStr::new("node"), "typescript.mjs"),
        None => skipped("typescript.mjs", "SHELLWARDEN_TEST_NODE names no folder with the TypeScript SDK"),
    }
}
