//! What developers run every day, really run under a shipped preset, in each mode.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine;
use sha2::Digest;

use crate::mode::{Mode, modes};
use crate::site::{Site, code, stderr, stdout};
use crate::{Case, case_of};

/// A tool: what it needs in the workspace, the line, and what it prints.
struct Tool {
    name: &'static str,
    prepare: fn(&Site) -> bool,
    line: &'static str,
    prints: &'static str,
}

const TOOLS: &[Tool] = &[
    Tool {
        name: "git",
        prepare: repository,
        // What is made for a while to keep names from jobs is no part of a commit.
        line: "git status --short && git add -A && git commit -q -m first && git show --stat | cat",
        prints: " 1 file changed",
    },
    Tool {
        name: "cargo test",
        prepare: tiny_crate,
        line: "cargo test --offline 2>&1 | tail -n 20",
        prints: "test result: ok. 1 passed",
    },
    Tool { name: "npm ci", prepare: npm_cache, line: "npm ci && node use.js", prints: "from the cache" },
    Tool { name: "pytest", prepare: pytest, line: "python3 -m pytest -q -p no:cacheprovider", prints: "1 passed" },
    Tool { name: "python Pool(2)", prepare: pool, line: "python3 pool.py", prints: "[0, 1, 4, 9]" },
    Tool { name: "node children", prepare: node_children, line: "node parent.js", prints: "forked spawned executed" },
    Tool { name: "make -j2", prepare: makefile, line: "make -j2 && cat all", prints: "a\nb\nc\nd\n" },
];

pub(crate) fn cases() -> Vec<Case> {
    let each = |mode: Mode| TOOLS.iter().map(move |tool| (mode, tool));
    let named = |(mode, tool): (Mode, &'static Tool)| {
        case_of(format!("{} ({})", tool.name, mode.name), move || works(tool, mode))
    };
    modes().into_iter().flat_map(each).map(named).collect()
}

fn works(tool: &Tool, mode: Mode) {
    let site = Site::new();
    if !(tool.prepare)(&site) {
        return;
    }
    // Toolchains live in the real home.
    let home = std::env::var_os("HOME").unwrap();
    let output = mode.command(&site, "run").env("HOME", home).arg(tool.line).output().unwrap();
    let text = stdout(&output);
    assert_eq!(code(&output), 0, "{}\n{text}\n{}", tool.line, stderr(&output));
    assert!(text.contains(tool.prints), "{}\n{text}\n{}", tool.line, stderr(&output));
}

/// Runs a program outside of any sandbox, to prepare.
fn outside(program: &str, arguments: &[&str], dir: &Path) -> bool {
    Command::new(program).args(arguments).current_dir(dir).output().is_ok_and(|output| output.status.success())
}

fn repository(site: &Site) -> bool {
    for arguments in
        [&["init", "-q"][..], &["config", "user.name", "A Tester"], &["config", "user.email", "t@example.invalid"]]
    {
        assert!(outside("git", arguments, &site.workspace()));
    }
    site.write("workspace/file.txt", "one\n");
    true
}

fn tiny_crate(site: &Site) -> bool {
    site.write("workspace/Cargo.toml", "[package]\nname = \"tiny\"\nversion = \"0.1.0\"\nedition = \"2021\"\n");
    site.write("workspace/src/lib.rs", "#[test]\nfn adds() {\n    assert_eq!(1 + 1, 2);\n}\n");
    true
}

/// A package that is only in npm's cache, and a lock file that names it by its digest.
fn npm_cache(site: &Site) -> bool {
    site.write("dependency/package.json", r#"{"name": "tiny-dependency", "version": "1.0.0"}"#);
    site.write("dependency/index.js", "module.exports = 'from the cache';\n");
    let cache = site.path("workspace/.cache/npm");
    let packed = site.path("tiny-dependency-1.0.0.tgz");
    let offline = ["--offline", "--silent", "--cache", cache.to_str().unwrap()];
    let npm = |words: &[&str]| outside("npm", &[words, &offline].concat(), &site.path(""));
    assert!(npm(&["pack", "./dependency"]), "npm pack");
    assert!(npm(&["cache", "add", packed.to_str().unwrap()]), "npm cache add");
    let digest = base64::engine::general_purpose::STANDARD.encode(sha2::Sha512::digest(fs::read(packed).unwrap()));
    let dependencies = r#""dependencies": {"tiny-dependency": "1.0.0"}"#;
    let package = format!(r#"{{"name": "app", "version": "1.0.0", {dependencies}}}"#);
    let lock = format!(
        r#"{{"name": "app", "version": "1.0.0", "lockfileVersion": 3, "packages": {{"": {package},
        "node_modules/tiny-dependency": {{"version": "1.0.0", "integrity": "sha512-{digest}",
        "resolved": "https://packages.example.invalid/tiny-dependency/-/tiny-dependency-1.0.0.tgz"}}}}}}"#
    );
    site.write("workspace/package.json", &package);
    site.write("workspace/package-lock.json", &lock);
    site.write("workspace/use.js", "console.log(require('tiny-dependency'));\n");
    true
}

/// pytest is pure Python: a copy in the workspace serves whatever `python3` is.
fn pytest(site: &Site) -> bool {
    let pythons = std::env::var("SHELLWARDEN_TEST_PYTHON").unwrap_or_else(|_| "python3".into());
    let script = "import importlib, os\n\
        import pytest, py\n\
        for name in ['pytest', '_pytest', 'pluggy', 'iniconfig', 'packaging', 'pygments', 'py']:\n    \
            file = importlib.import_module(name).__file__\n    \
            print(os.path.dirname(file) if file.endswith('__init__.py') else file)\n";
    // Several, with a colon between them: the clients' packages lie in a place each.
    let ask = |python: &str| Command::new(python).args(["-c", script]).output().ok();
    let Some(found) = pythons.split(':').filter_map(ask).find(|found| found.status.success()) else {
        println!("skipped: pytest (no Python with the package; SHELLWARDEN_TEST_PYTHON names one that has it)");
        return false;
    };
    for folder in String::from_utf8_lossy(&found.stdout).lines().map(PathBuf::from) {
        let copy = site.workspace().join(folder.file_name().unwrap());
        assert!(outside("cp", &["-r", folder.to_str().unwrap(), copy.to_str().unwrap()], &site.workspace()));
    }
    site.write("workspace/test_one.py", "def test_one(tmp_path):\n    (tmp_path / 'file').write_text('x')\n");
    true
}

fn pool(site: &Site) -> bool {
    let script = "import multiprocessing\n\
        def square(number):\n    return number * number\n\
        if __name__ == '__main__':\n    \
            with multiprocessing.Pool(2) as pool:\n        print(pool.map(square, range(4)))\n";
    site.write("workspace/pool.py", script);
    true
}

fn node_children(site: &Site) -> bool {
    let parent = "const {execFileSync, fork, spawn} = require('child_process');\n\
        const child = fork('child.js');\n\
        child.on('message', (word) => {\n  \
          child.disconnect();\n  \
          const other = spawn('echo', ['spawned']);\n  \
          other.stdout.on('data', (data) => console.log(word, `${data}`.trim(), `${execFileSync('echo', ['executed'])}`.trim()));\n\
        });\n";
    site.write("workspace/parent.js", parent);
    site.write("workspace/child.js", "process.send('forked');\n");
    true
}

fn makefile(site: &Site) -> bool {
    let text = "all: a b c d\n\tcat a b c d >all\n\
        a b c d:\n\tsleep 0.1; echo $@ >$@\n";
    site.write("workspace/Makefile", text);
    true
}
