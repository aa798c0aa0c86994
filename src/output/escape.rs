//! Terminal escape sequences and invisible characters inside a byte stream.
//!
//! In: bytes in any chunking. Out: the same bytes as pieces: text, things that print nothing (CSI and short sequences,
//! zero-width characters), and command strings (OSC, DCS) whose content a terminal obeys. What becomes of each is
//! decided by the caller: the view drops them, redaction looks past them.

use memchr::{memchr, memchr3};

/// A command string longer than this is no command string; it goes on as text.
const LONGEST_STRING: usize = 4096;
/// The same for a control sequence.
const LONGEST_SEQUENCE: usize = 64;

/// Begins every escape sequence.
pub(super) const ESC: u8 = 0x1b;
const BEL: u8 = 0x07;

/// A run of bytes of one kind.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// Bytes that a terminal prints, line ends included.
    Text(&'a [u8]),
    /// One sequence or character that prints nothing and carries nothing.
    Silent(&'a [u8]),
    /// One OSC, DCS, PM, APC or SOS string: it may carry a title, a link, clipboard content.
    Command(&'a [u8]),
}

/// Splits a stream; holds what may still become a sequence.
#[derive(Debug, Default)]
pub(super) struct Escapes {
    held: Vec<u8>,
}

/// What the start of some bytes is.
enum Start {
    /// A sequence or character that prints nothing, of this length.
    Silent(usize),
    /// A command string of this length.
    Command(usize),
    /// No sequence; so many bytes are text.
    Text(usize),
    /// More bytes are needed.
    Open,
}

impl Escapes {
    /// Splits `chunk`, which continues all earlier ones. Adjacent text may come in several pieces.
    pub(super) fn split(&mut self, chunk: &[u8], sink: &mut dyn FnMut(Piece<'_>)) {
        if self.held.is_empty() {
            self.held = split(chunk, sink);
        } else {
            let mut joined = std::mem::take(&mut self.held);
            joined.extend_from_slice(chunk);
            self.held = split(&joined, sink);
        }
    }

    /// Hands out what was held, as text: it never became a sequence.
    pub(super) fn finish(&mut self, sink: &mut dyn FnMut(Piece<'_>)) {
        let held = std::mem::take(&mut self.held);
        if !held.is_empty() {
            sink(Piece::Text(&held));
        }
    }
}

/// Splits all of `bytes` but an unfinished sequence at the end, which it returns.
fn split(bytes: &[u8], sink: &mut dyn FnMut(Piece<'_>)) -> Vec<u8> {
    let mut rest = bytes;
    let mut text = 0;
    while let Some(at) = next_lead(rest.get(text..).unwrap_or_default()).map(|at| at + text) {
        let (before, found) = rest.split_at(at);
        let start = start(found);
        if let Start::Text(length) = start {
            text = at + length;
            continue;
        }
        if !before.is_empty() {
            sink(Piece::Text(before));
        }
        text = 0;
        match start {
            Start::Silent(length) => {
                sink(Piece::Silent(found.get(..length).unwrap_or(found)));
                rest = found.get(length..).unwrap_or_default();
            }
            Start::Command(length) => {
                sink(Piece::Command(found.get(..length).unwrap_or(found)));
                rest = found.get(length..).unwrap_or_default();
            }
            Start::Open | Start::Text(_) => return found.to_vec(),
        }
    }
    if !rest.is_empty() {
        sink(Piece::Text(rest));
    }
    Vec::new()
}

/// The next byte that may begin a sequence or an invisible character: ESC, or the first byte of U+200B…U+206F, U+FEFF
/// and U+E0000…U+E007F.
fn next_lead(bytes: &[u8]) -> Option<usize> {
    let escape = memchr(ESC, bytes);
    let before = escape.map_or(bytes, |at| bytes.get(..at).unwrap_or(bytes));
    memchr3(0xe2, 0xef, 0xf3, before).or(escape)
}

fn start(bytes: &[u8]) -> Start {
    match bytes {
        [ESC] => Start::Open,
        [ESC, b'[', rest @ ..] => control_sequence(rest),
        [ESC, b']' | b'P' | b'X' | b'^' | b'_', rest @ ..] => command_string(rest),
        [ESC, 0x20..=0x2f] => Start::Open,
        [ESC, 0x20..=0x2f, 0x30..=0x7e, ..] => Start::Silent(3),
        [ESC, 0x30..=0x7e, ..] => Start::Silent(2),
        [ESC, ..] => Start::Silent(1),
        [first, ..] => invisible(*first, bytes),
        [] => Start::Open,
    }
}

/// ECMA-48 5.4: parameters, intermediates, one final byte. `rest` follows `ESC [`.
fn control_sequence(rest: &[u8]) -> Start {
    let body = rest.iter().take_while(|byte| (0x20..=0x3f).contains(*byte)).count();
    match rest.get(body) {
        _ if body > LONGEST_SEQUENCE => Start::Text(2),
        Some(0x40..=0x7e) => Start::Silent(body + 3),
        Some(_) => Start::Silent(body + 2),
        None => Start::Open,
    }
}

/// ECMA-48 5.6, and xterm's BEL as an end. `rest` follows the two bytes that open it.
fn command_string(rest: &[u8]) -> Start {
    let window = rest.get(..LONGEST_STRING).unwrap_or(rest);
    let end = window.iter().position(|byte| matches!(*byte, BEL | ESC | b'\n'));
    match end.map(|at| (at, rest.get(at), rest.get(at + 1))) {
        Some((at, Some(&BEL), _)) => Start::Command(at + 3),
        Some((at, Some(&ESC), Some(b'\\'))) => Start::Command(at + 4),
        Some((_, Some(&ESC), None)) => Start::Open,
        // Another sequence or a line end cuts it off.
        Some((at, ..)) => Start::Command(at + 2),
        None if window.len() < LONGEST_STRING => Start::Open,
        None => Start::Text(2),
    }
}

/// UTF-8 of U+200B…U+200F, U+202A…U+202E, U+2060…U+206F, U+FEFF, U+E0000…U+E007F.
fn invisible(first: u8, bytes: &[u8]) -> Start {
    match (first, bytes) {
        (0xe2, [_]) | (0xe2, [_, 0x80 | 0x81]) | (0xef, [_] | [_, 0xbb]) => Start::Open,
        (0xf3, [_] | [_, 0xa0] | [_, 0xa0, 0x80 | 0x81]) => Start::Open,
        (0xe2, [_, 0x80, 0x8b..=0x8f | 0xaa..=0xae, ..] | [_, 0x81, 0xa0..=0xaf, ..]) => Start::Silent(3),
        (0xef, [_, 0xbb, 0xbf, ..]) => Start::Silent(3),
        (0xf3, [_, 0xa0, 0x80 | 0x81, _, ..]) => Start::Silent(4),
        _ => Start::Text(1),
    }
}
