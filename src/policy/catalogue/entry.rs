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
    /// As GNU, and a first word without a dash is a cluster of options: `tar xf`.
    Tar,
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
    /// A file to write, or a directory that gets files with the names of the other operands.
    Into,
    /// A file or directory that is moved or removed with all that is in it.
    Removed,
    /// Another repository: a name or a path below the roots, no transport.
    Remote,
    /// `host:path`, or a file to read.
    Peer,
    /// `host:path`, or a file to write.
    PeerOutput,
    /// A host, perhaps with an account.
    Host,
    /// An address on the network.
    Url,
    /// Text.
    Text,
    /// Text that is no path.
    Name,
    /// Text that sets no variable.
    Target,
    /// There must be none.
    None,
    /// A script for sed.
    Sed,
    /// A program for awk.
    Awk,
    /// A program for jq.
    Jq,
    /// Anything, wherever it leads.
    Any,
}

impl Role {
    /// Is it a path of this machine?
    pub(in crate::policy) const fn is_path(self) -> bool {
        matches!(self, Self::Paths | Self::Output | Self::Into | Self::Removed)
    }
}

/// The roles of a program's operands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::policy) struct Operands {
    pub(in crate::policy) first: Option<Role>,
    /// Options that take the place of the first operand: `grep -e PATTERN`.
    pub(in crate::policy) given_by: Vec<String>,
    pub(in crate::policy) each: Role,
    pub(in crate::policy) last: Option<Role>,
    /// Options that make all operands something else: `git branch --list PATTERN`.
    pub(in crate::policy) with: Option<(Vec<String>, Role)>,
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

    /// The option that stands for every word that starts as this one, and the length of that start.
    pub(super) fn starting(&self, text: &str) -> Option<(&OptionSpec, usize)> {
        let starts = self.by_name.iter().filter_map(|(name, index)| Some((name.strip_suffix('*')?, *index)));
        let longest = starts.filter(|(start, _)| text.starts_with(start)).max_by_key(|(start, _)| start.len());
        let (start, index) = longest?;
        Some((self.specs.get(index)?, start.len()))
    }

    /// Has it an option that runs, writes, loads or connects? What one reads is bounded by the sandbox.
    pub(in crate::policy) fn can_harm(&self) -> bool {
        let acts = |kind: &Kind| matches!(kind, Kind::Write | Kind::Sed | Kind::Awk | Kind::Command);
        self.specs
            .iter()
            .any(|spec| !matches!(spec.effect, Effect::Safe | Effect::Outside) || spec.values.iter().any(acts))
    }

    /// Is it the same for the world which of its options are given?
    pub(in crate::policy) fn is_indifferent(&self) -> bool {
        let plain = |kind: &Kind| matches!(kind, Kind::Text | Kind::OneOf);
        self.specs.iter().all(|spec| spec.effect == Effect::Safe && spec.values.iter().all(plain))
    }

    /// Every option.
    pub(in crate::policy) fn iter(&self) -> impl Iterator<Item = &OptionSpec> {
        self.specs.iter()
    }

    /// The option that goes by this name.
    pub(in crate::policy) fn find(&self, name: &str) -> Option<&OptionSpec> {
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
    /// Without one of these options it does what no option says: it writes, or waits in an editor.
    pub(in crate::policy) requires: Vec<String>,
    /// It writes where it runs.
    pub(in crate::policy) writes_here: bool,
    /// A rule that names the first word of this subcommand means it as well.
    pub(in crate::policy) included: bool,
}

impl Grammar {
    /// Can it only read files and print, whatever words it is given?
    pub(in crate::policy) fn only_reads(&self) -> bool {
        let reads = |role: Role| matches!(role, Role::Paths | Role::Text);
        let operands = &self.operands;
        let all = [operands.first, operands.last].into_iter().flatten().all(reads) && reads(operands.each);
        let with = operands.with.as_ref().is_none_or(|(_, role)| reads(*role));
        all && with && self.inert && !self.writes_here && self.requires.is_empty() && !self.options.can_harm()
    }

    const fn unlisted() -> Self {
        let operands = Operands { first: None, given_by: Vec::new(), each: Role::Paths, last: None, with: None };
        Self {
            options: OptionTable::new(),
            operands,
            inert: false,
            requires: Vec::new(),
            writes_here: false,
            included: false,
        }
    }
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
        Self {
            parsing: Parsing::Gnu,
            interpreter: false,
            helpers: Vec::new(),
            grammar: Grammar::unlisted(),
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
            Some("tar") => Parsing::Tar,
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
        let helpers = texts(node.get("helpers"));
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
    let about = texts(node.get("program"));
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
    let is = |key| node.get(key).is_some_and(Node::is_true);
    Grammar {
        options,
        operands: operands(node.get("operands")),
        inert: is("inert"),
        requires: texts(node.get("requires")),
        writes_here: is("writes_here"),
        included: is("included"),
    }
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

fn texts(node: Option<&Node>) -> Vec<String> {
    node.map_or(&[][..], Node::items).iter().filter_map(Node::text).map(str::to_owned).collect()
}

fn role(node: Option<&Node>) -> Option<Role> {
    Some(match node?.text()? {
        "paths" => Role::Paths,
        "output" => Role::Output,
        "into" => Role::Into,
        "removed" => Role::Removed,
        "remote" => Role::Remote,
        "peer" => Role::Peer,
        "peer-output" => Role::PeerOutput,
        "host" => Role::Host,
        "url" => Role::Url,
        "text" => Role::Text,
        "name" => Role::Name,
        "target" => Role::Target,
        "sed" => Role::Sed,
        "awk" => Role::Awk,
        "jq" => Role::Jq,
        "any" => Role::Any,
        _ => Role::None,
    })
}

fn operands(node: Option<&Node>) -> Operands {
    let get = |key| node.and_then(|node| node.get(key));
    let with = get("with").and_then(|with| Some((texts(with.get("options")), role(with.get("each"))?)));
    Operands {
        first: role(get("first")),
        given_by: texts(get("given_by")),
        each: role(node).or_else(|| role(get("each"))).unwrap_or(Role::Paths),
        last: role(get("last")),
        with,
    }
}
