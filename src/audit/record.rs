//! What the records say.
//!
//! In: facts from the engine, secrets already redacted. Out: the fields of a record as JSON. Kinds: `decision`
//! ([`DecisionRecord`]), `end` ([`EndRecord`]), `repaired` (a torn last line was taken off), and whatever
//! [`Audit::note`](super::Audit::note) is given: server start and stop, policy load.

use std::collections::BTreeMap;

use serde::Serialize;
use uuid::Uuid;

/// One answer to one request.
#[derive(Debug, Clone, Default, Serialize)]
pub struct DecisionRecord {
    /// The job that may start now; none when nothing will.
    pub job: Option<Uuid>,
    /// Who asked.
    pub client: String,
    /// `mcp` or `cli`.
    pub front: String,
    /// The line as it came, redacted.
    pub command: String,
    /// Where it was to run.
    pub cwd: String,
    /// `allow`, `ask`, `deny`, `rate_limited`, …
    pub decision: String,
    /// Ids of the rules that decided, in the order of the commands.
    pub rules: Vec<String>,
    /// Why, in words.
    pub reason: String,
    /// SHA-256 of the policy as compiled.
    pub policy_digest: String,
    /// Its name.
    pub policy_name: String,
    /// The profile that applies.
    pub profile: Option<String>,
    /// What confines the job: layers and their strength.
    pub sandbox: serde_json::Value,
}

/// What became of a job.
#[derive(Debug, Clone, Default, Serialize)]
pub struct EndRecord {
    /// `completed`, `failed`, `killed`, `timed_out`, `limited`, `not_started`.
    pub state: String,
    /// The exit code, when it exited.
    pub exit: Option<i32>,
    /// The signal, when one ended it.
    pub signal: Option<i32>,
    /// Wall time in milliseconds.
    pub wall_ms: u64,
    /// CPU time in milliseconds.
    pub cpu_ms: u64,
    /// Peak memory in bytes.
    pub memory: u64,
    /// Bytes of standard output.
    pub stdout_bytes: u64,
    /// Bytes of standard error.
    pub stderr_bytes: u64,
    /// The limit that ended it.
    pub limit: Option<String>,
    /// How often each redaction rule fired; values never.
    pub redactions: BTreeMap<String, u64>,
    /// Why it could not start or be followed, redacted.
    pub error: Option<String>,
}
