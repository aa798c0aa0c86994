//! Reading a log back.
//!
//! In: a path. Out: its records, or every line that breaks the chain. What to do about a broken log is decided by
//! whoever asked.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::chain::{self, Head};

/// A chain without a break.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// How many records there are.
    pub records: u64,
    /// The end of the chain. Records cut off at the end show only against a head that was kept elsewhere.
    pub head: Head,
}

/// A line that does not belong where it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct Broken {
    /// Counted from 1; zero when the file itself cannot be read.
    pub line: u64,
    /// What is wrong with it.
    pub why: String,
}

/// One record as it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Its number in the chain.
    pub seq: u64,
    /// When it was written.
    pub time: Timestamp,
    /// `decision`, `end`, `repaired`, …
    pub kind: String,
    /// All its fields, those above included.
    pub fields: Map<String, Value>,
    head: Head,
}

/// The records of a log, in order; a line that is none is an error and reading goes on behind it.
#[derive(Debug)]
pub struct Entries {
    lines: Option<BufReader<File>>,
    line: u64,
}

/// Opens a log for reading.
///
/// # Errors
/// The file cannot be opened.
pub fn read(path: &Path) -> io::Result<Entries> {
    Ok(Entries { lines: Some(BufReader::new(File::open(path)?)), line: 0 })
}

impl Iterator for Entries {
    type Item = Result<Record, Broken>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut bytes = Vec::new();
        self.line += 1;
        let outcome = match self.lines.as_mut()?.read_until(b'\n', &mut bytes) {
            Ok(0) => return None,
            Ok(_) => record(&bytes),
            Err(error) => {
                self.lines = None;
                Err(format!("it cannot be read: {error}"))
            }
        };
        Some(outcome.map_err(|why| Broken { line: self.line, why }))
    }
}

fn record(bytes: &[u8]) -> Result<Record, String> {
    let line = bytes.strip_suffix(b"\n").ok_or("it does not end; the writer was cut off or the file was")?;
    let line = std::str::from_utf8(line).map_err(|_| "it is not UTF-8")?;
    let (fields, head) = chain::parse(line)?;
    let text = |name: &str| fields.get(name).and_then(Value::as_str).ok_or(format!("it has no `{name}`"));
    let time = text("time")?.parse().map_err(|_| "its time is not RFC 3339")?;
    let kind = text("kind")?.to_owned();
    Ok(Record { seq: head.seq, time, kind, fields, head })
}

/// Checks every line and how the lines hang together.
///
/// # Errors
/// All lines that are no records or do not follow the one before them.
pub fn verify(path: &Path) -> Result<Verified, Vec<Broken>> {
    let entries = read(path).map_err(|error| vec![Broken { line: 0, why: format!("cannot open it: {error}") }])?;
    let mut broken = Vec::new();
    let mut head = Head::default();
    let mut records = 0;
    for (entry, line) in entries.zip(1..) {
        match entry {
            Ok(record) => {
                if let Err(why) = chain::follows(&head, &record.fields, &record.head) {
                    broken.push(Broken { line, why });
                }
                head = record.head;
                records += 1;
            }
            // What follows is judged against the record that should have been here, so the break shows there too.
            Err(error) => broken.push(error),
        }
    }
    if broken.is_empty() { Ok(Verified { records, head }) } else { Err(broken) }
}
