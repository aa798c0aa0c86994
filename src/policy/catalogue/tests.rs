//! The catalogue against the programs of this machine.
//!
//! Where a program is installed, what its own `--help` says of an option's value must be what the catalogue says: an
//! option that takes a value and is listed as one that does not would let the value pass for an operand.

use std::collections::BTreeMap;
use std::process::Command;

use regex::Regex;

use super::entry;
use super::spec::Takes;

/// GNU programs that print their help and end.
const PROGRAMS: [&str; 46] = [
    "ls", "cat", "tac", "nl", "head", "tail", "wc", "grep", "cut", "tr", "pwd", "sort", "uniq", "find", "sed", "stat",
    "du", "df", "diff", "cmp", "comm", "paste", "basename", "realpath", "seq", "md5sum", "base64", "od", "mkdir",
    "rmdir", "touch", "cp", "mv", "ln", "rm", "tee", "chmod", "truncate", "split", "shuf", "env", "timeout", "nice",
    "xargs", "gzip", "tar",
];

/// Long options of a help text, each with the ways in which it takes its value; some are described twice.
fn documented(help: &str, pattern: &Regex) -> BTreeMap<String, Vec<Takes>> {
    let mut options: BTreeMap<String, Vec<Takes>> = BTreeMap::new();
    for found in pattern.captures_iter(help) {
        let takes = match found.get(2).map(|sign| sign.as_str()) {
            Some("[=") => Takes::Optional,
            Some(_) => Takes::Required,
            None => Takes::Nothing,
        };
        let name = found.get(1).map_or("", |name| name.as_str());
        options.entry(name.to_owned()).or_default().push(takes);
    }
    options
}

/// Would both readings leave the next word alone, or both take it?
fn agree(ours: Takes, documented: &[Takes]) -> bool {
    match ours {
        Takes::Nothing => !documented.contains(&Takes::Required) && !documented.contains(&Takes::Optional),
        Takes::Required => documented.contains(&Takes::Required),
        // Versions differ in whether a value may be attached; the next word is left alone either way.
        Takes::Optional => documented != [Takes::Required],
    }
}

#[test]
#[expect(clippy::unwrap_used, reason = "a failed assumption is a failed test")]
fn values_are_taken_as_the_help_of_each_program_says() {
    let pattern = Regex::new(r"(?m)^ {1,8}(?:-\S,? +)?(--[a-z][a-z0-9-]+)(\[=|=| [A-Z]+\b)?").unwrap();
    let (mut compared, mut wrong) = (0, Vec::new());
    for name in PROGRAMS {
        let help =
            Command::new(name).arg("--help").env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C").output();
        let Ok(help) = help else { continue };
        let known = entry(name).unwrap();
        for (option, takes) in documented(&String::from_utf8_lossy(&help.stdout), &pattern) {
            let Some(spec) = known.grammar.options.find(&option) else { continue };
            compared += 1;
            let ours = spec.aliases.iter().find(|alias| alias.name == option).unwrap().takes;
            if !agree(ours, &takes) {
                wrong.push(format!("{name} {option}: the catalogue says {ours:?}, its help {takes:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {compared} options differ:\n{}", wrong.len(), wrong.join("\n"));
}
