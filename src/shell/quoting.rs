//! Parts of a word to text that bash reads back as the same part.
//!
//! In: pieces that only the shell can expand. Out: their text. Which words need it is decided in `render`.

use super::text::quote;
use super::tree::{Op, Parameter, Piece};

pub(super) fn is_quoted(piece: &Piece) -> bool {
    match piece {
        Piece::Literal { quoted, .. } | Piece::Parameter { quoted, .. } | Piece::Substitution { quoted, .. } => *quoted,
        Piece::Arithmetic { .. } => true,
    }
}

pub(super) fn wrap(text: String, quoted: bool) -> String {
    if quoted { format!("\"{text}\"") } else { text }
}

/// Would `cd` look for this directory in CDPATH first?
pub(super) fn is_searched(target: &str) -> bool {
    !matches!(target.split('/').next(), Some("" | "." | ".."))
}

/// Literal text: quoted, but for the characters of a pattern where they count.
pub(super) fn literal(text: &str, quoted: bool) -> String {
    if quoted || !text.contains(['*', '?', '[']) {
        return quote(text);
    }
    let raw = |c: char| c.is_ascii_alphanumeric() || "*?[]!^-_./:".contains(c);
    text.chars().map(|c| if raw(c) { c.to_string() } else { quote(&c.to_string()) }).collect()
}

/// `${…}`; what stands inside was kept to text that needs no quotes.
pub(super) fn parameter(parameter: &Parameter, quoted: bool) -> String {
    let name = &parameter.name;
    let operand = |pieces: &[Piece]| -> String {
        let texts = pieces.iter().map(|piece| match piece {
            Piece::Literal { text, quoted: true } if !quoted => quote(text),
            Piece::Literal { text, .. } => text.clone(),
            Piece::Parameter { parameter: inner, quoted: inner_quoted } => {
                wrap(self::parameter(inner, quoted || *inner_quoted), *inner_quoted && !quoted)
            }
            Piece::Substitution { .. } | Piece::Arithmetic { .. } => String::new(),
        });
        texts.collect()
    };
    match &parameter.op {
        Op::Plain => format!("${{{name}}}"),
        Op::Length => format!("${{#{name}}}"),
        Op::Test(op, pieces) | Op::Trim(op, pieces) => format!("${{{name}{op}{}}}", operand(pieces)),
        Op::Replace(op, from, to) => format!("${{{name}{op}{}/{}}}", operand(from), operand(to)),
        Op::Substring(offset, None) => format!("${{{name}: {offset}}}"),
        Op::Substring(offset, Some(length)) => format!("${{{name}: {offset}:{length}}}"),
        Op::Case(op) => format!("${{{name}{op}}}"),
    }
}
