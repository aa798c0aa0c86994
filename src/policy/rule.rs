//! One rule, checked and ready to be compared.
//!
//! In: a node whose shape is known to be right. Out: a [`Rule`], or what is wrong with it. Whether it applies to a
//! command is decided in `matching`.

use std::sync::{Arc, OnceLock};

use regex::Regex;

use super::catalogue::{Effect, OptionSpec};
use super::profile::Profile;
use super::yaml::Node;
use crate::diag::{Problem, Problems};
use crate::paths::AbsPath;

/// Which list a rule stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum List {
    Allow,
    Ask,
    Deny,
}

impl List {
    /// Its key in the file.
    pub(super) fn key(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Ask => "ask",
            Self::Deny => "deny",
        }
    }
}

/// A rule by its name and place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleRef {
    /// Its id.
    pub id: String,
    /// The file, or `builtin:NAME`.
    pub file: String,
    /// The line, counted from 1.
    pub line: usize,
}

/// A program as a rule names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ProgramName {
    /// What a search through PATH finds, or a builtin.
    Bare(String),
    /// This file.
    Path(AbsPath),
}

impl ProgramName {
    /// Its name without a directory; none for a file whose name is not UTF-8.
    pub(super) fn last_part(&self) -> Option<&str> {
        match self {
            Self::Bare(name) => Some(name),
            Self::Path(path) => path.file_name()?.to_str(),
        }
    }
}

/// First words of a program that has such.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Subcommands {
    Any,
    None,
    Listed(Vec<Vec<String>>),
}

/// Which options.
#[derive(Debug, Clone)]
pub(super) enum Options {
    Safe,
    Any,
    None,
    Listed(Vec<OptionSpec>),
}

/// Which operands.
#[derive(Debug)]
pub(super) enum OperandRule {
    Paths,
    /// The same, and words that commands or the input supply, for a program that can only read.
    Found,
    Any,
    None,
    Regex(LazyRegex),
}

impl OperandRule {
    /// Are known words paths under the readable roots?
    pub(super) const fn are_paths(&self) -> bool {
        matches!(self, Self::Paths | Self::Found)
    }
}

/// A rule of one list.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) id: Arc<str>,
    pub(super) node: Node,
    pub(super) programs: Vec<ProgramName>,
    pub(super) subcommands: Subcommands,
    pub(super) options: Options,
    pub(super) operands: OperandRule,
    pub(super) regex: Option<LazyRegex>,
    pub(super) reason: Option<String>,
    /// The sandbox that the rule asks for by name.
    pub(super) profile: Option<Arc<Profile>>,
    /// Counted when it is first told.
    line: OnceLock<usize>,
}

/// A regular expression that is built when it is first needed.
#[derive(Debug)]
pub(super) struct LazyRegex {
    text: String,
    whole: bool,
    built: OnceLock<Result<Regex, String>>,
}

impl LazyRegex {
    /// One that must match all of a text.
    pub(super) fn whole(text: &str) -> Self {
        Self { text: text.to_owned(), whole: true, built: OnceLock::new() }
    }

    /// One that is searched in a text.
    pub(super) fn found(text: &str) -> Self {
        Self { text: text.to_owned(), whole: false, built: OnceLock::new() }
    }

    /// As written.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The automaton.
    ///
    /// # Errors
    /// It is too large, or its text only looked right; whoever needs it must refuse.
    pub(super) fn get(&self) -> Result<&Regex, &str> {
        let build = || {
            let text = if self.whole { format!(r"\A(?:{})\z", self.text) } else { self.text.clone() };
            Regex::new(&text).map_err(|error| error.to_string())
        };
        self.built.get_or_init(build).as_ref().map_err(String::as_str)
    }
}

/// What a rule needs to know of the file around it.
pub(super) struct Surroundings<'a> {
    pub(super) list: List,
    /// The programs of a rule that names none.
    pub(super) about: &'a [String],
    /// The profile of a name.
    pub(super) profile: &'a dyn Fn(&str) -> Option<Arc<Profile>>,
    /// Replaces variables in a path.
    pub(super) path: &'a dyn Fn(&str) -> Result<AbsPath, String>,
}

impl Rule {
    /// Reads one rule.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub(super) fn read(node: &Node, around: &Surroundings<'_>) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let allow = around.list == List::Allow;
        let id = Arc::from(text(node, "id").unwrap_or(""));
        let programs = programs(node, around, &mut problems);
        let regex =
            text(node, "regex").map(|regex| if allow { LazyRegex::whole(regex) } else { LazyRegex::found(regex) });
        if programs.is_empty() && regex.is_none() {
            let problem = node.error("empty-rule", format!("rule `{id}` names neither `program` nor `regex`"));
            problems.push(problem.advise("say which commands it is about"));
        }
        let structured = allow && node.get("program").is_some() && regex.is_none();
        let rule = Self {
            programs,
            subcommands: subcommands(node.get("subcommands")),
            options: options(node.get("options"), structured, &mut problems),
            operands: operands(node.get("operands"), structured),
            regex,
            reason: text(node, "reason").map(str::to_owned),
            profile: profile(node, around, &mut problems),
            node: node.clone(),
            line: OnceLock::new(),
            id,
        };
        let harmless = matches!(rule.options, Options::Safe) || rule.operands.are_paths();
        if !allow && harmless {
            let message = format!("rule `{}` refuses what is harmless", rule.id);
            let advice = "in `deny` and `ask`, list the options and give operands as a regex";
            problems.push(node.error("wrong-list", message).advise(advice));
        }
        if problems.is_empty() { Ok(rule) } else { Err(problems) }
    }

    /// Name and place.
    pub(super) fn reference(&self) -> RuleRef {
        let line = *self.line.get_or_init(|| self.node.source.line_column(self.node.span.start).0);
        RuleRef { id: self.id.to_string(), file: self.node.source.name().to_owned(), line }
    }

    /// Is it one of the catalogue's own?
    pub(super) fn is_builtin(&self) -> bool {
        self.node.source.name().starts_with("builtin:programs/")
    }

    /// An error at this rule.
    pub(super) fn error(&self, code: &'static str, message: String) -> Problem {
        self.node.error(code, message)
    }

    /// The bare names that it is about; none when any program may be meant.
    pub(super) fn bare_names(&self) -> Option<impl Iterator<Item = &str>> {
        let only_bare = self.programs.iter().all(|name| matches!(name, ProgramName::Bare(_)));
        (only_bare && !self.programs.is_empty()).then(|| {
            self.programs.iter().filter_map(|name| match name {
                ProgramName::Bare(name) => Some(name.as_str()),
                ProgramName::Path(_) => None,
            })
        })
    }
}

fn text<'a>(node: &'a Node, key: &str) -> Option<&'a str> {
    node.get(key).and_then(Node::text)
}

fn programs(node: &Node, around: &Surroundings<'_>, problems: &mut Problems) -> Vec<ProgramName> {
    let mut names = Vec::new();
    for item in node.get("program").map_or(&[][..], Node::items) {
        let name = item.text().unwrap_or("");
        if name.is_empty() {
            problems.push(item.error("wrong-type", "a program has no name"));
        } else if !name.contains('/') {
            names.push(ProgramName::Bare(name.to_owned()));
        } else {
            match (around.path)(name) {
                Ok(path) => names.push(ProgramName::Path(path)),
                Err(why) => problems.push(item.error("wrong-path", why)),
            }
        }
    }
    if names.is_empty() {
        names.extend(around.about.iter().cloned().map(ProgramName::Bare));
    }
    names
}

fn subcommands(node: Option<&Node>) -> Subcommands {
    match node.map(|node| (node, node.text())) {
        None | Some((_, Some("any"))) => Subcommands::Any,
        Some((_, Some(_))) => Subcommands::None,
        Some((node, None)) => {
            let words = |item: &Node| item.text().unwrap_or("").split_whitespace().map(str::to_owned).collect();
            Subcommands::Listed(node.items().iter().map(words).collect())
        }
    }
}

fn options(node: Option<&Node>, structured: bool, problems: &mut Problems) -> Options {
    let Some(node) = node else { return if structured { Options::Safe } else { Options::Any } };
    match node.text() {
        Some("safe") => Options::Safe,
        Some("none") => Options::None,
        Some(_) => Options::Any,
        None => {
            let mut specs = Vec::new();
            for item in node.items().iter().filter(|item| item.text() != Some("--")) {
                match OptionSpec::parse(item.text().unwrap_or(""), Effect::Safe) {
                    Ok(spec) => specs.push(spec),
                    Err(why) => problems.push(item.error("bad-option", why)),
                }
            }
            Options::Listed(specs)
        }
    }
}

fn operands(node: Option<&Node>, structured: bool) -> OperandRule {
    let Some(node) = node else { return if structured { OperandRule::Paths } else { OperandRule::Any } };
    match (node.text(), text(node, "regex")) {
        (Some("paths"), _) => OperandRule::Paths,
        (Some("found"), _) => OperandRule::Found,
        (Some("any"), _) => OperandRule::Any,
        (_, Some(regex)) => OperandRule::Regex(LazyRegex::whole(regex)),
        _ => OperandRule::None,
    }
}

fn profile(node: &Node, around: &Surroundings<'_>, problems: &mut Problems) -> Option<Arc<Profile>> {
    let named = node.get("profile")?;
    let name = named.text().unwrap_or("");
    if around.list == List::Deny {
        let problem = named.error("wrong-list", "what is denied has no sandbox");
        problems.push(problem.advise("remove `profile`"));
        return None;
    }
    let found = (around.profile)(name);
    if found.is_none() {
        let problem = named.error("unknown-profile", format!("there is no profile `{name}`"));
        problems.push(problem.advise("add it under `profiles`"));
    }
    found
}
