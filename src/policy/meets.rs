//! Does anything in a command meet a deny or ask rule?
//!
//! In: a [`Rule`] and a [`Subject`]. Out: how it meets the rule, or nothing.
//!
//! INVARIANT: what is not known always meets a rule that looks at it.

use super::catalogue::{self, Entry, Invocation, Item, OptionSpec, invocation};
use super::covers::{starts_with, value_fits};
use super::rule::{LazyRegex, OperandRule, Options, Rule, Subcommands};
use super::subject::Subject;
use crate::shell::Word;

static UNLISTED: Entry = Entry::unlisted();

/// Does anything in the command meet a deny or ask rule? Says what.
pub(super) fn meets(rule: &Rule, subject: &Subject<'_>) -> Option<String> {
    if !rule.programs.is_empty() && !rule.programs.iter().any(|name| subject.may_be(name)) {
        return None;
    }
    if let Some(regex) = &rule.regex {
        return regex_meets(regex, subject);
    }
    let arguments = subject.arguments();
    let unknown = arguments.iter().any(not_known);
    if let Subcommands::Listed(listed) = &rule.subcommands
        && !unknown
        && !listed.iter().any(|words| contains(arguments, words))
    {
        return None;
    }
    let listed: &[OptionSpec] = if let Options::Listed(specs) = &rule.options { specs } else { &[] };
    let entry = catalogue::entry(subject.base()).unwrap_or(&UNLISTED);
    let wants = matches!(rule.subcommands, Subcommands::Listed(_));
    let sorted = invocation(entry, listed, arguments, wants);
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
    let options = match &rule.options {
        Options::Listed(specs) => unknown || specs.iter().any(|spec| has_option(spec, &sorted, arguments)),
        Options::None => !arguments.iter().any(|word| word.known().is_some_and(|text| text.starts_with('-'))),
        Options::Safe | Options::Any => true,
    };
    let operands = match &rule.operands {
        OperandRule::Regex(regex) => operand_meets(regex, &sorted),
        OperandRule::None => {
            !sorted.global.iter().chain(&sorted.items).any(|item| matches!(item, Item::Operand { .. }))
        }
        OperandRule::Paths | OperandRule::Any => true,
    };
    (subcommand && options && operands)
        .then(|| if unknown { "a word of it is not known" } else { "it meets the rule" }.into())
}

/// A pattern that starts like an option may be one that the rule is about.
fn not_known(word: &Word) -> bool {
    matches!(word, Word::Unknown(_)) || catalogue::dashed_pattern(word).is_some()
}

/// Do all these words stand somewhere among the arguments?
fn contains(arguments: &[Word], words: &[String]) -> bool {
    words.iter().all(|word| arguments.iter().any(|given| given.known() == Some(word)))
}

fn regex_meets(regex: &LazyRegex, subject: &Subject<'_>) -> Option<String> {
    let Ok(compiled) = regex.get() else { return Some("the regex of the rule cannot be built".into()) };
    let texts = subject.texts;
    let found =
        [&texts.quoted, &texts.joined, &texts.resolved, &texts.line].into_iter().any(|text| compiled.is_match(text));
    let unknown = subject.words.iter().any(not_known);
    match (found, unknown) {
        (true, _) => Some(format!("`{}` is found in it", regex.text())),
        (false, true) => Some("a word of it is not known, so the rule may apply".into()),
        (false, false) => None,
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

fn operand_meets(regex: &LazyRegex, sorted: &Invocation<'_>) -> bool {
    let Ok(compiled) = regex.get() else { return true };
    sorted.global.iter().chain(&sorted.items).any(|item| match item {
        Item::Option { .. } | Item::Odd { .. } => false,
        Item::Operand { word, .. } => match word {
            Word::Known(text) => compiled.is_match(text),
            // A relative pattern stays below the directory; one from the root may find what the rule is about.
            Word::Glob(glob) => {
                glob.pattern.starts_with('/') || glob.pattern.contains("..") || compiled.is_match(&glob.pattern)
            }
            Word::Unknown(_) => true,
        },
    })
}
