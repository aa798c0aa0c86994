//! The end of a log, where lines are added.
//!
//! In: events, under the file's lock. Out: whole lines, or the file as it was before. What other processes wrote since is
//! read first; a line that one of them left unfinished is taken off, and the next record says so.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;

use super::super::chain::{self, Event, Head, Line};
use super::super::error::AuditError;
use super::{LONGEST_LINE, Shared, file, rotate};
use crate::paths::AbsPath;

/// How much is read at first to find a line: nearly all are shorter by far, and whoever starts waits for this.
const LOOK: u64 = 16 << 10;

/// More than a line holds beside its fields: version, number, time, kind and two hashes.
const FRAME: u64 = 1 << 10;

/// How much of a torn line is kept in the record that tells of it.
const TOLD: usize = 4 << 10;

#[derive(Debug)]
pub(super) struct Tail {
    pub(super) file: Arc<File>,
    /// Bytes of whole lines.
    pub(super) length: u64,
    pub(super) head: Head,
    /// When its first record was written.
    pub(super) begun: Option<Timestamp>,
    /// Its last record says that the chain goes on elsewhere.
    pub(super) closed: bool,
}

impl Tail {
    pub(super) fn open(path: &AbsPath) -> Result<Self, AuditError> {
        Ok(Self::of(file::open(path)?))
    }

    pub(super) fn of(file: File) -> Self {
        Self { file: Arc::new(file), length: 0, head: Head::default(), begun: None, closed: false }
    }

    /// Takes the lock of the file that the path leads to, and catches up with what is in it.
    pub(super) fn lock(&mut self, shared: &Shared) -> Result<(), AuditError> {
        file::lock(&self.file).map_err(|error| shared.io("lock", error))?;
        self.go_to_end(shared)
    }

    /// Goes to the file that the next record belongs to, and begins it when nobody has. The lock goes along.
    fn go_to_end(&mut self, shared: &Shared) -> Result<(), AuditError> {
        loop {
            if !file::is_still_at(&self.file, &shared.path)? {
                // Somebody closed this file and began another, or took it away.
                self.catch_up(shared)?;
                let next = rotate::follow(self, shared)?;
                let old = std::mem::replace(self, next);
                old.file.unlock().map_err(|error| shared.io("unlock", error))?;
            }
            self.catch_up(shared)?;
            if self.length == 0 && self.head.seq == 0 {
                // A crash may have come between closing one file and beginning the next.
                self.head = rotate::last_head(shared)?.unwrap_or_default();
            }
            if self.length == 0 && self.head.seq > 0 {
                self.append_here(shared, &event(shared, "continued", json!({ "after_seq": self.head.seq }))?)?;
            }
            if !self.closed {
                return Ok(());
            }
            rotate::set_aside(self, shared)?;
        }
    }

    /// Looks at what was written since, and takes off a line that was left unfinished.
    pub(super) fn catch_up(&mut self, shared: &Shared) -> Result<(), AuditError> {
        let length = self.file.metadata().map_err(|error| shared.io("read", error))?.len();
        if length == self.length {
            return Ok(());
        }
        let damaged = |why: String| AuditError::Damaged { path: shared.path.clone(), why };
        if length < self.length {
            return Err(damaged("it is shorter than it was".into()));
        }
        let (from, tail) = self.end(shared, length)?;
        let whole = memchr::memrchr(b'\n', &tail).map_or(0, |at| at + 1);
        let (lines, torn) = tail.split_at(whole);
        let last = lines.strip_suffix(b"\n").and_then(|lines| lines.rsplit(|byte| *byte == b'\n').next());
        if let Some(last) = last {
            let line = parse(last, shared).map_err(damaged)?;
            if shared.options.key.is_none() && line.keyed {
                return Err(damaged("a key seals it; name that in `audit.key_file`".into()));
            }
            self.closed = line.kind() == rotate::CLOSED;
            self.head = line.head;
        } else if from > self.length {
            return Err(damaged("its last line is longer than any record".into()));
        }
        if self.begun.is_none() && !lines.is_empty() {
            self.begun = self.first(shared)?.and_then(|line| line.fields.get("time")?.as_str()?.parse().ok());
        }
        self.length = from + lines.len() as u64;
        if torn.is_empty() { Ok(()) } else { self.repair(shared, torn) }
    }

    /// What was added, or so much of its end that the last whole line is in it, and where that begins.
    fn end(&self, shared: &Shared, length: u64) -> Result<(u64, Vec<u8>), AuditError> {
        let mut look = LOOK;
        loop {
            let from = self.length.max(length.saturating_sub(look.min(2 * LONGEST_LINE)));
            let tail = self.read(shared, from, length - from)?;
            // The end of the last whole line, and that of the line before it.
            let enough = memchr::memrchr_iter(b'\n', &tail).nth(1).is_some();
            if enough || from == self.length || look >= 2 * LONGEST_LINE {
                return Ok((from, tail));
            }
            look *= 8;
        }
    }

    fn read(&self, shared: &Shared, from: u64, bytes: u64) -> Result<Vec<u8>, AuditError> {
        let mut read = Vec::new();
        let mut file = &*self.file;
        file.seek(SeekFrom::Start(from)).map_err(|error| shared.io("read", error))?;
        file.take(bytes).read_to_end(&mut read).map_err(|error| shared.io("read", error))?;
        Ok(read)
    }

    /// The first line of the file, when it is a whole record.
    pub(super) fn first(&self, shared: &Shared) -> Result<Option<Line>, AuditError> {
        let mut start = self.read(shared, 0, LOOK)?;
        if memchr::memchr(b'\n', &start).is_none() {
            start = self.read(shared, 0, LONGEST_LINE)?;
        }
        let line = memchr::memchr(b'\n', &start).and_then(|end| start.get(..end));
        Ok(line.and_then(|line| parse(line, shared).ok()))
    }

    /// Takes the torn end off and says so in the next record.
    fn repair(&mut self, shared: &Shared, torn: &[u8]) -> Result<(), AuditError> {
        self.file.set_len(self.length).map_err(|error| shared.io("repair", error))?;
        let told = torn.get(..torn.len().min(TOLD)).unwrap_or_default();
        let fields = json!({ "torn_bytes": torn.len(), "torn_text": String::from_utf8_lossy(told) });
        self.append_here(shared, &event(shared, "repaired", fields)?).map(drop)
    }

    /// Adds one record, in another file when this one is full or old.
    pub(super) fn append(&mut self, shared: &Shared, event: &Event) -> Result<u64, AuditError> {
        if rotate::is_due(self, shared) {
            rotate::close(self, shared)?;
            self.go_to_end(shared)?;
            rotate::prune(self, shared)?;
        }
        self.append_here(shared, event)
    }

    /// Adds one record to this file.
    pub(super) fn append_here(&mut self, shared: &Shared, event: &Event) -> Result<u64, AuditError> {
        let (line, head) = chain::link(&self.head, event, shared.options.key.as_ref());
        if let Err(error) = (&*self.file).write_all(line.as_bytes()) {
            // When this fails as well, the torn line stays and the next writer takes it off.
            let _ = self.file.set_len(self.length);
            return Err(shared.io("write", error));
        }
        self.length += line.len() as u64;
        self.head = head;
        self.begun.get_or_insert(event.time);
        if let Some(forward) = &shared.options.forward {
            forward.send(event.kind, &line);
        }
        Ok(self.head.seq)
    }

    /// Waits for the disk.
    pub(super) fn sync(&self, shared: &Shared) -> Result<(), AuditError> {
        self.file.sync_data().map_err(|error| shared.io("write", error))
    }
}

fn parse(line: &[u8], shared: &Shared) -> Result<Line, String> {
    let line = std::str::from_utf8(line).map_err(|error| error.to_string())?;
    chain::parse(line, shared.options.key.as_ref())
}

/// Something that the log itself has to say.
pub(super) fn event(shared: &Shared, kind: &'static str, fields: impl Serialize) -> Result<Event, AuditError> {
    let event = Event::new((shared.options.now)(), kind, &fields);
    let event = event.map_err(|error| shared.io("encode a record for", error.into()))?;
    // Told here, not when it is written: a kept one that never fits would hold up all behind it.
    let bytes = event.fields.len();
    if bytes as u64 > LONGEST_LINE - FRAME { Err(AuditError::TooLong { bytes }) } else { Ok(event) }
}
