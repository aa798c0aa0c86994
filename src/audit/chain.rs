//! The form of a line and how lines hang together.
//!
//! In: a record's fields and the head of the chain, or a line. Out: the next line, or the reason why a line does not
//! continue the chain. Where lines are kept is decided in `log`.

use jiff::Timestamp;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// Stands between what is hashed and the hash.
const HASH_FIELD: &str = ",\"hash\":\"";
const END: &str = "\"}";
const DIGITS: usize = 64;

/// The version of the form.
const VERSION: u64 = 1;

/// The end of a chain: remember it elsewhere, and a later truncation shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Number of the last record; zero before the first.
    pub seq: u64,
    /// Its hash in hexadecimal.
    pub hash: String,
}

impl Default for Head {
    fn default() -> Self {
        Self { seq: 0, hash: "0".repeat(DIGITS) }
    }
}

/// The next line of the chain, line end included, and the head after it.
pub(super) fn link(head: &Head, time: Timestamp, kind: &str, fields: Map<String, Value>) -> (String, Head) {
    let mut record = Map::new();
    record.insert("v".into(), VERSION.into());
    record.insert("seq".into(), (head.seq + 1).into());
    record.insert("time".into(), time.to_string().into());
    record.insert("kind".into(), kind.into());
    record.extend(fields);
    record.insert("prev".into(), head.hash.clone().into());
    let mut line = Value::Object(record).to_string();
    line.truncate(line.len() - 1);
    let hash = digest(line.as_bytes());
    line.push_str(HASH_FIELD);
    line.push_str(&hash);
    line.push_str(END);
    line.push('\n');
    (line, Head { seq: head.seq + 1, hash })
}

/// Hexadecimal SHA-256.
pub(super) fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Checks that a line (without its line end) is whole, and returns its fields and the head after it.
pub(super) fn parse(line: &str) -> Result<(Map<String, Value>, Head), String> {
    let split = line.len().checked_sub(HASH_FIELD.len() + DIGITS + END.len());
    let (body, rest) = split.and_then(|at| line.split_at_checked(at)).ok_or("it is too short for a record")?;
    let hash = rest.strip_prefix(HASH_FIELD).and_then(|rest| rest.strip_suffix(END));
    let hash = hash.ok_or("it does not end in a hash")?;
    if digest(body.as_bytes()) != hash {
        return Err("its hash does not fit its content".into());
    }
    let fields: Map<String, Value> = serde_json::from_str(line).map_err(|error| format!("it is no record: {error}"))?;
    if fields.get("v").and_then(Value::as_u64) != Some(VERSION) {
        return Err("its version is unknown".into());
    }
    let seq = fields.get("seq").and_then(Value::as_u64).ok_or("it has no `seq`")?;
    Ok((fields, Head { seq, hash: hash.to_owned() }))
}

/// Checks that a record with these fields and this head comes right after `before`.
pub(super) fn follows(before: &Head, fields: &Map<String, Value>, head: &Head) -> Result<(), String> {
    if head.seq != before.seq + 1 {
        return Err(format!("it is record {}, but {} should come here", head.seq, before.seq + 1));
    }
    if fields.get("prev").and_then(Value::as_str) != Some(before.hash.as_str()) {
        return Err("it does not follow the record before it".into());
    }
    Ok(())
}
