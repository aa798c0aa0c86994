//! Pathname patterns as text: what is special in them stands bare, everything else behind a backslash.
//!
//! In: text of a word. Out: a pattern, its literal start. Nothing here looks at files.

/// Does unquoted text hold a pattern? A bracket that never closes is none to bash; one that may close counts.
pub(super) fn is_pattern(bare: &str) -> bool {
    bare.contains(['*', '?']) || bare.find('[').is_some_and(|at| bare.get(at..).is_some_and(|rest| rest.contains(']')))
}

/// Text as part of a pattern.
pub(super) fn escape(text: &str, quoted: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c == '\\' || (quoted && matches!(c, '*' | '?' | '[' | ']' | '!' | '^' | '-')) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// The text before the first special character, backslashes removed.
pub(super) fn literal_prefix(pattern: &str) -> String {
    let mut out = String::new();
    let mut characters = pattern.chars();
    while let Some(c) = characters.next() {
        match c {
            '*' | '?' | '[' => break,
            '\\' => out.extend(characters.next()),
            _ => out.push(c),
        }
    }
    out
}
