//! Reading a log back.
//!
//! In: a path. Out: its records, those of its closed files first. What to do about a broken log is decided by whoever
//! asked.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::chain::{self, Line};
use super::key::Key;
use super::log::closed;

/// A line that does not belong where it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}:{line}: {why}", file.display())]
pub struct Broken {
    /// The file.
    pub file: PathBuf,
    /// Counted from 1; zero when it is about the whole file.
    pub line: u64,
    /// What is wrong with it.
    pub why: String,
}

/// One record as it was written.
#[derive(Debug)]
pub struct Record {
    /// Its number in the chain.
    pub seq: u64,
    /// When it was written.
    pub time: Timestamp,
    /// `decision`, `end`, `repaired`, …
    pub kind: String,
    pub(super) line: Line,
    pub(super) at: (PathBuf, u64),
}

impl Record {
    /// All its fields.
    pub fn fields(&self) -> &Map<String, Value> {
        &self.line.fields
    }
}

/// The records of a log, in order; a line that is none is an error and reading goes on behind it.
#[derive(Debug)]
pub struct Entries {
    files: std::vec::IntoIter<PathBuf>,
    open: Option<(PathBuf, BufReader<File>)>,
    line: u64,
    key: Option<Key>,
}

/// Opens a log with its closed files for reading. Without the key, sealed records are not checked.
///
/// # Errors
/// No file of it can be opened.
pub fn read(path: &Path, key: Option<&Key>) -> io::Result<Entries> {
    let mut files: Vec<PathBuf> = closed(path).into_iter().map(|(_, path)| path).collect();
    match File::open(path) {
        Ok(_) => files.push(path.to_path_buf()),
        // A crash may have come before the next file was begun.
        Err(error) if files.is_empty() || error.kind() != io::ErrorKind::NotFound => return Err(error),
        Err(_) => {}
    }
    Ok(Entries { files: files.into_iter(), open: None, line: 0, key: key.cloned() })
}

impl Entries {
    fn broken(&self, file: &Path, why: String) -> Broken {
        Broken { file: file.to_path_buf(), line: self.line, why }
    }
}

impl Iterator for Entries {
    type Item = Result<Record, Broken>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let Some((path, mut reader)) = self.open.take() else {
                let path = self.files.next()?;
                self.line = 0;
                match File::open(&path) {
                    Ok(file) => self.open = Some((path, BufReader::new(file))),
                    Err(error) => return Some(Err(self.broken(&path, format!("it cannot be opened: {error}")))),
                }
                continue;
            };
            let mut bytes = Vec::new();
            let count = reader.read_until(b'\n', &mut bytes);
            self.line += 1;
            let record = match count {
                Ok(0) => continue,
                Ok(_) => record(&bytes, (&path, self.line), self.key.as_ref()),
                Err(error) => return Some(Err(self.broken(&path, format!("it cannot be read: {error}")))),
            };
            let record = record.map_err(|why| self.broken(&path, why));
            self.open = Some((path, reader));
            return Some(record);
        }
    }
}

/// The record in a line, line end included.
pub(super) fn record(bytes: &[u8], at: (&Path, u64), key: Option<&Key>) -> Result<Record, String> {
    let line = bytes.strip_suffix(b"\n").ok_or("it does not end; the writer was cut off or the file was")?;
    let line = std::str::from_utf8(line).map_err(|_| "it is not UTF-8")?;
    let line = chain::parse(line, key)?;
    let text = |name: &str| line.fields.get(name).and_then(Value::as_str).ok_or(format!("it has no `{name}`"));
    let time = text("time")?.parse().map_err(|_| "its time is not RFC 3339")?;
    let kind = text("kind")?.to_owned();
    Ok(Record { seq: line.head.seq, time, kind, line, at: (at.0.to_path_buf(), at.1) })
}
