//! One program of the catalogue.
//!
//! In: a YAML tree. Out: an [`Entry`], or everything that is wrong with it.

use std::collections::BTreeMap;

use super::spec::{Effect, Kind, OptionSpec};
use crate::diag::Problems;
use crate::paths::AbsPath;
use crate::policy::rule::{List, Rule, Surroundings};
use crate::policy::tables::PROGRAM;
use crate::policy::yaml::Node;

/// How a program reads its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::policy) enum Parsing {
    /// Options anywhere, `--` ends them, short ones cluster, long ones may be abbreviated.
    Gnu,
    /// As GNU, and the first operand ends the options.
    Posix,
    /// A single dash starts a whole word: `go`, `find`, `gcc`.
    SingleDash,
    /// No options at all: every word is an operand.
    Words,
}

/// What an operand is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::policy) enum Role {
    /// A file to read, or text that names none.
    Paths,
    /// A file to write.
    Output,
    /// Another repository: a name or a path, no transport that runs programs.
    Remote,
    /// Text.
    Text,
    /// There must be none.
    None,
    /// A script for sed.
    Sed,
    /// A program for awk.
    Awk,
    /// Anything, wherever it leads.
    Any,
}

/// The roles of a program's operands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::policy) struct Operands {
    pub(in crate::policy) first: Option<Role>,
    /// Options that take the place of the first operand: `grep -e PATTERN`.
    pub(in crate::policy) given_by: Vec<String>,
    pub(in crate::policy) each: Role,
    pub(in crate::policy) last: Option<Role>,
}

/// The options of a program, found by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::policy) struct OptionTable {
    specs: Vec<OptionSpec>,
    by_name: BTreeMap<String, usize>,
}

impl OptionTable {
    const fn new() -> Self {
        Self { specs: Vec::new(), by_name: BTreeMap::new() }
    }

    /// Has it an option that runs, writes, loads or connects? What one reads is bounded by the sandbox.
    pub(in crate::policy) fn can_harm(&self) -> bool {
        let acts = |kind: &Kind| matches!(kind, Kind::Write | Kind::Sed | Kind::Awk | Kind::Command);
        self.specs
            .iter()
            .any(|spec| !matches!(spec.effect, Effect::Safe | Effect::Outside) || spec.values.iter().any(acts))
    }

    /// The option that goes by this name.
    pub(super) fn find(&self, name: &str) -> Option<&OptionSpec> {
        self.specs.get(*self.by_name.get(name)?)
    }

    /// The only option whose name starts like this.
    pub(super) fn abbreviated(&self, name: &str) -> Option<&OptionSpec> {
        let from = self.by_name.range(name.to_owned()..);
        let mut fits = from.take_while(|(known, _)| known.starts_with(name)).map(|(_, index)| *index);
        let first = fits.next()?;
        fits.all(|other| other == first).then(|| self.specs.get(first))?
    }

    /// The option that `-NUMBER`, `+TEXT` or `@FILE` stands for.
    pub(super) fn standing_for(&self, text: &str) -> Option<&OptionSpec> {
        let sign = text.chars().next()?;
        let digits = text.get(1..).is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()));
        match sign {
            '-' if digits => self.find("-NUMBER"),
            '+' | '@' => {
                let mut from = self.by_name.range(sign.to_string()..);
                let (name, index) = from.next()?;
                name.starts_with(sign).then(|| self.specs.get(*index))?
            }
            _ => None,
        }
    }
}

/// Options and operands of a program or of one of its subcommands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::policy) struct Grammar {
    pub(in crate::policy) options: OptionTable,
    pub(in crate::policy) operands: Operands,
    /// It runs nothing but itself under its safe options.
    pub(in crate::policy) inert: bool,
}

/// A program.
#[derive(Debug)]
pub(in crate::policy) struct Entry {
    pub(in crate::policy) parsing: Parsing,
    /// It runs any code that it can read.
    pub(in crate::policy) interpreter: bool,
    /// Programs that it starts: names to search for, or absolute paths.
    pub(in crate::policy) helpers: Vec<String>,
    /// Its own options; those before the subcommand, where it has such.
    pub(in crate::policy) grammar: Grammar,
    /// By their words.
    pub(in crate::policy) subcommands: Vec<(Vec<String>, Grammar)>,
    /// Uses that destroy.
    pub(in crate::policy) dangerous: Vec<Rule>,
}

impl Entry {
    /// A program that the catalogue does not know: nothing is safe, every operand may be a path.
    pub(in crate::policy) const fn unlisted() -> Self {
        let operands = Operands { first: None, given_by: Vec::new(), each: Role::Paths, last: None };
        let grammar = Grammar { options: OptionTable::new(), operands, inert: false };
        Self {
            parsing: Parsing::Gnu,
            interpreter: false,
            helpers: Vec::new(),
            grammar,
            subcommands: Vec::new(),
            dangerous: Vec::new(),
        }
    }

    /// Does a rule have to say which subcommands it means?
    pub(in crate::policy) fn needs_subcommand(&self) -> bool {
        !self.subcommands.is_empty()
    }

    /// Reads one entry.
    ///
    /// # Errors
    /// Every problem of the file.
    pub(in crate::policy) fn read(node: &Node) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        PROGRAM.check(node, "", &mut problems);
        let parsing = match node.get("parsing").and_then(Node::text) {
            None | Some("gnu") => Parsing::Gnu,
            Some("posix") => Parsing::Posix,
            Some("single-dash") => Parsing::SingleDash,
            Some(_) => Parsing::Words,
        };
        let subcommands = node.get("subcommands").map_or(&[][..], Node::entries).iter().map(|entry| {
            let words = entry.key.split(' ').map(str::to_owned).collect();
            (words, grammar(&entry.node, &mut problems))
        });
        let subcommands = subcommands.collect();
        let grammar = grammar(node, &mut problems);
        let interpreter = node.get("interpreter").is_some_and(Node::is_true);
        let dangerous = dangerous(node, &mut problems);
        let helpers = node.get("helpers").map_or(&[][..], Node::items).iter().filter_map(Node::text);
        let helpers = helpers.map(str::to_owned).collect();
        let entry = Self { parsing, interpreter, helpers, grammar, subcommands, dangerous };
        if problems.is_empty() { Ok(entry) } else { Err(problems) }
    }

    /// The grammar of the longest subcommand that these words start with.
    pub(in crate::policy) fn subcommand(&self, words: &[&str]) -> Option<&(Vec<String>, Grammar)> {
        let fits =
            |known: &[String]| known.len() <= words.len() && known.iter().zip(words).all(|(known, word)| known == word);
        self.subcommands.iter().filter(|(known, _)| fits(known)).max_by_key(|(known, _)| known.len())
    }
}

fn dangerous(node: &Node, problems: &mut Problems) -> Vec<Rule> {
    let about: Vec<String> =
        node.get("program").map_or(&[][..], Node::items).iter().filter_map(Node::text).map(str::to_owned).collect();
    let path = |text: &str| AbsPath::new(text).map_err(|error| error.to_string());
    let around = Surroundings { list: List::Deny, about: &about, profile: &|_| None, path: &path };
    let mut rules = Vec::new();
    for item in node.get("dangerous").map_or(&[][..], Node::items) {
        match Rule::read(item, &around) {
            Ok(rule) => rules.push(rule),
            Err(found) => problems.extend(found),
        }
    }
    rules
}

fn grammar(node: &Node, problems: &mut Problems) -> Grammar {
    let mut options = Vec::new();
    let effects = [
        ("safe", Effect::Safe),
        ("unsafe.run", Effect::Run),
        ("unsafe.write", Effect::Write),
        ("unsafe.outside", Effect::Outside),
        ("unsafe.load", Effect::Load),
        ("unsafe.network", Effect::Network),
    ];
    for (path, effect) in effects {
        for item in node.at(path).map_or(&[][..], Node::items) {
            match OptionSpec::parse(item.text().unwrap_or(""), effect) {
                Ok(spec) => options.push(spec),
                Err(why) => problems.push(item.error("bad-option", why)),
            }
        }
    }
    let options = table(node, options, problems);
    let inert = node.get("inert").is_some_and(Node::is_true);
    Grammar { options, operands: operands(node.get("operands")), inert }
}

/// One name cannot do two things.
fn table(node: &Node, specs: Vec<OptionSpec>, problems: &mut Problems) -> OptionTable {
    let mut by_name = BTreeMap::new();
    for (index, spec) in specs.iter().enumerate() {
        for alias in &spec.aliases {
            if by_name.insert(alias.name.clone(), index).is_some() {
                problems.push(node.error("duplicate-option", format!("`{}` is listed twice", alias.name)));
            }
        }
    }
    OptionTable { specs, by_name }
}

fn role(node: Option<&Node>) -> Option<Role> {
    Some(match node?.text()? {
        "paths" => Role::Paths,
        "output" => Role::Output,
        "remote" => Role::Remote,
        "text" => Role::Text,
        "sed" => Role::Sed,
        "awk" => Role::Awk,
        "any" => Role::Any,
        _ => Role::None,
    })
}

fn operands(node: Option<&Node>) -> Operands {
    let get = |key| node.and_then(|node| node.get(key));
    let given_by = get("given_by").map_or(&[][..], Node::items).iter().filter_map(Node::text).map(str::to_owned);
    Operands {
        first: role(get("first")),
        given_by: given_by.collect(),
        each: role(node).or_else(|| role(get("each"))).unwrap_or(Role::Paths),
        last: role(get("last")),
    }
}
