//! Words of a command, sorted into options and operands as the program itself would sort them.
//!
//! In: words and an [`Entry`]. Out: an [`Invocation`]. Clusters, attached values and `--` are handled here, once for
//! all programs. What is not certain is an [`Item::Odd`], which no allow rule accepts.

use super::entry::{Entry, Grammar, OptionTable, Parsing};
use super::spec::{Kind, OptionSpec, Takes};
use crate::shell::{Glob, Word};

/// One word or option of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::policy) enum Item<'a> {
    /// A listed option with its values.
    Option { spec: &'a OptionSpec, values: Vec<Word> },
    /// A word that is no option; `ended` when `--` came before.
    Operand { word: &'a Word, ended: bool },
    /// Something that cannot be placed, as written, and why.
    Odd { written: String, why: String },
}

/// A command, sorted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::policy) struct Invocation<'a> {
    /// What stands before the subcommand, or everything where there is none.
    pub(in crate::policy) global: Vec<Item<'a>>,
    /// The words of the subcommand; empty when there is none.
    pub(in crate::policy) subcommand: Vec<String>,
    /// Its grammar, when the entry lists it.
    pub(in crate::policy) grammar: Option<&'a Grammar>,
    /// What stands after the subcommand.
    pub(in crate::policy) items: Vec<Item<'a>>,
}

/// Sorts the words after the program name. With `subcommands`, the first operand is one even when the entry lists none.
pub(in crate::policy) fn invocation<'a>(
    entry: &'a Entry,
    extra: &'a [OptionSpec],
    words: &'a [Word],
    subcommands: bool,
) -> Invocation<'a> {
    let own = &entry.grammar.options;
    if !subcommands && entry.subcommands.is_empty() {
        let global = sort(Table { own: Some(own), extra }, entry.parsing, words).0;
        return Invocation { global, subcommand: Vec::new(), grammar: Some(&entry.grammar), items: Vec::new() };
    }
    let before = if entry.parsing == Parsing::SingleDash { Parsing::SingleDash } else { Parsing::Posix };
    let (mut global, rest) = sort_until_operand(Table { own: Some(own), extra }, before, words);
    let known: Vec<&str> = rest.iter().map_while(Word::known).collect();
    let Some(first) = known.first() else {
        // No subcommand, or one that cannot be known.
        global.extend(rest.iter().map(|word| Item::Operand { word, ended: false }));
        return Invocation { global, subcommand: Vec::new(), grammar: Some(&entry.grammar), items: Vec::new() };
    };
    match entry.subcommand(&known) {
        Some((words, grammar)) => {
            let after = rest.get(words.len()..).unwrap_or(&[]);
            let parsing = if entry.parsing == Parsing::SingleDash { entry.parsing } else { Parsing::Gnu };
            let table = Table { own: Some(&grammar.options), extra };
            // Programs with subcommands read options in several ways of their own, git first of all.
            let mut sorter = Sorter { table, items: Vec::new(), words: after, next: 0, attached_only: true };
            sorter.run(parsing, false);
            let items = sorter.items;
            Invocation { global, subcommand: words.clone(), grammar: Some(grammar), items }
        }
        None => {
            let after = rest.get(1..).unwrap_or(&[]);
            let items = sort(Table { own: None, extra }, Parsing::Gnu, after).0;
            Invocation { global, subcommand: vec![(*first).to_owned()], grammar: None, items }
        }
    }
}

/// The options to look up: the catalogue's, and those that a rule names beside them.
#[derive(Clone, Copy)]
struct Table<'a> {
    own: Option<&'a OptionTable>,
    extra: &'a [OptionSpec],
}

impl<'a> Table<'a> {
    fn find(self, name: &str) -> Option<(&'a OptionSpec, Takes)> {
        let own = self.own.and_then(|own| own.find(name));
        let spec = own.or_else(|| self.extra.iter().find(|spec| spec.is(name)))?;
        let alias = spec.aliases.iter().find(|alias| alias.name == name)?;
        Some((spec, alias.takes))
    }

    /// The option that stands for all words with this start.
    fn starting(self, text: &str) -> Option<(&'a OptionSpec, usize)> {
        self.own.and_then(|own| own.starting(text))
    }

    /// The only listed option that starts with `name`.
    fn abbreviated(self, name: &str) -> Option<&'a OptionSpec> {
        self.own.and_then(|own| own.abbreviated(name))
    }

    /// The option that stands for a whole class of words.
    fn standing_for(self, text: &str) -> Option<&'a OptionSpec> {
        let numbered = || self.extra.iter().find(|spec| spec.is("-NUMBER"));
        let digits =
            text.strip_prefix('-').is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()));
        self.own.and_then(|own| own.standing_for(text)).or_else(|| if digits { numbered() } else { None })
    }
}

fn sort<'a>(table: Table<'a>, parsing: Parsing, words: &'a [Word]) -> (Vec<Item<'a>>, &'a [Word]) {
    let mut sorter = Sorter { table, items: Vec::new(), words, next: 0, attached_only: false };
    sorter.run(parsing, false);
    (sorter.items, &[])
}

fn sort_until_operand<'a>(table: Table<'a>, parsing: Parsing, words: &'a [Word]) -> (Vec<Item<'a>>, &'a [Word]) {
    let mut sorter = Sorter { table, items: Vec::new(), words, next: 0, attached_only: true };
    sorter.run(parsing, true);
    let rest = words.get(sorter.next..).unwrap_or(&[]);
    (sorter.items, rest)
}

struct Sorter<'a> {
    table: Table<'a>,
    items: Vec<Item<'a>>,
    words: &'a [Word],
    next: usize,
    /// A value that looks like an option must be attached to its option.
    attached_only: bool,
}

impl<'a> Sorter<'a> {
    fn run(&mut self, parsing: Parsing, stop_at_operand: bool) {
        let mut ended = parsing == Parsing::Words;
        if parsing == Parsing::Tar
            && let Some(cluster) = self.words.first().and_then(Word::known).filter(|text| !text.starts_with('-'))
        {
            self.next = 1;
            self.old_cluster(cluster);
        }
        while let Some(word) = self.words.get(self.next) {
            let text = word.known();
            if !ended && text == Some("--") {
                self.next += 1;
                if parsing == Parsing::SingleDash {
                    // find(1) reads its expression behind it all the same.
                    self.odd("--", "it does not end the options of this program".into());
                } else {
                    ended = true;
                }
                continue;
            }
            if let (false, Some(pattern)) = (ended, dashed_pattern(word)) {
                self.next += 1;
                if !self.named_pattern(word) {
                    let why = "a pattern that finds nothing stays as it is, an option; write `./` before it";
                    self.odd(pattern, why.into());
                }
                continue;
            }
            if let (false, Some(text)) = (ended, text.filter(|text| is_option(text, self.table))) {
                self.next += 1;
                self.option(text, parsing);
                continue;
            }
            if stop_at_operand {
                return;
            }
            self.next += 1;
            let operator = parsing == Parsing::SingleDash && matches!(text, Some("(" | ")" | "!" | ","));
            if !operator {
                self.items.push(Item::Operand { word, ended });
            }
            ended |= parsing == Parsing::Posix;
        }
    }

    /// `--include=*.rs`, unquoted: whatever it finds starts so, and so does the pattern itself.
    fn named_pattern(&mut self, word: &Word) -> bool {
        let Word::Glob(glob) = word else { return false };
        let (Some((name, start)), Some((_, pattern))) =
            (glob.literal_prefix.split_once('='), glob.pattern.split_once('='))
        else {
            return false;
        };
        let found = self
            .table
            .find(name)
            .filter(|(spec, takes)| name.starts_with("--") && *takes != Takes::Nothing && spec.patterns == ["PATTERN"]);
        let Some((spec, _)) = found else { return false };
        let (pattern, literal_prefix) = (pattern.to_owned(), start.to_owned());
        let value = Word::Glob(Glob { pattern, literal_prefix, splits: glob.splits });
        self.items.push(Item::Option { spec, values: vec![value] });
        true
    }

    fn option(&mut self, text: &str, parsing: Parsing) {
        if let Some(spec) = self.table.standing_for(text) {
            if spec.is("+TOOLCHAIN") && text.contains('/') {
                return self.odd(text, "a toolchain by its path is any program".into());
            }
            let values = vec![Word::Known(text.get(1..).unwrap_or("").to_owned())];
            return self.items.push(Item::Option { spec, values });
        }
        let (name, attached) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (text, None),
        };
        if text.starts_with("--") || parsing == Parsing::SingleDash {
            return self.whole(text, (name, attached), parsing);
        }
        self.cluster(text);
    }

    /// `--name`, `--name=value`, or a single-dash word.
    fn whole(&mut self, text: &str, (name, attached): (&str, Option<&str>), parsing: Parsing) {
        // Such programs take two dashes for one.
        let single = name.strip_prefix('-').filter(|_| name.starts_with("--") && parsing == Parsing::SingleDash);
        let found = self.table.find(name).or_else(|| self.table.find(single?));
        if let Some((spec, start)) = found.is_none().then(|| self.table.starting(text)).flatten() {
            let rest = text.get(start..).filter(|rest| !rest.is_empty());
            return if spec.values.is_empty() { self.flag(spec) } else { self.valued(spec, rest) };
        }
        let Some((spec, takes)) = found else {
            let why = match self.table.abbreviated(name) {
                Some(spec) => format!("it looks like `{}`; write it out", spec.name()),
                None => "it is not a listed option".to_owned(),
            };
            return self.odd(text, why);
        };
        match (takes, attached) {
            (Takes::Nothing, Some(_)) => self.odd(text, "the option takes no value".into()),
            (Takes::Nothing, None) | (Takes::Optional, None) => self.flag(spec),
            (Takes::Required | Takes::Optional, value) => self.valued(spec, value),
        }
    }

    /// `tar xfC archive dir`: the values follow in the order of their letters.
    fn old_cluster(&mut self, letters: &str) {
        for letter in letters.chars() {
            match self.table.find(&format!("-{letter}")) {
                None => return self.odd(letters, format!("`{letter}` is not a listed option")),
                Some((spec, Takes::Required)) => self.valued(spec, None),
                Some((spec, Takes::Nothing | Takes::Optional)) => self.flag(spec),
            }
        }
    }

    /// `-abc`, `-n5`, `-n 5`.
    fn cluster(&mut self, text: &str) {
        if text.len() > 2
            && let Some((spec, takes)) = self.table.find(text)
        {
            // A short option of several letters: `zip -sf`.
            return if takes == Takes::Required { self.valued(spec, None) } else { self.flag(spec) };
        }
        for (at, letter) in text.char_indices().skip(1) {
            let rest = text.get(at + letter.len_utf8()..).unwrap_or("");
            let Some((spec, takes)) = self.table.find(&format!("-{letter}")) else {
                return self.odd(text, format!("`-{letter}` is not a listed option"));
            };
            match takes {
                Takes::Nothing => self.flag(spec),
                Takes::Optional if rest.is_empty() => self.flag(spec),
                Takes::Required if rest.is_empty() => return self.valued(spec, None),
                Takes::Required | Takes::Optional => return self.valued(spec, Some(rest)),
            }
        }
    }

    fn flag(&mut self, spec: &'a OptionSpec) {
        self.items.push(Item::Option { spec, values: Vec::new() });
    }

    /// Adds an option with its attached value, or with as many of the next words as it takes.
    fn valued(&mut self, spec: &'a OptionSpec, attached: Option<&str>) {
        if spec.values.first() == Some(&Kind::Command) {
            return self.command(spec);
        }
        let mut values: Vec<Word> = attached.map(|text| Word::Known(text.to_owned())).into_iter().collect();
        while values.len() < spec.values.len() {
            let Some(word) = self.words.get(self.next) else {
                return self.odd(spec.name(), "its value is missing".into());
            };
            let one = match word {
                Word::Known(_) | Word::Pipe(_) => true,
                Word::Glob(_) => false,
                Word::Unknown(unknown) => !unknown.splits,
            };
            if !one {
                return self.odd(spec.name(), "its value may be several words, or none; quote it".into());
            }
            if self.attached_only && word.known().is_some_and(looks_like_an_option) {
                return self.odd(spec.name(), "its value looks like an option; attach it to the option".into());
            }
            self.next += 1;
            values.push(word.clone());
        }
        self.items.push(Item::Option { spec, values });
    }

    /// Skips the words of a command up to its end.
    fn command(&mut self, spec: &'a OptionSpec) {
        let rest = self.words.get(self.next..).unwrap_or(&[]);
        let Some(length) = rest.iter().position(|word| matches!(word.known(), Some(";" | "+"))) else {
            return self.odd(spec.name(), "its command does not end".into());
        };
        self.next += length + 1;
        self.flag(spec);
    }

    fn odd(&mut self, written: &str, why: String) {
        self.items.push(Item::Odd { written: written.to_owned(), why });
    }
}

/// A pattern that is an option wherever it finds nothing, for the shell then leaves it as it is.
pub(in crate::policy) fn dashed_pattern(word: &Word) -> Option<&str> {
    match word {
        Word::Glob(glob) if glob.literal_prefix.starts_with(['-', '+', '@']) => Some(&glob.pattern),
        _ => None,
    }
}

/// Programs differ in whether an option takes the next word; what might be an option of its own is no value.
fn looks_like_an_option(text: &str) -> bool {
    text.strip_prefix('-').is_some_and(|rest| rest.starts_with(|c: char| c == '-' || c.is_ascii_alphabetic()))
}

/// Is this word an option at all?
fn is_option(text: &str, table: Table<'_>) -> bool {
    (text.starts_with('-') && text.len() > 1) || (text.starts_with(['+', '@']) && table.standing_for(text).is_some())
}

/// The directory that an option such as `-C DIR` moves to, when there is one.
pub(in crate::policy) fn moves_to<'a>(items: &'a [Item<'_>]) -> impl Iterator<Item = &'a Word> {
    items.iter().filter_map(|item| match item {
        Item::Option { spec, values } if spec.values.first() == Some(&Kind::Cwd) => values.first(),
        _ => None,
    })
}
