//! A known value and the forms in which it may be printed.
//!
//! In: a name and a value. Out: rules that find the value plain, in URL and JSON escapes, in base64 at any alignment, in
//! hexadecimal. Which values are secret is decided by the policy.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::check::Check;
use super::pattern::Pattern;
use super::rule::{Edge, Follows, Replace, Rule, Wrap};

/// Shorter values would be found everywhere by accident.
const SHORTEST: usize = 6;
/// Longer values are hidden piece by piece: one pattern for each piece stays small.
const PIECE: usize = 64;
/// How much of a form is searched for.
const LITERAL: usize = 8;

/// Values that say nothing.
const EVERYDAY: &[&str] = &[
    "enabled",
    "disabled",
    "default",
    "production",
    "development",
    "staging",
    "localhost",
    "password",
    "secret",
    "string",
    "public",
    "private",
    "/dev/null",
    "/bin/sh",
    "/bin/bash",
    "/usr/bin",
    "123456",
    "none",
    "undefined",
    "changeme",
];

/// The rules that hide one value.
pub(super) fn rules(name: &str, value: &str) -> Vec<Rule> {
    let value = value.trim();
    let same = value.bytes().collect::<std::collections::BTreeSet<_>>().len() < 3;
    if value.len() < SHORTEST || same || EVERYDAY.contains(&value.to_lowercase().as_str()) {
        return Vec::new();
    }
    let lines = value.split(['\n', '\r']).map(str::as_bytes).filter(|line| line.len() >= SHORTEST);
    let pieces = lines.flat_map(pieces);
    pieces.flat_map(|piece| forms(piece).into_iter().map(|form| form.rule(name))).collect()
}

/// Cuts a long value; the last piece is never shorter than what can be found.
fn pieces(value: &[u8]) -> Vec<&[u8]> {
    let count = value.len().div_ceil(PIECE);
    value.chunks(value.len().div_ceil(count.max(1)).max(SHORTEST)).collect()
}

/// One way to print a value.
struct Form {
    literals: Vec<Vec<u8>>,
    pattern: String,
}

impl Form {
    fn rule(self, name: &str) -> Rule {
        Rule {
            id: name.into(),
            literals: self.literals,
            follows: Follows::Any,
            edge: Edge::Any,
            lead: None,
            secret: Pattern::lazy(self.pattern),
            wrap: Wrap::Anywhere,
            check: Check::None,
            trail: 0,
            replace: Replace::by_id(name),
            shown: None,
            encoded: None,
        }
    }
}

fn forms(value: &[u8]) -> Vec<Form> {
    let mut forms = vec![escaped(value), hexadecimal(value)];
    forms.extend((0..3).filter_map(|skip| base64(value, skip)));
    forms
}

/// Plain, or any byte of it written as `%41`, `\u0041`, `\x41`, `\"`.
fn escaped(value: &[u8]) -> Form {
    let mut pattern = String::new();
    for byte in value {
        let plain = class(*byte);
        // Writing to a String cannot fail.
        let _ = write!(pattern, "(?:{plain}|(?i:%(?:25)?{byte:02x}|\\\\u00{byte:02x}|\\\\x{byte:02x})");
        match byte {
            b'"' | b'\\' | b'/' | b'\'' | b'$' | b'`' | b'!' => drop(write!(pattern, "|\\\\{plain}")),
            b'\t' => pattern.push_str("|\\\\t"),
            b' ' => pattern.push_str("|\\+"),
            _ => {}
        }
        pattern.push(')');
    }
    let start = value.get(..value.len().min(LITERAL)).unwrap_or(value);
    let spell = |escape: &dyn Fn(u8) -> String| -> Vec<u8> {
        start.iter().map(|byte| escape(*byte)).collect::<String>().into_bytes()
    };
    let reserved = |byte: u8| !(byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte));
    let mut literals = vec![start.to_vec()];
    literals.push(start.iter().flat_map(|byte| percent(*byte, reserved(*byte), false)).collect());
    literals.push(start.iter().flat_map(|byte| percent(*byte, reserved(*byte), true)).collect());
    literals.push(
        start.iter().flat_map(|byte| percent(*byte, reserved(*byte) && !b"!'()*/".contains(byte), true)).collect(),
    );
    literals.push(spell(&|byte| format!("%{byte:02X}")));
    literals.push(spell(&|byte| format!("%{byte:02x}")));
    literals.push(spell(&|byte| format!("\\u00{byte:02x}")));
    literals.push(spell(&|byte| format!("\\x{byte:02x}")));
    literals.push(
        start.iter().flat_map(|byte| if b"\"\\".contains(byte) { vec![b'\\', *byte] } else { vec![*byte] }).collect(),
    );
    literals.push(
        start.iter().flat_map(|byte| if b"\"\\/".contains(byte) { vec![b'\\', *byte] } else { vec![*byte] }).collect(),
    );
    literals.sort();
    literals.dedup();
    Form { literals, pattern }
}

/// One byte, as it is or as URLs write it.
fn percent(byte: u8, encode: bool, upper: bool) -> Vec<u8> {
    match (encode, upper) {
        (false, _) => vec![byte],
        (true, true) => format!("%{byte:02X}").into_bytes(),
        (true, false) => format!("%{byte:02x}").into_bytes(),
    }
}

/// A byte as a pattern that matches it alone.
fn class(byte: u8) -> String {
    if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("\\x{byte:02x}") }
}

fn hexadecimal(value: &[u8]) -> Form {
    let digits: String = value.iter().map(|byte| format!("{byte:02x}")).collect();
    let start = digits.get(..LITERAL).unwrap_or(&digits);
    let literals = vec![start.as_bytes().to_vec(), start.to_uppercase().into_bytes()];
    Form { literals, pattern: format!("(?i:{digits})") }
}

/// The digits that depend on the value alone when `skip` other bytes come before it in its group of three.
fn base64(value: &[u8], skip: usize) -> Option<Form> {
    let padded = [vec![0; skip], value.to_vec()].concat();
    let first = (skip * 8).div_ceil(6);
    let last = padded.len() * 8 / 6;
    let digits = |text: String| text.get(first..last).map(str::to_owned);
    let standard = digits(STANDARD_NO_PAD.encode(&padded))?;
    let url = digits(URL_SAFE_NO_PAD.encode(&padded))?;
    let pattern: String = standard
        .chars()
        .map(|c| match c {
            '+' => "(?:[+-]|%2[Bb])".to_owned(),
            '/' => "(?:[/_]|\\\\/|%2[Ff])".to_owned(),
            other => other.to_string(),
        })
        .collect();
    let start = |text: &str| text.as_bytes().get(..text.len().min(LITERAL)).map(<[u8]>::to_vec);
    let mut literals = vec![start(&standard)?, start(&url)?];
    literals.dedup();
    Some(Form { literals, pattern })
}
