//! One sandbox as a policy describes it.
//!
//! In: roots and names that exist. Out: what a job of this profile may do with a path. What the kernel holds of it, and
//! with which means, is the sandbox's matter.

use super::account::{Require, RunAs};
use super::names::Names;
use super::settings::{Limits, Network};
use super::yaml::Node;
use crate::paths::AbsPath;

/// A place that a sandbox grants.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Root {
    /// A file or directory, symlinks followed.
    Path(AbsPath),
    /// The job's own temporary directory.
    Tmp,
}

/// What happens where the machine cannot hold something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unsupported {
    /// Nothing starts.
    Refuse,
    /// Jobs start; their status and the record say what is not held.
    Warn,
}

/// What happens where the machine cannot hold something, by property.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OnUnsupported {
    /// Names that jobs must not change.
    pub protect: Unsupported,
    /// Names that jobs must not read.
    pub hide: Unsupported,
    /// Mode, times and attributes of files outside the write roots.
    pub metadata: Unsupported,
    /// The size of a job's own temporary directory.
    pub tmp: Unsupported,
    /// Shared memory of the job's own, where the policy lets it write /dev/shm.
    pub shared_memory: Unsupported,
}

impl OnUnsupported {
    /// What `sandbox.on_unsupported` says. Without it, names that cannot be held are a refusal; metadata is told, since
    /// it is held by file permissions everywhere.
    pub(super) fn read(node: &Node) -> Self {
        let said = |key: &str| {
            let text = node.at(&format!("sandbox.on_unsupported.{key}")).and_then(Node::text)?;
            Some(if text == "warn" { Unsupported::Warn } else { Unsupported::Refuse })
        };
        let default = said("default");
        let or = |key: &str, otherwise| said(key).or(default).unwrap_or(otherwise);
        Self {
            protect: or("protect", Unsupported::Refuse),
            hide: or("hide", Unsupported::Refuse),
            metadata: or("metadata", Unsupported::Warn),
            // Limits that hold without being asked for are told, unless the policy insists on them by name.
            tmp: said("tmp").unwrap_or(Unsupported::Warn),
            shared_memory: said("shared_memory").unwrap_or(Unsupported::Warn),
        }
    }
}

/// One sandbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// `default`, or the name under `profiles`.
    pub name: String,
    /// May be read.
    pub read: Vec<Root>,
    /// May be written, and read.
    pub write: Vec<Root>,
    /// May be executed from.
    pub execute: Vec<Root>,
    /// Of these, only the programs of the line itself, and what they need to start.
    pub approved_only: bool,
    /// Cannot be changed, whatever `write` says.
    pub protect: Names,
    /// Cannot be read, whatever else says.
    pub hide: Names,
    /// Folders inside the workspace that are made when they are missing.
    pub create: Vec<AbsPath>,
    /// Who its jobs run as, when that is not the server's own account.
    pub run_as: Option<RunAs>,
    /// The weakest mode that will do, when one is demanded.
    pub require: Option<Require>,
    /// Files and folders of shellwarden itself below a write root; they are protected or nothing starts.
    pub guarded: Vec<AbsPath>,
    /// What happens where names cannot be held.
    pub on_unsupported: OnUnsupported,
    /// Network access.
    pub network: Network,
    /// Limits.
    pub limits: Limits,
}

/// Whether `path` lies under one of `roots`; what lies in the job's own directory has no path yet.
fn under(path: &AbsPath, roots: &[Root]) -> bool {
    roots.iter().any(|root| matches!(root, Root::Path(root) if path.is_within(root)))
}

impl Profile {
    /// May a job read this resolved path?
    pub fn may_read(&self, path: &AbsPath) -> bool {
        (under(path, &self.read) || under(path, &self.write)) && !self.hide.hold(path)
    }

    /// May a job write this resolved path?
    pub fn may_write(&self, path: &AbsPath) -> bool {
        self.can_write(path) && self.kept(path).is_none()
    }

    /// Does this resolved path lie under a write root, protected or not?
    pub fn can_write(&self, path: &AbsPath) -> bool {
        under(path, &self.write)
    }

    /// Why a path below the roots is kept from jobs: it is `hidden` or `protected`.
    pub(super) fn kept(&self, path: &AbsPath) -> Option<&'static str> {
        let guarded = self.guarded.iter().any(|name| path.is_within(name));
        match self.hide.hold(path) {
            true => Some("hidden"),
            false => (guarded || self.protect.hold(path)).then_some("protected"),
        }
    }

    /// May a job execute anything in this resolved directory?
    pub(super) fn may_execute_below(&self, dir: &AbsPath) -> bool {
        let inside = |root: &Root| matches!(root, Root::Path(root) if root.is_within(dir));
        self.may_execute(dir) || self.execute.iter().any(inside)
    }

    /// May a job execute this resolved path?
    pub fn may_execute(&self, path: &AbsPath) -> bool {
        under(path, &self.execute)
    }

    /// The protected names that lie below a write root: the only ones that need more than the roots.
    pub fn protected_names(&self) -> impl Iterator<Item = &AbsPath> {
        self.protect.found().iter().filter(|name| self.can_write(name))
    }

    /// The hidden names that a root would show; what is not there is left out where no job can make it.
    pub fn hidden_names(&self) -> impl Iterator<Item = &AbsPath> {
        let roots = || [&self.read, &self.write, &self.execute];
        let shown = move |name: &AbsPath| {
            let meets = |root: &Root| matches!(root, Root::Path(root) if name.is_within(root) || root.is_within(name));
            roots().into_iter().flatten().any(meets)
        };
        let there = |name: &AbsPath| !self.hide.is_absent(name) || self.can_write(name);
        self.hide.found().iter().filter(move |name| shown(name) && there(name))
    }
}
