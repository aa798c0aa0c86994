//! What a profile of the policy becomes on this machine, and whether the machine can hold it.
//!
//! In: a profile, and what the kernel gives to this account. Out: the [`Confinement`] that its jobs share, or what cannot
//! be held although the policy needs it. `doctor`, the start of an engine and every job ask here, so they agree.

use std::env;
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::{account, create, siblings};
use crate::paths::AbsPath;
use crate::policy::{self, Policy, Profile, Require, Root, Unsupported};
use crate::sandbox::{
    self, Confinement, InForce, Isolation, Network, RunAs, SandboxError, SandboxSpec, SpecError, Support,
};

/// Why a profile cannot be put in force.
#[derive(Debug, thiserror::Error)]
pub enum NotHeld {
    /// A property that it needs is held by nothing here.
    #[error("profile `{profile}`: {source}")]
    Sandbox {
        /// Its name.
        profile: String,
        /// What is missing.
        source: SandboxError,
    },
    /// Files outside the write roots can be changed in ways that Landlock does not see.
    #[error(
        "mode, times and attributes of files outside the write roots cannot be held here, because this account may not \
         mount; allow user namespaces, or set `sandbox.on_unsupported.metadata` to `warn`"
    )]
    Metadata,
    /// A place of the job's own takes a mount.
    #[error(
        "{what} cannot be held here, because this account may not mount; allow user namespaces, or set \
         `sandbox.on_unsupported.{key}` to `warn`"
    )]
    Own {
        /// What it is.
        what: &'static str,
        /// Where the policy may let go of it.
        key: &'static str,
    },
    /// The account of its jobs is not known here.
    #[error("{0}")]
    Account(String),
    /// A folder that the policy lists under `create` cannot be made.
    #[error("cannot make `{path}`: {source}; nothing is made behind a symlink")]
    Create {
        /// The folder.
        path: AbsPath,
        /// The kernel's answer.
        source: io::Error,
    },
    /// A trial job lacks its program or its directory.
    #[error("a trial job cannot be made: {source}")]
    Trial {
        /// The kernel's answer.
        source: io::Error,
    },
    /// The grants cannot be sent.
    #[error(transparent)]
    Spec(#[from] SpecError),
}

/// What holds jobs here.
#[derive(Debug, Clone)]
pub struct Ground {
    support: Support,
    /// This program, whose file no job may change.
    binary: Option<AbsPath>,
}

impl Ground {
    /// What this kernel and account give.
    pub fn new(support: &Support) -> Self {
        let binary = env::current_exe().ok().and_then(|path| AbsPath::new(path.canonicalize().ok()?).ok());
        Self { support: support.clone(), binary }
    }

    /// Can jobs have a view of the file system of their own?
    pub(super) fn mounts(&self) -> bool {
        self.support.mounts().is_ok()
    }

    /// The file of this program, when jobs of this profile may write where it lies.
    pub fn exposed_binary(&self, profile: &Profile) -> Option<&AbsPath> {
        self.binary.as_ref().filter(|binary| profile.can_write(binary))
    }

    /// Can jobs of this policy start here?
    ///
    /// # Errors
    /// What some profile needs and nothing holds.
    pub(super) fn check_all(&self, policy: &Policy) -> Result<(), NotHeld> {
        policy.profiles().values().try_for_each(|profile| self.check(profile))
    }

    /// Can jobs of this profile start here?
    ///
    /// # Errors
    /// What the policy needs and nothing holds.
    pub fn check(&self, profile: &Profile) -> Result<(), NotHeld> {
        let named = |source| NotHeld::Sandbox { profile: profile.name.clone(), source };
        self.support.check().map_err(named)?;
        let mounts = self.support.mounts().is_ok();
        if profile.on_unsupported.metadata == Unsupported::Refuse && !mounts {
            return Err(NotHeld::Metadata);
        }
        let shares = || profile.write.iter().any(|root| matches!(root, Root::Path(path) if is_shared_memory(path)));
        match (mounts, profile.on_unsupported.tmp, profile.on_unsupported.shared_memory) {
            (false, Unsupported::Refuse, _) => return Err(NotHeld::Own { what: "the size of tmp", key: "tmp" }),
            (false, _, Unsupported::Refuse) if shares() => {
                return Err(NotHeld::Own { what: "a /dev/shm of the job's own", key: "shared_memory" });
            }
            _ => {}
        }
        let confinement = self.confinement(profile)?;
        self.support.check_profile(&confinement).map_err(named)?;
        self.user(profile)?.map_or(Ok(()), |user| self.support.check_run_as(&user).map_err(named))
    }

    /// Who jobs of this profile run as, when that is not the server's own account.
    ///
    /// # Errors
    /// The policy names an account that is not here.
    pub(super) fn user(&self, profile: &Profile) -> Result<Option<RunAs>, NotHeld> {
        profile.run_as.as_ref().map(account::resolve).transpose().map_err(NotHeld::Account)
    }

    /// Makes the folders that the policy lists for jobs of this profile.
    pub(super) fn make_folders(&self, profile: &Profile, user: Option<&RunAs>) -> Result<(), NotHeld> {
        let owner = user.map(|user| (user.uid, user.gid));
        let made = |path: &AbsPath| {
            create::folder(path, owner).map_err(|source| NotHeld::Create { path: path.clone(), source })
        };
        profile.create.iter().try_for_each(made)
    }

    /// Why jobs of this profile cannot write some of its write roots, although the policy lets them.
    ///
    /// # Errors
    /// The policy names an account that is not here.
    pub fn obstacles(&self, profile: &Profile) -> Result<Vec<String>, NotHeld> {
        let account = self.user(profile)?.unwrap_or_else(account::own);
        let roots = profile.write.iter().filter_map(|root| match root {
            Root::Path(path) => Some(path),
            Root::Tmp => None,
        });
        Ok(roots.filter_map(|root| account::obstacle(&account, root)).collect())
    }

    /// What all jobs of a profile share.
    ///
    /// # Errors
    /// [`SpecError`].
    pub fn confinement(&self, profile: &Profile) -> Result<Arc<Confinement>, SpecError> {
        // The job's own directory is granted per job, never in what jobs share.
        let paths = |roots: &[Root]| -> Vec<AbsPath> {
            let path = |root: &Root| match root {
                Root::Path(path) => Some(path.clone()),
                Root::Tmp => None,
            };
            roots.iter().filter_map(path).collect()
        };
        let mounts = self.support.mounts().is_ok();
        // Where nothing can be mounted, `doctor` tells of a binary that jobs could replace.
        let binary = self.exposed_binary(profile).filter(|_| mounts);
        let protect = profile.protected_names().chain(&profile.guarded).chain(binary).cloned();
        let mut roots = [paths(&profile.read), paths(&profile.execute)];
        let (fixed, mut hide): (Vec<AbsPath>, Vec<AbsPath>) =
            profile.hidden_names().cloned().partition(|name| !mounts && !profile.can_write(name));
        match roots.each_ref().map(|roots| siblings::without(roots, &fixed)) {
            [Some(read), Some(execute)] => roots = [read, execute],
            _ => hide.extend(fixed),
        }
        let unsupported = unsupported(profile, !hide.is_empty());
        // Where the job may mount it has one of its own.
        let shared = |root: &AbsPath| mounts && is_shared_memory(root);
        let write = paths(&profile.write).into_iter().filter(|root| !shared(root));
        let [read, execute] = roots;
        let builder = match profile.require {
            None => Confinement::builder(),
            Some(Require::Namespaces) => Confinement::builder().at_least(Isolation::PidNamespace),
            Some(Require::Mounts) => Confinement::builder().at_least(Isolation::MountNamespace),
        };
        builder
            .read(read)
            .execute(execute)
            .write(write)
            .protect(protect)
            .hide(hide)
            .unsupported(unsupported)
            .network(network(profile))
            .build()
    }

    /// Protected names that nothing holds here, so that changes of them are told at least.
    pub(super) fn watched(&self, spec: &SandboxSpec) -> Vec<AbsPath> {
        if self.mounts() { Vec::new() } else { spec.confinement().protect().to_vec() }
    }

    /// What will not hold a job although its policy asks for it, for the record.
    pub(super) fn unheld(&self, spec: &SandboxSpec) -> Vec<String> {
        let unheld = InForce::of(spec, &self.support).unheld;
        unheld.into_iter().map(|unheld| format!("{} ({})", unheld.what, unheld.why)).collect()
    }
}

/// Names are held or nothing starts, unless the policy lets go of all of them; its own files it never lets go of.
fn unsupported(profile: &Profile, hides: bool) -> sandbox::Unsupported {
    let on = profile.on_unsupported;
    let protect = on.protect == Unsupported::Refuse && profile.protected_names().next().is_some();
    let hide = on.hide == Unsupported::Refuse && hides;
    match protect || hide || !profile.guarded.is_empty() {
        true => sandbox::Unsupported::Refuse,
        false => sandbox::Unsupported::Warn,
    }
}

fn is_shared_memory(root: &AbsPath) -> bool {
    root.as_path() == Path::new(sandbox::SHARED_MEMORY)
}

fn network(profile: &Profile) -> Network {
    match &profile.network {
        policy::Network::None => Network::None,
        policy::Network::Loopback => Network::Loopback,
        policy::Network::Ports { connect, dns } => Network::Ports { connect: connect.clone(), dns: *dns },
        policy::Network::Full => Network::Full,
    }
}
