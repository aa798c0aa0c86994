//! What a model sees of stored bytes.
//!
//! In: redacted bytes. Out: text without control sequences, with hidden characters made visible, cut by lines or by
//! size, or searched. Nothing secret is looked for here: that happened before the bytes were stored.

use std::collections::VecDeque;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use memchr::memrchr;
use regex::Regex;

use super::escape::{ESC, Escapes, Piece};
use super::ring::HeadTail;

/// Bytes as a model sees them: invalid UTF-8 replaced, escape sequences removed, lines that a carriage return rewrote
/// in their last state, invisible, bidirectional, tag and other control characters written as `\u{…}`.
pub fn text(bytes: &[u8]) -> String {
    let mut plain = Vec::with_capacity(bytes.len());
    let mut escapes = Escapes::default();
    let mut keep = |piece: Piece<'_>| match piece {
        // An escape sequence that never ended is no text either.
        Piece::Text(bytes) | Piece::Silent(bytes) if !bytes.starts_with(&[ESC]) => plain.extend_from_slice(bytes),
        Piece::Text(_) | Piece::Silent(_) | Piece::Command(_) => {}
    };
    escapes.split(bytes, &mut keep);
    escapes.finish(&mut keep);
    let plain = String::from_utf8_lossy(&plain);
    let mut shown = String::with_capacity(plain.len());
    for line in plain.split_inclusive('\n') {
        show_line(line, &mut shown);
    }
    shown
}

/// Writes one line in its last state, hidden characters made visible.
fn show_line(line: &str, shown: &mut String) {
    let body = line.strip_suffix('\n').unwrap_or(line);
    let body = body.trim_end_matches('\r');
    let last = body.rsplit('\r').next().unwrap_or(body);
    for c in last.chars() {
        if is_hidden(c) {
            // Writing to a String cannot fail.
            let _ = write!(shown, "\\u{{{:x}}}", u32::from(c));
        } else {
            shown.push(c);
        }
    }
    if body.len() != line.len() && line.ends_with('\n') {
        shown.push('\n');
    }
}

/// True for characters that a reader does not see but a model or a terminal obeys: controls but tab, zero-width,
/// bidirectional, tag, variation-selector and other format characters (Unicode general category Cf and its neighbours).
fn is_hidden(c: char) -> bool {
    match c {
        '\t' => false,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{3164}' => true,
        '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' => true,
        '\u{fe00}'..='\u{fe0e}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' => true,
        '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}' => true,
        other => other.is_control(),
    }
}

/// The last `lines` lines as a model sees them.
pub fn tail(bytes: &[u8], lines: usize) -> String {
    let shown = text(bytes);
    let last = shown.len().wrapping_sub(1);
    let ends = shown.rmatch_indices('\n').map(|(at, _)| at).filter(|at| *at != last);
    let start = if lines == 0 { shown.len() } else { ends.skip(lines - 1).map(|at| at + 1).next().unwrap_or(0) };
    shown.get(start..).unwrap_or_default().to_owned()
}

/// The text when it fits `max_bytes`, else its first and last part with the number of bytes left out between them.
/// Cuts at a line end when one is near, never inside a character. The line that tells the number comes on top.
pub fn head_tail(bytes: &[u8], max_bytes: usize) -> String {
    let shown = text(bytes);
    if shown.len() <= max_bytes {
        return shown;
    }
    let (head, tail) = ends(&shown, max_bytes);
    let omitted = shown.len() - head.len() - tail.len();
    let gap = if head.is_empty() || head.ends_with('\n') { "" } else { "\n" };
    format!("{head}{gap}[{omitted} bytes omitted]\n{tail}")
}

/// Both ends of a stream, as [`head_tail`] shows a text. What lies between was never copied.
pub fn both_ends(held: &HeadTail, max_bytes: usize) -> String {
    if held.omitted == 0 {
        return head_tail(&held.tail, max_bytes);
    }
    let (head, tail) = (text(&held.head), text(&held.tail));
    let head = head.as_str();
    let cut = head.rfind('\n').filter(|end| *end >= head.len() / 2).map_or(head.len(), |end| end + 1);
    let skip = tail.find('\n').filter(|end| *end < tail.len() / 2).map_or(0, |end| end + 1);
    let omitted = held.omitted + (head.len() - cut) as u64 + skip as u64;
    let head = head.get(..cut).unwrap_or(head);
    let gap = if head.is_empty() || head.ends_with('\n') { "" } else { "\n" };
    format!("{head}{gap}[{omitted} bytes omitted]\n{}", tail.get(skip..).unwrap_or(&tail))
}

/// The bytes without a last character that is not there as a whole: the next read begins with it. All of them when that
/// would leave nothing.
pub fn whole(bytes: &[u8]) -> &[u8] {
    let last = bytes.utf8_chunks().last();
    let unfinished = last.map(|chunk| chunk.invalid()).filter(|invalid| {
        // The beginning of a character lacks bytes; what can never become one is shown as invalid.
        let wanted = match invalid.first() {
            Some(0xc0..=0xdf) => 2,
            Some(0xe0..=0xef) => 3,
            Some(0xf0..=0xf7) => 4,
            _ => 0,
        };
        invalid.len() < wanted
    });
    let cut = bytes.len() - unfinished.map_or(0, <[u8]>::len);
    bytes.get(..cut).filter(|kept| !kept.is_empty()).unwrap_or(bytes)
}

/// Bytes for a program, whatever they are.
pub fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// The first and the last part of `shown`, together at most `max_bytes`.
fn ends(shown: &str, max_bytes: usize) -> (&str, &str) {
    let cut = floor(shown, max_bytes / 2);
    let head = shown.get(..cut).unwrap_or_default();
    let head = match head.rfind('\n') {
        Some(end) if end >= cut / 2 => head.get(..=end).unwrap_or(head),
        _ => head,
    };
    let start = shown.len() - (max_bytes - max_bytes / 2);
    let start = (start..shown.len()).find(|at| shown.is_char_boundary(*at)).unwrap_or(shown.len());
    let tail = shown.get(start..).unwrap_or_default();
    let tail = match tail.find('\n') {
        Some(end) if end < tail.len() / 2 => tail.get(end + 1..).unwrap_or(tail),
        _ => tail,
    };
    (head, tail)
}

/// The last character boundary at or before `at`.
fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// A search in the lines of a stream.
#[derive(Debug)]
pub struct Search<'a> {
    /// What a line must contain.
    pub pattern: &'a Regex,
    /// Lines shown before and after each hit.
    pub context: usize,
    /// Hits shown; the others are counted.
    pub limit: usize,
}

/// A search in progress: lines as a model sees them, so a match is never split by colour codes. Shows hits as
/// `NUMBER:line` and their context as `NUMBER-line`, `--` between groups; numbers count from 1 in the bytes searched.
#[derive(Debug)]
pub struct Scan<'a> {
    search: &'a Search<'a>,
    /// A line that goes on in the next bytes.
    unfinished: Vec<u8>,
    /// Lines before a hit that may come.
    before: VecDeque<(usize, String)>,
    /// Lines behind a hit that are still to be shown.
    owed: usize,
    number: usize,
    last_shown: usize,
    hits: usize,
    text: String,
}

impl<'a> Scan<'a> {
    /// Nothing searched yet.
    pub fn new(search: &'a Search<'a>) -> Self {
        let (unfinished, before, text) = (Vec::new(), VecDeque::new(), String::new());
        Self { search, unfinished, before, owed: 0, number: 0, last_shown: 0, hits: 0, text }
    }

    /// Takes the next bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        let Some(end) = memrchr(b'\n', bytes) else { return self.unfinished.extend_from_slice(bytes) };
        let (lines, rest) = bytes.split_at(end + 1);
        let mut whole = std::mem::take(&mut self.unfinished);
        whole.extend_from_slice(lines);
        self.lines(&whole);
        self.unfinished = rest.to_vec();
    }

    /// The result: a first line with the number of hits, then those shown.
    pub fn finish(mut self) -> String {
        let rest = std::mem::take(&mut self.unfinished);
        self.lines(&rest);
        match (self.hits, self.hits > self.search.limit) {
            (0, _) => String::new(),
            (hits, true) => format!("{hits} lines match, the first {} are shown\n{}", self.search.limit, self.text),
            (hits, false) => format!("{hits} lines match\n{}", self.text),
        }
    }

    fn lines(&mut self, bytes: &[u8]) {
        for line in text(bytes).lines() {
            self.number += 1;
            let hit = self.search.pattern.is_match(line);
            self.hits += usize::from(hit);
            if hit && self.hits <= self.search.limit {
                for (number, line) in std::mem::take(&mut self.before) {
                    self.show(number, '-', &line);
                }
                self.show(self.number, ':', line);
                self.owed = self.search.context;
            } else if self.owed > 0 {
                self.owed -= 1;
                self.show(self.number, if hit { ':' } else { '-' }, line);
            } else if self.hits < self.search.limit {
                self.before.push_back((self.number, line.to_owned()));
                if self.before.len() > self.search.context {
                    self.before.pop_front();
                }
            }
        }
    }

    fn show(&mut self, number: usize, mark: char, line: &str) {
        if self.last_shown > 0 && number > self.last_shown + 1 {
            self.text.push_str("--\n");
        }
        self.last_shown = number;
        // Writing to a String cannot fail.
        let _ = writeln!(self.text, "{number}{mark}{line}");
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed assumption is a failed test")]
mod tests {
    use super::super::ring::Ring;
    use super::*;

    #[test]
    fn text_neutralises_what_a_model_must_not_obey() {
        let cases: [(&str, &[u8], &str); 11] = [
            ("colours", b"\x1b[1;31mred\x1b[0m", "red"),
            ("window title and hyperlink", b"\x1b]0;title\x07a\x1b]8;;http://x\x1b\\b", "ab"),
            ("device control string", b"a\x1bPq...\x1b\\b", "ab"),
            ("charset selection", b"\x1b(Bplain", "plain"),
            ("progress bar", b"10%\r50%\r100%\ndone\n", "100%\ndone\n"),
            ("dos line ends", b"a\r\nb\r\n", "a\nb\n"),
            ("invalid UTF-8", b"a\xffb", "a\u{fffd}b"),
            ("bidirectional", "a\u{202e}b".as_bytes(), "a\\u{202e}b"),
            ("tag characters", "\u{e0041}x".as_bytes(), "\\u{e0041}x"),
            ("bell and backspace", b"a\x07\x08b", "a\\u{7}\\u{8}b"),
            ("an escape sequence that never ends", b"a\x1b]0;", "a"),
        ];
        for (why, bytes, want) in cases {
            assert_eq!(text(bytes), want, "{why}");
        }
    }

    #[test]
    fn a_page_ends_with_a_whole_character() {
        let cases: [(&[u8], &[u8]); 6] = [
            (b"ab", b"ab"),
            ("aä".as_bytes(), "aä".as_bytes()),
            (b"a\xc3", b"a"),
            (b"a\xf0\x9f\x98", b"a"),
            (b"a\xff", b"a\xff"),
            (b"\xc3", b"\xc3"),
        ];
        for (bytes, want) in cases {
            assert_eq!(whole(bytes), want, "{bytes:?}");
        }
    }

    #[test]
    fn tail_and_head_tail_cut_where_a_reader_would() {
        assert_eq!(tail(b"a\nb\nc\n", 2), "b\nc\n");
        assert_eq!(tail(b"a\nb", 0), "");
        assert_eq!(head_tail(b"short", 10), "short");
        let long: String = (0..20).map(|n| format!("line {n}\n")).collect();
        let want = "line 0\nline 1\n[120 bytes omitted]\nline 18\nline 19\n";
        assert_eq!(head_tail(long.as_bytes(), 40), want);
        let wide = "ä".repeat(50);
        assert_eq!(head_tail(wide.as_bytes(), 7), "ä\n[94 bytes omitted]\nää");
    }

    #[test]
    fn search_counts_all_hits_and_shows_the_first_with_context() {
        let pattern = Regex::new("x").unwrap();
        let bytes = b"x1\na\nb\nc\n\x1b[1mx\x1b[0m2\nd\nx3\n";
        let search = Search { pattern: &pattern, context: 1, limit: 2 };
        for size in [1, 5, 100] {
            let mut scan = Scan::new(&search);
            bytes.chunks(size).for_each(|part| scan.push(part));
            let want = "3 lines match, the first 2 are shown\n1:x1\n2-a\n--\n4-c\n5:x2\n6-d\n";
            assert_eq!(scan.finish(), want, "{size} bytes at once");
        }
        let mut ring = Ring::new(1000);
        (0..20).for_each(|n| ring.push(format!("line {n}\n").as_bytes()));
        assert_eq!(both_ends(&ring.head_tail(40), 40), "line 0\nline 1\n[120 bytes omitted]\nline 18\nline 19\n");
    }
}
