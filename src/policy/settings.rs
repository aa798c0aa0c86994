//! What a policy says to the rest of the program, checked.
//!
//! In: nodes whose shape is known to be right. Out: plain values with defaults filled in. Who acts on them is the
//! engine's matter.

use super::rate_limits::RateLimit;
use super::yaml::Node;
use crate::paths::AbsPath;
use crate::units::{ByteSize, Period};

/// What jobs may reach on the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Network {
    /// Nothing.
    None,
    /// A loopback interface of the job's own.
    Loopback,
    /// Some TCP ports of any host.
    Ports {
        /// Ports that may be connected to.
        connect: Vec<u16>,
        /// May names be looked up, over TCP?
        dns: bool,
    },
    /// Everything.
    Full,
}

/// Resource limits of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Longest run.
    pub wall_time: Period,
    /// Processor time of a process.
    pub cpu_time: Period,
    /// Memory of a process.
    pub memory: ByteSize,
    /// Largest file.
    pub file_size: ByteSize,
    /// Descriptors of a process.
    pub open_files: u64,
    /// Processes.
    pub processes: u64,
    /// Bytes of output.
    pub output: ByteSize,
    /// What happens to a job that prints more.
    pub on_output: OnOutput,
    /// Bytes in the temporary directory of a job.
    pub tmp: ByteSize,
}

impl Limits {
    /// The smaller one of each.
    pub(super) fn narrowest(&self, other: &Self) -> Self {
        Self {
            wall_time: self.wall_time.min(other.wall_time),
            cpu_time: self.cpu_time.min(other.cpu_time),
            memory: self.memory.min(other.memory),
            file_size: self.file_size.min(other.file_size),
            open_files: self.open_files.min(other.open_files),
            processes: self.processes.min(other.processes),
            output: self.output.min(other.output),
            on_output: self.on_output.min(other.on_output),
            tmp: self.tmp.min(other.tmp),
        }
    }
}

/// What happens to a job that prints more than it may; the stricter one is smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum OnOutput {
    /// It is ended.
    End,
    /// It runs on, and what is too much is dropped and counted.
    Drop,
}

/// How many jobs there may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobLimits {
    /// At the same time.
    pub concurrent: u64,
    /// Waiting.
    pub queue: u64,
    /// Ended and remembered.
    pub retain: u64,
    /// How long they are remembered.
    pub retain_for: Period,
    /// Without output and processor time for so long, a running job is called stuck.
    pub stuck_after: Period,
    /// Bytes of each output stream that are kept on disk once they have no room in memory; none when nothing is.
    pub spill: Option<ByteSize>,
}

/// One pattern to mask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedactRule {
    /// Its name.
    pub id: String,
    /// What to mask.
    pub regex: String,
    /// What to show instead.
    pub replace: String,
}

/// What is masked in output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redact {
    /// Well-known kinds of secrets.
    pub builtin: bool,
    /// Values of scrubbed variables.
    pub env_values: bool,
    /// Own patterns.
    pub rules: Vec<RedactRule>,
}

/// Everything that the engine sets up once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The job manager.
    pub jobs: JobLimits,
    /// Rate limits, all of which hold; read in `rate_limits`.
    pub rate_limits: Vec<RateLimit>,
    /// Redaction.
    pub redact: Redact,
    /// The folder for what outlives a server.
    pub state: AbsPath,
    /// The record; one that cannot be written is a denial.
    pub audit: Audit,
}

/// When the disk has a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditSync {
    /// This much later at most.
    Interval(Period),
    /// Before anything starts; records of the same time share the wait.
    Batch,
    /// Before anything starts, each by itself.
    Record,
    /// When the kernel likes.
    None,
}

/// Where copies of records go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Syslog {
    /// The machine's own socket.
    Machine,
    /// This socket.
    Socket(AbsPath),
}

/// How decisions are recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audit {
    /// The log.
    pub file: AbsPath,
    /// When the disk has a record.
    pub sync: AuditSync,
    /// A secret that seals each record.
    pub key_file: Option<AbsPath>,
    /// Begin another file above this size.
    pub rotate_size: Option<ByteSize>,
    /// Begin another file after this time.
    pub rotate_age: Option<Period>,
    /// Closed files that are kept.
    pub keep: Option<u64>,
    /// Where copies go.
    pub syslog: Option<Syslog>,
}

/// A value that `shape` has already parsed once, or the default where it is absent.
fn value<T: std::str::FromStr>(node: &Node, path: &str, default: &str) -> Result<T, T::Err> {
    node.at(path).and_then(Node::text).unwrap_or(default).parse()
}

/// What reading a checked tree can still fail with: nothing, when the tables and the readers agree.
type Read<T> = Result<T, String>;

pub(super) fn number<T: std::str::FromStr<Err: ToString>>(node: &Node, path: &str, default: &str) -> Read<T> {
    read(node, path, default)
}

fn read<T: std::str::FromStr<Err: ToString>>(node: &Node, path: &str, default: &str) -> Read<T> {
    value(node, path, default).map_err(|error: T::Err| format!("`{path}`: {}", error.to_string()))
}

/// A bool that is true unless the file says otherwise.
fn on(node: &Node, path: &str) -> bool {
    node.at(path).is_none_or(Node::is_true)
}

/// The limits of `node`, those of `base` where it has none.
pub(super) fn limits(node: &Node, base: Option<&Limits>) -> Read<Limits> {
    let or = |get: fn(&Limits) -> String, default: &str| base.map_or_else(|| default.to_owned(), get);
    Ok(Limits {
        wall_time: read(node, "limits.wall_time", &or(|limits| limits.wall_time.to_string(), "10m"))?,
        cpu_time: read(node, "limits.cpu_time", &or(|limits| limits.cpu_time.to_string(), "5m"))?,
        memory: read(node, "limits.memory", &or(|limits| limits.memory.to_string(), "2 GiB"))?,
        file_size: read(node, "limits.file_size", &or(|limits| limits.file_size.to_string(), "1 GiB"))?,
        open_files: read(node, "limits.open_files", &or(|limits| limits.open_files.to_string(), "1024"))?,
        processes: read(node, "limits.processes", &or(|limits| limits.processes.to_string(), "256"))?,
        output: read(node, "limits.output", &or(|limits| limits.output.to_string(), "64 MiB"))?,
        on_output: match node.at("limits.on_output").and_then(Node::text) {
            Some("drop") => OnOutput::Drop,
            Some(_) => OnOutput::End,
            None => base.map_or(OnOutput::End, |limits| limits.on_output),
        },
        tmp: read(node, "limits.tmp", &or(|limits| limits.tmp.to_string(), "1 GiB"))?,
    })
}

/// The network of `node`, that of `base` where it has none.
pub(super) fn network(node: &Node, base: Option<&Network>) -> Network {
    let mode = node.at("network.mode").or_else(|| node.get("network")).and_then(Node::text);
    let ports = || node.at("network.connect").map_or(&[][..], Node::items).iter().filter_map(Node::text);
    match mode {
        None => base.cloned().unwrap_or(Network::None),
        Some("full") => Network::Full,
        Some("loopback") => Network::Loopback,
        Some("ports") => Network::Ports {
            connect: ports().filter_map(|port| port.parse().ok()).collect(),
            dns: node.at("network.dns").is_some_and(Node::is_true),
        },
        Some(_) => Network::None,
    }
}

/// The settings of a whole policy.
pub(super) fn settings(node: &Node, path: &dyn Fn(&str) -> Read<AbsPath>) -> Read<Settings> {
    let jobs = JobLimits {
        concurrent: read(node, "jobs.concurrent", "10")?,
        queue: read(node, "jobs.queue", "100")?,
        retain: read(node, "jobs.retain", "100")?,
        retain_for: read(node, "jobs.retain_for", "1h")?,
        stuck_after: read(node, "jobs.stuck_after", "30s")?,
        spill: if on(node, "jobs.spill") { Some(read(node, "jobs.spill_size", "16 MiB")?) } else { None },
    };
    let rules = node.at("redact.rules").map_or(&[][..], Node::items).iter().map(|rule| RedactRule {
        id: text(rule, "id"),
        regex: text(rule, "regex"),
        replace: rule
            .get("replace")
            .and_then(Node::text)
            .map_or_else(|| format!("[{}]", text(rule, "id")), str::to_owned),
    });
    let redact = Redact {
        builtin: on(node, "redact.builtin"),
        env_values: on(node, "redact.env_values"),
        rules: rules.collect(),
    };
    Ok(Settings { jobs, rate_limits: Vec::new(), redact, state: path("{state}")?, audit: audit(node, path)? })
}

/// A value that has no default.
fn optional<T: std::str::FromStr<Err: ToString>>(node: &Node, path: &str) -> Read<Option<T>> {
    node.at(path).and_then(Node::text).map(|_| read(node, path, "")).transpose()
}

fn audit(node: &Node, path: &dyn Fn(&str) -> Read<AbsPath>) -> Read<Audit> {
    let named = |key: &str| node.at(key).and_then(Node::text);
    let interval: Option<Period> = optional(node, "audit.interval")?;
    let sync = match named("audit.sync") {
        Some("batch") => AuditSync::Batch,
        Some("record") => AuditSync::Record,
        Some("none") => AuditSync::None,
        _ => AuditSync::Interval(read(node, "audit.interval", "1s")?),
    };
    if interval.is_some() && !matches!(sync, AuditSync::Interval(_)) {
        return Err("`audit.interval` means something with `sync: interval` alone; remove one of them".into());
    }
    let syslog = match named("audit.syslog") {
        None | Some("false") => None,
        Some("true") => Some(Syslog::Machine),
        Some(socket) => Some(Syslog::Socket(path(socket)?)),
    };
    Ok(Audit {
        file: path(named("audit.file").unwrap_or("{state}/audit.jsonl"))?,
        sync,
        key_file: named("audit.key_file").map(path).transpose()?,
        rotate_size: optional(node, "audit.rotate.size")?,
        rotate_age: optional(node, "audit.rotate.age")?,
        keep: optional(node, "audit.rotate.keep")?,
        syslog,
    })
}

/// The text under a required key.
fn text(node: &Node, key: &str) -> String {
    node.get(key).and_then(Node::text).map_or_else(String::new, str::to_owned)
}
