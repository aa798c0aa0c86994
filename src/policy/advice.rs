//! What to tell whoever was refused.
//!
//! In: the explanation of a denial. Out: for a model, what would be allowed, never how to change the policy. What an
//! operator is told is found in `suggestion`.

use super::compiled::Policy;
use super::explain::{Explanation, Verdict};
use super::rule::{OperandRule, Options, Rule, Subcommands};

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
        OperandRule::Found => "paths under the readable roots, or words found at run time".to_owned(),
        OperandRule::Any => "any operands".to_owned(),
        OperandRule::None => "no operands".to_owned(),
        OperandRule::Regex(regex) => format!("operands that match `{}`", regex.text()),
    };
    if !text.is_empty() {
        text.push_str(" with ");
    }
    text + &options + ", " + &operands
}
