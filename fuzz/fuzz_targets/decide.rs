//! Any text gets a decision without a panic, and at once: what counts each branch and comparison is about eight times as
//! slow as the program, in which no decision may take 100 ms of the processor's time. Inputs of a run can be timed in the
//! program itself: `shellwarden explain --jsonl`.
//!
//! `cargo +nightly fuzz run decide -- -max_len=4096 -timeout=10`, with `-O --no-trace-compares` for more inputs and without
//! for the comparison of both readings of plain lines; seeds are the snippets in `tests/cases/shell`.
#![no_main]

use std::collections::BTreeMap;
use std::panic;
use std::sync::LazyLock;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use nix::time::{ClockId, clock_gettime};
use shellwarden::paths::AbsPath;
use shellwarden::policy::{
    self, Decision, DirectoryFacts, Origin, Policy, ProgramFile, Request, Text, Variables, World, WorldError,
};

/// A machine where each program exists and each path leads to itself.
struct Anything;

fn file(path: AbsPath) -> ProgramFile {
    let inode = path.to_string().bytes().fold(7, |sum: u64, byte| sum.wrapping_mul(131).wrapping_add(byte.into()));
    ProgramFile { path, device: 1, inode }
}

impl World for Anything {
    fn find_program(&self, name: &str, _dirs: &[AbsPath]) -> Result<Option<ProgramFile>, WorldError> {
        Ok(AbsPath::new(format!("/usr/bin/{name}")).ok().map(file))
    }

    fn program_file(&self, path: &AbsPath) -> Result<Option<ProgramFile>, WorldError> {
        Ok(Some(file(path.clone())))
    }

    fn resolve(&self, path: &AbsPath) -> Result<AbsPath, WorldError> {
        Ok(path.clone())
    }

    fn directory(&self, path: &AbsPath) -> Result<DirectoryFacts, WorldError> {
        Ok(DirectoryFacts { path: path.clone(), device: 1, inode: 1 })
    }

    fn list(&self, _path: &AbsPath) -> Result<Vec<String>, WorldError> {
        Ok(vec!["a".to_owned(), "-b".to_owned(), "c.rs".to_owned()])
    }
}

/// The parser's own panics are caught, and their lines refused; whatever is not caught ends the run all the same.
fn let_caught_panics_be() {
    let end = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if !info.location().is_some_and(|at| at.file().contains("brush-parser")) {
            end(info);
        }
    }));
}

static POLICY: LazyLock<Policy> = LazyLock::new(|| {
    let_caught_panics_be();
    let root = std::env::temp_dir().canonicalize().expect("a temporary folder").join("shellwarden-fuzz");
    let at = |name: &str| {
        std::fs::create_dir_all(root.join(name)).expect("a folder of its own");
        AbsPath::new(root.join(name)).expect("an absolute path")
    };
    let environment = BTreeMap::from([("PATH".to_owned(), "/usr/bin".to_owned())]);
    let variables = Variables { workspace: at("work"), home: Some(at("home")), state: at("state"), environment };
    policy::load(&Origin::Builtin("workspace".to_owned()), &variables).expect("the preset loads").policy
});

/// No decision may take longer here.
const LONGEST: Duration = Duration::from_millis(if cfg!(debug_assertions) { 1600 } else { 800 });

/// What this process has taken of the processor.
fn spent() -> Duration {
    clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID).expect("a clock").into()
}

fuzz_target!(|text: &str| {
    let request = Request { text: Text::Line(text.to_owned()), cwd: None, env: BTreeMap::new(), timeout: None };
    // Built before the clock starts.
    let policy = &*POLICY;
    let start = spent();
    let decision = policy.decide(&request, &Anything);
    assert!(spent() - start < LONGEST, "{:?} for {text:?}", spent() - start);
    match decision {
        Decision::Allow(approved) => assert!(!format!("{:?}", approved.plan()).is_empty()),
        Decision::Ask(pending) => assert!(!pending.reason().is_empty()),
        Decision::Deny(denial) => assert!(!denial.for_operator().is_empty()),
    }
});
