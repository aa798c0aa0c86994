//! Policy files from the disk and from the binary: the only part of `policy` that opens anything.
//!
//! In: an [`Origin`] and [`Variables`]. Out: a [`Policy`] with warnings, or every problem of every file at once.

use std::collections::BTreeSet;
use std::fs;
use std::io;

use sha2::{Digest, Sha256};

use super::compiled::{Policy, Reading};
use super::merge::{inherited, merge, remove_rule, rule_ids};
use super::names::Entry;
use super::prune::prune;
use super::shape::join;
use super::tables::{NOT_ENFORCED, POLICY};
use super::toolchains::Found;
use super::trust;
use super::variables::{Disk, Variables};
use super::yaml::{self, Node};
use super::{catalogue, presets};
use crate::diag::{Problem, Problems, Source, nearest};
use crate::paths::AbsPath;

/// Where a policy comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A preset of the binary, by name.
    Builtin(String),
    /// A file.
    File(AbsPath),
}

/// A policy, and what is worth a look.
#[derive(Debug)]
pub struct Loaded {
    /// The policy.
    pub policy: Policy,
    /// Warnings only.
    pub warnings: Problems,
}

/// Longest chain of files that extend each other.
const MAX_CHAIN: usize = 8;

/// Reads a policy with everything that it extends. A file that another user could change is an error.
///
/// # Errors
/// Every problem that was found.
pub fn load(origin: &Origin, variables: &Variables) -> Result<Loaded, Problems> {
    let loaded = load_as_written(origin, variables)?;
    let distrusted: Vec<_> = loaded.policy.files().iter().filter_map(trust::distrust).collect();
    if distrusted.is_empty() {
        return Ok(loaded);
    }
    let mut problems = loaded.warnings;
    distrusted.into_iter().for_each(|problem| problems.push(problem));
    Err(problems)
}

/// The same, whoever could change the files: what is checked here may be installed elsewhere.
fn load_as_written(origin: &Origin, variables: &Variables) -> Result<Loaded, Problems> {
    match examine(origin, variables) {
        (Some(policy), warnings) if !warnings.has_errors() => Ok(Loaded { policy, warnings }),
        (_, problems) => Err(problems),
    }
}

/// Every problem that can be found, and what is left of the policy without them: to be looked at, never to be used.
pub(super) fn examine(origin: &Origin, variables: &Variables) -> (Option<Policy>, Problems) {
    let disk = RealDisk;
    let variables = match real_variables(variables, &disk) {
        Ok(variables) => variables,
        Err(problem) => return (None, problem.into()),
    };
    let mut gathering = Gathering {
        problems: Problems::default(),
        chain: Vec::new(),
        files: Vec::new(),
        digest: Sha256::new(),
        incomplete: false,
    };
    let node = gathering.gather(origin, None);
    // What a missing file would have said cannot be checked against.
    let Some(node) = node.filter(|_| !gathering.incomplete) else { return (None, gathering.problems) };
    let guard = gathering.files.iter().chain([&variables.state]).cloned().collect();
    let mut reading = Reading {
        variables: &variables,
        disk: &disk,
        guard,
        toolchains: Found::default(),
        linked: Vec::new(),
        problems: gathering.problems,
    };
    let digest = gathering.digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    let file = match origin {
        Origin::File(path) => path.to_string(),
        Origin::Builtin(name) => format!("a file of your own that says `extends: [builtin:{name}]`"),
    };
    let policy = reading.policy(&node, file, digest);
    (policy.map(|policy| Policy { files: gathering.files, ..policy }), reading.problems)
}

/// The variables without symlinks; a workspace that holds more than work is refused.
fn real_variables(variables: &Variables, disk: &dyn Disk) -> Result<Variables, Problem> {
    let workspace = disk.canonical(&variables.workspace).ok_or_else(|| {
        let message = format!("the workspace `{}` does not exist", variables.workspace);
        Problem::error("no-workspace", message).advise("make it, or name another with `--workspace`")
    })?;
    let home = variables.home.as_ref().map(|home| disk.canonical(home).unwrap_or_else(|| home.clone()));
    let holds_home = home.as_ref().is_some_and(|home| home.is_within(&workspace));
    let homes = ["/", "/home", "/root", "/Users"];
    let is_home = workspace.parent().is_some_and(|parent| parent.to_string() == "/home");
    if holds_home || is_home || homes.contains(&workspace.to_string().as_str()) {
        let message = format!("the workspace `{workspace}` is a home directory or holds one");
        return Err(Problem::error("wide-workspace", message).advise("name a project folder with `--workspace`"));
    }
    let state = disk.canonical(&variables.state).unwrap_or_else(|| variables.state.clone());
    Ok(Variables { workspace, home, state, environment: variables.environment.clone() })
}

struct Gathering {
    problems: Problems,
    chain: Vec<Origin>,
    files: Vec<AbsPath>,
    digest: Sha256,
    /// A file that is extended could not be read.
    incomplete: bool,
}

impl Gathering {
    /// One file merged onto those that it extends.
    fn gather(&mut self, origin: &Origin, named: Option<&Node>) -> Option<Node> {
        if self.chain.contains(origin) || self.chain.len() >= MAX_CHAIN {
            self.report(
                named,
                Problem::error("extends-cycle", "policies extend each other in a circle, or too deeply"),
            );
            return None;
        }
        let source = match self.open(origin) {
            Ok(source) => source,
            Err(problem) => {
                self.report(named, problem);
                return None;
            }
        };
        for part in [source.name(), source.text()] {
            self.digest.update((part.len() as u64).to_be_bytes());
            self.digest.update(part);
        }
        let (mut node, mut found) = match yaml::read(&source) {
            Ok(read) => read,
            Err(problem) => {
                self.problems.push(problem);
                return None;
            }
        };
        POLICY.check(&node, "", &mut found);
        not_enforced(&node, &mut found);
        prune(&mut node, &found);
        self.problems.extend(found);
        self.chain.push(origin.clone());
        let base = self.base(&node, origin);
        self.chain.pop();
        Some(match base {
            None => node,
            Some(mut base) => {
                self.disable(&mut base, &node);
                merge(inherited(base), node)
            }
        })
    }

    fn report(&mut self, named: Option<&Node>, mut problem: Problem) {
        if let Some(node) = named {
            problem = problem.at(&node.source, node.span);
        }
        self.problems.push(problem);
    }

    fn open(&mut self, origin: &Origin) -> Result<Source, Problem> {
        match origin {
            Origin::Builtin(name) => {
                let unknown = || {
                    let names = presets().iter().map(|(name, _)| *name);
                    let problem = Problem::error("unknown-preset", format!("there is no preset `{name}`"));
                    match nearest(name, names.clone()) {
                        Some(near) => problem.advise(format!("did you mean `builtin:{near}`?")),
                        None => problem.advise(format!("known are `{}`", names.collect::<Vec<_>>().join("`, `"))),
                    }
                };
                let text = super::show(name).ok_or_else(unknown)?;
                Ok(Source::new(format!("builtin:{name}"), text))
            }
            Origin::File(path) => {
                let text = fs::read_to_string(path).map_err(|error| {
                    let problem = Problem::error("unreadable", format!("cannot read the policy `{path}`: {error}"));
                    problem.advise("name a readable YAML file, or `builtin:workspace`")
                })?;
                self.files.push(path.clone());
                Ok(Source::new(path.to_string(), text))
            }
        }
    }

    /// Everything that `extends` names, left to right.
    fn base(&mut self, node: &Node, origin: &Origin) -> Option<Node> {
        let mut base: Option<Node> = None;
        for item in node.get("extends").map_or(&[][..], Node::items) {
            let name = item.text().unwrap_or("");
            let next = match (name.strip_prefix("builtin:"), origin) {
                (Some(name), _) => Ok(Origin::Builtin(name.to_owned())),
                (None, Origin::File(path)) => {
                    let dir = path.parent().unwrap_or_else(|| path.clone());
                    dir.join(name).map(Origin::File).map_err(|error| error.to_string())
                }
                (None, Origin::Builtin(_)) => Err("a preset extends presets only".to_owned()),
            };
            let found = match next {
                Ok(next) => self.gather(&next, Some(item)),
                Err(why) => {
                    self.problems.push(item.error("wrong-path", why));
                    None
                }
            };
            self.incomplete |= found.is_none();
            base = match (base, found) {
                (Some(base), Some(found)) => Some(merge(base, inherited(found))),
                (base, found) => base.or(found),
            };
        }
        base
    }

    /// Takes away what this file does not want to inherit.
    fn disable(&mut self, base: &mut Node, node: &Node) {
        for item in node.get("disable").map_or(&[][..], Node::items) {
            let id = item.text().unwrap_or("");
            match remove_rule(base, id) {
                Some("deny") => {
                    let message = format!("`{id}` is a deny rule, and no longer holds");
                    self.problems.push(item.warning("disabled-deny", message));
                }
                Some(_) => {}
                None if catalogue::is_dangerous_id(id) => {
                    let message = format!("`{id}` guards against a destructive command, and no longer holds");
                    self.problems.push(item.warning("disabled-deny", message));
                }
                None => {
                    let problem = item.error("unknown-id", format!("no inherited rule has the id `{id}`"));
                    let known: BTreeSet<&str> = rule_ids(base).collect();
                    let near = nearest(id, known).map(|near| format!("did you mean `{near}`?"));
                    self.problems.push(problem.advise(near.unwrap_or_else(|| "remove it".to_owned())));
                }
            }
        }
    }
}

/// Refuses by name what this version cannot hold.
fn not_enforced(node: &Node, problems: &mut Problems) {
    let mut refuse = |at: &Node, prefix: &str| {
        for key in NOT_ENFORCED {
            let (path, value) = key.split_once('=').map_or((*key, None), |(path, value)| (path, Some(value)));
            let found = at.at(path).or_else(|| at.at(path.strip_suffix(".mode")?));
            let Some(found) = found.filter(|found| value.is_none_or(|value| found.text() == Some(value))) else {
                continue;
            };
            let shown = value.map_or_else(String::new, |value| format!(": {value}"));
            let message = format!("`{}{shown}` is not enforced by this version", join(prefix, path));
            problems.push(found.error("not-enforced", message).advise("remove it, so that nobody relies on it"));
        }
    };
    refuse(node, "");
    for entry in node.get("profiles").map_or(&[][..], Node::entries) {
        refuse(&entry.node, &format!("profiles.{}", entry.key));
    }
}

/// The file system.
struct RealDisk;

impl Disk for RealDisk {
    fn names(&self, dir: &AbsPath) -> Vec<String> {
        let entries = fs::read_dir(dir).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.sort();
        names
    }

    fn entries(&self, dir: &AbsPath) -> io::Result<Vec<Entry>> {
        let entry = |entry: io::Result<fs::DirEntry>| {
            let entry = entry?;
            Ok(Entry { name: entry.file_name(), is_dir: entry.file_type()?.is_dir() })
        };
        fs::read_dir(dir)?.map(entry).collect()
    }

    fn canonical(&self, path: &AbsPath) -> Option<AbsPath> {
        AbsPath::new(fs::canonicalize(path).ok()?).ok()
    }

    fn text(&self, path: &AbsPath) -> Option<String> {
        /// Configuration that a person wrote is shorter.
        const LONGEST: u64 = 1 << 20;
        let found = fs::metadata(path).ok().filter(|found| found.is_file() && found.len() <= LONGEST);
        found.and_then(|_| fs::read_to_string(path).ok())
    }
}
