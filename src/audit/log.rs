//! Writing records.
//!
//! In: what happened. Out: a line on disk before the call returns, or an error after which nothing may start. Several
//! processes write one file: each takes its lock, looks at what the others added, and goes on from there.
//!
//! INVARIANT: a [`Receipt`] exists only after its decision has been written whole.
//! INVARIANT: a line that could not be written whole is taken off again, by this process or by the next one to write.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::chain::{self, Head};
use super::record::{DecisionRecord, EndRecord};
use crate::paths::AbsPath;

mod file;

/// No record is longer; it bounds what is read back from the end of a log.
const LONGEST_LINE: u64 = 1 << 20;

/// Why there is no record. Nothing may start after any of these.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The file cannot be opened or created.
    #[error(
        "cannot open the audit log `{path}`: {source}; make its folder writable for this user, or set `audit.file`"
    )]
    Open {
        /// The log.
        path: AbsPath,
        /// The cause.
        source: std::io::Error,
    },
    /// Someone else could rewrite it.
    #[error("the audit log `{path}` cannot be trusted: {why}")]
    Untrusted {
        /// The log.
        path: AbsPath,
        /// What is wrong with it, and what to do.
        why: &'static str,
    },
    /// Reading, writing or locking failed.
    #[error("cannot {action} the audit log `{path}`: {source}; free space or mend the disk, then ask again")]
    Io {
        /// What was tried.
        action: &'static str,
        /// The log.
        path: AbsPath,
        /// The cause.
        source: std::io::Error,
    },
    /// Its last record is not one of ours.
    #[error(
        "the audit log `{path}` is damaged at its end: {why}; see `shellwarden audit verify`, move it away and start again"
    )]
    Damaged {
        /// The log.
        path: AbsPath,
        /// What is wrong.
        why: String,
    },
    /// A record above the size that is read back.
    #[error("a record of {bytes} bytes is too long for the audit log; shorten the command")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
}

/// When a record counts as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sync {
    /// When the kernel has it: survives the death of every process here, not a power cut. The default, since
    /// waiting for the disk costs more than launching a command.
    #[default]
    None,
    /// When the disk has it (`fdatasync` for each record).
    Record,
}

/// How a log is written.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// When a record counts as written.
    pub sync: Sync,
    /// The clock; tests stop it.
    pub now: fn() -> Timestamp,
}

impl Default for Options {
    fn default() -> Self {
        Self { sync: Sync::default(), now: Timestamp::now }
    }
}

/// An open audit log. Clones write to the same one.
#[derive(Debug, Clone)]
pub struct Audit(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    path: AbsPath,
    options: Options,
    log: Mutex<Log>,
}

/// The file and what is known of its end.
#[derive(Debug)]
struct Log {
    file: File,
    length: u64,
    head: Head,
}

/// Proof that the decision to run one command is on record. Starting a job consumes it.
#[derive(Debug)]
#[must_use = "a decision on record wants its end on record"]
pub struct Receipt {
    audit: Audit,
    job: Option<Uuid>,
    seq: u64,
}

impl Audit {
    /// Opens or creates the log and makes sure that its end can be continued.
    ///
    /// # Errors
    /// [`AuditError`]: the file is a link, belongs to someone else, may be written by others, or is damaged.
    pub fn open(path: &AbsPath, options: Options) -> Result<Self, AuditError> {
        let file = file::open(path)?;
        let log = Log { file, length: 0, head: Head::default() };
        let audit = Self(Arc::new(Shared { path: path.clone(), options, log: Mutex::new(log) }));
        audit.with_log(|_| Ok(()))?;
        Ok(audit)
    }

    /// Records a decision after which a job may start.
    ///
    /// # Errors
    /// [`AuditError`]; then nothing may start.
    pub fn allowed(&self, record: DecisionRecord) -> Result<Receipt, AuditError> {
        let job = record.job;
        let seq = self.append("decision", &record)?;
        Ok(Receipt { audit: self.clone(), job, seq })
    }

    /// Records a decision after which nothing starts: denied, asked, rate-limited.
    ///
    /// # Errors
    /// [`AuditError`].
    pub fn refused(&self, record: DecisionRecord) -> Result<(), AuditError> {
        self.append("decision", &record).map(drop)
    }

    /// Records something else: server start and stop, policy load.
    ///
    /// # Errors
    /// [`AuditError`].
    pub fn note(&self, kind: &str, fields: Value) -> Result<(), AuditError> {
        let fields = match fields {
            Value::Object(fields) => Value::Object(fields),
            Value::Null => Value::Object(Map::new()),
            other => serde_json::json!({ "value": other }),
        };
        self.append(kind, &fields).map(drop)
    }

    /// The end of the chain as this process last saw it.
    pub fn head(&self) -> Head {
        self.0.log.lock().unwrap_or_else(PoisonError::into_inner).head.clone()
    }

    /// Where the log is.
    pub fn path(&self) -> &AbsPath {
        &self.0.path
    }

    fn append(&self, kind: &str, fields: &impl Serialize) -> Result<u64, AuditError> {
        let fields = match serde_json::to_value(fields) {
            Ok(Value::Object(fields)) => fields,
            Ok(_) => Map::new(),
            Err(error) => return Err(self.io("encode a record for", error.into())),
        };
        self.with_log(|log| log.append(self, kind, fields))
    }

    /// Runs `work` under the file's lock, on a log that has caught up with the other writers.
    fn with_log<T>(&self, work: impl FnOnce(&mut Log) -> Result<T, AuditError>) -> Result<T, AuditError> {
        // What is behind the lock is checked against the file before each use, so a panic elsewhere does not matter.
        let mut log = self.0.log.lock().unwrap_or_else(PoisonError::into_inner);
        file::is_still_at(&log.file, &self.0.path)?;
        log.file.lock().map_err(|error| self.io("lock", error))?;
        let result = log.catch_up(self).and_then(|()| work(&mut log));
        // The lock goes with the descriptor too; a failure here can only make others wait until then.
        let unlocked = log.file.unlock().map_err(|error| self.io("unlock", error));
        result.and_then(|value| unlocked.map(|()| value))
    }

    fn io(&self, action: &'static str, source: std::io::Error) -> AuditError {
        AuditError::Io { action, path: self.0.path.clone(), source }
    }
}

impl Receipt {
    /// The job that the decision was about.
    pub fn job(&self) -> Option<Uuid> {
        self.job
    }

    /// Records the end of the job.
    ///
    /// # Errors
    /// [`AuditError`]; the decision itself stays on record.
    pub fn ended(self, end: EndRecord) -> Result<(), AuditError> {
        /// An end names its job and the record that allowed it.
        #[derive(Serialize)]
        struct End {
            job: Option<Uuid>,
            decision_seq: u64,
            outcome: EndRecord,
        }
        let end = End { job: self.job, decision_seq: self.seq, outcome: end };
        self.audit.append("end", &end).map(drop)
    }
}

impl Log {
    /// Looks at what other processes wrote since, and takes off a line that one of them left unfinished.
    fn catch_up(&mut self, audit: &Audit) -> Result<(), AuditError> {
        let length = self.file.metadata().map_err(|error| audit.io("read", error))?.len();
        if length == self.length {
            return Ok(());
        }
        if length < self.length {
            let why = "it is shorter than it was".to_owned();
            return Err(AuditError::Damaged { path: audit.0.path.clone(), why });
        }
        let from = self.length.max(length.saturating_sub(2 * LONGEST_LINE));
        let mut tail = Vec::new();
        self.file.seek(SeekFrom::Start(from)).map_err(|error| audit.io("read", error))?;
        (&self.file).take(length - from).read_to_end(&mut tail).map_err(|error| audit.io("read", error))?;
        let whole = memchr::memrchr(b'\n', &tail).map_or(0, |at| at + 1);
        let (lines, torn) = tail.split_at(whole);
        if let Some(last) = lines.strip_suffix(b"\n").and_then(|lines| lines.rsplit(|byte| *byte == b'\n').next()) {
            let parsed = std::str::from_utf8(last).map_err(|error| error.to_string()).and_then(chain::parse);
            let (_, head) = parsed.map_err(|why| AuditError::Damaged { path: audit.0.path.clone(), why })?;
            self.head = head;
        } else if from > self.length {
            let why = "its last line is longer than any record".to_owned();
            return Err(AuditError::Damaged { path: audit.0.path.clone(), why });
        }
        self.length = from + lines.len() as u64;
        if torn.is_empty() { Ok(()) } else { self.repair(audit, torn) }
    }

    /// Takes the torn end off and says so in the next record.
    fn repair(&mut self, audit: &Audit, torn: &[u8]) -> Result<(), AuditError> {
        self.file.set_len(self.length).map_err(|error| audit.io("repair", error))?;
        let mut fields = Map::new();
        fields.insert("torn_bytes".into(), torn.len().into());
        fields.insert("torn_text".into(), String::from_utf8_lossy(torn).into());
        self.append(audit, "repaired", fields).map(drop)
    }

    fn append(&mut self, audit: &Audit, kind: &str, fields: Map<String, Value>) -> Result<u64, AuditError> {
        let (line, head) = chain::link(&self.head, (audit.0.options.now)(), kind, fields);
        if line.len() as u64 > LONGEST_LINE {
            return Err(AuditError::TooLong { bytes: line.len() });
        }
        let synced = match audit.0.options.sync {
            Sync::Record => self.file.write_all(line.as_bytes()).and_then(|()| self.file.sync_data()),
            Sync::None => self.file.write_all(line.as_bytes()),
        };
        if let Err(error) = synced {
            // When this fails as well, the torn line stays and the next writer takes it off.
            let _ = self.file.set_len(self.length);
            return Err(audit.io("write", error));
        }
        self.length += line.len() as u64;
        self.head = head;
        Ok(self.head.seq)
    }
}
