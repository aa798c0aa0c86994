//! The rules of one list, found by what a command is.
//!
//! In: rules in the order of the file. Out: those that may be about a command, in that order. A decision costs what these
//! cost, however many others there are: rules that name programs are found by name, and those that are a regular
//! expression alone by the text that a match cannot do without.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use aho_corasick::AhoCorasick;
use regex_syntax::hir::literal::Extractor;

use super::rule::{List, ProgramName, Rule};
use super::subject::Subject;

/// Fewer rules than this are tried one by one: building the automaton would cost more.
const FEW: usize = 8;
/// Most texts with which a match of one rule may start.
const MAX_STARTS: usize = 32;

/// The rules of one list, found by program.
#[derive(Debug, Default)]
pub(super) struct Rules {
    all: Vec<Rule>,
    by_name: BTreeMap<String, Vec<usize>>,
    /// Rules that name no program.
    texts: TextRules,
}

/// Rules that are a regular expression alone.
#[derive(Debug, Default)]
struct TextRules {
    indices: Vec<usize>,
    starts: OnceLock<Starts>,
}

/// What matches of such rules start with.
#[derive(Debug)]
struct Starts {
    /// Rules of which that cannot be told.
    any: Vec<usize>,
    /// Finds the starts, each with its rule at the same place of `rules`; none where it could not be built.
    finder: Option<AhoCorasick>,
    rules: Vec<usize>,
}

impl Rules {
    pub(super) fn new(all: Vec<Rule>) -> Self {
        let mut rules = Self { all, ..Self::default() };
        for (index, rule) in rules.all.iter().enumerate() {
            for name in &rule.programs {
                // A file whose name is not UTF-8 cannot be named by a line either.
                let Some(name) = name.last_part() else { continue };
                let known = rules.by_name.entry(name.to_owned()).or_default();
                if known.last() != Some(&index) {
                    known.push(index);
                }
            }
            if rule.programs.is_empty() {
                rules.texts.indices.push(index);
            }
        }
        rules
    }

    /// Rules that may be about one of these names, in the order of the file.
    pub(super) fn named<'a>(&'a self, names: &[&str]) -> impl Iterator<Item = &'a Rule> + use<'a> {
        self.in_order(names.iter().filter_map(|name| self.by_name.get(*name)).flatten().copied().collect())
    }

    /// Rules that may be about a command, in the order of the file.
    pub(super) fn about<'a>(
        &'a self,
        list: List,
        names: &[&str],
        subject: &Subject<'_>,
    ) -> impl Iterator<Item = &'a Rule> + use<'a> {
        let mut indices: Vec<usize> =
            names.iter().filter_map(|name| self.by_name.get(*name)).flatten().copied().collect();
        self.texts.about(&self.all, list, subject, &mut indices);
        self.in_order(indices)
    }

    fn in_order(&self, mut indices: Vec<usize>) -> impl Iterator<Item = &Rule> + use<'_> {
        indices.sort_unstable();
        indices.dedup();
        indices.into_iter().filter_map(|index| self.all.get(index))
    }

    /// All of them, to change what they refer to.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Rule> {
        self.all.iter_mut()
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Rule> {
        self.all.iter()
    }

    /// Names of programs that some rule is about, sorted.
    pub(super) fn names(&self) -> Vec<&str> {
        let bare = |name: &&str| {
            let named = self.by_name.get(*name).into_iter().flatten().filter_map(|index| self.all.get(*index));
            named.flat_map(|rule| &rule.programs).any(|program| *program == ProgramName::Bare((*name).to_owned()))
        };
        let mut names: Vec<&str> = self.by_name.keys().map(String::as_str).filter(bare).collect();
        names.sort_unstable();
        names
    }
}

impl TextRules {
    fn about(&self, all: &[Rule], list: List, subject: &Subject<'_>, into: &mut Vec<usize>) {
        if self.indices.len() <= FEW {
            return into.extend(&self.indices);
        }
        if list != List::Allow && subject.has_unknown() {
            // What is not known meets each of them, and the first one decides.
            return into.extend(self.indices.first());
        }
        let starts = self.starts.get_or_init(|| Starts::new(all, &self.indices));
        let Some(finder) = &starts.finder else { return into.extend(&self.indices) };
        into.extend(&starts.any);
        let texts = subject.texts();
        let mut find = |text: &str| {
            let found = finder.find_overlapping_iter(text).filter(|found| list != List::Allow || found.start() == 0);
            into.extend(found.filter_map(|found| starts.rules.get(found.pattern().as_usize())));
        };
        find(&texts.quoted);
        if list != List::Allow {
            [texts.joined.as_str(), &texts.resolved, subject.line].into_iter().for_each(find);
        }
    }
}

impl Starts {
    fn new(all: &[Rule], indices: &[usize]) -> Self {
        let mut any = Vec::new();
        let (mut texts, mut rules) = (Vec::new(), Vec::new());
        for &index in indices {
            let regex = all.get(index).and_then(|rule| rule.regex.as_ref());
            match regex.and_then(|regex| starts_of(regex.text())) {
                Some(starts) => {
                    rules.extend(std::iter::repeat_n(index, starts.len()));
                    texts.extend(starts);
                }
                None => any.push(index),
            }
        }
        Self { any, finder: AhoCorasick::new(texts).ok(), rules }
    }
}

/// Every text that a match may start with; none where one may start with anything.
pub(super) fn starts_of(regex: &str) -> Option<Vec<Vec<u8>>> {
    let hir = regex_syntax::parse(regex).ok()?;
    let mut starts = Extractor::new().limit_total(MAX_STARTS).extract(&hir);
    starts.dedup();
    let literals = starts.literals()?;
    let useful = !literals.iter().any(|literal| literal.as_bytes().is_empty());
    useful.then(|| literals.iter().map(|literal| literal.as_bytes().to_vec()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_match_starts_with_one_of_the_texts_or_with_anything() {
        let texts = |regex| {
            let starts = starts_of(regex)?;
            Some(starts.iter().map(|start| String::from_utf8_lossy(start).into_owned()).collect::<Vec<_>>())
        };
        let text = |text: &str| text.to_owned();
        assert_eq!(texts("ls( -a)?"), Some(vec![text("ls -a"), text("ls")]));
        assert_eq!(texts("(?:git|hg) log"), Some(vec![text("git log"), text("hg log")]));
        assert_eq!(texts("push\\b.*--force"), Some(vec![text("push")]));
        assert_eq!(texts("^rm "), Some(vec![text("rm ")]));
        for open in ["", ".*x", "a*", "[a-z]+ x", "(ls)?"] {
            assert_eq!(texts(open), None, "{open}");
        }
    }
}
