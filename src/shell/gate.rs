//! The gate on bytes, before anything parses.
//!
//! In: the received text. Out: how many expansions it may open, or a [`Refusal`]. It reads each byte once and recurses
//! nowhere, so no text can hurt it. Whether the text is shell is decided in `parse`.

use super::refusal::Refusal;
use crate::diag::Span;

/// Longest line that is read, in bytes. The kernel takes 128 KiB as one argument, and rendering makes text longer.
const MAX_BYTES: usize = 64 * 1024;

/// Most `$(`, `${`, `$[` and backquotes in a text, quoted or not: the tokenizer recurses once for each.
pub(super) const MAX_EXPANSIONS: usize = 512;

/// Keywords that open a compound command.
const KEYWORDS: &[&str] = &["if", "elif", "while", "until", "for", "case", "select", "coproc", "function"];

/// Checks the bytes of a line; the answer is how many constructs it opens at most, quoted or not.
pub(super) fn check(text: &str) -> Result<usize, Refusal> {
    let whole = Span { start: 0, end: text.len() };
    if text.trim().is_empty() {
        return Err(Refusal::new("empty", whole, "the line is empty; give a command"));
    }
    let openers = size(text)?;
    control_characters(text)?;
    invisible_characters(text)?;
    Ok(openers)
}

/// Checks length and number of openers alone, for a word that no shell reads unless `sh -c` is before it.
pub(super) fn size(text: &str) -> Result<usize, Refusal> {
    let whole = Span { start: 0, end: text.len() };
    if text.len() > MAX_BYTES {
        let message = "the line is longer than 64 KiB; put the data in a file or run parts of it apart";
        return Err(Refusal::new("too-long", whole, message));
    }
    let expansions = expansions(text);
    if expansions > MAX_EXPANSIONS {
        let message = "more than 512 `$(`, `${` or backquotes in one line; run the commands apart";
        return Err(Refusal::new("too-many-expansions", whole, message));
    }
    Ok(expansions + openers(text))
}

/// Brackets and keywords that open a construct, wherever they stand.
fn openers(text: &str) -> usize {
    let brackets = text.bytes().filter(|byte| matches!(byte, b'(' | b'{')).count();
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    brackets + words.filter(|word| KEYWORDS.contains(word)).count()
}

/// Expansion openers, wherever they stand.
fn expansions(text: &str) -> usize {
    let pairs = text.as_bytes().windows(2).filter(|pair| matches!(*pair, [b'$', b'(' | b'{' | b'[']));
    pairs.count() + text.bytes().filter(|byte| *byte == b'`').count()
}

/// Control characters make a terminal or a second parser see another text; only tab and newline have a use here.
fn control_characters(text: &str) -> Result<(), Refusal> {
    let bad = text.char_indices().find(|(_, c)| c.is_control() && !matches!(c, '\t' | '\n'));
    let Some((start, c)) = bad else { return Ok(()) };
    let message = format!("control character U+{:04X}; write it as an escape in `$'…'`, or leave it out", c as u32);
    Err(Refusal::new("control-character", Span { start, end: start + c.len_utf8() }, message))
}

/// Invisible, blank-looking and direction-changing characters outside quotes make a person read another line than runs.
fn invisible_characters(text: &str) -> Result<(), Refusal> {
    if text.is_ascii() {
        return Ok(());
    }
    let mut quote = None;
    let mut escaped = false;
    for (start, c) in text.char_indices() {
        if quote.is_none() && is_invisible(c) {
            return Err(invisible(c, Span { start, end: start + c.len_utf8() }));
        }
        match (quote, c) {
            _ if escaped => escaped = false,
            (None | Some('"'), '\\') => escaped = true,
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), _) if open == c => quote = None,
            _ => {}
        }
    }
    Ok(())
}

/// The refusal for such a character.
pub(super) fn invisible(c: char, span: Span) -> Refusal {
    let message = format!("invisible character U+{:04X} outside quotes; leave it out or quote it", c as u32);
    Refusal::new("invisible-character", span, message)
}

/// Does this character show nothing, show a blank that is none to the shell, or turn the direction of writing?
pub(super) fn is_invisible(c: char) -> bool {
    let blank = !c.is_ascii() && c.is_whitespace();
    blank
        || matches!(
            u32::from(c),
            0xAD | 0x34F | 0x61C | 0x115F | 0x1160 | 0x17B4 | 0x17B5 | 0x3164 | 0xFEFF | 0xFFA0
                | 0x180B..=0x180F
                | 0x200B..=0x200F
                | 0x202A..=0x202E
                | 0x2060..=0x206F
                | 0xFE00..=0xFE0F
                | 0xFFF0..=0xFFFB
                | 0x1D173..=0x1D17A
                | 0xE0000..=0xE0FFF
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_control_character_but_tab_and_newline_is_refused() {
        for byte in (0..0x20).chain(0x7f..0xa0) {
            let text = format!("ls {} x", char::from(byte));
            let code = check(&text).err().map(|refusal| refusal.code);
            let want = (!matches!(byte, 9 | 10)).then_some("control-character");
            assert_eq!(code, want, "byte {byte:#x}");
        }
    }

    #[test]
    fn the_gate_refuses_by_name() {
        let cases = [
            ("a blank line runs nothing", " \n\t".to_owned(), Some("empty")),
            ("too long", "a".repeat(MAX_BYTES + 1), Some("too-long")),
            ("the longest line", "a".repeat(MAX_BYTES), None),
            ("bidirectional override", "echo ok \u{202e}; ls".to_owned(), Some("invisible-character")),
            ("a blank that is no blank to bash", "ls\u{a0}-l".to_owned(), Some("invisible-character")),
            ("an emoji joined by U+200D inside quotes is text", "echo '\u{1f468}\u{200d}\u{1f469}'".to_owned(), None),
            ("an escaped quote opens nothing", "echo \\'\u{200b}".to_owned(), Some("invisible-character")),
            ("quoted openers count as well", format!("echo '{}'", "$(".repeat(513)), Some("too-many-expansions")),
        ];
        for (why, text, want) in cases {
            assert_eq!(check(&text).err().map(|refusal| refusal.code), want, "{why}");
        }
    }
}
