//! One command as rules look at it.
//!
//! In: a command with what was found out about its program. Out: answers to what a rule asks of it. What costs something
//! is worked out when the first rule asks, and kept for the others.

use std::borrow::Cow;
use std::cell::OnceCell;

use super::catalogue::{self, Entry, Invocation, Item, OptionSpec, invocation};
use super::rule::ProgramName;
use super::world::ProgramFile;
use crate::diag::Span;
use crate::paths::AbsPath;
use crate::shell::{Command, CommandText, Word, command_text};

static UNLISTED: Entry = Entry::unlisted();

/// The texts in which a regular expression looks for a command.
#[derive(Debug, Clone, Default)]
pub(super) struct Texts {
    /// As rendered: the program as typed, words quoted only where needed.
    pub(super) quoted: String,
    /// Words joined without quotes.
    pub(super) joined: String,
    /// `quoted` with the name of the resolved program.
    pub(super) resolved: String,
}

/// One command and what is known of it.
pub(super) struct Subject<'a> {
    command: &'a Command,
    /// The program as typed.
    pub(super) name: &'a str,
    /// The line as it came.
    pub(super) line: &'a str,
    /// The file, unless it is a builtin.
    pub(super) file: Option<&'a ProgramFile>,
    /// The file without symlinks.
    pub(super) real: Option<&'a AbsPath>,
    /// What a search through PATH finds under the last part of the name.
    pub(super) found: Option<&'a ProgramFile>,
    /// What the catalogue knows of it.
    pub(super) entry: Option<&'static Entry>,
    texts: OnceCell<Texts>,
    plain: OnceCell<Invocation<'a>>,
    wanting: OnceCell<Invocation<'a>>,
    unknown: bool,
}

impl<'a> Subject<'a> {
    /// A command whose program is `name`, on this line.
    pub(super) fn new(command: &'a Command, name: &'a str, line: &'a str) -> Self {
        Self {
            command,
            name,
            line,
            file: None,
            real: None,
            found: None,
            entry: catalogue::entry(last_part(name)),
            texts: OnceCell::new(),
            plain: OnceCell::new(),
            wanting: OnceCell::new(),
            unknown: command.words.iter().any(not_known),
        }
    }

    /// The last part of the name.
    pub(super) fn base(&self) -> &'a str {
        last_part(self.name)
    }

    /// Every name under which rules may be about it.
    pub(super) fn names(&self) -> Vec<&'a str> {
        let file = self.file.map(|file| &file.path);
        let paths = [file, self.real].into_iter().flatten().filter_map(|path| path.file_name()?.to_str());
        let mut names = vec![self.base()];
        for name in paths {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// Where it stands in the line.
    pub(super) fn span(&self) -> Span {
        self.command.span
    }

    /// The program first.
    pub(super) fn words(&self) -> &'a [Word] {
        &self.command.words
    }

    pub(super) fn arguments(&self) -> &'a [Word] {
        self.words().get(1..).unwrap_or(&[])
    }

    /// May any of its words turn out to be something that it does not show?
    pub(super) fn has_unknown(&self) -> bool {
        self.unknown
    }

    /// What regular expressions see of it, beside the line.
    pub(super) fn texts(&self) -> &Texts {
        self.texts.get_or_init(|| {
            let CommandText { rendered, joined } = command_text(self.command);
            let name = self.real.and_then(AbsPath::file_name).map(|name| name.to_string_lossy());
            let resolved = match name {
                Some(name) => {
                    let rest = rendered.split_once(' ').map_or("", |(_, rest)| rest);
                    format!("{name} {rest}").trim_end().to_owned()
                }
                None => rendered.clone(),
            };
            Texts { quoted: rendered, joined, resolved }
        })
    }

    /// Its words, sorted into options and operands; `extra` are options that a rule names beside the catalogue's. With
    /// `wants`, the first operand is a subcommand.
    pub(super) fn sorted<'s>(&'s self, extra: &'s [OptionSpec], wants: bool) -> Cow<'s, Invocation<'s>> {
        let entry = self.entry.unwrap_or(&UNLISTED);
        let kept = if wants { &self.wanting } else { &self.plain };
        let sorted = kept.get_or_init(|| invocation(entry, &[], self.arguments(), wants));
        let odd = |item: &Item<'_>| match item {
            Item::Odd { .. } => true,
            Item::Option { spec, .. } => spec.aliases.iter().any(|alias| alias.name.ends_with('*')),
            Item::Operand { .. } => false,
        };
        // Where every option was found by its own name, those of the rule were not asked for.
        if extra.is_empty() || !sorted.global.iter().chain(&sorted.items).any(odd) {
            return Cow::Borrowed(sorted);
        }
        Cow::Owned(invocation(entry, extra, self.arguments(), wants))
    }

    /// Is it the very program that a rule names?
    pub(super) fn is(&self, name: &ProgramName) -> bool {
        match name {
            ProgramName::Bare(name) if !self.name.contains('/') => self.name == name,
            ProgramName::Bare(name) => {
                // A typed path counts when it leads to the file that the bare name would.
                let same = self.file.zip(self.found).is_some_and(|(file, found)| file.same_file(found));
                same && self.base() == name
            }
            ProgramName::Path(path) => self.file.is_some_and(|file| file.path == *path) || self.real == Some(path),
        }
    }

    /// Could it be taken for the program that a deny rule names?
    pub(super) fn may_be(&self, name: &ProgramName) -> bool {
        let real = self.real.and_then(AbsPath::file_name).and_then(|name| name.to_str());
        match name {
            ProgramName::Bare(name) => self.base() == name || real == Some(name),
            ProgramName::Path(_) => self.is(name),
        }
    }
}

fn last_part(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

/// A pattern that starts like an option may be one that a rule is about.
pub(super) fn not_known(word: &Word) -> bool {
    matches!(word, Word::Unknown(_)) || catalogue::dashed_pattern(word).is_some()
}
