//! Shell analysis against cases that need no Rust to read.
//!
//! `tests/cases/shell/accepted.yaml` holds lines with the commands they can run; `refused.yaml` lines with the code of
//! their refusal. Each rendered text is read again and must give the same tree.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;
use shellwarden::shell::{self, Analysis, Context, Head, Rendered, Slot, Word, command_text};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Accepted {
    why: String,
    line: String,
    /// Each command as `wrapper > wrapper > text`, in the order they are found.
    commands: Vec<String>,
    /// The text or, as a list, the arguments that run.
    #[serde(default)]
    runs: Option<Runs>,
}

#[derive(Deserialize, PartialEq, Debug)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
enum Runs {
    Bash(String),
    Exec(Vec<String>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Refused {
    why: String,
    line: String,
    code: String,
}

pub(crate) fn context() -> Context {
    Context {
        variables: Arc::new(BTreeMap::from([("LANG".to_owned(), "C".to_owned())])),
        home: Some("/home/user".to_owned()),
    }
}

fn cases<T: serde::de::DeserializeOwned>(name: &str) -> Vec<T> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/shell").join(name);
    serde_yaml::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// Each program below `/bin`, whatever its name.
pub(crate) fn programs(analysis: &Analysis) -> BTreeMap<Slot, String> {
    let path = |words: &[Word]| format!("/bin/{}", words.first().and_then(Word::known).unwrap().replace('/', "_"));
    let slots = analysis.commands.iter().filter_map(|command| match command.head {
        Head::Program(slot) => Some((slot, path(&command.words))),
        Head::Builtin | Head::Elsewhere => None,
    });
    slots.collect()
}

fn listed(analysis: &Analysis) -> Vec<String> {
    let line = |command: &shell::Command| {
        let via: String = command.via.iter().map(|wrapper| format!("{wrapper} > ")).collect();
        format!("{via}{}", command_text(command).rendered)
    };
    analysis.commands.iter().map(line).collect()
}

#[test]
fn accepted_lines_list_every_command_and_run_as_written() {
    for case in cases::<Accepted>("accepted.yaml") {
        let Accepted { why, line, commands, runs } = case;
        let analysis = shell::analyze(&line, &context()).unwrap_or_else(|refusal| panic!("{why}: {line}: {refusal}"));
        assert_eq!(listed(&analysis), commands, "{why}: {line}");
        let rendered = match analysis.render(&programs(&analysis)).unwrap() {
            Rendered::Bash(text) => Runs::Bash(text),
            Rendered::Exec(words) => Runs::Exec(words),
        };
        if let Some(runs) = runs {
            assert_eq!(rendered, runs, "{why}: {line}");
        }
        again(&line, rendered);
    }
}

/// Rendered text, read again, renders as itself.
fn again(line: &str, rendered: Runs) {
    let Runs::Bash(text) = rendered else { return };
    let analysis = shell::analyze(&text, &context()).unwrap_or_else(|refusal| panic!("{line}: {text}: {refusal}"));
    let same = analysis.commands.iter().filter_map(|command| match command.head {
        Head::Program(slot) => Some((slot, command.words.first().and_then(Word::known).unwrap().to_owned())),
        Head::Builtin | Head::Elsewhere => None,
    });
    let Rendered::Bash(second) = analysis.render(&same.collect()).unwrap() else {
        return;
    };
    assert_eq!(second, text, "{line}");
}

#[test]
fn refused_lines_name_the_construct() {
    let mut wrong = Vec::new();
    for Refused { why, line, code } in cases::<Refused>("refused.yaml") {
        match shell::analyze(&line, &context()) {
            Ok(analysis) => wrong.push(format!("{why}: {line} is accepted: {:?}", listed(&analysis))),
            Err(refusal) if refusal.code == code => {}
            Err(refusal) => wrong.push(format!("{why}: {line}: wanted {code}, got {}: {refusal}", refusal.code)),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn hostile_sizes_are_refused_at_once() {
    let cases = [
        ("nested braces", "{ ".repeat(100_000), "too-long"),
        ("nested braces that fit", "{ ".repeat(30_000), "too-deep"),
        ("a megabyte", "a".repeat(1 << 20), "too-long"),
        ("nested quotes and substitutions", "\"$(".repeat(20_000), "too-many-expansions"),
        ("the most substitutions that fit", format!("{}ls{}", "$(".repeat(512), ")".repeat(512)), "too-deep"),
        ("quoted ones", format!("echo {}ls{}", "\"$(".repeat(512), ")\"".repeat(512)), "too-deep"),
        ("nested parameters", format!("echo {}x{}", "${a:-".repeat(512), "}".repeat(512)), "too-deep"),
        ("conditions", format!("{}:{}", "if ".repeat(200), "; then :; fi".repeat(200)), "too-deep"),
        ("parentheses", "(".repeat(1000), "double-parenthesis"),
        ("brackets", format!("echo {}", "a[".repeat(1000)), "subscript"),
        ("cases without an end", "case x in x) ".repeat(100), "too-deep"),
        ("braces to expand", format!("echo {}", "{a,b}".repeat(20)), "too-many-words"),
        ("braces in braces", format!("echo {}", "{a,".repeat(1000)), "too-many-words"),
        ("long words in braces", format!("echo {{1..1000}}{}", "a".repeat(60_000)), "too-many-words"),
        ("many braces", "echo ".to_owned() + &"{1..1000} ".repeat(100), "too-many-words"),
        (
            "a long word in loops",
            format!("for i in {{1..40}}; do for j in {{1..40}}; do echo {}$i$j; done; done", "a".repeat(60_000)),
            "too-many-cases",
        ),
        ("braces that copy what a substitution holds", "echo {`a {1..500}`,b}{1..500}".to_owned(), "too-many-words"),
        ("braces that make a text for another shell", format!("watch {}{{0..900}}", "a".repeat(60)), "too-long"),
        ("a number that is no descriptor", "ls 99999999999> x".to_owned(), "descriptor"),
        ("loops in loops", format!("{}ls;{}", "for i in {1..40}; do ".repeat(4), " done;".repeat(4)), "too-many-cases"),
    ];
    for (why, line, code) in cases {
        let refusal = shell::analyze(&line, &context()).err().unwrap_or_else(|| panic!("{why} is accepted"));
        assert_eq!(refusal.code, code, "{why}: {refusal}");
    }
}

#[test]
fn exact_words_run_without_a_shell() {
    let words = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let analysis = shell::exact(words(&["echo", "$(ls)", "*"])).unwrap();
    assert_eq!(listed(&analysis), ["echo '$(ls)' '*'"], "nothing is expanded and echo is a program");
    let rendered = analysis.render(&programs(&analysis)).unwrap();
    assert_eq!(rendered, Rendered::Exec(words(&["/bin/echo", "$(ls)", "*"])));
    let analysis = shell::exact(words(&["sh", "-c", "ls; touch x"])).unwrap();
    assert_eq!(listed(&analysis), ["sh -c 'ls; touch x'", "sh > ls", "sh > touch x"]);
    let rendered = analysis.render(&programs(&analysis)).unwrap();
    assert_eq!(rendered, Rendered::Exec(words(&["/bin/sh", "-c", "'/bin/ls'; '/bin/touch' 'x'"])));
    assert_eq!(shell::exact(Vec::new()).err().map(|refusal| refusal.code), Some("program-empty"));
}

/// The test thread has the stack of any other thread: the deepest lines must fit, parsed on it or on one of their own.
#[test]
fn lines_as_deep_as_is_accepted_do_not_overflow_the_stack() {
    for depth in 1..=22 {
        let nests = [
            ("{ ", "; }"),
            ("if ls; then ", "; fi"),
            ("while ls; do ", "; done"),
            ("echo $(", ")"),
            ("for i in a; do ", "; done"),
        ];
        for (open, close) in nests {
            let line = format!("{}ls{}", open.repeat(depth), close.repeat(depth));
            assert!(shell::analyze(&line, &context()).is_ok(), "{line}");
        }
        let quotes = format!("echo {}ls{}", "\"$(".repeat(depth), ")\"".repeat(depth));
        let answer = shell::analyze(&quotes, &context()).map_err(|refusal| refusal.code);
        assert_eq!(answer.err(), (depth > 1).then_some("program-unknown"), "{quotes}");
    }
}
