//! Is a log whole?
//!
//! In: a log with its closed files, the key that seals it, a head that was remembered. Out: a whole chain, or every
//! place where it breaks. A chain begins with record 1, or where a later record says that older files were removed.

use std::path::Path;

use serde_json::Value;

use super::chain::{self, Head};
use super::key::Key;
use super::log::CLOSED;
use super::read::{Broken, Record, read, record};

/// What a reader knows beside the log.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// The key that seals it. With it, a log that somebody wrote anew without it is broken.
    pub key: Option<Key>,
    /// An end of the chain at an earlier time: with it, records that were cut off since are missed.
    pub head: Option<Head>,
}

/// A chain without a break.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// How many records there are.
    pub records: u64,
    /// Number of the first; above 1 when older files were removed by rule.
    pub first: u64,
    /// Sealed records that were checked for their order alone, because the key was not at hand.
    pub unchecked: u64,
    /// The end of the chain. Records cut off at the end show only against a head that was kept elsewhere.
    pub head: Head,
}

/// A log on the way: what its lines said so far.
#[derive(Debug, Clone, Default)]
pub struct Check {
    known: Known,
    broken: Vec<Broken>,
    records: u64,
    unchecked: u64,
    /// What the first record says it follows, while nothing vouches for that.
    start: Option<Head>,
    first: u64,
    head: Head,
    keyed: bool,
    closed: bool,
    remembered: bool,
}

/// Checks every line and how the lines hang together.
///
/// # Errors
/// All lines that are no records or do not follow the one before them.
pub fn verify(path: &Path, known: &Known) -> Result<Verified, Vec<Broken>> {
    let entries = read(path, known.key.as_ref());
    let entries = entries.map_err(|error| vec![about(path, format!("it cannot be opened: {error}"))])?;
    let mut check = Check::new(known.clone());
    entries.for_each(|entry| check.entry(entry));
    check.end(path)
}

fn about(path: &Path, why: String) -> Broken {
    Broken { file: path.to_path_buf(), line: 0, why }
}

impl Check {
    /// Nothing was read yet.
    pub fn new(known: Known) -> Self {
        Self { known, ..Self::default() }
    }

    /// The next line of a log that is in memory, its line end included.
    pub fn line(&mut self, line: &[u8], number: u64) {
        let entry = record(line, (Path::new(""), number), self.known.key.as_ref());
        self.entry(entry.map_err(|why| Broken { line: number, ..about(Path::new(""), why) }));
    }

    /// Is something wrong already? No later line mends that.
    pub fn is_broken(&self) -> bool {
        !self.broken.is_empty()
    }

    /// All lines were read.
    ///
    /// # Errors
    /// All lines that are no records or do not follow the one before them.
    pub fn end(mut self, path: &Path) -> Result<Verified, Vec<Broken>> {
        if let Some(start) = &self.start {
            let why = format!("records 1 to {} are missing, and no record says that they were removed", start.seq);
            self.broken.insert(0, about(path, why));
        }
        if self.closed {
            self.broken.push(about(path, "its last file was closed, and the next one is missing".into()));
        }
        if let (Some(head), false) = (&self.known.head, self.remembered) {
            let why = match head.seq < self.first {
                true => "was removed by rule: keep more files, or check more often, and begin with a new head",
                false => "is not the one that was remembered, or is missing",
            };
            let why = format!("record {} {why}", head.seq);
            self.broken.push(about(path, why));
        }
        if self.known.key.is_some() && !self.keyed && self.records > 0 {
            self.broken.push(about(path, "no record is sealed by the key".into()));
        }
        match self.broken.is_empty() {
            true => {
                Ok(Verified { records: self.records, first: self.first, unchecked: self.unchecked, head: self.head })
            }
            false => Err(self.broken),
        }
    }

    fn entry(&mut self, entry: Result<Record, Broken>) {
        match entry {
            Ok(record) => self.take(&record),
            // What follows is judged against the record that should have been here, so the break shows there too.
            Err(broken) => self.broken.push(broken),
        }
    }

    fn take(&mut self, record: &Record) {
        let line = &record.line;
        if self.records == 0 && self.broken.is_empty() && record.seq > 1 {
            self.start = line.before();
            self.head = self.start.clone().unwrap_or_default();
            self.remembered |= self.known.head.as_ref() == Some(&self.head);
        }
        if let Err(why) = chain::follows(&self.head, line) {
            self.fault(record, why);
        }
        if self.keyed && !line.keyed {
            self.fault(record, "it is not sealed, and those before it are".into());
        }
        if self.records == 0 {
            self.first = record.seq;
        }
        if self.start.as_ref().is_some_and(|start| vouches(record, start)) {
            self.start = None;
        }
        self.records += 1;
        self.unchecked += u64::from(!line.checked);
        self.keyed |= line.keyed;
        self.closed = record.kind == CLOSED;
        self.remembered |= self.known.head.as_ref().is_some_and(|head| *head == line.head || head.seq == 0);
        self.head = line.head.clone();
    }

    fn fault(&mut self, record: &Record, why: String) {
        let (file, line) = record.at.clone();
        self.broken.push(Broken { file, line, why });
    }
}

/// Does this record say that everything through `start` was removed?
pub(super) fn vouches(record: &Record, start: &Head) -> bool {
    let fields = record.fields();
    record.kind == "pruned"
        && fields.get("through_seq").and_then(Value::as_u64) == Some(start.seq)
        && fields.get("through_hash").and_then(Value::as_str) == Some(start.hash.as_str())
}
