//! Does anything in a command meet a deny or ask rule?
//!
//! In: a [`Rule`] and a [`Subject`]. Out: how it meets the rule, or nothing.
//!
//! INVARIANT: what is not known always meets a rule that looks at it.

use std::borrow::Cow;

use regex_syntax::hir::literal::{ExtractKind, Extractor};

use super::catalogue::{Invocation, Item, OptionSpec};
use super::covers::{starts_with, value_fits};
use super::rule::{LazyRegex, OperandRule, Options, Rule, Subcommands};
use super::subject::Subject;
use crate::shell::{Glob, Word};

/// What a rule asks for and the command has not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    Program,
    Text,
    Subcommand,
    Options,
    Operands,
}

impl Missing {
    /// Why the rule is not met; nothing when it is about something else altogether.
    pub(super) fn why(self) -> Option<&'static str> {
        Some(match self {
            Self::Program => return None,
            Self::Text => "its text is not found in it",
            Self::Subcommand => "the subcommand is another one",
            Self::Options => "none of its options is there",
            Self::Operands => "no operand is one that it is about",
        })
    }
}

/// Does anything in the command meet a deny or ask rule? Says how, or what is missing.
pub(super) fn meets(rule: &Rule, subject: &Subject<'_>) -> Result<Cow<'static, str>, Missing> {
    if !rule.programs.is_empty() && !rule.programs.iter().any(|name| subject.may_be(name)) {
        return Err(Missing::Program);
    }
    if let Some(regex) = &rule.regex {
        return regex_meets(regex, subject);
    }
    let arguments = subject.arguments();
    let unknown = subject.has_unknown();
    if let Subcommands::Listed(listed) = &rule.subcommands
        && !unknown
        && !listed.iter().any(|words| contains(arguments, words))
    {
        return Err(Missing::Subcommand);
    }
    let listed: &[OptionSpec] = if let Options::Listed(specs) = &rule.options { specs } else { &[] };
    let wants = matches!(rule.subcommands, Subcommands::Listed(_));
    let sorted = subject.sorted(listed, wants);
    let odd = sorted.global.iter().any(|item| matches!(item, Item::Odd { .. }));
    let subcommand = match &rule.subcommands {
        Subcommands::Any => true,
        Subcommands::None => sorted.subcommand.is_empty(),
        // Where the global options are not understood, the subcommand may stand anywhere.
        Subcommands::Listed(listed) => listed.iter().any(|words| {
            starts_with(&sorted, words)
                || sorted.subcommand.starts_with(words)
                || (odd && contains(arguments, words))
                || (sorted.subcommand.is_empty() && unknown)
        }),
    };
    if !subcommand {
        return Err(Missing::Subcommand);
    }
    let options = match &rule.options {
        Options::Listed(specs) => unknown || specs.iter().any(|spec| has_option(spec, &sorted, arguments)),
        Options::None => !arguments.iter().any(|word| word.known().is_some_and(|text| text.starts_with('-'))),
        Options::Safe | Options::Any => true,
    };
    if !options {
        return Err(Missing::Options);
    }
    let operands = match &rule.operands {
        OperandRule::Regex(regex) => operand_meets(regex, &sorted, rule.is_builtin()),
        OperandRule::None => {
            !sorted.global.iter().chain(&sorted.items).any(|item| matches!(item, Item::Operand { .. }))
        }
        OperandRule::Paths | OperandRule::Found | OperandRule::Any => true,
    };
    if !operands {
        return Err(Missing::Operands);
    }
    Ok(Cow::Borrowed(if unknown { "a word of it is not known" } else { "it meets the rule" }))
}

/// Do all these words stand somewhere among the arguments?
fn contains(arguments: &[Word], words: &[String]) -> bool {
    words.iter().all(|word| arguments.iter().any(|given| given.known() == Some(word)))
}

fn regex_meets(regex: &LazyRegex, subject: &Subject<'_>) -> Result<Cow<'static, str>, Missing> {
    let Ok(compiled) = regex.get() else { return Ok(Cow::Borrowed("the regex of the rule cannot be built")) };
    let texts = subject.texts();
    let all = [texts.quoted.as_str(), &texts.joined, &texts.resolved, subject.line];
    match (all.into_iter().any(|text| compiled.is_match(text)), subject.has_unknown()) {
        (true, _) => Ok(Cow::Owned(format!("`{}` is found in it", regex.text()))),
        (false, true) => Ok(Cow::Borrowed("a word of it is not known, so the rule may apply")),
        (false, false) => Err(Missing::Text),
    }
}

/// Is the option there, under any name, abbreviated or in a cluster?
fn has_option(spec: &OptionSpec, sorted: &Invocation<'_>, arguments: &[Word]) -> bool {
    let values_fit =
        |values: &[Word]| spec.patterns.iter().zip(values).all(|(pattern, value)| value_fits(pattern, value));
    let placed = sorted.global.iter().chain(&sorted.items).any(|item| match item {
        Item::Option { spec: given, values } => {
            given.aliases.iter().any(|alias| spec.is(&alias.name)) && values_fit(values)
        }
        Item::Operand { .. } | Item::Odd { .. } => false,
    });
    // Where the catalogue cannot place a word, its looks decide.
    let odd = sorted.global.iter().chain(&sorted.items).any(|item| matches!(item, Item::Odd { .. }));
    placed
        || (odd
            && arguments
                .iter()
                .filter_map(Word::known)
                .any(|text| spec.aliases.iter().any(|alias| looks_like(text, &alias.name))))
}

fn looks_like(text: &str, name: &str) -> bool {
    let written = text.split('=').next().unwrap_or(text);
    match name.strip_prefix("--") {
        Some(_) => written.len() > 2 && name.starts_with(written),
        None if name.chars().count() == 2 => {
            text.starts_with('-')
                && !text.starts_with("--")
                && name.chars().nth(1).is_some_and(|letter| written.contains(letter))
        }
        None => written == name,
    }
}

fn operand_meets(regex: &LazyRegex, sorted: &Invocation<'_>, builtin: bool) -> bool {
    let Ok(compiled) = regex.get() else { return true };
    sorted.global.iter().chain(&sorted.items).any(|item| match item {
        Item::Option { .. } | Item::Odd { .. } => false,
        Item::Operand { word, .. } => match word {
            Word::Known(text) => compiled.is_match(text),
            Word::Glob(glob) => compiled.is_match(&glob.pattern) || may_find(glob, regex, builtin),
            Word::Unknown(_) => true,
            // It leads to no file.
            Word::Pipe(_) => false,
        },
    })
}

/// Most texts with which what a rule is about may start or end.
const MAX_ENDS: usize = 64;

/// May a pattern find a name that all of the regex matches? Start and end of both are compared; in doubt it may.
fn may_find(glob: &Glob, regex: &LazyRegex, builtin: bool) -> bool {
    if glob.pattern.starts_with('/') || glob.pattern.contains("..") {
        return true;
    }
    // A relative pattern stays below the directory, and those rules are about what lies elsewhere, or about no file.
    if builtin {
        return false;
    }
    let Ok(hir) = regex_syntax::parse(regex.text()) else { return true };
    let ends = |kind: ExtractKind, fits: &dyn Fn(&str) -> bool| {
        let texts = Extractor::new().kind(kind).limit_total(MAX_ENDS).extract(&hir);
        texts.literals().is_none_or(|texts| {
            texts.iter().any(|text| std::str::from_utf8(text.as_bytes()).is_ok_and(fits) || text.is_empty())
        })
    };
    let prefix = glob.literal_prefix.as_str();
    // What starts with a special character finds no hidden name, and nothing from the root.
    let starts = |text: &str| match prefix {
        "" => !text.starts_with(['/', '.']),
        _ => text.starts_with(prefix) || prefix.starts_with(text),
    };
    let suffix = glob.pattern.rsplit(['*', '?', ']', ')', '\\']).next().unwrap_or("");
    ends(ExtractKind::Prefix, &starts)
        && ends(ExtractKind::Suffix, &|text| text.ends_with(suffix) || suffix.ends_with(text))
}
