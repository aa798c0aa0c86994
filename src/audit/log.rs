//! Writing records.
//!
//! In: what happened. Out: a line on disk before the call returns, or an error after which nothing may start. Several
//! processes write one file: each takes its lock, looks at what the others added, and goes on from there.
//!
//! INVARIANT: a [`Receipt`](super::Receipt) exists only after its decision has been written whole.
//! INVARIANT: a line that could not be written whole is taken off again, by this process or by the next one to write.
//! INVARIANT: what has happened already and cannot be written now is kept, and written before anything else.

use std::collections::VecDeque;
use std::fs::File;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use serde_json::{Map, Value};

use super::chain::{Event, Head};
use super::error::AuditError;
use super::options::{Options, Sync};
use crate::paths::AbsPath;

mod commit;
mod file;
mod keeper;
mod rotate;
mod tail;

use commit::Commit;
pub(super) use rotate::{CLOSED, closed};
use tail::Tail;

/// No record is longer; it bounds what is read back from the end of a log.
const LONGEST_LINE: u64 = 1 << 20;

/// Events that are kept while nothing can be written. Only ends of running jobs come then, and those are few.
const KEPT: usize = 100_000;

/// An open audit log. Clones write to the same one.
#[derive(Debug, Clone)]
pub struct Audit(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    path: AbsPath,
    options: Options,
    log: Mutex<Log>,
    /// Behind a lock of its own: an end must not wait for a disk that hangs.
    kept: Mutex<VecDeque<Event>>,
    commit: Commit,
    keeper: keeper::Keeper,
}

/// The file and what is known of its end.
#[derive(Debug)]
struct Log {
    tail: Tail,
    unsynced: bool,
}

impl Audit {
    /// Opens or creates the log and makes sure that its end can be continued.
    ///
    /// # Errors
    /// [`AuditError`]: the file is a link, belongs to someone else, may be written by others, or is damaged.
    pub fn open(path: &AbsPath, options: Options) -> Result<Self, AuditError> {
        let log = Log { tail: Tail::open(path)?, unsynced: false };
        let shared = Shared {
            path: path.clone(),
            options,
            log: Mutex::new(log),
            kept: Mutex::default(),
            commit: Commit::default(),
            keeper: keeper::Keeper::default(),
        };
        let audit = Self(Arc::new(shared));
        audit.0.with_log(|_, _| Ok(()))?;
        Ok(audit)
    }

    /// Records something beside decisions and ends: server start and stop, policy load.
    ///
    /// # Errors
    /// [`AuditError`].
    pub fn note(&self, kind: &'static str, fields: impl Serialize) -> Result<(), AuditError> {
        self.write(&self.event(kind, &fields)?).map(drop)
    }

    /// Records what has happened already. What cannot be written now is written before anything else, as soon as that is
    /// possible; the error only tells of it.
    ///
    /// # Errors
    /// [`AuditError`]; the record is kept.
    pub fn note_kept(&self, kind: &'static str, fields: impl Serialize) -> Result<(), AuditError> {
        let event = self.event(kind, &fields)?;
        let written = self.write(&event);
        if written.is_err() {
            let mut kept = self.0.kept.lock().unwrap_or_else(PoisonError::into_inner);
            if kept.len() < KEPT {
                kept.push_back(event);
            }
            drop(kept);
            keeper::wake(&self.0);
        }
        written.map(drop)
    }

    /// Waits until the disk has everything that was written.
    ///
    /// # Errors
    /// [`AuditError`].
    pub fn flush(&self) -> Result<(), AuditError> {
        self.0.tidy()
    }

    /// Records that could not be written yet.
    pub fn kept(&self) -> usize {
        self.0.kept.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// The end of the chain as this process last saw it.
    pub fn head(&self) -> Head {
        self.0.log.lock().unwrap_or_else(PoisonError::into_inner).tail.head.clone()
    }

    /// Where the log is.
    pub fn path(&self) -> &AbsPath {
        &self.0.path
    }

    /// Writes one record that something waits for, and returns its number: with [`Sync::Batch`] the disk has it.
    pub(super) fn append(&self, kind: &'static str, fields: &impl Serialize) -> Result<u64, AuditError> {
        let (seq, file) = self.write(&self.event(kind, fields)?)?;
        if self.0.options.sync == Sync::Batch {
            self.0.commit.wait(seq, &file).map_err(|error| self.0.io("write", error))?;
        }
        Ok(seq)
    }

    fn event(&self, kind: &'static str, fields: &impl Serialize) -> Result<Event, AuditError> {
        let fields = match serde_json::to_value(fields) {
            Ok(Value::Object(fields)) => fields,
            Ok(Value::Null) => Map::new(),
            Ok(other) => Map::from_iter([("value".to_owned(), other)]),
            Err(error) => return Err(self.0.io("encode a record for", error.into())),
        };
        Ok(Event { time: (self.0.options.now)(), kind, fields })
    }

    fn write(&self, event: &Event) -> Result<(u64, Arc<File>), AuditError> {
        let written = self.0.with_log(|shared, log| {
            let seq = log.tail.append(shared, event)?;
            if shared.options.sync == Sync::Record {
                log.tail.sync(shared)?;
            }
            log.unsynced = shared.options.sync != Sync::None;
            Ok((seq, Arc::clone(&log.tail.file)))
        })?;
        if matches!(self.0.options.sync, Sync::Interval(_) | Sync::Batch) {
            keeper::wake(&self.0);
        }
        Ok(written)
    }
}

impl Shared {
    /// Runs `work` under the file's lock, on a log that has caught up with the other writers and with what was kept.
    fn with_log<T>(&self, work: impl FnOnce(&Self, &mut Log) -> Result<T, AuditError>) -> Result<T, AuditError> {
        // What is behind the lock is checked against the file before each use, so a panic elsewhere does not matter.
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        let result = log.tail.lock(self).and_then(|()| self.write_kept(&mut log)).and_then(|()| work(self, &mut log));
        // The lock goes with the descriptor too; a failure here can only make others wait until then.
        let unlocked = log.tail.file.unlock().map_err(|error| self.io("unlock", error));
        result.and_then(|value| unlocked.map(|()| value))
    }

    fn write_kept(&self, log: &mut Log) -> Result<(), AuditError> {
        loop {
            let next = self.kept.lock().unwrap_or_else(PoisonError::into_inner).front().cloned();
            let Some(event) = next else { return Ok(()) };
            log.tail.append(self, &event)?;
            log.unsynced = true;
            self.kept.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        }
    }

    /// Writes what was kept, and brings everything to the disk.
    fn tidy(&self) -> Result<(), AuditError> {
        let file = self.with_log(|_, log| Ok(std::mem::take(&mut log.unsynced).then(|| Arc::clone(&log.tail.file))))?;
        // Outside the lock: nobody waits for this disk.
        file.map_or(Ok(()), |file| file.sync_data()).map_err(|error| self.io("write", error))
    }

    fn io(&self, action: &'static str, source: std::io::Error) -> AuditError {
        AuditError::Io { action, path: self.path.clone(), source }
    }
}
