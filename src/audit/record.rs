//! What the records say.
//!
//! In: facts from the engine, secrets already redacted. Out: the fields of a record as JSON.
//!
//! | kind | written | fields |
//! |---|---|---|
//! | `server_start` | the process can judge and record | [`ServerRecord`] |
//! | `server_stop` | all its jobs are gone | `pid`, `reason` |
//! | `policy_load`, `policy_reload` | a policy comes into force, or is refused and the old one stays | [`PolicyRecord`] |
//! | `client_connect` | a client opened a session | [`ClientRecord`] |
//! | `token` | before a client is let in or shut out by `token`; again with `failed` when that did not happen | [`TokenRecord`] |
//! | `asked` | a person is asked; comes before the decision | [`AskRecord`] |
//! | `approval` | the answer, or that nobody could be asked | [`AskRecord`] with `answer` |
//! | `decision` | always, before anything starts | [`DecisionRecord`] |
//! | `start` | the job's first process runs | `job`, `decision_seq` and [`StartRecord`] |
//! | `end` | the job's last process is gone | `job`, `decision_seq`, `outcome`: [`EndRecord`] |
//! | `cut` | a server finds a job whose server died before the history had its end | `job`, `client`, `command` |
//! | `repaired` | a torn last line was taken off | `torn_bytes`, `torn_text` |
//! | `rotated`, `continued` | last record of a closed file; first of the next | `after_seq` |
//! | `pruned` | a closed file is removed by rule | `through_seq`, `through_hash` |

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
    /// `allow`, `deny`, `ask_refused`, `rate_limited`.
    pub decision: String,
    /// Ids of the rules that decided, in the order of the commands; of the limit, for `rate_limited`.
    pub rules: Vec<String>,
    /// Why, in words.
    pub reason: String,
    /// SHA-256 of the policy as compiled.
    pub policy_digest: String,
    /// Its name.
    pub policy_name: String,
    /// The profile that applies.
    pub profile: Option<String>,
    /// What can confine jobs here, and what will not hold although the policy asks for it.
    pub sandbox: serde_json::Value,
}

/// A question to a person, and later the answer.
#[derive(Debug, Clone, Default, Serialize)]
pub struct AskRecord {
    /// The job that may start after a yes.
    pub job: Option<Uuid>,
    /// Who asked for the command.
    pub client: String,
    /// The line, redacted.
    pub command: String,
    /// The rule that asks.
    pub rules: Vec<String>,
    /// Its reason.
    pub reason: String,
    /// SHA-256 of the policy that asks.
    pub policy_digest: String,
    /// `yes`, `no`, `nobody`; absent while the question is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<&'static str>,
}

/// A job runs.
#[derive(Debug, Clone, Default, Serialize)]
pub struct StartRecord {
    /// Its first process, as the server sees it.
    pub pid: i32,
    /// The layers in force for this job, and what is not held although the policy asks for it.
    pub sandbox: Vec<String>,
}

/// A process that judges begins.
#[derive(Debug, Clone, Default, Serialize)]
pub struct ServerRecord {
    /// The process.
    pub pid: u32,
    /// Version of this program.
    pub version: &'static str,
    /// `mcp` or `cli`.
    pub front: String,
    /// What can confine jobs here.
    pub sandbox: serde_json::Value,
}

/// A policy comes into force, or does not.
#[derive(Debug, Clone, Default, Serialize)]
pub struct PolicyRecord {
    /// Whose policy it is, where each client has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// `in_force` or `refused`.
    pub outcome: &'static str,
    /// Its name; of the one that stays, when another was refused.
    pub policy_name: String,
    /// SHA-256 of the policy that holds from here on.
    pub policy_digest: String,
    /// Why the other one was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A client opened a session.
#[derive(Debug, Clone, Default, Serialize)]
pub struct ClientRecord {
    /// Who it is here.
    pub client: String,
    /// What it calls itself.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The protocol version of the session.
    pub protocol: String,
}

/// Who may come in over HTTP changes.
#[derive(Debug, Clone, Default, Serialize)]
pub struct TokenRecord {
    /// `add` or `revoke`.
    pub action: &'static str,
    /// The client.
    pub client: String,
    /// Ids of the entries that go.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<String>,
    /// A new entry is for the key of a certificate.
    pub certificate: bool,
    /// The client's own policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// When a new entry ends, in RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// Why it did not happen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
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
    /// Protected names that changed while it ran, where nothing could hold them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub protected_changed: Vec<String>,
}
