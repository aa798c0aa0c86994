//! SECURITY.md names a test for each promise; this checks that the tests are there.

use std::fs;
use std::path::Path;

/// Texts in backquotes that name a test: `FILE::FUNCTION`, `tests/escape::SCENARIO`, or a file or folder of tests.
fn named(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).filter(|name| name.starts_with("tests/") || name.starts_with("src/")).collect()
}

/// Why there is no such test.
fn missing(root: &Path, name: &str) -> Option<String> {
    let (file, test) = name.split_once("::").unwrap_or((name, ""));
    let path = root.join(file);
    let holds = |path: &Path, text: &str| fs::read_to_string(path).is_ok_and(|source| source.contains(text));
    let there = match (path.is_dir(), test) {
        (_, "") => path.exists(),
        (true, scenario) => holds(&path.join("scenarios.rs"), &format!("\"{scenario}\"")),
        (false, test) => holds(&path, &format!("fn {test}(")) || holds(&path, &format!("\"{test}")),
    };
    (!there).then(|| format!("`{name}` is not there"))
}

#[test]
fn every_test_that_security_md_names_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("SECURITY.md")).unwrap();
    let names = named(&text);
    let wrong: Vec<String> = names.iter().filter_map(|name| missing(root, name)).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    for promise in 1..=8 {
        let row = text.lines().find(|line| line.starts_with(&format!("| P{promise} |"))).unwrap();
        assert!(!named(row).is_empty(), "P{promise} names no test");
    }
    assert!(missing(root, "tests/suite/security.rs::no_such_test").is_some(), "the check itself can fail");
    assert!(missing(root, "tests/escape::no such scenario").is_some());
}
