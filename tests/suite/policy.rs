//! Presets and catalogue hold what they promise.

use std::collections::BTreeMap;

use shellwarden::paths::AbsPath;
use shellwarden::policy::{self, Origin, Variables};

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
