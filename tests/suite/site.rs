//! A place to try the built binary in: workspace, home and state of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// Folders that belong to one test and go with it.
pub(crate) struct Site {
    root: TempDir,
}

impl Site {
    /// Fresh folders below the temporary directory of this user.
    pub(crate) fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        for folder in ["workspace", "home", "state", "policies"] {
            fs::create_dir(root.path().join(folder)).unwrap();
        }
        Self { root }
    }

    /// A path below the site.
    pub(crate) fn path(&self, below: &str) -> PathBuf {
        fs::canonicalize(self.root.path()).unwrap().join(below)
    }

    /// The workspace.
    pub(crate) fn workspace(&self) -> PathBuf {
        self.path("workspace")
    }

    /// Writes a file below the site and returns its path.
    pub(crate) fn write(&self, below: &str, text: &str) -> PathBuf {
        let path = self.path(below);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// The binary with this subcommand and these places, its input at its end.
    pub(crate) fn command(&self, subcommand: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_shellwarden"));
        command
            .arg(subcommand)
            .arg("--workspace")
            .arg(self.workspace())
            .arg("--state")
            .arg(self.path("state"))
            .env("HOME", self.path("home"))
            .env_remove("CLAUDE_PROJECT_DIR")
            .current_dir(self.workspace())
            .stdin(Stdio::null());
        command
    }

    /// `run LINE` on the default policy.
    pub(crate) fn run(&self, line: &str) -> Output {
        self.command("run").arg(line).output().unwrap()
    }

    /// `run LINE` on a policy file of the site.
    pub(crate) fn run_with(&self, policy: &Path, line: &str) -> Output {
        self.command("run").arg("--policy").arg(policy).arg(line).output().unwrap()
    }

    /// The records of the site's only workspace.
    pub(crate) fn records(&self) -> Vec<serde_json::Value> {
        let folders: Vec<_> = fs::read_dir(self.path("state")).unwrap().map(|entry| entry.unwrap().path()).collect();
        let [folder] = folders.as_slice() else { panic!("one state folder, not {folders:?}") };
        let text = fs::read_to_string(folder.join("audit.jsonl")).unwrap();
        // What is written at this moment has no end yet.
        let whole = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        whole.map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// How often this command was decided upon, as far as the record tells by now.
    pub(crate) fn decisions(&self, command: &str) -> usize {
        let decided = |record: &serde_json::Value| record["kind"] == "decision" && record["command"] == command;
        self.records().iter().filter(|record| decided(record)).count()
    }
}

/// Standard output as text.
pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Standard error as text.
pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The exit code; a signal fails the test.
pub(crate) fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or_else(|| panic!("ended by a signal: {}", stderr(output)))
}
