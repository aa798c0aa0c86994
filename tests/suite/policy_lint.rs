//! What `check` says of rules that say less or more than they seem, and of files with several mistakes.

use shellwarden::paths::AbsPath;
use shellwarden::policy::{self, Origin};

use crate::policy::machine;
use crate::policy_problems::problems;

const BASE: &str = "version: 1\nfilesystem: {read: ['{workspace}', /usr], execute: [/usr]}\ncommands:\n";

#[test]
fn check_finds_rules_that_say_less_or_more_than_they_seem() {
    let cases: [(&str, &str, &[&str]); 23] = [
        (
            "hidden",
            "  allow:\n    - {id: a, program: ls, options: any, operands: any}\n    - {id: b, program: ls}\n",
            &["6:7 hidden-rule"],
        ),
        (
            "hidden by a longer list",
            "  allow:\n    - {id: a, program: [ls, cat]}\n    - {id: b, program: cat}\n",
            &["6:7 hidden-rule"],
        ),
        (
            "hidden subcommand",
            "  allow:\n    - {id: a, program: git, subcommands: [log, status]}\n    - {id: b, program: git, subcommands: [log]}\n",
            &["6:7 hidden-rule"],
        ),
        (
            "not hidden: the earlier one allows less",
            "  allow:\n    - {id: a, program: ls, operands: none}\n    - {id: b, program: ls}\n",
            &[],
        ),
        (
            "the same text twice",
            "  allow:\n    - {id: a, regex: 'ls x'}\n    - {id: b, regex: 'ls x'}\n",
            &["6:7 hidden-rule"],
        ),
        ("denied", "  deny:\n    - {id: a, program: ls}\n  allow:\n    - {id: b, program: ls}\n", &["7:7 hidden-rule"]),
        (
            "denied in part only",
            "  deny:\n    - {id: a, program: ls, options: [-R]}\n  allow:\n    - {id: b, program: ls}\n",
            &[],
        ),
        (
            "denied text",
            "  deny:\n    - {id: a, regex: 'ls x'}\n  allow:\n    - {id: b, regex: 'ls x'}\n",
            &["7:7 hidden-rule"],
        ),
        ("empty text", "  allow:\n    - {id: a, regex: '(ls)*'}\n", &["5:22 empty-regex"]),
        ("empty text denied", "  deny:\n    - {id: a, regex: 'x*'}\n", &["5:22 empty-regex"]),
        ("empty operand", "  allow:\n    - {id: a, program: ls, operands: {regex: '.*'}}\n", &["5:38 empty-regex"]),
        ("two commands in a regex", "  allow:\n    - {id: a, regex: 'ls && cat x'}\n", &["5:22 one-command"]),
        (
            "interpreter",
            "  allow:\n    - {id: a, program: python3, options: any, operands: any}\n",
            &["5:7 interpreter"],
        ),
        ("interpreter by regex", "  allow:\n    - {id: a, regex: 'python3 [a-z]+'}\n", &["5:22 interpreter"]),
        (
            "options that run programs",
            "  allow:\n    - {id: a, program: tar, options: any, operands: any}\n",
            &["5:38 runs-programs"],
        ),
        (
            "an option that runs programs",
            "  allow:\n    - {id: a, program: sort, options: [--compress-program=*]}\n",
            &["5:40 runs-programs"],
        ),
        ("unknown option", "  allow:\n    - {id: a, program: head, options: [--lnies=*]}\n", &["5:40 unknown-option"]),
        (
            "an option without its value",
            "  allow:\n    - {id: a, program: head, options: [-n]}\n",
            &["5:40 option-value"],
        ),
        ("a good option", "  allow:\n    - {id: a, program: head, options: [-n N, --lines=*]}\n", &[]),
        (
            "unknown subcommand",
            "  allow:\n    - {id: a, program: git, subcommands: [stauts], options: any}\n",
            &["5:43 unknown-subcommand", "5:61 runs-programs"],
        ),
        (
            "unknown subcommand, nothing of which is safe",
            "  allow:\n    - {id: a, program: git, subcommands: [stauts]}\n",
            &["5:43 never-matches"],
        ),
        (
            "a builtin that is always refused",
            "  allow:\n    - {id: a, program: eval, options: any}\n",
            &["5:24 never-matches"],
        ),
        (
            "a program that no job may start",
            "  allow:\n    - {id: a, program: /opt/x/tool, options: any}\n",
            &["5:24 never-matches"],
        ),
    ];
    for (why, text, want) in cases {
        assert_eq!(problems(&format!("{BASE}{text}"), true), want, "{why}");
    }
}

#[test]
fn what_can_be_checked_is_checked_whatever_else_is_wrong() {
    let text = "version: 1\nnetwrok: none\nlimits: {memory: 4MB}\nfilesystem: {read: [/no/such/place], execute: [/usr]}\n\
                name: a\nname: b\ncommands:\n  default: alow\n  allow:\n    - {id: a, program: ls, opitons: any}\n    \
                - {id: b, program: gti}\n    - {id: c, regex: '('}\n    - {id: d, program: ls}\n    \
                - {id: d, program: [ls]}\n    - {program: cat}\n    - {id: e, program: cat, profile: nowhere}\n    \
                - {id: f, program: node}\n  deny:\n    - {id: g, regex: 'x*'}\ntests:\n  - {command: ls, expect: deny}\n";
    let mut found = problems(text, true);
    found.sort();
    let mut want = [
        "2:1 unknown-key",
        "3:18 wrong-unit",
        "4:21 wrong-root",
        "6:1 duplicate-key",
        "8:12 unknown-value",
        "10:28 unknown-key",
        "11:7 not-catalogued",
        "12:22 bad-regex",
        "14:7 duplicate-id",
        "15:7 missing-key",
        "16:38 unknown-profile",
        "17:7 interpreter",
        "19:22 empty-regex",
        "13:7 hidden-rule",
        "14:7 hidden-rule",
    ];
    want.sort_unstable();
    assert_eq!(found, want);
}

#[test]
fn presets_say_what_they_allow_and_nothing_else_is_wrong_with_them() {
    let (_dir, variables) = machine();
    for (name, _) in policy::presets() {
        let problems = policy::check(&Origin::Builtin((*name).to_owned()), &variables);
        let odd: Vec<_> = problems
            .iter()
            .filter(|problem| !matches!(problem.code, "interpreter" | "runs-programs" | "path-skipped"))
            .map(ToString::to_string)
            .collect();
        assert!(odd.is_empty(), "{name}:\n{}", odd.join("\n"));
    }
}

#[test]
fn a_file_about_a_program_is_checked_as_the_catalogue_is() {
    let (dir, variables) = machine();
    let check = |text: &str| {
        let path = dir.path().canonicalize().unwrap().join("tool.yaml");
        std::fs::write(&path, text).unwrap();
        let problems = policy::check(&Origin::File(AbsPath::new(path).unwrap()), &variables);
        let place = |position: String| position.rsplit("tool.yaml:").next().unwrap().to_owned();
        problems.iter().map(|p| format!("{} {}", place(p.position().unwrap()), p.code)).collect::<Vec<_>>()
    };
    assert_eq!(check("program: [tool]\nsources: [tool(1)]\nsafe: [-a, \"-n N\"]\n"), [""; 0]);
    assert_eq!(
        check("program: [tool]\nsafe: [a, -b, -b]\noperands: nowhere\n"),
        ["3:11 unknown-value", "1:1 missing-key", "2:8 bad-option", "1:1 duplicate-option"]
    );
}
