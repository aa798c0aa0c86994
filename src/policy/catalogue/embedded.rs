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

/// Does a program have subcommands? Told by its text, so that loading a policy reads no entry; a test compares it.
pub(in crate::policy) fn has_subcommands(name: &str) -> bool {
    let text = INDEX.get(name).and_then(|index| TEXTS.get(*index)).map_or("", |(_, text)| text);
    text.lines().any(|line| line.starts_with("subcommands:"))
}

/// Is this the id of a rule against destructive commands? Reads the entries in whose text it stands.
pub(in crate::policy) fn is_dangerous_id(id: &str) -> bool {
    let named = TEXTS.iter().filter(|(_, text)| text.contains(id));
    let entries = named.filter_map(|(names, _)| entry(first(names)));
    entries.flat_map(|entry| &entry.dangerous).any(|rule| *rule.id == *id)
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
            Ok(entry) if names.split(' ').any(|name| has_subcommands(name) != entry.needs_subcommand()) => {
                let message = "`subcommands:` does not start a line of its own";
                problems.push(Problem::error("catalogue-table", message).at(&source, Span::default()));
            }
            Ok(_) => {}
            Err(found) => problems.extend(found),
        }
    }
    problems
}
