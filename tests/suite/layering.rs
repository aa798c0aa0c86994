//! Layers point one way; this holds the table.

use std::fs;
use std::path::{Path, PathBuf};

const LEAVES: &[&str] = &["diag", "units", "paths"];

/// Each module with the modules it may name beside the leaves. What is absent is forbidden.
const MAY_USE: &[(&str, &[&str])] = &[
    ("diag", &[]),
    ("units", &[]),
    ("paths", &[]),
    ("sys", &[]),
    ("shell", &[]),
    ("policy", &["shell"]),
    ("sandbox", &["sys"]),
    ("launcher", &["sandbox", "sys", "turns"]),
    ("output", &[]),
    ("rate", &[]),
    ("history", &[]),
    ("metrics", &[]),
    ("turns", &[]),
    ("audit", &["sys"]),
    ("jobs", &["policy", "audit", "launcher", "sandbox", "output"]),
    ("engine", &["policy", "shell", "jobs", "launcher", "sandbox", "output", "rate", "audit", "history", "metrics"]),
    ("mcp", &["engine", "metrics", "turns"]),
    ("cli", &["mcp", "engine", "metrics", "policy", "shell", "sandbox", "launcher", "output", "audit", "jobs"]),
];

/// What `jobs` may name of `policy`.
const JOBS_SEES_OF_POLICY: &str = "policy::Approved";

fn rust_files(dir: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, into);
        } else if path.extension().is_some_and(|end| end == "rs") {
            into.push(path);
        }
    }
}

fn sources() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in ["src", "tests", "benches"] {
        if root.join(folder).is_dir() {
            rust_files(&root.join(folder), &mut files);
        }
    }
    files.sort();
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap();
        (path.strip_prefix(root).unwrap().to_path_buf(), text)
    };
    files.into_iter().map(read).collect()
}

/// Modules of the crate that a line names, braces of one `use` taken apart.
fn named_modules(line: &str) -> Vec<String> {
    let code = line.split("//").next().unwrap_or_default();
    let mut found = Vec::new();
    for rest in code.split("crate::").skip(1) {
        let names = rest.strip_prefix('{').map_or_else(|| vec![rest], |inner| inner.split(',').collect());
        for name in names {
            let name: String = name.trim().chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
            found.push(name);
        }
    }
    found
}

#[test]
fn modules_name_only_what_the_table_allows() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let Ok(inner) = path.strip_prefix("src") else { continue };
        let first = inner.components().next().unwrap().as_os_str().to_string_lossy().into_owned();
        let module = first.trim_end_matches(".rs");
        if matches!(module, "lib" | "main") {
            continue;
        }
        let allowed = MAY_USE.iter().find(|(name, _)| *name == module).map(|(_, uses)| *uses);
        let Some(allowed) = allowed else { panic!("{module} is not in the table of layers") };
        for (number, line) in text.lines().enumerate() {
            for name in named_modules(line) {
                let known = MAY_USE.iter().any(|(module, _)| *module == name);
                if known && name != module && !LEAVES.contains(&name.as_str()) && !allowed.contains(&name.as_str()) {
                    wrong.push(format!("{}:{}: {module} may not use {name}", path.display(), number + 1));
                }
            }
            if module == "jobs" && line.contains("policy::") && !line.contains(JOBS_SEES_OF_POLICY) {
                wrong.push(format!("{}:{}: jobs may name Approved and nothing else", path.display(), number + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn the_table_would_notice_a_wrong_arrow() {
    assert_eq!(named_modules("use crate::jobs::Id;"), ["jobs"]);
    assert_eq!(named_modules("use crate::{jobs, policy::Approved};"), ["jobs", "policy"]);
    assert_eq!(named_modules("    crate::sys::fork() // crate::mcp"), ["sys"]);
}

#[test]
fn no_file_is_longer_than_400_lines() {
    let long: Vec<_> = sources().into_iter().filter(|(_, text)| text.lines().count() > 400).map(|(p, _)| p).collect();
    assert!(long.is_empty(), "{long:?}");
}

#[test]
fn unsafe_code_is_forbidden_everywhere_but_in_sys() {
    for (path, text) in sources() {
        let is_module_root = path.file_name().is_some_and(|name| name == "mod.rs")
            || path.parent().is_some_and(|dir| dir == Path::new("src")) && !path.ends_with("lib.rs");
        if path.starts_with("src") && is_module_root && !path.starts_with("src/sys") {
            let nested = path.components().count() > 3;
            assert!(nested || text.contains("#![forbid(unsafe_code)]"), "{} does not forbid unsafe", path.display());
        }
    }
}
