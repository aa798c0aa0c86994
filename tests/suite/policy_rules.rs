//! Rules are found however many there are, and each that was looked at says why it applies or not.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::{Value as Json, json};
use shellwarden::paths::AbsPath;
use shellwarden::policy::{self, Decision, Explanation, Origin, Policy, Request, Text};

use crate::policy::machine;
use crate::policy_cases::Bench;

/// A policy with these rules, in a directory of its own.
pub(crate) fn policy(commands: &str) -> (tempfile::TempDir, Policy) {
    let (dir, variables) = machine();
    let path = dir.path().canonicalize().unwrap().join("policy.yaml");
    let base = "version: 1\nfilesystem: {read: ['{workspace}', /usr], execute: [/usr]}\ncommands:\n";
    std::fs::write(&path, format!("{base}{commands}")).unwrap();
    let loaded = policy::load(&Origin::File(AbsPath::new(path).unwrap()), &variables);
    (dir, loaded.unwrap_or_else(|problems| panic!("{problems}")).policy)
}

pub(crate) fn decide(policy: &Policy, line: &str) -> (String, Explanation) {
    let request = Request { text: Text::Line(line.to_owned()), cwd: None, env: BTreeMap::new(), timeout: None };
    match policy.decide(&request, &Bench) {
        Decision::Allow(approved) => ("allow".into(), approved.explanation().clone()),
        Decision::Ask(pending) => ("ask".into(), pending.explanation().clone()),
        Decision::Deny(denial) => {
            (denial.rule().map_or("deny".into(), |rule| rule.id.clone()), denial.explanation().clone())
        }
    }
}

#[test]
fn a_rule_among_a_thousand_texts_is_found() {
    let mut commands = "  allow:\n    - {id: any, regex: '[a-z]+ --fine'}\n".to_owned();
    for n in 0..500 {
        writeln!(commands, "    - {{id: t{n}, regex: 'tool{n}( -[a-z])* (run|list)'}}").unwrap();
    }
    commands.push_str("    - {id: cat, program: cat, options: any, operands: any}\n  deny:\n");
    for n in 0..500 {
        writeln!(commands, "    - {{id: d{n}, regex: '(?i)secret{n}x|--drop-{n}y'}}").unwrap();
    }
    commands.push_str("    - {id: shadow, regex: 'shadow$'}\n    - {id: end, regex: '[xyz]{3}'}\n");
    let (_dir, policy) = policy(&commands);
    let cases = [
        ("tool7 run", "allow"),
        ("tool499 -v list", "allow"),
        ("tool7 drop", "deny"),
        ("xtool7 run", "deny"),
        ("whatever --fine", "allow"),
        ("cat a", "allow"),
        ("cat SECRET77X", "d77"),
        ("cat 'sec''ret77x'", "d77"),
        ("cat a --drop-3y", "d3"),
        ("cat --drop-3 y", "allow"),
        ("cat /etc/shadow", "shadow"),
        ("cat zzz", "end"),
        ("cat \"$UNKNOWN\"", "d0"),
        ("cat a | cat sEcReT123x", "d123"),
    ];
    for (line, want) in cases {
        assert_eq!(decide(&policy, line).0, want, "{line}");
    }
}

#[test]
fn each_rule_that_was_looked_at_says_why() {
    let commands = "  deny:\n    - {id: no-force, program: git, subcommands: [push], options: [--force], reason: rewrites}\n  \
                    ask:\n    - {id: push, program: git, subcommands: [push], reason: publishes}\n  \
                    allow:\n    - {id: read, program: git, subcommands: [status, log], operands: none}\n    \
                    - {id: other, program: ls}\n";
    let (_dir, policy) = policy(commands);
    let rules = |line: &str| -> Vec<(String, String, bool, String)> {
        let json = decide(&policy, line).1.to_full_json(&Json::Null);
        let text = |rule: &Json, key: &str| rule[key].as_str().unwrap().to_owned();
        let looked = json["commands"][0]["rules"].as_array().unwrap().clone();
        let own = looked.iter().filter(|rule| text(rule, "file").ends_with("policy.yaml"));
        own.map(|rule| {
            assert!(rule["line"].as_u64().unwrap() > 4);
            (text(rule, "list"), text(rule, "id"), rule["matched"] == json!(true), text(rule, "why"))
        })
        .collect()
    };
    let look = |list: &str, id: &str, matched, why: &str| (list.to_owned(), id.to_owned(), matched, why.to_owned());
    let other = "the subcommand is another one";
    assert_eq!(
        rules("git status"),
        [
            look("deny", "no-force", false, other),
            look("ask", "push", false, other),
            look("allow", "read", true, "all of it is allowed")
        ]
    );
    assert_eq!(
        rules("git push"),
        [
            look("deny", "no-force", false, "none of its options is there"),
            look("ask", "push", true, "it meets the rule"),
            look("allow", "read", false, "the subcommand `push` is not one of `status`, `log`"),
        ]
    );
    assert_eq!(rules("git push --force"), [look("deny", "no-force", true, "it meets the rule")]);
    let denied = decide(&policy, "git commit").1;
    let suggestion = denied.to_full_json(&Json::Null)["suggestion"].as_str().unwrap().to_owned();
    assert!(suggestion.contains("{id: git, program: git, subcommands: [commit]"), "{suggestion}");
    let shown = denied.to_json(&Json::Null);
    assert!(shown.get("suggestion").is_none() && !shown.to_string().contains("to allow it"), "{shown}");
    assert!(shown["commands"][0].get("rules").is_none(), "a model is not told how rules are made");
}

#[test]
fn no_default_allows_what_may_run_anything() {
    let (_dir, policy) = policy("  default: allow\n");
    let denied = [
        "sed \"$X\" a",
        "awk \"$X\"",
        "awk -v a=1 \"$X\" b",
        "sed -e \"$X\" a",
        "sort \"$X\"",
        "sort $X a",
        "git \"$X\"",
        "tar \"$X\"",
    ];
    for line in denied {
        assert_ne!(decide(&policy, line).0, "allow", "{line}");
    }
    let fine = [
        "sed 1d \"$X\"",
        "sort -- \"$X\"",
        "sort a",
        "cat \"$X\"",
        "grep \"$X\" a",
        "awk '{print}' \"./$X\"",
        "foo \"$X\"",
    ];
    for line in fine {
        assert_eq!(decide(&policy, line).0, "allow", "{line}");
    }
}
