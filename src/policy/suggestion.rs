//! The smallest addition to the policy that would allow what was refused, for its operator.
//!
//! In: the commands of a line and what was found about them. Out: YAML and the file to put it in. Rules are tried from
//! the narrowest to the widest by the same judgement that refused the command, so one is only told when it works.

use std::cell::Cell;

use super::carried::MAX_CARRIED;
use super::catalogue::{self, Entry, Invocation, Item, Takes, invocation};
use super::environment::never_set;
use super::explain::{Explanation, Verdict};
use super::judge::{Court, Trial};
use super::roles::roles;
use super::rule::{List, Rule, Surroundings};
use super::yaml;
use crate::diag::Source;
use crate::paths::AbsPath;
use crate::shell::{Command, RedirectOp, Word};

/// Most commands of one line that rules are looked for.
const MAX_COMMANDS: usize = 8;

/// Most words of a command that a rule is looked for, and most bytes in them: nobody reads a longer rule, and trying it
/// would cost more than the decision.
const MAX_WORDS: usize = 64;
const MAX_BYTES: usize = 2048;

static UNLISTED: Entry = Entry::unlisted();

/// What would have to be added to a policy.
#[derive(Default)]
struct Addition {
    disable: Vec<String>,
    allow: Vec<String>,
    assignments: Vec<String>,
    read: Vec<String>,
    write: Vec<String>,
}

impl Court<'_> {
    /// What would allow the line; nothing where no addition to the rules does.
    pub(super) fn suggestion(&self, commands: &[Command], explanation: &Explanation) -> Option<String> {
        let mut addition = Addition::default();
        let mut denied: Vec<&Command> = Vec::new();
        for (command, report) in commands.iter().zip(&explanation.commands) {
            let same = |other: &&Command| other.words == command.words && other.cwd == command.cwd;
            if report.verdict == Verdict::Deny && denied.len() <= MAX_COMMANDS && !denied.iter().any(same) {
                denied.push(command);
            }
        }
        if denied.len() > MAX_COMMANDS || denied.iter().any(|command| is_long(command)) {
            return None;
        }
        for command in denied {
            self.add_for(command, &mut addition)?;
        }
        for report in explanation.assignments.iter().filter(|report| report.verdict == Verdict::Deny) {
            never_set(&report.name).is_none().then_some(())?;
            push(&mut addition.assignments, report.name.clone());
        }
        for report in explanation.redirects.iter().filter(|report| report.verdict == Verdict::Deny) {
            let target = report.target.as_deref()?;
            let dir = match target.rsplit_once('/') {
                Some(("", _)) => return None,
                Some((dir, _)) if dir.starts_with('/') => dir,
                _ => return None,
            };
            let list = if report.op == RedirectOp::Read { &mut addition.read } else { &mut addition.write };
            push(list, scalar(dir));
        }
        Some(format!("to allow it, add to {}:\n{}", self.policy.name(), addition.yaml()))
    }

    /// What one command needs, beside what the others need already.
    fn add_for(&self, command: &Command, addition: &mut Addition) -> Option<()> {
        let name = command.words.first().and_then(Word::known)?;
        loop {
            let (rule, verdict) = self.tried(command, None, &addition.disable);
            match rule {
                _ if verdict != Verdict::Deny => return Some(()),
                Some(id) if addition.disable.contains(&id) => return None,
                Some(id) => addition.disable.push(id),
                None => break,
            }
        }
        for text in &addition.allow {
            if self.allows(text, command, &addition.disable) {
                return Some(());
            }
        }
        let base: String = name.rsplit('/').next().unwrap_or(name).to_owned();
        let id = self.free_id(&base, addition);
        let fits = candidates(command, name)
            .into_iter()
            .map(|rest| format!("{{id: {id}, program: {}, {rest}}}", scalar(name)))
            .find(|text| self.allows(text, command, &addition.disable))?;
        addition.allow.push(fits);
        Some(())
    }

    fn tried(&self, command: &Command, allow: Option<&Rule>, without: &[String]) -> (Option<String>, Verdict) {
        let trial = Trial { allow, without };
        let court = Court {
            policy: self.policy,
            world: self.world,
            start: self.start,
            line: self.line,
            carried: Cell::new((0, MAX_CARRIED)),
            trial,
        };
        let report = self.policy.narrowed(command, court.judge(command)).0;
        (report.rule.map(|rule| rule.id), report.verdict)
    }

    /// Would this rule allow the command?
    fn allows(&self, text: &str, command: &Command, without: &[String]) -> bool {
        let Ok(node) = yaml::parse(&Source::new("suggestion", text)) else { return false };
        let path = |text: &str| AbsPath::new(text).map_err(|error| error.to_string());
        let around = Surroundings { list: List::Allow, about: &[], profile: &|_| None, path: &path };
        Rule::read(&node, &around).is_ok_and(|rule| self.tried(command, Some(&rule), without).1 == Verdict::Allow)
    }

    /// An id that no rule has.
    fn free_id(&self, base: &str, addition: &Addition) -> String {
        let policy = self.policy;
        let lists = || policy.allow.iter().chain(policy.ask.iter()).chain(policy.deny.iter());
        let plain: String = base.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        let taken = |id: &str| {
            lists().any(|rule| *rule.id == *id)
                || addition.allow.iter().any(|text| text.starts_with(&format!("{{id: {id},")))
        };
        let numbered = (2..).map(|number| format!("{plain}-{number}"));
        std::iter::once(plain.clone()).chain(numbered).find(|id| !taken(id)).unwrap_or(plain)
    }
}

impl Addition {
    fn yaml(&self) -> String {
        let mut text = String::new();
        if !self.disable.is_empty() {
            text.push_str(&format!("  disable: [{}]\n", self.disable.join(", ")));
        }
        if !self.allow.is_empty() || !self.assignments.is_empty() {
            text.push_str("  commands:\n");
        }
        if !self.allow.is_empty() {
            text.push_str(&format!("    allow:\n      - {}\n", self.allow.join("\n      - ")));
        }
        if !self.assignments.is_empty() {
            text.push_str(&format!("    assignments: [{}]\n", self.assignments.join(", ")));
        }
        if !self.read.is_empty() || !self.write.is_empty() {
            text.push_str("  filesystem:\n");
        }
        for (key, list) in [("read", &self.read), ("write", &self.write)] {
            if !list.is_empty() {
                text.push_str(&format!("    {key}: [{}]\n", list.join(", ")));
            }
        }
        text
    }
}

fn is_long(command: &Command) -> bool {
    let bytes: usize = command.words.iter().map(|word| word.known().map_or(1, str::len)).sum();
    command.words.len() > MAX_WORDS || bytes > MAX_BYTES
}

fn push(list: &mut Vec<String>, text: String) {
    if !list.contains(&text) {
        list.push(text);
    }
}

/// The keys of rules for a command behind its program, the narrowest first.
fn candidates(command: &Command, name: &str) -> Vec<String> {
    let wide = "options: any, operands: any".to_owned();
    let base = name.rsplit('/').next().unwrap_or(name);
    let words = command.words.get(1..).unwrap_or_default();
    let listed = catalogue::entry(base);
    let entry = listed.unwrap_or(&UNLISTED);
    let sorted = invocation(entry, &[], words, false);
    let subcommand = match sorted.subcommand.join(" ") {
        words if !words.is_empty() => format!("subcommands: [{}], ", scalar(&words)),
        _ if entry.needs_subcommand() => "subcommands: none, ".to_owned(),
        _ => String::new(),
    };
    let used = used_options(&sorted);
    let options = if used.is_empty() { "none".to_owned() } else { format!("[{}]", used.join(", ")) };
    let mut rules = Vec::new();
    for operands in operands(&sorted, listed.is_some()) {
        rules.push(format!("{subcommand}options: {options}, operands: {operands}"));
    }
    for operands in ["none", "paths", "any"] {
        rules.push(format!("{subcommand}options: any, operands: {operands}"));
    }
    rules.push(wide);
    rules
}

/// The options as a rule lists them, each once.
fn used_options(sorted: &Invocation<'_>) -> Vec<String> {
    let mut used = Vec::new();
    for item in sorted.global.iter().chain(&sorted.items) {
        let text = match item {
            Item::Operand { .. } => continue,
            Item::Odd { written, .. } => match written.split_once('=') {
                Some((name, _)) if written.starts_with("--") => format!("{name}=*"),
                _ => written.clone(),
            },
            Item::Option { spec, values } => {
                let takes = spec.aliases.last().map_or(Takes::Nothing, |alias| alias.takes);
                let long = spec.name().starts_with("--");
                match (takes, values.is_empty()) {
                    (Takes::Nothing, _) | (Takes::Optional, true) => spec.name().to_owned(),
                    (Takes::Optional, false) if long => format!("{}[=WHEN]", spec.name()),
                    (Takes::Optional, false) => format!("{}[N]", spec.name()),
                    (Takes::Required, _) if long && spec.values.len() < 2 => format!("{}=*", spec.name()),
                    (Takes::Required, _) => format!("{}{}", spec.name(), " N".repeat(spec.values.len().max(1))),
                }
            }
        };
        push(&mut used, scalar(&text));
    }
    used
}

/// What a rule can say of the operands, the narrowest first.
fn operands(sorted: &Invocation<'_>, catalogued: bool) -> Vec<String> {
    let operands = sorted.global.iter().chain(&sorted.items).filter_map(|item| match item {
        Item::Operand { word, .. } => Some(*word),
        Item::Option { .. } | Item::Odd { .. } => None,
    });
    let operands: Vec<&Word> = operands.collect();
    if operands.is_empty() {
        return vec!["none".to_owned()];
    }
    let mut ways = Vec::new();
    let known: Option<Vec<&str>> = operands.iter().map(|word| word.known()).collect();
    if let Some(known) = known {
        let mut texts = Vec::new();
        known.into_iter().for_each(|text| push(&mut texts, regex_syntax::escape(text)));
        ways.push(format!("{{regex: {}}}", scalar(&texts.join("|"))));
    }
    let place = |(index, word): (usize, &&Word)| {
        roles(sorted, word, (index, operands.len())).into_iter().all(|role| role.is_path())
    };
    // Any path below the roots is no more than this one; anything else may mean more than its text.
    let at = if catalogued && operands.iter().enumerate().all(place) { 0 } else { ways.len() };
    ways.insert(at, "paths".to_owned());
    ways.push("any".to_owned());
    ways
}

/// Text as a YAML scalar inside `[…]` and `{…}`.
fn scalar(text: &str) -> String {
    let plain = !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-./".contains(c));
    let odd = text.starts_with(['-', '.']) || text.starts_with(|c: char| c.is_ascii_digit());
    let word = !matches!(text, "true" | "false" | "null" | "yes" | "no" | "on" | "off" | "y" | "n");
    if plain && !odd && word {
        return text.to_owned();
    }
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n").replace('\t', "\\t");
    format!("\"{escaped}\"")
}
