//! The catalogue as it is built into the binary.
//!
//! In: a program name. Out: its entry, read when it is first asked for, so that a run pays only for the programs that
//! its line names.

use std::collections::{BTreeSet, HashMap};
use std::sync::{LazyLock, OnceLock};

use super::entry::Entry;
use super::table::{COUNT, TEXTS};
use crate::diag::{Problem, Problems, Source, Span};
use crate::policy::yaml::{self, Node};

static INDEX: LazyLock<HashMap<&'static str, usize>> = LazyLock::new(|| {
    let numbered = TEXTS.iter().enumerate();
    numbered.flat_map(|(index, (names, _))| names.split(' ').map(move |name| (name, index))).collect()
});
static ENTRIES: [OnceLock<Option<Entry>>; COUNT] = [const { OnceLock::new() }; COUNT];

fn source(names: &str, text: &str) -> Source {
    Source::new(format!("builtin:programs/{}", first(names)), text)
}

fn first(names: &str) -> &str {
    names.split(' ').next().unwrap_or(names)
}

/// The entry of a program; none when there is none, and for a text that cannot be read, which a test rules out.
pub(in crate::policy) fn entry(name: &str) -> Option<&'static Entry> {
    let index = *INDEX.get(name)?;
    let (names, text) = TEXTS.get(index)?;
    let read = || Entry::read(&yaml::parse(&source(names, text)).ok()?).ok();
    ENTRIES.get(index)?.get_or_init(read).as_ref()
}

/// Does the catalogue know this program?
pub(in crate::policy) fn is_known(name: &str) -> bool {
    INDEX.contains_key(name)
}

/// Every name that it knows.
pub(in crate::policy) fn names() -> impl Iterator<Item = &'static str> {
    TEXTS.iter().flat_map(|(names, _)| names.split(' '))
}

/// The ids of the rules against destructive commands; reads every entry.
pub(in crate::policy) fn dangerous_ids() -> BTreeSet<String> {
    let entries = TEXTS.iter().filter_map(|(names, _)| entry(first(names)));
    entries.flat_map(|entry| &entry.dangerous).map(|rule| rule.id.clone()).collect()
}

/// Everything that is wrong with the catalogue.
pub(in crate::policy) fn check() -> Problems {
    let mut problems = Problems::default();
    let mut seen = BTreeSet::new();
    for (names, text) in TEXTS {
        let source = source(names, text);
        let node = match yaml::parse(&source) {
            Ok(node) => node,
            Err(found) => {
                problems.extend(found);
                continue;
            }
        };
        let written: Vec<&str> =
            node.get("program").map_or(&[][..], Node::items).iter().filter_map(Node::text).collect();
        if written.join(" ") != names || names.split(' ').any(|name| !seen.insert(name)) {
            let message = format!("`{}` is not what the table of the catalogue says", written.join(", "));
            problems.push(Problem::error("catalogue-table", message).at(&source, Span::default()));
        }
        match Entry::read(&node) {
            Ok(_) => {}
            Err(found) => problems.extend(found),
        }
    }
    problems
}
