//! The form of a line and how lines hang together.
//!
//! In: a record's fields and the head of the chain, or a line. Out: the next line, or the reason why a line does not
//! continue the chain. Where lines are kept is decided in `log`.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::key::Key;

/// Stands between what is hashed and the hash.
const HASH_FIELD: &str = ",\"hash\":\"";
/// The same where a key seals it.
const HMAC_FIELD: &str = ",\"hmac\":\"";
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

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.seq, self.hash)
    }
}

impl FromStr for Head {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const FORM: &str = "a head is written NUMBER:HASH, as `audit verify` prints it";
        let (seq, hash) = text.trim().split_once(':').ok_or(FORM)?;
        let seq = seq.parse().map_err(|_| FORM)?;
        if hash.len() != DIGITS || !hash.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(FORM);
        }
        Ok(Self { seq, hash: hash.to_owned() })
    }
}

/// What happened, and when.
#[derive(Debug, Clone)]
pub(super) struct Event {
    pub(super) time: Timestamp,
    pub(super) kind: &'static str,
    /// Its fields as JSON, each with a comma behind it.
    pub(super) fields: String,
}

impl Event {
    /// `kind` is a plain word; `fields` an object, or nothing.
    pub(super) fn new(time: Timestamp, kind: &'static str, fields: &impl Serialize) -> serde_json::Result<Self> {
        let mut fields = serde_json::to_string(fields)?;
        match fields.as_str() {
            "null" | "{}" => fields.clear(),
            object if object.starts_with('{') => {
                fields.pop();
                fields.remove(0);
                fields.push(',');
            }
            other => fields = format!("\"value\":{other},"),
        }
        Ok(Self { time, kind, fields })
    }
}

/// The next line of the chain, line end included, and the head after it.
pub(super) fn link(head: &Head, event: &Event, key: Option<&Key>) -> (String, Head) {
    let (seq, Event { time, kind, fields }, prev) = (head.seq + 1, event, &head.hash);
    let mut line = format!(r#"{{"v":{VERSION},"seq":{seq},"time":"{time}","kind":"{kind}",{fields}"prev":"{prev}""#);
    let (field, hash) = match key {
        None => (HASH_FIELD, digest(line.as_bytes())),
        Some(key) => (HMAC_FIELD, key.seal(line.as_bytes())),
    };
    line.push_str(field);
    line.push_str(&hash);
    line.push_str(END);
    line.push('\n');
    (line, Head { seq, hash })
}

pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    const DIGIT: &[u8; 16] = b"0123456789abcdef";
    let digit = |value: u8| DIGIT.get(usize::from(value)).map_or('?', |digit| char::from(*digit));
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        text.push(digit(byte >> 4));
        text.push(digit(byte & 15));
    }
    text
}

/// Hexadecimal SHA-256.
pub(super) fn digest(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

/// A line that is whole.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) fields: Map<String, Value>,
    pub(super) head: Head,
    /// A key sealed it.
    pub(super) keyed: bool,
    /// Its seal was checked: it is plain, or the key was at hand.
    pub(super) checked: bool,
}

impl Line {
    pub(super) fn kind(&self) -> &str {
        self.fields.get("kind").and_then(Value::as_str).unwrap_or_default()
    }

    /// The head that it says it follows.
    pub(super) fn before(&self) -> Option<Head> {
        let hash = self.fields.get("prev").and_then(Value::as_str)?.to_owned();
        Some(Head { seq: self.head.seq.checked_sub(1)?, hash })
    }
}

/// Checks that a line (without its line end) is whole, and returns its fields and the head after it. Without the key, a
/// sealed line is checked for its form alone.
pub(super) fn parse(line: &str, key: Option<&Key>) -> Result<Line, String> {
    let split = line.len().checked_sub(HASH_FIELD.len() + DIGITS + END.len());
    let (body, rest) = split.and_then(|at| line.split_at_checked(at)).ok_or("it is too short for a record")?;
    let keyed = rest.starts_with(HMAC_FIELD);
    let hash = rest.strip_prefix(if keyed { HMAC_FIELD } else { HASH_FIELD }).and_then(|rest| rest.strip_suffix(END));
    let hash = hash.ok_or("it does not end in a hash")?;
    match (keyed, key) {
        (false, _) if digest(body.as_bytes()) != hash => return Err("its hash does not fit its content".into()),
        (true, Some(key)) if !key.fits(body.as_bytes(), hash) => {
            return Err("its seal does not fit its content, or another key made it".into());
        }
        _ => {}
    }
    let fields: Map<String, Value> = serde_json::from_str(line).map_err(|error| format!("it is no record: {error}"))?;
    if fields.get("v").and_then(Value::as_u64) != Some(VERSION) {
        return Err("its version is unknown".into());
    }
    let seq = fields.get("seq").and_then(Value::as_u64).ok_or("it has no `seq`")?;
    let head = Head { seq, hash: hash.to_owned() };
    Ok(Line { fields, head, keyed, checked: !keyed || key.is_some() })
}

/// Checks that a line comes right after `before`.
pub(super) fn follows(before: &Head, line: &Line) -> Result<(), String> {
    if line.head.seq != before.seq + 1 {
        return Err(format!("it is record {}, but {} should come here", line.head.seq, before.seq + 1));
    }
    if line.fields.get("prev").and_then(Value::as_str) != Some(before.hash.as_str()) {
        return Err("it does not follow the record before it".into());
    }
    Ok(())
}
