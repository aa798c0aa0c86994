//! Does an allow rule cover a whole command?
//!
//! In: a [`Rule`], a [`Subject`] and the [`Places`] it sees. Out: yes, or the first reason why not.
//!
//! INVARIANT: what is not known never satisfies a rule that looks at it; `operands: found` says where it need not be.

use super::catalogue::{self, Effect, Entry, Grammar, Invocation, Item, Kind, OptionSpec, Parsing, Role};
use super::places::{Access, Places};
use super::roles::{Scene, is_indifferent, lacks, pattern, role_of_all, roles, show};
use super::rule::{LazyRegex, OperandRule, Options, Rule, Subcommands};
use super::subject::Subject;
use crate::shell::{PipeEnd, Word};

/// Why an allow rule does not apply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Mismatch {
    /// It is about another program.
    Program,
    /// It is about this program, and this does not fit.
    Detail(String),
}

fn detail<T>(why: impl Into<String>) -> Result<T, Mismatch> {
    Err(Mismatch::Detail(why.into()))
}

/// How an allow rule applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fit {
    /// The command runs nothing but the program itself.
    pub(super) inert: bool,
}

/// Does an allow rule cover the whole command?
pub(super) fn covers(rule: &Rule, subject: &Subject<'_>, places: &Places<'_>) -> Result<Fit, Mismatch> {
    if !rule.programs.is_empty() && !rule.programs.iter().any(|name| subject.is(name)) {
        return Err(Mismatch::Program);
    }
    if let Some(regex) = &rule.regex {
        regex_covers(rule, regex, subject)?;
    }
    let unseen = matches!((&rule.options, &rule.operands), (Options::Any, OperandRule::Any));
    if rule.regex.is_some() && rule.node.get("operands").is_none() {
        paths_beside_regex(subject, places).or_else(detail)?;
    }
    if unseen && rule.subcommands == Subcommands::Any {
        return Ok(Fit { inert: false });
    }
    let listed: &[OptionSpec] = if let Options::Listed(specs) = &rule.options { specs } else { &[] };
    let entry = subject.entry;
    let wants = matches!(rule.subcommands, Subcommands::Listed(_));
    let sorted = subject.sorted(listed, wants);
    subcommand_fits(rule, entry, &sorted)?;
    let code = !sorted.grammar.is_some_and(|grammar| grammar.inert) && !matches!(rule.operands, OperandRule::Any);
    if code && subject.arguments().iter().any(|word| matches!(word, Word::Pipe(PipeEnd::Read))) {
        return detail("what it reads from `<(…)` may be code to it; write that to a file");
    }
    let cover = Cover { rule, scene: Scene(moved(&sorted, places)?), entry, listed };
    cover.options(&sorted)?;
    cover.habits(&sorted)?;
    cover.operands(&sorted)?;
    let structured = !matches!(rule.options, Options::Any) && !matches!(rule.operands, OperandRule::Any);
    Ok(Fit { inert: structured && sorted.grammar.is_some_and(|grammar| grammar.inert) })
}

fn regex_covers(rule: &Rule, regex: &LazyRegex, subject: &Subject<'_>) -> Result<(), Mismatch> {
    for word in subject.words() {
        match word {
            Word::Known(_) | Word::Pipe(_) => {}
            Word::Glob(glob) if !glob.literal_prefix.is_empty() => {}
            Word::Glob(glob) => return detail(format!("`{}` may become any name; write `./{0}`", glob.pattern)),
            Word::Unknown(unknown) => return detail(format!("a word is not known: it is {}", unknown.reason)),
        }
    }
    match regex.get() {
        Ok(regex) if regex.is_match(&subject.texts().quoted) => Ok(()),
        Ok(_) if rule.programs.is_empty() => Err(Mismatch::Program),
        Ok(_) => detail(format!("`{}` does not match all of it", regex.text())),
        Err(error) => detail(format!("the regex of the rule cannot be built: {error}")),
    }
}

/// A regex cannot tell where a path leads, so what the catalogue knows to be one has to lie below the roots.
fn paths_beside_regex(subject: &Subject<'_>, places: &Places<'_>) -> Result<(), String> {
    if subject.entry.is_none() {
        return Ok(());
    }
    let sorted = subject.sorted(&[], false);
    let scene = Scene(vec![places.clone()]);
    let operands: Vec<&Word> =
        sorted.global.iter().chain(&sorted.items).filter_map(operand).map(|(word, _)| word).collect();
    for (index, word) in operands.iter().enumerate() {
        for role in roles(&sorted, word, (index, operands.len())).into_iter().filter(|role| role.is_path()) {
            scene.place(role, word)?;
        }
    }
    for item in sorted.global.iter().chain(&sorted.items) {
        let Item::Option { spec, values } = item else { continue };
        for (kind, value) in spec.values.iter().zip(values).filter(|(kind, _)| matches!(kind, Kind::Read | Kind::Write))
        {
            scene.value(*kind, "", value)?;
        }
    }
    Ok(())
}

fn subcommand_fits(rule: &Rule, entry: Option<&Entry>, sorted: &Invocation<'_>) -> Result<(), Mismatch> {
    let written = sorted.subcommand.join(" ");
    match &rule.subcommands {
        Subcommands::Any if entry.is_none_or(|entry| entry.subcommands.is_empty()) => Ok(()),
        Subcommands::Any if matches!(rule.options, Options::Any) => Ok(()),
        Subcommands::Any | Subcommands::None if written.is_empty() => Ok(()),
        Subcommands::Any | Subcommands::None => detail(format!("the subcommand `{written}` is not listed")),
        Subcommands::Listed(listed) if listed.iter().any(|words| starts_with(sorted, words)) => Ok(()),
        Subcommands::Listed(_) if written.is_empty() => detail("a subcommand is missing, or is not known"),
        Subcommands::Listed(listed) => {
            let names: Vec<_> = listed.iter().map(|words| words.join(" ")).collect();
            detail(format!("the subcommand `{written}` is not one of `{}`", names.join("`, `")))
        }
    }
}

/// `stash list` is met by these two words, listed in the catalogue or not.
pub(super) fn starts_with(sorted: &Invocation<'_>, words: &[String]) -> bool {
    let after = sorted.items.iter().map_while(|item| match item {
        Item::Operand { word, .. } => word.known(),
        Item::Option { .. } | Item::Odd { .. } => None,
    });
    let mut written = sorted.subcommand.iter().map(String::as_str).chain(after);
    // A catalogued subcommand of two words is not allowed by its first word alone.
    let whole = sorted.subcommand.len() <= words.len().max(1) || sorted.grammar.is_some_and(|grammar| grammar.included);
    whole && words.iter().all(|word| written.next() == Some(word))
}

/// The places that the command sees, from its first directory to the last `-C DIR`.
fn moved<'a>(sorted: &Invocation<'_>, start: &Places<'a>) -> Result<Vec<Places<'a>>, Mismatch> {
    let mut seen = vec![start.clone()];
    let mut here = start.clone();
    for items in [&sorted.global, &sorted.items] {
        for target in catalogue::moves_to(items) {
            here.allow(target, Access::Read).or_else(detail)?;
            here.cwd = match target.known() {
                Some(text) => here.resolve(text),
                None => Err("the directory that an option names is not known".into()),
            };
            seen.push(here.clone());
        }
    }
    Ok(seen)
}

/// An allow rule on its way through options and operands.
struct Cover<'a> {
    rule: &'a Rule,
    scene: Scene<'a>,
    entry: Option<&'a Entry>,
    listed: &'a [OptionSpec],
}

impl Cover<'_> {
    fn options(&self, sorted: &Invocation<'_>) -> Result<(), Mismatch> {
        if matches!(self.rule.options, Options::Any) {
            return Ok(());
        }
        if matches!(self.rule.options, Options::Safe) && (self.entry.is_none() || sorted.grammar.is_none()) {
            return detail("the catalogue does not know it, so no option is known to be safe");
        }
        for (index, item) in sorted.global.iter().chain(&sorted.items).enumerate() {
            // A rule's list is about the subcommand: `log -p` shows a patch, `-p log` starts a pager.
            let before = index < sorted.global.len() && !sorted.subcommand.is_empty();
            match item {
                Item::Operand { .. } => {}
                Item::Option { spec, .. } if before && spec.effect != Effect::Safe => {
                    return detail(format!("`{}` before the subcommand {}", spec.name(), does(spec.effect)));
                }
                Item::Odd { written, why } => return detail(format!("`{written}`: {why}")),
                Item::Option { spec, values } => self.option(spec, values)?,
            }
        }
        Ok(())
    }

    fn option(&self, spec: &OptionSpec, values: &[Word]) -> Result<(), Mismatch> {
        let name = spec.name();
        match &self.rule.options {
            Options::Any => {}
            Options::None => return detail(format!("the rule allows no options, found `{name}`")),
            Options::Safe if spec.effect == Effect::Safe || writes_nothing(spec, values) => {}
            Options::Safe => return detail(format!("`{name}` {}", does(spec.effect))),
            Options::Listed(_) => {
                let same = |listed: &&OptionSpec| spec.aliases.iter().any(|alias| listed.is(&alias.name));
                let Some(listed) = self.listed.iter().find(same) else {
                    return detail(format!("the rule does not list `{name}`"));
                };
                for (pattern, value) in listed.patterns.iter().zip(values) {
                    if !value_fits(pattern, value) {
                        return detail(format!("the rule wants `{pattern}` as value of `{name}`"));
                    }
                }
            }
        }
        for (index, (kind, value)) in spec.values.iter().zip(values).enumerate() {
            let right = self.scene.value(*kind, pattern(spec, index), value);
            right.or_else(|why| detail(format!("`{name}`: {why}")))?;
        }
        Ok(())
    }

    /// What it does by itself, whatever its words say.
    fn habits(&self, sorted: &Invocation<'_>) -> Result<(), Mismatch> {
        let Some(grammar) = sorted.grammar else { return Ok(()) };
        if matches!(self.rule.options, Options::Safe)
            && let Some(required) = lacks(grammar, sorted)
        {
            return detail(format!("without one of `{}` it writes, or waits in an editor", required.join("`, `")));
        }
        if grammar.writes_here && self.rule.operands.are_paths() {
            self.scene.writes_here().or_else(|why| detail(format!("it writes where it runs: {why}")))?;
        }
        let no_operand = sorted.global.iter().chain(&sorted.items).filter_map(operand).next().is_none();
        if no_operand
            && self.rule.operands.are_paths()
            && let Some(role) = role_of_all(sorted)
        {
            self.scene.place(role, &Word::Known(".".to_owned())).or_else(detail)?;
        }
        Ok(())
    }

    fn operands(&self, sorted: &Invocation<'_>) -> Result<(), Mismatch> {
        let words: Vec<(&Word, bool)> = sorted.global.iter().chain(&sorted.items).filter_map(operand).collect();
        for (index, (word, ended)) in words.iter().enumerate() {
            let is_words = self.entry.is_some_and(|entry| entry.parsing == Parsing::Words);
            let certain = *ended || is_words || matches!(self.rule.options, Options::Any);
            if self.rule.operands.are_paths() && sorted.grammar.is_some_and(is_indifferent) {
                self.indifferent(word)?;
                continue;
            }
            let found = matches!((&self.rule.operands, word), (OperandRule::Found, Word::Unknown(_)));
            if found && sorted.grammar.is_some_and(Grammar::only_reads) {
                continue;
            }
            self.is_operand(word, certain)?;
            if !certain {
                self.finds_no_option(word, sorted)?;
            }
            match &self.rule.operands {
                OperandRule::Any => {}
                OperandRule::None => return detail(format!("the rule allows no operands, found {}", show(word))),
                OperandRule::Regex(regex) => match (regex.get(), word.known()) {
                    (Ok(regex), Some(text)) if regex.is_match(text) => {}
                    _ => return detail(format!("{} does not match `{}`", show(word), regex.text())),
                },
                OperandRule::Paths | OperandRule::Found => self.place(sorted, (index, &words))?,
            }
        }
        Ok(())
    }

    /// A program for which one text is as good as another.
    fn indifferent(&self, word: &Word) -> Result<(), Mismatch> {
        match word {
            Word::Glob(_) => self.scene.everywhere(word, Access::Read).or_else(detail),
            Word::Known(_) | Word::Unknown(_) | Word::Pipe(_) => Ok(()),
        }
    }

    /// One operand in each of its roles.
    fn place(&self, sorted: &Invocation<'_>, (index, words): (usize, &[(&Word, bool)])) -> Result<(), Mismatch> {
        let Some((word, _)) = words.get(index) else { return Ok(()) };
        for role in roles(sorted, word, (index, words.len())) {
            self.scene.place(role, word).or_else(detail)?;
            if role == Role::Into {
                let others: Vec<&Word> = words.iter().take(index).map(|(word, _)| *word).collect();
                self.scene.takes_in(word, &others).or_else(detail)?;
            }
        }
        Ok(())
    }

    /// Where jobs can write, a file named like an option can be there by the time the pattern is expanded.
    fn finds_no_option(&self, word: &Word, sorted: &Invocation<'_>) -> Result<(), Mismatch> {
        let Word::Glob(glob) = word else { return Ok(()) };
        let grammar = sorted.grammar.or(self.entry.map(|entry| &entry.grammar));
        let harmless = grammar.is_some_and(|grammar| !grammar.options.can_harm());
        let fixed = self.scene.0.iter().all(Places::cannot_write_here);
        if !glob.literal_prefix.is_empty() || harmless || fixed {
            return Ok(());
        }
        detail(format!("a file that `{0}` finds may be named like an option; write `./{0}`", glob.pattern))
    }

    /// An unknown word may turn out to be an option, or several words.
    fn is_operand(&self, word: &Word, certain: bool) -> Result<(), Mismatch> {
        match word {
            Word::Unknown(unknown) if unknown.splits && !matches!(self.rule.operands, OperandRule::Any) => {
                detail(format!("a word may be several, or none: it is {}; quote it", unknown.reason))
            }
            Word::Unknown(unknown) if !certain => {
                detail(format!("a word may be an option: it is {}; put `--` before it", unknown.reason))
            }
            Word::Glob(_) if !certain => self.scene.everywhere(word, Access::Read).or_else(detail),
            _ => Ok(()),
        }
    }
}

fn operand<'a>(item: &Item<'a>) -> Option<(&'a Word, bool)> {
    match item {
        Item::Operand { word, ended } => Some((*word, *ended)),
        Item::Option { .. } | Item::Odd { .. } => None,
    }
}

/// The null device keeps nothing, and standard output is the job's.
fn writes_nothing(spec: &OptionSpec, values: &[Word]) -> bool {
    let write = spec.effect == Effect::Write && spec.values.iter().all(|kind| *kind == Kind::Write);
    let nothing = |(index, value): (usize, &Word)| match value.known() {
        Some("/dev/null") => true,
        Some("-") => pattern(spec, index) == "OUT-",
        _ => false,
    };
    write && !values.is_empty() && values.iter().enumerate().all(nothing)
}

fn does(effect: Effect) -> &'static str {
    match effect {
        Effect::Safe => "does no harm",
        Effect::Run => "runs a program",
        Effect::Write => "writes files",
        Effect::Outside => "reads elsewhere than its operands say",
        Effect::Load => "loads code or configuration",
        Effect::Network => "uses the network",
    }
}

/// `N` and `*` stand for any value, `a*` for one that starts so, `never` for itself.
pub(super) fn value_fits(pattern: &str, value: &Word) -> bool {
    let placeholder = pattern.chars().all(|c| c.is_ascii_uppercase() || c == '_' || c == '*');
    placeholder || value.known().is_some_and(|text| super::wildcard::matches(pattern, text))
}
