//! Every crate in the binary may be shipped under permissive terms.

use std::fs;
use std::path::Path;
use std::process::Command;

/// The licences that `deny.toml` allows.
fn allowed() -> Vec<String> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("deny.toml")).unwrap();
    let line = text.lines().find(|line| line.starts_with("allow = [")).unwrap();
    line.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Can one alternative of an SPDX expression be met with the allowed licences alone? Knows the forms that crates use:
/// `A OR B`, `A AND B`, `A/B`, and brackets around an alternative.
fn permitted(expression: &str, allowed: &[String]) -> bool {
    let whole = expression.replace('/', " OR ");
    let all = |part: &str| {
        part.split(" AND ").all(|name| allowed.iter().any(|known| known == name.trim().trim_matches(['(', ')'])))
    };
    if whole.contains('(') {
        // `(A OR B) AND C`: each bracket must have a permitted alternative.
        return whole.split(" AND ").all(|part| permitted(part.trim_matches(['(', ')']), allowed));
    }
    whole.split(" OR ").any(all)
}

#[test]
fn expressions_are_read_as_spdx_means_them() {
    let allowed = ["MIT".to_owned(), "Apache-2.0".to_owned(), "Unicode-3.0".to_owned()];
    for (expression, want) in [
        ("MIT", true),
        ("MIT OR GPL-3.0", true),
        ("GPL-3.0-or-later", false),
        ("(MIT OR Apache-2.0) AND Unicode-3.0", true),
        ("MIT AND LGPL-2.1", false),
        ("MIT/Apache-2.0", true),
    ] {
        assert_eq!(permitted(expression, &allowed), want, "{expression}");
    }
}

#[test]
fn no_dependency_has_a_copyleft_licence() {
    let output = Command::new("cargo")
        .args([
            "metadata",
            "--format-version",
            "1",
            "--locked",
            "--offline",
            "--filter-platform",
            "x86_64-unknown-linux-gnu",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    if !output.status.success() {
        // Another user has no crate cache to read from.
        println!("skipped: cargo metadata needs the crate cache of the user who built this");
        return;
    }
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let allowed = allowed();
    let mut wrong = Vec::new();
    for package in metadata["packages"].as_array().unwrap() {
        let licence = package["license"].as_str().unwrap_or("none");
        if !permitted(licence, &allowed) {
            wrong.push(format!("{}: {licence}", package["name"]));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
