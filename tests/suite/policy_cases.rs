//! Cases under `tests/cases/policy`: a command line, a policy, the right decision.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use shellwarden::paths::AbsPath;
use shellwarden::policy::{
    self, Decision, DirectoryFacts, Origin, Policy, ProgramFile, Request, Text, Variables, World, WorldError,
};

/// Every bare name is a program below `/usr/bin`; paths are what they are on the disk.
pub(crate) struct Bench;

fn fact(path: &AbsPath) -> ProgramFile {
    let inode = path.to_string().bytes().fold(7, |sum: u64, byte| sum.wrapping_mul(131).wrapping_add(byte.into()));
    ProgramFile { path: path.clone(), device: 1, inode }
}

impl World for Bench {
    fn find_program(&self, name: &str, _dirs: &[AbsPath]) -> Result<Option<ProgramFile>, WorldError> {
        Ok(Some(fact(&AbsPath::new(format!("/usr/bin/{name}")).unwrap())))
    }

    fn program_file(&self, path: &AbsPath) -> Result<Option<ProgramFile>, WorldError> {
        Ok(Some(fact(path)))
    }

    fn resolve(&self, path: &AbsPath) -> Result<AbsPath, WorldError> {
        for part in path.as_path().ancestors() {
            if let Ok(real) = part.canonicalize() {
                let rest = path.as_path().strip_prefix(part).unwrap();
                return Ok(AbsPath::new(real.join(rest)).unwrap());
            }
        }
        Ok(path.clone())
    }

    fn directory(&self, path: &AbsPath) -> Result<DirectoryFacts, WorldError> {
        Ok(DirectoryFacts { path: path.clone(), device: 1, inode: fact(path).inode })
    }

    fn list(&self, path: &AbsPath) -> Result<Vec<String>, WorldError> {
        let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
        Ok(entries.filter_map(|entry| entry.file_name().into_string().ok()).collect())
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    id: String,
    policy: String,
    command: String,
    expect: String,
    #[serde(default)]
    or: Option<String>,
    #[serde(default)]
    cwd: Option<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
}

/// A workspace with some files, a home with a key, and a place outside.
fn fixture() -> (tempfile::TempDir, Variables) {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap();
    let files = [
        "canary-ws/README.md",
        "canary-ws/data.txt",
        "canary-ws/list.txt",
        "canary-ws/-x",
        "canary-ws/sub/a.txt",
        "canary-ws/src/main.rs",
        "canary-ws/scripts/evil.sh",
        "canary-ws/src/lib.rs",
        "canary-ws/.git/config",
        "canary-ws/.git/hooks/pre-commit.sample",
        "canary-ws/.envrc",
        "canary-ws/.vscode/settings.json",
        "canary-ws-evil/secret",
        "canary-out/secret",
        "canary-home/.ssh/id_canary",
        "canary-state/audit.log",
    ];
    for file in files {
        let path = root.join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "").unwrap();
    }
    let link = |to: &str, at: &str| std::os::unix::fs::symlink(root.join(to), root.join("canary-ws").join(at)).unwrap();
    link("canary-out", "link");
    link("canary-ws/src", "sub/near");
    link("canary-ws/src", "near");
    link("canary-out/secret", "sub/leak.txt");
    link("/usr/bin/env", "tool");
    link("/usr/bin/env", "nice");
    link("/usr/bin/env", "timeout");
    let at = |name: &str| AbsPath::new(root.join(name)).unwrap();
    let environment = BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]);
    let (workspace, home, state) = (at("canary-ws"), Some(at("canary-home")), at("canary-state"));
    (dir, Variables { workspace, home, state, environment })
}

fn cases_folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/policy")
}

fn load(name: &str, variables: &Variables) -> Policy {
    let origin = match name.strip_prefix("builtin:") {
        Some(preset) => Origin::Builtin(preset.to_owned()),
        None => Origin::File(AbsPath::new(cases_folder().join(format!("policies/{name}.yaml"))).unwrap()),
    };
    match policy::load(&origin, variables) {
        Ok(loaded) => loaded.policy,
        Err(problems) => panic!("{name}:\n{problems}"),
    }
}

fn decide(policy: &Policy, case: &Case, root: &str) -> (&'static str, String) {
    let text = Text::Line(case.command.replace("DIR", root));
    let cwd = case.cwd.as_ref().map(|cwd| cwd.replace("DIR", root));
    answer(policy, &Request { text, cwd, env: case.env.clone(), ..request() })
}

fn request() -> Request {
    Request { text: Text::Line(String::new()), cwd: None, env: BTreeMap::new(), timeout: None }
}

fn answer(policy: &Policy, request: &Request) -> (&'static str, String) {
    match policy.decide(request, &Bench) {
        Decision::Allow(approved) => ("allow", format!("{:?}", approved.plan())),
        Decision::Ask(pending) => ("ask", pending.reason().to_owned()),
        Decision::Deny(denial) => ("deny", denial.for_operator()),
    }
}

fn run(file: &str) {
    let (dir, variables) = fixture();
    let root = dir.path().canonicalize().unwrap().display().to_string();
    let text = std::fs::read_to_string(cases_folder().join(file)).unwrap();
    let cases: Vec<Case> = serde_yaml::from_str(&text).unwrap();
    assert!(cases.len() > 20, "{file} lost its cases");
    let mut policies: BTreeMap<String, Policy> = BTreeMap::new();
    let mut wrong = Vec::new();
    for case in &cases {
        let policy = policies.entry(case.policy.clone()).or_insert_with(|| load(&case.policy, &variables));
        let (got, why) = decide(policy, case, &root);
        if got != case.expect && Some(got) != case.or.as_deref() {
            wrong.push(format!(
                "{} [{}] {:?}: {got}, not {}\n    {why}",
                case.id, case.policy, case.command, case.expect
            ));
        }
    }
    assert!(wrong.is_empty(), "{} of {} wrong:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

#[test]
fn attacks_are_denied_and_look_alikes_run() {
    run("attacks.yaml");
}

/// Lines of one policy, by what must become of them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    policy: String,
    #[serde(default)]
    deny: Vec<String>,
    #[serde(default)]
    allow: Vec<String>,
    #[serde(default)]
    either: Vec<String>,
}

#[test]
fn lines_of_every_class_are_judged_as_intended() {
    let (dir, variables) = fixture();
    let root = dir.path().canonicalize().unwrap().display().to_string();
    let groups = ["lines.yaml", "tricks.yaml"].into_iter().flat_map(|file| {
        let text = std::fs::read_to_string(cases_folder().join(file)).unwrap();
        serde_yaml::from_str::<Vec<Group>>(&text).unwrap()
    });
    let (mut count, mut wrong) = (0, Vec::new());
    for group in groups {
        let policy = load(&group.policy, &variables);
        for (lines, expect) in [(group.deny, "deny"), (group.allow, "allow"), (group.either, "")] {
            for line in lines {
                count += 1;
                let request = Request { text: Text::Line(line.replace("DIR/", &format!("{root}/"))), ..request() };
                let (got, why) = answer(&policy, &request);
                if !expect.is_empty() && got != expect {
                    wrong.push(format!("[{}] {line:?}: {got}, not {expect}\n    {why}", group.policy));
                }
            }
        }
    }
    assert!(count > 2000, "only {count} lines");
    assert!(wrong.is_empty(), "{} of {count} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_spelling_of_an_attack_is_denied() {
    run("variants.yaml");
}

#[test]
fn lines_that_agents_write_are_judged_as_intended() {
    run("agents.yaml");
}
