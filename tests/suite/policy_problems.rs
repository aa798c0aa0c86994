//! What a mistake in a policy, and a refusal, look like.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use shellwarden::paths::AbsPath;
use shellwarden::policy::{self, Decision, Denial, Origin, Policy, Request, Text, Variables};

use crate::policy::machine;
use crate::policy_cases::Bench;

/// Writes a policy beside the workspace and names it.
fn written(dir: &tempfile::TempDir, text: &str) -> Origin {
    let path = dir.path().canonicalize().unwrap().join("policy.yaml");
    std::fs::write(&path, text).unwrap();
    Origin::File(AbsPath::new(path).unwrap())
}

/// `line:column code` of every problem.
pub(crate) fn problems(text: &str, checked: bool) -> Vec<String> {
    let (dir, variables) = machine();
    let origin = written(&dir, text);
    let found = if checked {
        policy::check(&origin, &variables)
    } else {
        policy::load(&origin, &variables).map_or_else(|problems| problems, |loaded| loaded.warnings)
    };
    let place = |position: String| position.rsplit("policy.yaml:").next().unwrap().to_owned();
    found.iter().map(|p| format!("{} {}", p.position().map_or_else(|| "-".to_owned(), place), p.code)).collect()
}

#[test]
fn every_mistake_is_reported_at_once_with_its_place() {
    let cases: [(&str, &str, &[&str]); 14] = [
        (
            "all at once",
            "version: 1\nnetwrok: none\njobs: {concurrent: many}\nlimits: {memory: 4MB}\n",
            &["2:1 unknown-key", "3:20 wrong-type", "4:18 wrong-unit"],
        ),
        ("duplicate key", "version: 1\nname: a\nname: b\n", &["3:1 duplicate-key"]),
        ("no version", "name: a\n", &["1:1 missing-key"]),
        ("another version", "version: 2\n", &["1:10 unknown-value"]),
        ("no account", "version: 1\nrun_as: 0:0\n", &["2:9 wrong-value"]),
        (
            "no such port",
            "version: 1\nprofiles: {a: {network: {mode: ports, connect: [0, 443]}}}\n",
            &["2:49 wrong-type"],
        ),
        ("missing root", "version: 1\nfilesystem: {read: [/no/such/place]}\n", &["2:21 wrong-root"]),
        ("relative root", "version: 1\nfilesystem: {read: [src]}\n", &["2:21 wrong-root"]),
        ("unknown variable", "version: 1\nfilesystem: {read: ['{workspcae}']}\n", &["2:21 wrong-root"]),
        (
            "same id",
            "version: 1\ncommands:\n  allow:\n    - {id: a, program: ls}\n    - {id: a, program: cat}\n",
            &["5:7 duplicate-id"],
        ),
        (
            "no catalogue entry",
            "version: 1\ncommands: {allow: [{id: a, program: gti, options: safe}]}\n",
            &["2:20 not-catalogued"],
        ),
        ("bad regex", "version: 1\ncommands: {allow: [{id: a, regex: '('}]}\n", &["2:35 bad-regex"]),
        (
            "injection variable",
            "version: 1\nenv: {inherit: [LD_PRELOAD]}\ncommands: {assignments: [BASH_ENV]}\n",
            &["2:17 injection-variable", "3:26 injection-variable"],
        ),
        (
            "unknown profile, empty rule",
            "version: 1\ncommands: {allow: [{id: a, program: ls, profile: x}, {id: b}]}\n",
            &["2:50 unknown-profile", "2:54 empty-rule"],
        ),
    ];
    for (why, text, want) in cases {
        assert_eq!(problems(text, false), want, "{why}");
    }
}

#[test]
fn a_workspace_that_is_a_home_is_refused() {
    let (_dir, variables) = machine();
    let home = variables.home.clone().unwrap();
    for workspace in [home.clone(), home.parent().unwrap(), AbsPath::new("/").unwrap()] {
        let variables = Variables { workspace, ..variables.clone() };
        let problems = policy::load(&Origin::Builtin("workspace".into()), &variables).unwrap_err();
        assert_eq!(problems.iter().map(|p| p.code).collect::<Vec<_>>(), ["wide-workspace"]);
    }
}

#[test]
fn a_policy_that_jobs_could_write_is_guarded() {
    let (_dir, variables) = machine();
    let path = variables.workspace.join("policy.yaml").unwrap();
    std::fs::write(&path, "version: 1\nextends: builtin:workspace\n").unwrap();
    let policy = policy::load(&Origin::File(path.clone()), &variables).unwrap().policy;
    for profile in policy.profiles().values() {
        assert_eq!(profile.guarded, std::slice::from_ref(&path), "{}", profile.name);
        assert!(profile.can_write(&path) && !profile.may_write(&path));
    }
}

#[test]
fn names_are_found_where_they_are_and_kept_where_they_are_not_yet() {
    let (_dir, variables) = machine();
    let at = |name: &str| variables.workspace.join(name).unwrap();
    for file in [".env", "a/b/.env", "a/.env.example", "a/c/key.pem", "a/deep/key.pem"] {
        std::fs::create_dir_all(at(file).parent().unwrap()).unwrap();
        std::fs::write(at(file), "").unwrap();
    }
    std::os::unix::fs::symlink("b", at("a/link").as_path()).unwrap();
    let cases: [(&str, &str, &[&str]); 6] = [
        ("any depth, links not followed", "**/.env", &[".env", "a/b/.env"]),
        ("one level", "a/*/key.pem", &["a/c/key.pem", "a/deep/key.pem"]),
        ("choices", "a/{c,deep}/*.pem", &["a/c/key.pem", "a/deep/key.pem"]),
        ("not there yet", "x/y", &["x/y"]),
        ("behind a link", "a/link/.env", &["a/b/.env"]),
        ("a pattern that finds nothing", "**/*.key", &[]),
    ];
    for (why, text, want) in cases {
        let (dir, _) = machine();
        let yaml = format!("version: 1\nfilesystem: {{write: ['{{workspace}}'], hide: ['{text}']}}\n");
        let loaded = policy::load(&written(&dir, &yaml), &variables).unwrap();
        let mut found = loaded.policy.default_profile().hide.found().to_vec();
        // The state folder is hidden whatever the policy says.
        found.retain(|path| path.as_path().starts_with(at("").as_path()));
        found.sort();
        assert_eq!(found, want.iter().map(|name| at(name)).collect::<Vec<_>>(), "{why}");
    }
}

#[test]
fn names_that_cannot_be_kept_are_problems() {
    let cases: [(&str, &str, &[&str]); 5] = [
        ("out of the workspace", "hide: ['../x']", &["2:45 wrong-name"]),
        ("unknown variable", "protect: ['{hom}/x']", &["2:48 wrong-name"]),
        ("no folder of one's own", "hide: ['{tmp}']", &["2:45 wrong-name"]),
        ("behind a link that jobs could replace", "protect: [link]", &["2:48 unprotected"]),
        ("the same, told only", "protect: [link]}\nsandbox: {on_unsupported: {protect: warn}", &["2:48 unprotected"]),
    ];
    for (why, names, want) in cases {
        let (dir, variables) = machine();
        std::os::unix::fs::symlink("elsewhere", variables.workspace.join("link").unwrap().as_path()).unwrap();
        std::fs::write(variables.workspace.join("elsewhere").unwrap(), "").unwrap();
        let origin = written(&dir, &format!("version: 1\nfilesystem: {{write: ['{{workspace}}'], {names}}}\n"));
        let (problems, loads) = match policy::load(&origin, &variables) {
            Ok(loaded) => (loaded.warnings, true),
            Err(problems) => (problems, false),
        };
        let place =
            |p: &shellwarden::diag::Problem| p.position().unwrap().rsplit("policy.yaml:").next().unwrap().to_owned();
        let found: Vec<_> = problems.iter().map(|p| format!("{} {}", place(p), p.code)).collect();
        assert_eq!(found, want, "{why}");
        assert_eq!(loads, why.contains("told"), "{why}");
    }
}

fn preset() -> (tempfile::TempDir, Policy) {
    let (dir, variables) = machine();
    let policy = policy::load(&Origin::Builtin("workspace".into()), &variables).unwrap().policy;
    (dir, policy)
}

fn request(line: &str) -> Request {
    Request { text: Text::Line(line.to_owned()), cwd: None, env: BTreeMap::new(), timeout: None }
}

fn denial(policy: &Policy, line: &str) -> Denial {
    match policy.decide(&request(line), &Bench) {
        Decision::Deny(denial) => denial,
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn a_denial_says_what_a_model_and_what_an_operator_needs() {
    let (_dir, policy) = preset();
    let push = denial(&policy, "git push origin main");
    let file = "a file of your own that says `extends: [builtin:workspace]`";
    assert!(push.for_model().contains("the subcommand `push` is not one of"), "{}", push.for_model());
    assert!(!push.for_model().contains("to allow it"), "{}", push.for_model());
    let rule = "{id: git, program: git, subcommands: [push], options: none, operands: {regex: \"origin|main\"}}";
    let want = format!("to allow it, add to {file}:\n  commands:\n    allow:\n      - {rule}\n");
    assert!(push.for_operator().ends_with(&want), "{}", push.for_operator());
    let forced = denial(&policy, "git push --force");
    assert_eq!(forced.rule().unwrap().id, "git-push-force");
    assert!(forced.for_operator().contains("at builtin:programs/git:"), "{}", forced.for_operator());
    let unread = denial(&policy, "eval ls");
    assert_eq!(unread.explanation().refusal.as_ref().unwrap().code, "builtin");
}

#[test]
fn the_json_of_an_explanation_has_every_field() {
    let (_dir, policy) = preset();
    let Decision::Allow(approved) = policy.decide(&request("LC_ALL=C sort -r \"$X\" > /dev/null"), &Bench) else {
        let json = denial(&policy, "LC_ALL=C sort -r \"$X\" > /dev/null").explanation().to_json(&json!(7));
        let keys: Vec<&String> = json.as_object().unwrap().keys().collect();
        let want = [
            "id",
            "decision",
            "parse",
            "refusal",
            "commands",
            "redirects",
            "assignments",
            "rendered",
            "profile",
            "general",
        ];
        assert_eq!(keys, want);
        let command = &json["commands"][0];
        assert_eq!(
            (&command["program"], &command["dynamic"], &command["args"]),
            (&json!("sort"), &json!(true), &json!(["-r", null]))
        );
        assert_eq!(json["redirects"][0]["target"], json!("/dev/null"));
        assert_eq!(json["assignments"][0]["value"], json!("C"));
        assert_eq!((&json["id"], &json["refusal"]), (&json!(7), &Json::Null));
        return;
    };
    panic!("an unknown word may be an option: {approved:?}");
}

#[test]
fn the_schema_knows_every_key_of_the_presets() {
    let schema = policy::schema();
    for (name, text) in policy::presets() {
        let file: Json = serde_yaml::from_str(text).unwrap();
        for (key, _) in file.as_object().unwrap() {
            assert!(schema["properties"].get(key).is_some(), "{name}: {key}");
        }
    }
    assert_eq!(schema["additionalProperties"], json!(false));
}

#[test]
fn a_caller_narrows_and_never_widens() {
    let (_dir, policy) = preset();
    let mut asked = request("ls");
    asked.timeout = Some("5s".parse().unwrap());
    match policy.decide(&asked, &Bench) {
        Decision::Allow(approved) => assert_eq!(approved.timeout().to_string(), "5s"),
        other => panic!("{other:?}"),
    }
    asked.timeout = Some("30d".parse().unwrap());
    match policy.decide(&asked, &Bench) {
        Decision::Allow(approved) => assert_eq!(approved.timeout().to_string(), "10m"),
        other => panic!("{other:?}"),
    }
    for (name, value) in
        [("LD_PRELOAD", "x"), ("PATH", "."), ("BASH_FUNC_ls%%", "() { id; }"), ("NOT_LISTED", "x"), ("", "x")]
    {
        let env = BTreeMap::from([(name.to_owned(), value.to_owned())]);
        let refused = policy.decide(&Request { env, ..request("ls") }, &Bench);
        assert!(matches!(refused, Decision::Deny(_)), "{name}");
    }
    for cwd in ["..", "/", "/etc"] {
        let refused = policy.decide(&Request { cwd: Some(cwd.to_owned()), ..request("ls") }, &Bench);
        assert!(matches!(refused, Decision::Deny(_)), "{cwd}");
    }
}
