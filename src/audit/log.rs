//! Writing records.
//!
//! In: what happened. Out: a line on disk before the call returns, or an error after which nothing may start. Several
//! processes write one file: each takes its lock, looks at what the others added, and goes on from there.
//!
//! INVARIANT: a [`Receipt`](super::Receipt) exists only after its decision has been written whole.
//! INVARIANT: a line that could not be written whole is taken off again, by this process or by the next one to write.
//! INVARIANT: what has happened already and cannot be written now is kept, and written before anything else.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;

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

/// With [`Sync::Batch`], so many records at most are not known to be on the disk when a call returns.
const BATCH: u64 = 512;

/// How long the end of a process waits for whoever takes copies.
const DRAIN: Duration = Duration::from_millis(200);

/// Events that are kept while nothing can be written. Only ends of running jobs come then, and those are few.
const KEPT: usize = 100_000;

/// An open audit log. Clones write to the same one.
#[derive(Debug, Clone)]
pub struct Audit(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    path: AbsPath,
    options: Options,
    /// The file and what is known of its end.
    tail: Mutex<Tail>,
    /// Behind a lock of its own: an end must not wait for a disk that hangs.
    kept: Mutex<VecDeque<Event>>,
    commit: Commit,
    keeper: keeper::Keeper,
}

impl Audit {
    /// Opens or creates the log and makes sure that its end can be continued.
    ///
    /// # Errors
    /// [`AuditError`]: the file is a link, belongs to someone else, may be written by others, or is damaged.
    pub fn open(path: &AbsPath, options: Options) -> Result<Self, AuditError> {
        let tail = Mutex::new(Tail::open(path)?);
        let shared = Shared {
            path: path.clone(),
            options,
            tail,
            kept: Mutex::default(),
            commit: Commit::default(),
            keeper: keeper::Keeper::default(),
        };
        let audit = Self(Arc::new(shared));
        let before = audit.0.with_log(|_, tail| Ok(tail.head.seq))?;
        audit.0.commit.begin(before);
        Ok(audit)
    }

    /// Records something beside decisions and ends: server start and stop, policy load.
    ///
    /// # Errors
    /// [`AuditError`].
    pub fn note(&self, kind: &'static str, fields: impl Serialize) -> Result<(), AuditError> {
        self.append(kind, &fields).map(drop)
    }

    /// Records what has happened already. What cannot be written now is written before anything else, as soon as that is
    /// possible; the error only tells of it.
    ///
    /// # Errors
    /// [`AuditError`]; the record is kept, or written and not known to be on the disk.
    pub fn note_kept(&self, kind: &'static str, fields: impl Serialize) -> Result<(), AuditError> {
        let event = tail::event(&self.0, kind, fields)?;
        match self.write(&event) {
            Ok(seq) => self.settle(seq),
            Err(error) => {
                let mut kept = self.0.kept();
                if kept.len() < KEPT {
                    kept.push_back(event);
                }
                drop(kept);
                keeper::wake(&self.0);
                Err(error)
            }
        }
    }

    /// Waits until the disk has everything that was written, and a little for whoever takes copies.
    ///
    /// # Errors
    /// [`AuditError`].
    pub fn flush(&self) -> Result<(), AuditError> {
        let tidied = self.0.tidy();
        if let Some(forward) = &self.0.options.forward {
            forward.drain(DRAIN);
        }
        tidied
    }

    /// Records that could not be written yet.
    pub fn kept(&self) -> usize {
        self.0.kept().len()
    }

    /// The end of the chain as this process last saw it.
    pub fn head(&self) -> Head {
        self.0.tail.lock().unwrap_or_else(PoisonError::into_inner).head.clone()
    }

    /// Where the log is.
    pub fn path(&self) -> &AbsPath {
        &self.0.path
    }

    /// Writes one record that something waits for, and returns its number.
    pub(super) fn append(&self, kind: &'static str, fields: &impl Serialize) -> Result<u64, AuditError> {
        let seq = self.write(&tail::event(&self.0, kind, fields)?)?;
        self.settle(seq).map(|()| seq)
    }

    fn write(&self, event: &Event) -> Result<u64, AuditError> {
        let seq = self.0.with_log(|shared, tail| shared.add(tail, event))?;
        if matches!(self.0.options.sync, Sync::Interval(_) | Sync::Batch) {
            keeper::wake(&self.0);
        }
        Ok(seq)
    }

    /// Waits for as much of the disk as a record of this number has to.
    fn settle(&self, seq: u64) -> Result<(), AuditError> {
        let through = match self.0.options.sync {
            Sync::None | Sync::Interval(_) => return Ok(()),
            Sync::Batch => seq.saturating_sub(BATCH),
            Sync::Record => seq,
        };
        // Outside the lock: whoever writes meanwhile shares the next round.
        self.0.commit.wait(through).map_err(|error| self.0.io("write", error))
    }
}

impl Shared {
    /// Runs `work` under the file's lock, on a log that has caught up with the other writers and with what was kept.
    fn with_log<T>(&self, work: impl FnOnce(&Self, &mut Tail) -> Result<T, AuditError>) -> Result<T, AuditError> {
        // What is behind the lock is checked against the file before each use, so a panic elsewhere does not matter.
        let mut tail = self.tail.lock().unwrap_or_else(PoisonError::into_inner);
        let result = tail.lock(self).and_then(|()| self.write_kept(&mut tail)).and_then(|()| work(self, &mut tail));
        // The lock goes with the descriptor too; a failure here can only make others wait until then.
        let unlocked = tail.file.unlock().map_err(|error| self.io("unlock", error));
        result.and_then(|value| unlocked.map(|()| value))
    }

    fn add(&self, tail: &mut Tail, event: &Event) -> Result<u64, AuditError> {
        let seq = tail.append(self, event)?;
        if self.options.sync != Sync::None {
            self.commit.written(seq, &tail.file);
        }
        Ok(seq)
    }

    fn write_kept(&self, tail: &mut Tail) -> Result<(), AuditError> {
        loop {
            let next = self.kept().front().cloned();
            let Some(event) = next else { return Ok(()) };
            self.add(tail, &event)?;
            self.kept().pop_front();
        }
    }

    /// Each entry is put or taken whole, so a panic leaves none half there.
    fn kept(&self) -> MutexGuard<'_, VecDeque<Event>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Is nothing left to do behind the writers' backs?
    fn is_tidy(&self) -> bool {
        self.kept().is_empty() && self.commit.is_idle()
    }

    /// Writes what was kept, and brings everything to the disk.
    fn tidy(&self) -> Result<(), AuditError> {
        if self.kept().is_empty() { Ok(()) } else { self.with_log(|_, _| Ok(())) }?;
        // Outside the lock: nobody waits for this disk.
        self.commit.all().map_err(|error| self.io("write", error))
    }

    fn io(&self, action: &'static str, source: std::io::Error) -> AuditError {
        AuditError::Io { action, path: self.path.clone(), source }
    }
}
