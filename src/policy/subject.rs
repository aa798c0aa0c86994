//! One command as rules look at it.
//!
//! In: a command with what was found out about its program. Out: answers to what a rule asks of it.

use super::rule::ProgramName;
use super::world::ProgramFile;
use crate::paths::AbsPath;
use crate::shell::Word;

/// The texts in which a regular expression looks for a command.
#[derive(Debug, Clone, Default)]
pub(super) struct Texts {
    /// As rendered: the program as typed, words quoted only where needed.
    pub(super) quoted: String,
    /// Words joined without quotes.
    pub(super) joined: String,
    /// `quoted` with the name of the resolved program.
    pub(super) resolved: String,
    /// The line as it came.
    pub(super) line: String,
}

/// One command and what is known of it.
pub(super) struct Subject<'a> {
    /// Program first.
    pub(super) words: &'a [Word],
    /// The program as typed.
    pub(super) name: &'a str,
    /// The file, unless it is a builtin.
    pub(super) file: Option<&'a ProgramFile>,
    /// The file without symlinks.
    pub(super) real: Option<&'a AbsPath>,
    /// What a search through PATH finds under the last part of the name.
    pub(super) found: Option<&'a ProgramFile>,
    pub(super) texts: &'a Texts,
}

impl<'a> Subject<'a> {
    /// The last part of the name.
    pub(super) fn base(&self) -> &'a str {
        self.name.rsplit('/').next().unwrap_or(self.name)
    }

    pub(super) fn arguments(&self) -> &'a [Word] {
        self.words.get(1..).unwrap_or(&[])
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
