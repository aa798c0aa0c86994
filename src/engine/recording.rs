//! How the policy wants its record written.
//!
//! In: the `audit` part of a policy. Out: an open log, or why nothing could be recorded; and records of the server's own
//! life. Those tell what has happened already: where one cannot be written, it is kept and follows.

use std::io;

use super::{Engine, Front};
use crate::audit::{self, Audit, AuditError, ClientRecord, Forward, Key, PolicyRecord, Rotate, ServerRecord, Sync};
use crate::history::{History, Keep};
use crate::policy::{self, AuditSync, Policy, Syslog};

/// Texts that a client tells of itself are cut at this length.
const LONGEST_NAME: usize = 200;

/// Opens the log that a policy names.
///
/// # Errors
/// [`AuditError`]; nothing may be judged for running then.
pub(super) fn open(settings: &policy::Audit) -> Result<Audit, AuditError> {
    let count = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
    let rotate = Rotate {
        size: settings.rotate_size.map(|size| size.get()),
        age: settings.rotate_age.map(|age| age.get()),
        keep: settings.keep.map(count),
    };
    let sync = match settings.sync {
        AuditSync::Interval(period) => Sync::Interval(period.get()),
        AuditSync::Batch => Sync::Batch,
        AuditSync::Record => Sync::Record,
        AuditSync::None => Sync::None,
    };
    let key = settings.key_file.as_ref().map(Key::read).transpose()?;
    let io = |source: io::Error| AuditError::Io { action: "copy to syslog", path: settings.file.clone(), source };
    let forward = match &settings.syslog {
        None => None,
        Some(Syslog::Machine) => Some(Forward::to(None).map_err(io)?),
        Some(Syslog::Socket(path)) => Some(Forward::to(Some(path.clone())).map_err(io)?),
    };
    Audit::open(&settings.file, audit::Options { sync, key, rotate, forward, ..audit::Options::default() })
}

/// The history that goes with a log: what it finds cut off is put on record.
pub(super) fn history(settings: &policy::Settings, audit: &Audit) -> History {
    let keep = Keep {
        time: settings.jobs.retain_for.get(),
        most: usize::try_from(settings.jobs.retain).unwrap_or(usize::MAX),
    };
    let audit = audit.clone();
    History::new(settings.state.as_path().to_path_buf(), keep, move |row| {
        let facts: serde_json::Value = serde_json::from_str(&row.facts).unwrap_or_default();
        let told = serde_json::json!({ "job": row.id, "client": row.client, "command": facts.get("command") });
        if let Err(error) = audit.note_kept("cut", told) {
            tracing::error!(%error, job = %row.id, "that a job was cut off will be recorded later");
        }
    })
}

impl Engine {
    /// Records that a server can judge now, and by which policy. One command on the command line is no server.
    pub(super) fn record_start(&self) {
        if self.front == Front::Mcp {
            let version = env!("CARGO_PKG_VERSION");
            let (pid, front, sandbox) = (std::process::id(), self.front.name().to_owned(), self.sandbox.clone());
            self.tell("server_start", ServerRecord { pid, version, front, sandbox });
            let law = self.law.now();
            self.tell("policy_load", self.policy_record("in_force", law.policy(), None));
        }
    }

    /// Records that the server is about to end, all jobs gone; once.
    pub(super) fn record_stop(&self) {
        if self.stopped.set(()).is_err() {
            return;
        }
        let stop = serde_json::json!({ "pid": std::process::id() });
        let told = if self.front == Front::Mcp { self.audit.note_kept("server_stop", stop) } else { Ok(()) };
        // What was kept gets its last try here.
        if let Err(error) = self.audit.flush().and(told) {
            match self.audit.kept() {
                0 => tracing::warn!(%error, "the audit log may not be on the disk yet"),
                lost => {
                    tracing::error!(%error, lost, "the last records could not be written; they end with this process")
                }
            }
        }
    }

    /// Records that a client opened a session, in its own words.
    pub fn connected(&self, client: &str, name: &str, version: &str, protocol: &str) {
        let law = self.law.now();
        let short = |text: &str| law.judge.clean(&text.chars().take(LONGEST_NAME).collect::<String>());
        let (name, version, protocol) = (short(name), short(version), short(protocol));
        self.tell("client_connect", ClientRecord { client: client.to_owned(), name, version, protocol });
    }

    /// A policy and what became of it; `refused` names the one that stays.
    pub(super) fn policy_record(&self, outcome: &'static str, policy: &Policy, reason: Option<String>) -> PolicyRecord {
        let (policy_name, policy_digest) = (policy.name().to_owned(), policy.digest().to_owned());
        PolicyRecord { client: self.whose.clone(), outcome, policy_name, policy_digest, reason }
    }

    pub(super) fn tell(&self, kind: &'static str, fields: impl serde::Serialize) {
        if let Err(error) = self.audit.note_kept(kind, fields) {
            tracing::error!(%error, kind, "a record could not be written; it follows when it can be, while this process lives");
        }
    }
}

/// Records that a policy is not in force because this machine cannot hold it.
pub(super) fn refused(audit: &Audit, policy: &Policy, why: &impl ToString) -> Result<(), AuditError> {
    let (policy_name, policy_digest) = (policy.name().to_owned(), policy.digest().to_owned());
    let reason = Some(why.to_string());
    audit.note("policy_load", PolicyRecord { client: None, outcome: "refused", policy_name, policy_digest, reason })
}
