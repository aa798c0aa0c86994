//! The `toolchains` key: homes are found wherever they are, usable, and their credentials are not. All homes are made
//! up, so that nothing depends on what this machine has installed.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Output;

use crate::site::{Site, code, stderr, stdout};

/// A tool that prints each file that it is told to read, or that it cannot; shell builtins are enough for it.
const READER: &str = "#!/bin/sh\n\
    for file in \"$@\"; do\n  \
        if { while read -r line; do echo \"$line\"; done <\"$file\"; } 2>/dev/null; then :; else echo \"no $file\"; fi\n\
    done\n\
    echo \"ran for $CARGO_HOME\"\n";

fn program(site: &Site, below: &str) -> PathBuf {
    let path = site.write(below, READER);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// A policy that lets `reader` run, with these toolchains and more.
fn policy(site: &Site, toolchains: &str, more: &str) -> PathBuf {
    let text = format!(
        "version: 1\nextends: builtin:workspace\ntoolchains: [{toolchains}]\n\
         commands: {{allow: [{{id: reader, program: reader, options: any, operands: any}}]}}\n{more}"
    );
    site.write("policies/own.yaml", &text)
}

/// Runs `reader` with files as operands, and with `path` as the server's PATH behind the system's.
fn read(site: &Site, policy: &Path, path: &Path, environment: &[(&str, &Path)], files: &[&Path]) -> Output {
    let mut command = site.command("run");
    command.env("PATH", format!("/usr/bin:/bin:{}", path.display()));
    for name in ["CARGO_HOME", "RUSTUP_HOME", "PYENV_ROOT", "NVM_DIR", "GOPATH", "VIRTUAL_ENV", "JAVA_HOME"] {
        command.env_remove(name);
    }
    command.envs(environment.iter().copied()).arg("--policy").arg(policy).args(["--", "reader"]).args(files);
    command.output().unwrap()
}

#[test]
fn a_toolchain_is_found_wherever_it_lives() {
    let cases = [
        ("its own default", "rustup", "home/.cargo", "bin", None),
        ("where the environment says", "rustup", "elsewhere/cargo", "bin", Some("CARGO_HOME")),
        ("a version of nvm", "node", "home/.nvm", "versions/node/v20.1.0/bin", None),
        ("volta", "node", "home/.volta", "bin", None),
        ("fnm", "node", "home/.local/share/fnm", "node-versions/v20/installation/bin", None),
        ("pyenv", "python", "home/.pyenv", "shims", None),
        ("pyenv elsewhere", "python", "elsewhere/pyenv", "versions/3.13/bin", Some("PYENV_ROOT")),
        ("a virtual environment", "python", "elsewhere/venv", "bin", Some("VIRTUAL_ENV")),
        ("programs of the user", "python", "home/.local", "bin", None),
        ("go", "go", "home/go", "bin", None),
        ("asdf serves all", "node", "home/.asdf", "shims", None),
        ("sdkman", "java", "home/.sdkman", "candidates/java/21/bin", None),
        ("rbenv", "ruby", "home/.rbenv", "versions/3.4/bin", None),
    ];
    for (why, toolchain, home, bin, variable) in cases {
        let site = Site::new();
        program(&site, &format!("{home}/{bin}/reader"));
        let beside = site.write(&format!("{home}/{bin}/../note"), "noted\n");
        let policy = policy(&site, toolchain, "");
        let home = site.path(home);
        let environment: Vec<(&str, &Path)> = variable.map(|name| (name, home.as_path())).into_iter().collect();
        let output = read(&site, &policy, &home.join(bin), &environment, &[]);
        assert_eq!(code(&output), 0, "{why}: {}", stderr(&output));
        let canary = site.write("home/canary", "canary\n");
        let output = read(&site, &policy, &home.join(bin), &environment, &[&canary]);
        assert!(stdout(&output).starts_with("no /"), "{why}: the rest of the home stays out: {}", stdout(&output));
        assert!(beside.exists());
    }
}

#[test]
fn a_tool_finds_its_home_although_jobs_have_another_one() {
    let site = Site::new();
    program(&site, "home/.cargo/bin/reader");
    let config = site.write("home/.cargo/config.toml", "[build]\njobs = 2\n");
    let policy = policy(&site, "rustup", "");
    // Not in the PATH of the server, as when a desktop starts it.
    let output = read(&site, &policy, Path::new("/nonexistent"), &[], &[&config]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let want = format!("[build]\njobs = 2\nran for {}\n", site.path("home/.cargo").display());
    assert_eq!(stdout(&output), want, "{}", stderr(&output));
}

#[test]
fn credentials_in_a_home_are_not_read_in_any_mode() {
    let site = Site::new();
    program(&site, "home/.cargo/bin/reader");
    let secrets: Vec<PathBuf> = [
        "home/.cargo/credentials.toml",
        "home/.cargo/credentials",
        "home/.npmrc",
        "home/.yarnrc.yml",
        "home/.pypirc",
        "home/.netrc",
        "home/.config/pip/pip.conf",
        "home/.config/pypoetry/auth.toml",
        "home/.nvm/versions/node/v20/etc/npmrc",
        "home/.m2/settings.xml",
        "home/.gradle/gradle.properties",
        "home/.gem/credentials",
        "home/.config/go/env",
    ]
    .iter()
    .map(|file| site.write(file, "canary\n"))
    .collect();
    // Even a policy that grants the whole home.
    let more = "filesystem: {read: ['{home}']}\n";
    let policy = policy(&site, "rustup, node, python, go, ruby, java", more);
    let files: Vec<&Path> = secrets.iter().map(PathBuf::as_path).collect();
    let plain = site.write("home/plain", "plain\n");
    let output = read(&site, &policy, &site.path("home/.cargo/bin"), &[], &[&[plain.as_path()][..], &files].concat());
    let text = stdout(&output);
    assert!(text.starts_with("plain\n") && !text.contains("canary"), "{text}{}", stderr(&output));
    let line = site.run_with(&policy, "cat ~/.npmrc");
    assert_eq!(code(&line), 126, "{}", stderr(&line));
    assert!(stderr(&line).contains("is hidden by the policy"), "{}", stderr(&line));
}

#[test]
fn a_configuration_with_a_token_in_it_is_hidden_and_told() {
    let cases = [
        ("[registry]\ntoken = 'canary'\n", true),
        ("[registries.x]\nindex = 'https://me:canary@example.invalid/'\n", true),
        ("[net]\noffline = true # canary, not a token\n", false),
    ];
    for (text, secret) in cases {
        let site = Site::new();
        program(&site, "home/.cargo/bin/reader");
        let config = site.write("home/.cargo/config.toml", text);
        let policy = policy(&site, "rustup", "");
        let output = read(&site, &policy, &site.path("home/.cargo/bin"), &[], &[&config]);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        assert_eq!(!stdout(&output).contains("canary"), secret, "{text}: {}", stdout(&output));
        assert_eq!(stderr(&output).contains("holds a credential"), secret, "{text}: {}", stderr(&output));
    }
}

#[test]
fn a_home_that_holds_everything_grants_nothing() {
    let site = Site::new();
    program(&site, "home/bin/reader");
    let policy = policy(&site, "rustup", "");
    let home = site.path("home");
    for wide in [Path::new("/"), &home, &site.path("")] {
        let output = read(&site, &policy, &home.join("bin"), &[("CARGO_HOME", wide)], &[]);
        assert_eq!(code(&output), 126, "{}: {}", wide.display(), stderr(&output));
        assert!(stderr(&output).contains("holds more than a toolchain"), "{}", stderr(&output));
    }
    let unknown = site.write("policies/unknown.yaml", "version: 1\nextends: builtin:workspace\ntoolchains: [ruts]\n");
    let output = site.run_with(&unknown, "ls");
    assert_eq!(code(&output), 125);
    assert!(stderr(&output).contains("unknown value `ruts`"), "{}", stderr(&output));
}
