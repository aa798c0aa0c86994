//! What a denial tells the operator to add allows the line, and nothing of it can be left out.

use serde_json::Value as Json;
use shellwarden::paths::AbsPath;
use shellwarden::policy::{self, Origin, Policy};

use crate::policy::machine;
use crate::policy_rules::decide;

/// `readonly` with more in its file.
fn policy(more: &str) -> Result<(tempfile::TempDir, Policy), String> {
    let (dir, variables) = machine();
    let path = dir.path().canonicalize().unwrap().join("policy.yaml");
    std::fs::write(&path, format!("version: 1\nextends: builtin:readonly\n{more}")).unwrap();
    let loaded = policy::load(&Origin::File(AbsPath::new(path).unwrap()), &variables);
    loaded.map(|loaded| (dir, loaded.policy)).map_err(|problems| problems.to_string())
}

fn suggested(policy: &Policy, line: &str) -> Option<String> {
    let json = decide(policy, line).1.to_full_json(&Json::Null);
    let text = json["suggestion"].as_str()?.to_owned();
    let lines = text.lines().skip(1).map(|line| line.strip_prefix("  ").unwrap());
    Some(lines.map(|line| format!("{line}\n")).collect())
}

/// The same addition with one member of one list left out, in every way there is.
fn smaller(addition: &str) -> Vec<String> {
    let mut all = Vec::new();
    for (key, open, close, between) in [("options: [", '[', ']', ", "), ("regex: \"", '"', '"', "|")] {
        for (at, _) in addition.match_indices(key) {
            let start = at + key.find(open).unwrap() + 1;
            let length = addition[start..].find(close).unwrap();
            let members: Vec<&str> = addition[start..start + length].split(between).collect();
            for left_out in 0..members.len() {
                let mut rest = members.clone();
                rest.remove(left_out);
                // An empty list says something else than no member.
                let rest = if rest.is_empty() && open == '"' { "-".to_owned() } else { rest.join(between) };
                let text = format!("{}{rest}{}", &addition[..start], &addition[start + length..]);
                all.push(text.replace("options: []", "options: none"));
            }
        }
    }
    all
}

#[test]
fn an_addition_allows_the_line_and_no_neighbour() {
    // The line, the addition, and lines that it must not allow.
    let cases = [
        (
            "git commit -m x",
            "{id: git, program: git, subcommands: [commit], options: [\"--message=*\"], operands: none}",
            &["git commit --amend -m x", "git commit -m x src", "git push"][..],
        ),
        (
            "touch a b",
            "{id: touch, program: touch, options: none, operands: {regex: \"a|b\"}}",
            &["touch -d now a", "touch /etc/x", "truncate -s 0 a"],
        ),
        (
            "git push origin main",
            "{id: git, program: git, subcommands: [push], options: none, operands: {regex: \"origin|main\"}}",
            &["git push origin other", "git push --force origin main", "git fetch origin"],
        ),
        (
            "unheard-of --deep -x a.b",
            "{id: unheard-of, program: unheard-of, options: [\"--deep\", \"-x\"], operands: {regex: \"a\\\\.b\"}}",
            &["unheard-of -y a.b", "unheard-of --deep -x axb", "unheard-of --deeper"],
        ),
        (
            "ls; touch a; touch a && mkdir -p c",
            "{id: touch, program: touch, options: none, operands: {regex: a}}\n      - \
             {id: mkdir, program: mkdir, options: [\"--parents\"], operands: {regex: c}}",
            &["mkdir -m 777 c", "touch -t 1 a"],
        ),
    ];
    let (_dir, base) = policy("").unwrap();
    for (line, want, neighbours) in cases {
        let addition = suggested(&base, line).unwrap_or_else(|| panic!("nothing for {line}"));
        assert_eq!(addition, format!("commands:\n  allow:\n    - {}\n", want.replace("\n  ", "\n")), "{line}");
        let (_dir, wider) = policy(&addition).unwrap();
        assert_eq!(decide(&wider, line).0, "allow", "{line}");
        for neighbour in neighbours {
            assert_ne!(decide(&wider, neighbour).0, "allow", "{neighbour} beside {line}");
        }
    }
}

#[test]
fn whatever_is_suggested_works_and_is_all_needed() {
    let lines = [
        "rm -rf a",
        "cp -r src copy",
        "mv a b",
        "chmod +x run.sh",
        "sed -i s/a/b/ x",
        "curl -sS -o out https://example.org",
        "git checkout -b topic",
        "git -C src push --tags origin",
        "tar -xzf a.tgz -C out",
        "npm install --save-dev left-pad",
        "docker ps -a --format '{{.Names}}'",
        "python3 -c 'print(1)'",
        "make -j4 all",
        "head -n 3 /var/tmp/y",
        "find . -name '*.o' -delete",
        "sort -o out in",
        "foo 'a \"b\" \\c' --x=1 -- -y",
        "foo true null 1",
        "LD_DEBUG=1 ls",
        "EDITOR=vi git commit",
        "ls > /var/tmp/y",
        "cat < /var/tmp/y",
        "rm -rf /",
        "git push --force origin main",
        "foo *.rs",
        "foo \"$X\"",
        "kubectl get pods -n x && helm list",
        "sudo ls",
        "bash -c 'touch a'",
        "dd if=a of=b",
        "ls | tee out",
        "env -u X touch a",
        "seq 3 | xargs touch",
    ];
    let (_dir, base) = policy("").unwrap();
    let mut told = 0;
    for line in lines {
        assert_ne!(decide(&base, line).0, "allow", "{line}");
        let Some(addition) = suggested(&base, line) else { continue };
        told += 1;
        let (_dir, wider) = policy(&addition).unwrap_or_else(|problems| panic!("{line}\n{addition}{problems}"));
        let (answer, explanation) = decide(&wider, line);
        assert_eq!(answer, "allow", "{line}\n{addition}{explanation}");
        for less in smaller(&addition) {
            let denied = policy(&less).map_or(true, |(_dir, less)| decide(&less, line).0 != "allow");
            assert!(denied, "{line} needs less than {addition}, namely {less}");
        }
    }
    assert!(told >= 25, "only {told} have a suggestion");
}

#[test]
fn nothing_is_suggested_for_what_nobody_would_read() {
    let (_dir, base) = policy("").unwrap();
    let words: String = (0..100).map(|word| format!(" w{word}")).collect();
    for line in [format!("foo{words}"), format!("foo {}", "x".repeat(3000)), "foo a; ".repeat(9)] {
        assert_eq!(suggested(&base, &line).is_some(), line.contains("; "), "{line}");
    }
    let many: String = (0..20).map(|n| format!("foo{n} a; ")).collect();
    assert_eq!(suggested(&base, &many), None);
}
