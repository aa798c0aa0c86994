//! Runs texts under bash with stand-ins for programs, traced, and reads what they logged.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::trace::{Executed, trace};

/// Programs that log their words.
const STAND_INS: &[&str] = &["p", "q", "r", "s", "rm", "truncate", "out", "no", "take"];

/// Real programs: wrappers that run the program in their words.
const WRAPPERS: &[&str] =
    &["env", "nice", "nohup", "timeout", "setsid", "stdbuf", "xargs", "find", "flock", "sh", "bash"];

/// A stand-in: one write, so that records of parallel programs do not mix.
const STAND_IN: &str = r#"#!/bin/sh
printf '%s\0' "$#" "${0##*/}" "$@" >> "$LOG"
case "${0##*/}" in
  out) echo 'u v*w' 2>/dev/null ;;
  no) exit 1 ;;
  take) printf '%s\0' 1 INPUT "$(/bin/cat)" >> "$LOG" ;;
esac
exit 0
"#;

/// Runs each work in a fresh directory, all of them in one namespace.
///
/// A closed pipe must not end a shell: when that happens depends on the moment. Descriptor 9 stays open in all that a
/// shell starts, so that the log is whole when the pipe ends.
const DRIVER: &str = r#"
trap '' PIPE
for id in $IDS; do
  mkdir -p "$ROOT/run/$id/sub" && cd "$ROOT/run/$id" || exit 1
  : > a.rs; : > b.rs; : > c.txt; : > 'd e.txt'; : > sub/f.rs
  mapfile -d '' words < "$ROOT/work/$id"
  env -i PATH="$ROOT/bin" HOME="$ROOT/home" LANG=C LOG="$ROOT/log/$id" \
    /usr/bin/timeout -s KILL 10 "${words[@]}" < /dev/null 9>&1 2>&1 | cat > /dev/null
done
"#;

/// What to run.
pub(super) enum Work {
    Bash(String),
    Exec(Vec<String>),
}

impl Work {
    fn words(&self) -> Vec<String> {
        match self {
            Self::Bash(text) => ["/bin/bash", "--norc", "--noprofile", "-p", "-c", text].map(str::to_owned).to_vec(),
            Self::Exec(words) => words.clone(),
        }
    }

    /// Was it executed by the driver, or to begin this work, or by a stand-in?
    fn drives(&self, one: &Executed) -> bool {
        let words: Vec<&str> = one.words.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["mkdir", "-p", _] | ["cat"] | ["env", "-i", ..] => one.log.is_none(),
            ["/usr/bin/timeout", "-s", "KILL", "10", ..] | ["/bin/cat"] => true,
            _ => one.words == self.words(),
        }
    }
}

/// One program that ran.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Record {
    pub(super) program: String,
    pub(super) arguments: Vec<String>,
}

/// A directory with stand-ins, work and logs.
pub(super) struct Stage {
    root: tempfile::TempDir,
}

impl Stage {
    pub(super) fn new() -> Self {
        let stage = Self { root: tempfile::tempdir().unwrap() };
        for folder in ["bin", "home", "work", "log", "run"] {
            fs::create_dir(stage.path(folder)).unwrap();
        }
        for name in STAND_INS {
            let path = stage.path("bin").join(name);
            fs::write(&path, STAND_IN).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        for name in WRAPPERS {
            let real =
                ["/usr/bin", "/bin"].iter().map(|folder| Path::new(folder).join(name)).find(|path| path.exists());
            if let Some(real) = real {
                symlink(real, stage.path("bin").join(name)).unwrap();
            }
        }
        stage
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub(super) fn home(&self) -> String {
        self.path("home").display().to_string()
    }

    /// The path that a program name is rendered as.
    pub(super) fn program(&self, name: &str) -> String {
        self.path("bin").join(name.rsplit('/').next().unwrap()).display().to_string()
    }

    /// The sorted records of each work, and what was executed for it beside stand-ins and what drives it.
    pub(super) fn run(&self, plan: &[Work]) -> Vec<(Vec<Record>, Vec<Executed>)> {
        for (id, work) in plan.iter().enumerate() {
            let text: String = work.words().iter().map(|word| format!("{word}\0")).collect();
            fs::write(self.path("work").join(id.to_string()), text).unwrap();
        }
        let isolated = ["--user", "--map-root-user", "--net", "--ipc", "--pid", "--fork", "--mount", "--mount-proc"];
        let can_isolate = Command::new("unshare").args(isolated).arg("true").stderr(Stdio::null()).status();
        let ids: Vec<String> = (0..plan.len()).map(|id| id.to_string()).collect();
        let mut drivers = Vec::new();
        for half in ids.chunks(ids.len().div_ceil(2).max(1)) {
            let mut driver = if can_isolate.as_ref().is_ok_and(std::process::ExitStatus::success) {
                let mut driver = Command::new("unshare");
                driver.args(isolated).arg("bash");
                driver
            } else {
                Command::new("bash")
            };
            driver.args(["--norc", "-c", DRIVER]).env("ROOT", self.root.path()).env("IDS", half.join(" "));
            drivers.push(driver);
        }
        // A tracer waits for what it traces on its own thread.
        let executed: Vec<Executed> = std::thread::scope(|scope| {
            let tracers: Vec<_> = drivers.iter().map(|driver| scope.spawn(|| trace(driver))).collect();
            tracers.into_iter().flat_map(|tracer| tracer.join().unwrap()).collect()
        });
        let mut of: Vec<Vec<Executed>> = plan.iter().map(|_| Vec::new()).collect();
        for one in executed.into_iter().filter(|one| !self.is_stand_in(one)) {
            if let Some(id) = self.work_of(&one).filter(|id| !plan[*id].drives(&one)) {
                of[id].push(one);
            }
        }
        let logs = ids.iter().map(|id| records(&fs::read(self.path("log").join(id)).unwrap_or_default()));
        logs.zip(of).collect()
    }

    /// Is it the interpreter of a stand-in?
    fn is_stand_in(&self, one: &Executed) -> bool {
        one.words.get(1).is_some_and(|script| {
            let name =
                script.strip_prefix(&*self.path("bin").to_string_lossy()).and_then(|name| name.strip_prefix('/'));
            name.is_some_and(|name| STAND_INS.contains(&name))
        })
    }

    /// The work that something was executed for, by its directory or what it inherited; none for what drives them all.
    fn work_of(&self, one: &Executed) -> Option<usize> {
        let below = |path: &Path, folder: &str| {
            path.strip_prefix(self.path(folder)).ok()?.components().next()?.as_os_str().to_str()?.parse().ok()
        };
        one.log.as_deref().and_then(|log| below(log, "log")).or_else(|| below(&one.cwd, "run"))
    }
}

/// Records are a count, a name, and that many words, each ended by NUL.
fn records(log: &[u8]) -> Vec<Record> {
    let mut fields = log.split(|byte| *byte == 0).map(|field| String::from_utf8_lossy(field).into_owned());
    let mut records = Vec::new();
    while let Some(count) = fields.next().filter(|count| !count.is_empty()) {
        let program = fields.next().unwrap();
        let arguments = fields.by_ref().take(count.parse().unwrap()).collect();
        records.push(Record { program, arguments });
    }
    records.sort();
    records
}
