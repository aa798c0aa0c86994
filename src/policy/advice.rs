//! What to tell whoever was refused.
//!
//! In: the explanation of a denial. Out: for a model, what would be allowed, never how to change the policy; for the
//! operator, the smallest addition that would allow it and the file to put it in.

use super::catalogue::{self, Item, Takes, invocation};
use super::compiled::Policy;
use super::explain::{CommandReport, Explanation, Verdict};
use super::rule::{OperandRule, Options, Rule, Subcommands};
use crate::shell::Word;

/// Most names in a list for a model.
const MAX_NAMES: usize = 40;

/// What would be allowed instead.
pub(super) fn instead(policy: &Policy, explanation: &Explanation) -> Option<String> {
    let denied = explanation.commands.iter().find(|report| report.verdict == Verdict::Deny)?;
    let name = denied.program.as_deref()?;
    let rules: Vec<String> =
        policy.allow.named(&[name]).filter(|rule| rule.bare_names().is_some()).map(describe).collect();
    if !rules.is_empty() {
        return Some(format!("allowed for `{name}`: {}", rules.join("; ")));
    }
    let names: Vec<&str> = policy.allow.names().into_iter().take(MAX_NAMES).collect();
    (!names.is_empty()).then(|| format!("allowed programs: {}", names.join(", ")))
}

fn describe(rule: &Rule) -> String {
    let mut text = match &rule.subcommands {
        Subcommands::Listed(words) => words.iter().map(|words| words.join(" ")).collect::<Vec<_>>().join(", "),
        Subcommands::Any | Subcommands::None => String::new(),
    };
    let options = match &rule.options {
        Options::Safe => "harmless options".to_owned(),
        Options::Any => "any options".to_owned(),
        Options::None => "no options".to_owned(),
        Options::Listed(specs) => {
            format!("options {}", specs.iter().map(|spec| spec.name().to_owned()).collect::<Vec<_>>().join(" "))
        }
    };
    let operands = match &rule.operands {
        OperandRule::Paths => "paths under the readable roots".to_owned(),
        OperandRule::Any => "any operands".to_owned(),
        OperandRule::None => "no operands".to_owned(),
        OperandRule::Regex(regex) => format!("operands that match `{}`", regex.text()),
    };
    if !text.is_empty() {
        text.push_str(" with ");
    }
    text + &options + ", " + &operands
}

/// The smallest addition to the policy that would allow it.
pub(super) fn suggestion(policy: &Policy, explanation: &Explanation) -> Option<String> {
    let denied = explanation.commands.iter().find(|report| report.verdict == Verdict::Deny);
    let yaml = match denied {
        Some(report) if report.rule.is_some() => {
            let id = &report.rule.as_ref()?.id;
            format!("  disable: [{id}]\n")
        }
        Some(report) => format!("  commands:\n    allow:\n      - {}\n", rule_for(report)?),
        None => {
            let assignment = explanation.assignments.iter().find(|report| report.verdict == Verdict::Deny);
            if let Some(report) = assignment.filter(|report| super::environment::never_set(&report.name).is_none()) {
                format!("  commands:\n    assignments: [{}]\n", report.name)
            } else {
                let redirect = explanation.redirects.iter().find(|report| report.verdict == Verdict::Deny)?;
                let target = redirect.target.as_deref()?;
                let dir = target.rsplit_once('/').map_or(target, |(dir, _)| dir);
                let key = if redirect.op == crate::shell::RedirectOp::Read { "read" } else { "write" };
                format!("  filesystem:\n    {key}: [{}]\n", scalar(dir))
            }
        }
    };
    Some(format!("to allow it, add to {}:\n{yaml}", policy.file))
}

/// One rule that covers a command as it was written.
fn rule_for(report: &CommandReport) -> Option<String> {
    let program = report.program.as_deref()?;
    let base = program.rsplit('/').next().unwrap_or(program);
    let known = report.args.iter().cloned().collect::<Option<Vec<String>>>();
    let Some(args) = known else {
        return Some(format!("{{id: {}, program: {}, options: any, operands: any}}", id(base), scalar(program)));
    };
    let words: Vec<Word> = args.into_iter().map(Word::Known).collect();
    let entry = catalogue::entry(base);
    let mut parts = vec![format!("id: {}", id(base)), format!("program: {}", scalar(program))];
    let Some(entry) = entry else {
        let options: Vec<String> =
            report.args.iter().flatten().filter(|arg| arg.starts_with('-')).map(|arg| scalar(arg)).collect();
        parts.push(if options.is_empty() {
            "options: none".into()
        } else {
            format!("options: [{}]", options.join(", "))
        });
        parts.push(if report.args.len() > options.len() { "operands: any" } else { "operands: none" }.into());
        return Some(format!("{{{}}}", parts.join(", ")));
    };
    let sorted = invocation(entry, &[], &words, false);
    if !sorted.subcommand.is_empty() {
        parts.push(format!("subcommands: [{}]", scalar(&sorted.subcommand.join(" "))));
    }
    let mut options: Vec<String> = Vec::new();
    let (mut operands, mut safe) = (false, sorted.grammar.is_some());
    for item in sorted.global.iter().chain(&sorted.items) {
        match item {
            Item::Operand { .. } => operands = true,
            Item::Odd { written, .. } => {
                safe = false;
                options.push(scalar(written));
            }
            Item::Option { spec, .. } => {
                safe &= spec.effect == catalogue::Effect::Safe;
                let takes = spec.aliases.last().map_or(Takes::Nothing, |alias| alias.takes);
                let value = if spec.name().starts_with("--") { "=*" } else { " N" };
                options.push(scalar(&format!("{}{}", spec.name(), if takes == Takes::Nothing { "" } else { value })));
            }
        }
    }
    options.sort();
    options.dedup();
    parts.push(if safe { "options: safe".into() } else { format!("options: [{}]", options.join(", ")) });
    parts.push(if operands { "operands: any" } else { "operands: none" }.into());
    Some(format!("{{{}}}", parts.join(", ")))
}

fn id(base: &str) -> String {
    base.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect()
}

/// Text as a YAML scalar inside `[…]`.
fn scalar(text: &str) -> String {
    let plain = !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-./".contains(c));
    let dashes = text.starts_with('-');
    if plain && !dashes { text.to_owned() } else { format!("{text:?}") }
}
