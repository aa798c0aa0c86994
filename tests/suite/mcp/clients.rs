//! Real clients: the scripts of `tests/clients`, run by the Python that `SHELLWARDEN_TEST_PYTHON` names.
//!
//! That Python has the package `mcp`, of version 1 or 2. Several may be named, separated by colons. Without it the
//! tests print that they were skipped.

use std::path::Path;
use std::process::Command;

fn run(script: &str) {
    let Some(pythons) = std::env::var_os("SHELLWARDEN_TEST_PYTHON") else {
        // Printed on the terminal, past the capture of the test harness.
        let note =
            format!("skipped: clients/{script} (SHELLWARDEN_TEST_PYTHON names no Python with the package `mcp`)\n");
        let _ = std::io::Write::write_all(&mut std::io::stderr(), note.as_bytes());
        return;
    };
    for python in std::env::split_paths(&pythons) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(script);
        let output = Command::new(&python)
            .arg(path)
            .env("SHELLWARDEN_BINARY", env!("CARGO_BIN_EXE_shellwarden"))
            .output()
            .unwrap_or_else(|error| panic!("{}: {error}", python.display()));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{script} with {}:\n{said}", python.display());
    }
}

#[test]
fn the_everyday_session() {
    run("session.py");
}

#[test]
fn nothing_of_a_job_is_left() {
    run("leftovers.py");
}

#[test]
fn the_workflow_of_the_python_server() {
    run("drop_in.py");
}

#[test]
fn questions_and_progress() {
    run("asking.py");
}

#[test]
fn resources() {
    run("resources.py");
}
