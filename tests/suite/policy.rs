//! Presets and catalogue hold what they promise.

use std::collections::BTreeMap;

use shellwarden::paths::AbsPath;
use shellwarden::policy::{self, Decision, Origin, Plan, Request, Text, Variables};

use super::policy_cases::Bench;

/// A workspace, a home and a state folder side by side.
pub(crate) fn machine() -> (tempfile::TempDir, Variables) {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| {
        let path = dir.path().canonicalize().unwrap().join(name);
        std::fs::create_dir_all(&path).unwrap();
        AbsPath::new(path).unwrap()
    };
    let environment = BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]);
    let variables = Variables { workspace: path("work"), home: Some(path("home")), state: path("state"), environment };
    (dir, variables)
}

#[test]
fn presets_have_no_errors_and_pass_their_own_tests() {
    let (_dir, variables) = machine();
    for (name, _) in policy::presets() {
        let problems = policy::check(&Origin::Builtin((*name).to_owned()), &variables);
        assert!(!problems.has_errors(), "{name}:\n{problems}");
    }
}

#[test]
fn the_catalogue_has_no_contradictions() {
    let problems = policy::check_catalogue();
    assert!(problems.is_empty(), "{problems}");
}

#[test]
fn a_builtin_that_is_a_program_as_well_needs_no_shell_around_it() {
    let (_dir, variables) = machine();
    let policy = policy::load(&Origin::Builtin("workspace".to_owned()), &variables).unwrap().policy;
    let cases = [
        ("alone", "true", Some("/usr/bin/true")),
        ("its answer is the same", "false", Some("/usr/bin/false")),
        ("bash's does more than the program", "echo", None),
        ("words may be options of the program", "true --version", None),
        ("the shell turns the answer round", "! true", None),
        ("a file is made first", "true > made", None),
    ];
    for (why, line, want) in cases {
        let request = Request { text: Text::Line(line.to_owned()), cwd: None, env: BTreeMap::new(), timeout: None };
        let Decision::Allow(approved) = policy.decide(&request, &Bench) else { panic!("{why}: `{line}` is refused") };
        let program = match approved.plan() {
            Plan::Exec { program, argv } => {
                assert_eq!(argv.as_slice(), [program.path.to_string()], "{why}");
                Some(program.path.to_string())
            }
            Plan::Bash { .. } => None,
        };
        assert_eq!(program.as_deref(), want, "{why}: {line}");
    }
}
