//! Where in the arguments of a command others stand.
//!
//! In: a command, sorted by the catalogue. Out: each text or list of words that it gives to a shell or starts. The
//! catalogue says which values are commands: `COMMAND` is one, `ACTION` may be `exec=` and one, `CONFIG` is a setting of
//! git, `SSHOPTION` one of ssh. What rules say to them is decided in `carried`.

use std::borrow::Cow;

use super::catalogue::{Effect, Grammar, Item, Kind, OptionSpec, Role, awk_runs, sed_runs};
use super::roles::roles;
use super::subject::Subject;
use crate::shell::Word;

/// Something that a command runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Carried<'a> {
    /// The text of a shell, or a program with its words.
    Text(Cow<'a, str>),
    /// A program and its words.
    Words(&'a [Word]),
    /// There is something, and it cannot be read.
    Unknown,
}

/// Programs that take a command as their last words, with the words before it.
const OPERANDS: [(&str, &[&str]); 45] = [
    ("git", &["bisect", "run"]),
    ("git", &["submodule", "foreach"]),
    ("git", &["for-each-repo"]),
    ("npx", &[]),
    ("pnpx", &[]),
    ("bunx", &[]),
    ("uvx", &[]),
    ("npm", &["exec"]),
    ("npm", &["x"]),
    ("pnpm", &["exec"]),
    ("pnpm", &["dlx"]),
    ("yarn", &["exec"]),
    ("yarn", &["dlx"]),
    ("uv", &["run"]),
    ("poetry", &["run"]),
    ("pipenv", &["run"]),
    ("bundle", &["exec"]),
    ("conda", &["run"]),
    ("mamba", &["run"]),
    ("micromamba", &["run"]),
    ("pdm", &["run"]),
    ("hatch", &["run"]),
    ("pipx", &["run"]),
    ("rustup", &["run"]),
    ("mise", &["exec"]),
    ("mise", &["x"]),
    ("asdf", &["exec"]),
    ("direnv", &["exec"]),
    ("pyenv", &["exec"]),
    ("rbenv", &["exec"]),
    ("volta", &["run"]),
    ("fnm", &["exec"]),
    ("pnpm", &["x"]),
    ("bun", &["x"]),
    ("perf", &["stat"]),
    ("perf", &["record"]),
    ("perf", &["trace"]),
    ("trace-cmd", &["record"]),
    ("rr", &["record"]),
    ("valgrind", &[]),
    ("catchsegv", &[]),
    ("multitime", &[]),
    ("cross-env", &[]),
    ("concurrently", &[]),
    ("watchexec", &[]),
];

/// Those that read a version or a directory of their own before the command.
const BEFORE: [&str; 4] = ["rustup", "direnv", "cross-env", "mise"];

/// Last parts of settings of git whose value is a command.
const SETTINGS: [&str; 22] = [
    "pager",
    "editor",
    "sshcommand",
    "fsmonitor",
    "askpass",
    "gitproxy",
    "command",
    "cmd",
    "textconv",
    "external",
    "driver",
    "clean",
    "smudge",
    "process",
    "program",
    "helper",
    "packobjectshook",
    "browser",
    "difffilter",
    "uploadpack",
    "receivepack",
    "alternaterefscommand",
];

/// Options of ssh whose value is a command.
const SSH: [&str; 4] = ["proxycommand", "localcommand", "knownhostscommand", "remotecommand"];

/// Values that are or hold commands.
const PATTERNS: [&str; 5] = ["COMMAND", "ACTION", "CONFIG", "CONFIGENV", "SSHOPTION"];

/// Everything that the arguments of a command run.
pub(super) fn carried<'s>(subject: &'s Subject<'_>) -> Vec<Carried<'s>> {
    let mut found = Vec::new();
    behind(subject, &mut found);
    if subject.entry.is_none() {
        return found;
    }
    let sorted = subject.sorted(&[], false);
    let items: Vec<&Item<'_>> = sorted.global.iter().chain(&sorted.items).collect();
    for item in &items {
        match item {
            Item::Option { spec, values } => option(spec, values, &mut found),
            Item::Odd { written, .. } => unplaced(subject, sorted.grammar, written, &mut found),
            Item::Operand { word: Word::Unknown(word), ended: false } => {
                unplaced(subject, sorted.grammar, &word.literal_prefix, &mut found);
            }
            Item::Operand { .. } => {}
        }
    }
    let operands = items.iter().filter_map(|item| match item {
        Item::Operand { word, .. } => Some(*word),
        Item::Option { .. } | Item::Odd { .. } => None,
    });
    let operands: Vec<&Word> = operands.collect();
    for (index, word) in operands.iter().enumerate() {
        for role in roles(&sorted, word, (index, operands.len())) {
            match role {
                Role::Sed => script(Kind::Sed, word, &mut found),
                Role::Awk => script(Kind::Awk, word, &mut found),
                _ => {}
            }
        }
    }
    found
}

/// Words behind a program or its subcommand.
fn behind<'s>(subject: &'s Subject<'_>, found: &mut Vec<Carried<'s>>) {
    let words = subject.arguments();
    for (program, subcommand) in OPERANDS {
        if subject.base() != program {
            continue;
        }
        let Some(start) = after(words, subcommand) else { continue };
        let rest = words.get(start..).unwrap_or_default();
        let plain = |word: &Word| word.known().is_none_or(|text| !text.starts_with('-'));
        // Behind an option, the first word may be its value.
        let tries = match BEFORE.contains(&program) {
            true => 3,
            false if rest.first().is_some_and(plain) => 1,
            false => 2,
        };
        for (at, _) in rest.iter().enumerate().filter(|(_, word)| plain(word)).take(tries) {
            match rest.get(at..) {
                Some([one]) => text(one, found),
                Some(words) => found.push(Carried::Words(words)),
                None => {}
            }
        }
    }
}

/// Where the words of a subcommand end, options between them left out.
fn after(words: &[Word], subcommand: &[&str]) -> Option<usize> {
    let Some((first, more)) = subcommand.split_first() else { return Some(0) };
    let starts = words.iter().enumerate().filter(|(_, word)| word.known() == Some(first));
    starts.map(|(at, _)| at + 1).find_map(|start| {
        let mut at = start;
        for part in more {
            while words.get(at)?.known()?.starts_with('-') {
                at += 1;
            }
            (words.get(at)?.known() == Some(part)).then_some(())?;
            at += 1;
        }
        Some(at)
    })
}

fn option<'s>(spec: &OptionSpec, values: &[Word], found: &mut Vec<Carried<'s>>) {
    for ((kind, pattern), value) in spec.values.iter().zip(&spec.patterns).zip(values) {
        match (kind, pattern.as_str()) {
            (Kind::Sed | Kind::Awk, _) => script(*kind, value, found),
            (_, "COMMAND") => text(value, found),
            (_, "ACTION") => match value.known() {
                Some(action) => found.extend(action.strip_prefix("exec=").map(owned)),
                None => found.push(Carried::Unknown),
            },
            (_, "CONFIG" | "CONFIGENV") => match value.known() {
                Some(setting) => found.extend(git(setting, pattern == "CONFIGENV")),
                None => found.push(Carried::Unknown),
            },
            (_, "SSHOPTION") => match value.known() {
                Some(setting) => found.extend(ssh(setting)),
                None => found.push(Carried::Unknown),
            },
            _ => {}
        }
    }
}

/// A word that looks like an option and cannot be placed: an abbreviation, a cluster, one whose end is not known.
fn unplaced<'s>(subject: &Subject<'_>, grammar: Option<&Grammar>, written: &str, found: &mut Vec<Carried<'s>>) {
    let carries = |spec: &&OptionSpec| spec.patterns.iter().any(|pattern| PATTERNS.contains(&pattern.as_str()));
    let own = subject.entry.map(|entry| &entry.grammar);
    let mut specs = own.into_iter().chain(grammar).flat_map(|grammar| grammar.options.iter()).filter(carries);
    if written.is_empty() {
        // Nothing of it is known: it may be any of them.
        return found.extend(specs.find(|spec| spec.effect != Effect::Safe).map(|_| Carried::Unknown));
    }
    let position = subject.arguments().iter().position(|word| word.known() == Some(written));
    let next = position.and_then(|at| subject.arguments().get(at + 1));
    for spec in specs {
        for alias in &spec.aliases {
            let Some(rest) = behind_name(written, &alias.name) else { continue };
            match (position, rest, next) {
                // A pattern, or a word that ends otherwise.
                (None, _, _) => found.push(Carried::Unknown),
                (_, Some(value), _) if !value.is_empty() => option(spec, &[Word::Known(value.to_owned())], found),
                (_, _, Some(value)) => option(spec, std::slice::from_ref(value), found),
                (_, _, None) => {}
            }
        }
    }
}

/// What stands behind a name that may be this option's; none when it is another one.
fn behind_name<'t>(written: &'t str, name: &str) -> Option<Option<&'t str>> {
    let (start, value) = written.split_once('=').map_or((written, None), |(start, value)| (start, Some(value)));
    match (name.starts_with("--"), name.strip_prefix('-')) {
        (true, _) => (start.starts_with("--") && name.starts_with(start)).then_some(value),
        (false, Some(letter)) if letter.chars().count() == 1 => {
            let cluster = written.strip_prefix('-').filter(|cluster| !cluster.starts_with('-'))?;
            cluster.split_once(letter).map(|(_, rest)| Some(rest))
        }
        _ => (start == name).then_some(value),
    }
}

fn text(word: &Word, found: &mut Vec<Carried<'_>>) {
    match word.known() {
        Some("") => {}
        Some(text) => {
            found.push(owned(text));
            // `gcc -wrapper PROGRAM,WORDS`
            found.extend(text.split_once(',').map(|(program, _)| owned(program)));
        }
        None => found.push(Carried::Unknown),
    }
}

fn owned<'s>(text: &str) -> Carried<'s> {
    Carried::Text(Cow::Owned(text.to_owned()))
}

/// `NAME=VALUE` for git; with `elsewhere`, the value is that of a variable.
fn git<'s>(setting: &str, elsewhere: bool) -> Option<Carried<'s>> {
    let (name, value) = setting.split_once('=')?;
    let name = name.to_ascii_lowercase();
    let (section, last) = (name.split('.').next().unwrap_or(""), name.rsplit('.').next().unwrap_or(""));
    let hooks = last == "hookspath" && value != "/dev/null";
    if !hooks && !SETTINGS.contains(&last) && !matches!(section, "alias" | "pager") && !value.starts_with('!') {
        return None;
    }
    match value.strip_prefix('!') {
        _ if elsewhere || hooks => Some(Carried::Unknown),
        Some(script) => Some(owned(script)),
        None if value.is_empty() => None,
        None if section == "alias" => Some(owned(&format!("git {value}"))),
        None if section == "credential" && !value.starts_with('/') => Some(owned(&format!("git-credential-{value}"))),
        None => Some(owned(value)),
    }
}

/// `NAME=VALUE` or `NAME VALUE` for ssh.
fn ssh<'s>(setting: &str) -> Option<Carried<'s>> {
    let setting = setting.trim_start();
    let (name, value) = setting.split_at_checked(setting.find(|c: char| c == '=' || c.is_ascii_whitespace())?)?;
    let value = value.trim_start_matches(|c: char| c == '=' || c.is_ascii_whitespace()).trim_matches('"');
    SSH.contains(&name.to_ascii_lowercase().as_str()).then(|| owned(value))
}

/// Programs that a script of sed or awk starts; one that is not known may start any.
fn script(kind: Kind, word: &Word, found: &mut Vec<Carried<'_>>) {
    let Some(text) = word.known() else { return found.push(Carried::Unknown) };
    match kind {
        Kind::Sed if sed_runs(text) => found.push(Carried::Unknown),
        Kind::Awk => match awk_runs(text) {
            Some(commands) => found.extend(commands.iter().map(|text| owned(text))),
            None => found.push(Carried::Unknown),
        },
        _ => {}
    }
}
