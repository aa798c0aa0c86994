//! A policy in use.
//!
//! In: one merged tree whose shape is right. Out: a [`Policy`], or everything that is wrong with it. What it says about
//! a request is in `decide`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::catalogue;
use super::environment::Environment;
use super::http::Http;
use super::injection::injects;
use super::merge::rule_ids;
use super::narrow::Narrowed;
use super::profile::{OnUnsupported, Profile};
use super::rule::{List, Options, Rule, Subcommands, Surroundings};
use super::rules::Rules;
use super::settings::{self, Settings};
use super::toolchains::Found;
use super::variables::{Directories, Disk, Variables};
use super::yaml::Node;
use crate::diag::{Problems, nearest};
use crate::paths::AbsPath;

/// How a command line is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Shell,
    Argv,
}

/// A compiled policy.
#[derive(Debug)]
pub struct Policy {
    /// Where a person would write a new rule.
    pub(super) file: String,
    /// Every file that was read for it.
    pub(super) files: Vec<AbsPath>,
    pub(super) mode: Mode,
    pub(super) default: super::explain::Verdict,
    pub(super) allow: Rules,
    pub(super) ask: Rules,
    pub(super) deny: Rules,
    /// The built-in rules against destructive commands apply, but for `disabled`.
    pub(super) dangerous: bool,
    pub(super) disabled: BTreeSet<String>,
    pub(super) assignments: Vec<String>,
    pub(super) cwd_roots: Vec<Directories>,
    pub(super) cwd_default: AbsPath,
    pub(super) environment: Environment,
    pub(super) path: Vec<AbsPath>,
    /// Directories of PATH that are not searched, for the message about a program that is only there.
    pub(super) not_searched: Vec<AbsPath>,
    pub(super) home: Option<AbsPath>,
    pub(super) profiles: BTreeMap<String, Arc<Profile>>,
    pub(super) default_profile: Arc<Profile>,
    pub(super) settings: Settings,
    /// What an operator took away at the start.
    pub(super) narrowed: Option<Narrowed>,
    pub(super) http: Http,
    pub(super) digest: String,
    pub(super) tests: Vec<Node>,
}

impl Policy {
    /// Where it came from: a file, or `builtin:NAME`.
    pub fn name(&self) -> &str {
        &self.file
    }

    /// Every file that was read for it; none for a preset alone.
    pub fn files(&self) -> &[AbsPath] {
        &self.files
    }

    /// What the engine sets up once.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// How the server is reached over HTTP.
    pub fn http(&self) -> &Http {
        &self.http
    }

    /// Every sandbox by its name; `default` is the one of rules that name none.
    pub fn profiles(&self) -> &BTreeMap<String, Arc<Profile>> {
        &self.profiles
    }

    /// The sandbox of rules that name none.
    pub fn default_profile(&self) -> &Arc<Profile> {
        &self.default_profile
    }

    /// SHA-256 in hex over every text that was read for it.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Scrubbed variables of the server with their values, to be masked in output.
    pub fn secrets(&self) -> &[(String, String)] {
        self.environment.secrets()
    }

    /// Does a command run that no rule names?
    pub fn allows_by_default(&self) -> bool {
        self.default == super::explain::Verdict::Allow
    }

    /// Where commands start when nobody says.
    pub fn default_cwd(&self) -> &AbsPath {
        &self.cwd_default
    }

    /// Names of the programs and builtins that some allow rule is about, sorted.
    pub fn allowed_names(&self) -> Vec<&str> {
        self.allow.names()
    }

    /// Variables that a caller may set, as patterns.
    pub fn requestable(&self) -> &[String] {
        self.environment.requestable()
    }
}

/// What reading needs beside the tree.
pub(super) struct Reading<'a> {
    pub(super) variables: &'a Variables,
    pub(super) disk: &'a dyn Disk,
    /// Files and folders that judge jobs: the policy with what it extends, and the state.
    pub(super) guard: Vec<AbsPath>,
    /// What the toolchains of the policy come to.
    pub(super) toolchains: Found,
    /// Roots that were written as a path through a symlink.
    pub(super) linked: Vec<(Node, AbsPath)>,
    pub(super) problems: Problems,
}

impl Reading<'_> {
    /// Reads a whole policy; what is missing is found in `problems`.
    pub(super) fn policy(&mut self, node: &Node, file: String, digest: String) -> Option<Policy> {
        self.unique_ids(node);
        self.toolchains = self.find_toolchains(node);
        let on_unsupported = OnUnsupported::read(node);
        let default_profile = Arc::new(self.profile("default", node, Err(on_unsupported))?);
        let mut profiles = BTreeMap::from([("default".to_owned(), Arc::clone(&default_profile))]);
        for entry in node.get("profiles").map_or(&[][..], Node::entries) {
            let profile = self.profile(&entry.key, &entry.node, Ok(&default_profile))?;
            profiles.insert(entry.key.clone(), Arc::new(profile));
        }
        self.links(&profiles);
        let mut environment = Environment::read(node, self.variables, &mut self.problems);
        environment.tell_of(&self.toolchains);
        let (path, not_searched) = self.search_path(node, &mut environment, &profiles);
        let [deny, ask, allow] = [List::Deny, List::Ask, List::Allow].map(|list| self.rules(node, list, &profiles));
        let (cwd_roots, cwd_default) = self.cwd(node)?;
        let variables = self.variables;
        let mut settings = self.keep(node, settings::settings(node, &|text| variables.path(text)))?;
        settings.rate_limits = self.rate_limits(node);
        self.outside_writable(node, "the audit file", &settings.audit.file, &profiles);
        if let Some(key) = &settings.audit.key_file {
            self.outside_writable(node, "the audit key", key, &profiles);
            self.outside_readable(node, key, &profiles);
        }
        let http = self.http(node, profiles.values().map(AsRef::as_ref))?;
        let (mode, default) = choices(node);
        Some(Policy {
            file,
            files: Vec::new(),
            mode,
            default,
            allow,
            ask,
            deny,
            dangerous: node.at("commands.builtin.dangerous").is_none_or(Node::is_true),
            disabled: self.texts(node, "disable").into_iter().collect(),
            assignments: self.assignments(node),
            cwd_roots,
            cwd_default,
            environment,
            path,
            not_searched,
            home: self.variables.home.clone(),
            profiles,
            default_profile,
            settings,
            narrowed: None,
            http,
            digest,
            tests: node.get("tests").map_or_else(Vec::new, |tests| tests.items().to_vec()),
        })
    }

    /// Turns an error into a problem at `node`.
    pub(super) fn keep<T>(&mut self, node: &Node, result: Result<T, String>) -> Option<T> {
        result.map_err(|why| self.problems.push(node.error("wrong-value", why))).ok()
    }

    fn texts(&self, node: &Node, path: &str) -> Vec<String> {
        node.at(path).map_or(&[][..], Node::items).iter().filter_map(Node::text).map(str::to_owned).collect()
    }

    fn unique_ids(&mut self, node: &Node) {
        let mut seen = BTreeSet::new();
        for id in rule_ids(node) {
            if !seen.insert(id) {
                let message = format!("two rules have the id `{id}`");
                let places = super::merge::RULE_LISTS.into_iter().filter_map(|name| node.get("commands")?.get(name));
                let last = places.flat_map(Node::items).rfind(|rule| rule.get("id").and_then(Node::text) == Some(id));
                let advice = "rename one of them, or take the inherited one away with `disable`";
                self.problems.push(last.unwrap_or(node).error("duplicate-id", message).advise(advice));
            }
        }
    }

    /// The directories of PATH that jobs can execute from and cannot write, and the others.
    fn search_path(
        &mut self,
        node: &Node,
        environment: &mut Environment,
        profiles: &BTreeMap<String, Arc<Profile>>,
    ) -> (Vec<AbsPath>, Vec<AbsPath>) {
        let mut dirs: Vec<AbsPath> = Vec::new();
        let mut others = Vec::new();
        for text in environment.path() {
            let Ok(dir) = AbsPath::new(text) else {
                let message = format!("`{text}` in PATH is not absolute and is not searched");
                self.problems.push(node.warning("path-skipped", message));
                continue;
            };
            let Some(real) = self.disk.canonical(&dir) else { continue };
            // What no job could start is not there for it; exec goes on to the next directory just so.
            if !profiles.values().any(|profile| profile.may_execute_below(&real)) {
                continue;
            }
            let writable = |profile: &Arc<Profile>| profile.can_write(&real) || profile.can_write(&dir);
            if profiles.values().any(writable) {
                let message = format!("`{dir}` in PATH can be written by jobs and is not searched");
                let advice = "name programs from there by their path in a rule";
                self.problems.push(node.warning("path-skipped", message).advise(advice));
                others.push(dir);
            } else if !profiles.values().any(|profile| profile.may_execute(&real)) {
                // As a shell goes on to the next directory when it may not execute a file.
                others.push(dir);
            } else if !dirs.contains(&dir) {
                dirs.push(dir);
            }
        }
        let text: Vec<_> = dirs.iter().map(ToString::to_string).collect();
        environment.set_path(text.join(":"));
        (dirs, others)
    }

    fn rules(&mut self, node: &Node, list: List, profiles: &BTreeMap<String, Arc<Profile>>) -> Rules {
        let name = match list {
            List::Allow => "commands.allow",
            List::Ask => "commands.ask",
            List::Deny => "commands.deny",
        };
        let variables = self.variables;
        let profile = |name: &str| profiles.get(name).cloned();
        let path = |text: &str| variables.path(text);
        let around = Surroundings { list, about: &[], profile: &profile, path: &path };
        let mut rules = Vec::new();
        for item in node.at(name).map_or(&[][..], Node::items) {
            match Rule::read(item, &around) {
                Ok(rule) => {
                    self.needs_catalogue(&rule);
                    rules.push(rule);
                }
                Err(problems) => self.problems.extend(problems),
            }
        }
        Rules::new(rules)
    }

    /// `safe` means something only where the catalogue knows the program.
    fn needs_catalogue(&mut self, rule: &Rule) {
        if !matches!(rule.options, Options::Safe) {
            return;
        }
        let names: Vec<&str> = rule.bare_names().into_iter().flatten().collect();
        for name in names {
            let out = "list the options, or write `options: any`";
            if !catalogue::is_known(name) {
                let problem = rule.error(
                    "not-catalogued",
                    format!("the catalogue has no entry for `{name}`, so none of its options is known to be safe"),
                );
                let near = nearest(name, catalogue::names());
                let advice = near.map_or_else(|| out.to_owned(), |near| format!("did you mean `{near}`? else {out}"));
                self.problems.push(problem.advise(advice));
            } else if rule.node.get("subcommands").is_none() && catalogue::has_subcommands(name) {
                debug_assert!(rule.subcommands == Subcommands::Any);
                let problem =
                    rule.error("missing-key", format!("`{name}` has subcommands, and rule `{}` names none", rule.id));
                self.problems.push(problem.advise("write `subcommands: [status, log]` or `subcommands: none`"));
            }
        }
    }

    fn cwd(&mut self, node: &Node) -> Option<(Vec<Directories>, AbsPath)> {
        let mut roots = Vec::new();
        for item in node.at("cwd.roots").map_or(&[][..], Node::items) {
            match self.variables.directories(item.text().unwrap_or(""), self.disk) {
                Ok(found) => roots.push(found),
                Err(why) => self.problems.push(item.error("wrong-root", why)),
            }
        }
        if node.at("cwd.roots").is_none() {
            roots.push(Directories::Below(self.variables.workspace.clone()));
        }
        let default = node.at("cwd.default").and_then(Node::text).unwrap_or("{workspace}");
        let default = self.keep(node, self.variables.path(default))?;
        Some((roots, default))
    }

    fn assignments(&mut self, node: &Node) -> Vec<String> {
        for item in node.at("commands.assignments").map_or(&[][..], Node::items) {
            let name = item.text().unwrap_or("");
            if !name.contains('*') && injects(name) {
                let message = format!("`{name}` can make a program run other code, and no command line may set it");
                self.problems.push(item.error("injection-variable", message).advise("give it a value under `env.set`"));
            }
        }
        self.texts(node, "commands.assignments")
    }
}

fn choices(node: &Node) -> (Mode, super::explain::Verdict) {
    use super::explain::Verdict;
    let mode = match node.at("commands.mode").and_then(Node::text) {
        Some("argv") => Mode::Argv,
        _ => Mode::Shell,
    };
    let default = match node.at("commands.default").and_then(Node::text) {
        Some("allow") => Verdict::Allow,
        Some("ask") => Verdict::Ask,
        _ => Verdict::Deny,
    };
    (mode, default)
}
