//! What all jobs of one policy profile share: the trees they may touch and the network they have.
//!
//! In: absolute paths and a network mode. Out: a [`Confinement`] that no longer changes. Whether a path should be in
//! it was the policy's decision; the kernel objects are made by the helper.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::spec::SpecError;
use super::support::Isolation;
use super::wire;
use crate::paths::AbsPath;

/// What a job can reach over the network.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Network {
    /// Nothing: no socket can be made (pairs that are connected to each other can).
    #[default]
    None,
    /// A loopback interface of its own, which no other job and no service of the machine is on. Needs namespaces.
    Loopback,
    /// TCP connections to some ports of any host. Needs Landlock ABI 4.
    Ports {
        /// Ports that may be connected to.
        connect: Vec<u16>,
        /// May names be resolved? Only over TCP (port 53), since no UDP leaves: the environment needs
        /// `RES_OPTIONS=use-vc`.
        dns: bool,
    },
    /// Everything that the machine can reach over TCP and UDP.
    Full,
}

/// What happens to a job when nothing on this machine can hold one of its `protect` and `hide` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Unsupported {
    /// It does not start.
    #[default]
    Refuse,
    /// It starts, and its status and the audit record say what is not held.
    Warn,
}

/// The trees as they travel to the helper.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Grants {
    #[serde(with = "wire::paths")]
    pub(crate) read: Vec<AbsPath>,
    #[serde(with = "wire::paths")]
    pub(crate) execute: Vec<AbsPath>,
    #[serde(with = "wire::paths")]
    pub(crate) write: Vec<AbsPath>,
    #[serde(with = "wire::paths")]
    pub(crate) protect: Vec<AbsPath>,
    #[serde(with = "wire::paths")]
    pub(crate) hide: Vec<AbsPath>,
    pub(crate) unsupported: Unsupported,
    pub(crate) network: Network,
    /// The weakest way to keep the processes of a job together that will do.
    pub(crate) at_least: Option<Isolation>,
}

/// What all jobs of one profile may touch. Cheap to share; the helper keeps the kernel's side of it.
#[derive(Debug, PartialEq, Eq)]
pub struct Confinement {
    grants: Grants,
    /// The grants in wire form, which is also the name under which the helper keeps what it made of them.
    encoded: Vec<u8>,
}

/// Collects a [`Confinement`].
#[derive(Debug, Default)]
pub struct ConfinementBuilder {
    grants: Grants,
}

impl Confinement {
    /// Nothing granted yet but /dev/null, zero, full, random and urandom, which always are.
    pub fn builder() -> ConfinementBuilder {
        ConfinementBuilder::default()
    }

    /// Files and trees that may be read and listed.
    pub fn read(&self) -> &[AbsPath] {
        &self.grants.read
    }

    /// Files and trees that may be read and executed.
    pub fn execute(&self) -> &[AbsPath] {
        &self.grants.execute
    }

    /// Files and trees that may be changed.
    pub fn write(&self) -> &[AbsPath] {
        &self.grants.write
    }

    /// Names below a write root that cannot be changed.
    pub fn protect(&self) -> &[AbsPath] {
        &self.grants.protect
    }

    /// Names that are empty to the job.
    pub fn hide(&self) -> &[AbsPath] {
        &self.grants.hide
    }

    /// What happens where `protect` and `hide` cannot be held.
    pub fn unsupported(&self) -> Unsupported {
        self.grants.unsupported
    }

    /// The network.
    pub fn network(&self) -> &Network {
        &self.grants.network
    }

    /// The weakest isolation that its jobs may have, when one is demanded.
    pub fn at_least(&self) -> Option<Isolation> {
        self.grants.at_least
    }

    /// The form that the helper receives and remembers.
    pub(crate) fn encoded(&self) -> &[u8] {
        &self.encoded
    }
}

impl ConfinementBuilder {
    /// Lets these files and trees be read and listed.
    #[must_use]
    pub fn read(mut self, paths: impl IntoIterator<Item = AbsPath>) -> Self {
        self.grants.read.extend(paths);
        self
    }

    /// Lets these files and trees be read and executed.
    #[must_use]
    pub fn execute(mut self, paths: impl IntoIterator<Item = AbsPath>) -> Self {
        self.grants.execute.extend(paths);
        self
    }

    /// Lets these files and trees be read, written, created, removed and renamed; not executed.
    #[must_use]
    pub fn write(mut self, paths: impl IntoIterator<Item = AbsPath>) -> Self {
        self.grants.write.extend(paths);
        self
    }

    /// Keeps these names from being changed, renamed or removed although they lie below a write root. Needs mounts.
    #[must_use]
    pub fn protect(mut self, paths: impl IntoIterator<Item = AbsPath>) -> Self {
        self.grants.protect.extend(paths);
        self
    }

    /// Makes these files and directories empty to the job. Needs mounts where they lie below a granted tree.
    #[must_use]
    pub fn hide(mut self, paths: impl IntoIterator<Item = AbsPath>) -> Self {
        self.grants.hide.extend(paths);
        self
    }

    /// Says what happens where `protect` and `hide` cannot be held; without it the job is refused.
    #[must_use]
    pub fn unsupported(mut self, unsupported: Unsupported) -> Self {
        self.grants.unsupported = unsupported;
        self
    }

    /// Sets the network; without it there is none.
    #[must_use]
    pub fn network(mut self, network: Network) -> Self {
        self.grants.network = network;
        self
    }

    /// Demands this isolation or a stronger one; where the machine does not give it, jobs are refused.
    #[must_use]
    pub fn at_least(mut self, isolation: Isolation) -> Self {
        self.grants.at_least = Some(isolation);
        self
    }

    /// Checks the whole.
    ///
    /// # Errors
    /// [`SpecError::Encode`] when it cannot travel.
    pub fn build(mut self) -> Result<Arc<Confinement>, SpecError> {
        let Grants { read, execute, write, protect, hide, .. } = &mut self.grants;
        for list in [read, execute, write, protect, hide] {
            list.sort();
            list.dedup();
        }
        let encoded = postcard::to_stdvec(&self.grants).map_err(SpecError::Encode)?;
        Ok(Arc::new(Confinement { grants: self.grants, encoded }))
    }
}
