//! Building an engine from a loaded policy.
//!
//! In: a policy, a launcher, the state folder. Out: an [`Engine`] that can judge, record, confine and start, or a
//! [`StartError`]; then nothing can be started at all.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::sync::{Arc, Mutex, OnceLock};

use tokio_util::task::TaskTracker;

use super::aside::Aside;
use super::ground::{Ground, NotHeld};
use super::law::{InForce, Law};
use super::recording;
use super::reload::Loader;
use super::shared::{Records, Shared};
use super::tmp::TmpBase;
use crate::audit::{Audit, AuditError};
use crate::history::History;
use crate::jobs::{self, Manager};
use crate::launcher::Launcher;
use crate::metrics::{self, Metrics};
use crate::output::RuleError;
use crate::paths::AbsPath;
use crate::policy::{self, Policy};

/// Which front an engine serves; records say so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Front {
    /// An MCP server.
    Mcp,
    /// The command line.
    Cli,
}

impl Front {
    /// The word for it in records.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Mcp => "mcp",
            Self::Cli => "cli",
        }
    }
}

/// Why an engine cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The record cannot be opened, so nothing could be recorded.
    #[error("the audit record cannot be opened: {0}")]
    Audit(#[from] AuditError),
    /// A redaction rule is no regex.
    #[error("a redaction rule cannot be used: {0}")]
    Redaction(#[from] RuleError),
    /// No place for the jobs' temporary files.
    #[error("no temporary directory can be made: {0}; set TMPDIR to a writable one")]
    Tmp(#[source] io::Error),
    /// A profile of the policy needs what nothing holds here.
    #[error("the policy cannot be held here, so nothing was started: {0}; `shellwarden doctor` tells more")]
    NotHeld(#[from] NotHeld),
}

/// Everything a trip needs.
#[derive(Debug)]
pub struct Engine {
    pub(super) law: InForce,
    pub(super) audit: Audit,
    pub(super) jobs: Manager,
    pub(super) tmp: TmpBase,
    pub(super) front: Front,
    pub(super) ground: Ground,
    /// What confines every job here, for records.
    pub(super) sandbox: serde_json::Value,
    /// Set when its end is on record.
    pub(super) stopped: OnceLock<()>,
    /// Held while another policy takes the place of this one.
    pub(super) reloading: Mutex<()>,
    /// Jobs of servers that are gone. One command on the command line has no use for it.
    pub(super) history: Option<Arc<History>>,
    /// Writes its own jobs there, together with those of other engines: one writer waits for no other.
    pub(super) keeper: Option<Arc<History>>,
    /// Ends of jobs on their way there.
    pub(super) endings: TaskTracker,
    /// How its policy is read again.
    pub(super) loader: Option<Loader>,
    /// Where what takes long is computed.
    pub(super) aside: Aside,
    /// Whose engine it is, where each client has one.
    pub(super) whose: Option<String>,
    /// What happened in it alone.
    pub(super) numbers: Arc<Metrics>,
}

impl Engine {
    /// An engine for this policy.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn build(policy: Policy, launcher: Launcher, front: Front) -> Result<Self, StartError> {
        Self::build_among(policy, launcher, front, Shared::default())
    }

    /// An engine for one client of several, which share the limits on the server and the way to its records.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn build_among(policy: Policy, launcher: Launcher, front: Front, shared: Shared) -> Result<Self, StartError> {
        let ground = Ground::new(launcher.support());
        let settings = policy.settings();
        let Records { audit, keeper } = shared.records(settings)?;
        if let Err(why) = ground.check_all(&policy) {
            recording::refused(&audit, &policy, &why)?;
            return Err(why.into());
        }
        let limits = job_limits(&settings.jobs);
        let sandbox = serde_json::json!({ "landlock_abi": launcher.support().landlock_abi().ok(), "isolation": launcher.support().isolation() });
        let law = Law::new(policy, shared)?;
        let jobs = Manager::new(limits, launcher, Arc::clone(&law.judge.redactor));
        let tmp = TmpBase::make().map_err(StartError::Tmp)?;
        let history = (front == Front::Mcp).then(|| Arc::new(recording::history(law.policy().settings(), &audit)));
        let (stopped, reloading) = (OnceLock::new(), Mutex::new(()));
        let engine = Self {
            law: InForce::new(law),
            audit,
            jobs,
            tmp,
            front,
            ground,
            sandbox,
            stopped,
            reloading,
            history,
            keeper: (front == Front::Mcp).then_some(keeper),
            endings: TaskTracker::new(),
            loader: None,
            aside: Aside::default(),
            whose: None,
            numbers: Arc::default(),
        };
        if let Some(mode) = engine.sandbox.get("isolation") {
            engine.count(|numbers| numbers.sandbox(mode.as_str().unwrap_or("none")));
        }
        engine.record_start();
        Ok(engine)
    }

    /// Puts on record that nothing can be started under this policy, when it was found out before an engine was built.
    ///
    /// # Errors
    /// The record cannot be written.
    pub fn record_refusal(policy: &Policy, why: &impl ToString) -> Result<(), AuditError> {
        recording::refused(&recording::open(&policy.settings().audit)?, policy, why)
    }

    /// Opens the log that a policy names, for what an operator does beside the server.
    ///
    /// # Errors
    /// The state folder or the log cannot be made or trusted.
    pub fn record_of(policy: &Policy) -> Result<Audit, AuditError> {
        let settings = policy.settings();
        let failed = |source| AuditError::Open { path: settings.audit.file.clone(), source };
        make_state(&settings.state).map_err(failed)?;
        recording::open(&settings.audit)
    }

    /// The same, with a way to read its policy again; see [`keep_current`](super::keep_current).
    pub fn with_loader(self, loader: Loader) -> Self {
        Self { loader: Some(loader), ..self }
    }

    /// The same, as the engine of this client.
    pub fn of_client(self, client: &str) -> Self {
        Self { whose: Some(client.to_owned()), ..self }
    }

    /// What happened in this engine alone, as Prometheus reads it.
    pub fn numbers(&self) -> String {
        self.numbers.text()
    }

    /// Counts something, for this engine and for the whole process.
    pub(super) fn count(&self, event: impl Fn(&Metrics)) {
        event(metrics::global());
        event(&self.numbers);
    }

    /// Every file that the policy in force was read from.
    pub fn policy_files(&self) -> Vec<AbsPath> {
        self.law.now().policy().files().to_vec()
    }

    /// The policy in a few lines, for whoever asks what holds.
    pub fn policy_summary(&self) -> String {
        let law = self.law.now();
        let policy = law.policy();
        format!(
            "policy: {}\nsha256: {}\ndefault directory: {}\nprograms with a rule: {}\n",
            policy.name(),
            policy.digest(),
            policy.default_cwd(),
            policy.allowed_names().join(" ")
        )
    }

    /// What a model should know before its first call.
    pub fn instructions(&self) -> String {
        let law = self.law.now();
        let policy = law.policy();
        format!(
            "Runs shell commands that the policy `{}` allows, each confined to its sandbox. Commands start in `{}`. \
             A refused command says why; `check_command` tells without running. A command that still runs after \
             the wait is a job: ask for it by job_id.",
            policy.name(),
            policy.default_cwd()
        )
    }
}

fn job_limits(limits: &policy::JobLimits) -> jobs::Limits {
    // More than the semaphores count is as good as no limit on any machine.
    let count = |count: u64| usize::try_from(count).unwrap_or(usize::MAX).min(1 << 20);
    jobs::Limits {
        concurrent: count(limits.concurrent),
        queue: count(limits.queue),
        retain: count(limits.retain),
        retain_for: limits.retain_for.get(),
        stuck_after: limits.stuck_after.get(),
    }
}

/// Makes the state folder, private to this user; one that others may write is refused.
///
/// # Errors
/// It cannot be made, or it is not ours alone.
pub fn make_state(state: &AbsPath) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(state.as_path())?;
    let metadata = std::fs::symlink_metadata(state.as_path())?;
    let ours = metadata.uid() == nix::unistd::geteuid().as_raw() && metadata.mode() & 0o022 == 0;
    if metadata.is_dir() && ours {
        return Ok(());
    }
    Err(io::Error::other("it must be a directory that belongs to this user and that nobody else can write"))
}
