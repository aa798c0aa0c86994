//! Parts of a word to text that bash reads back as the same part.
//!
//! In: pieces that only the shell can expand. Out: their text. Which words need it is decided in `render`.

use super::text::quote_in_script;
use super::tree::{Op, Parameter, Piece};

pub(super) fn is_quoted(piece: &Piece) -> bool {
    match piece {
        Piece::Literal { quoted, .. } | Piece::Parameter { quoted, .. } | Piece::Substitution { quoted, .. } => *quoted,
        Piece::Arithmetic { .. } => true,
        Piece::Process { .. } => false,
    }
}

fn wrap(text: String, quoted: bool) -> String {
    if quoted { format!("\"{text}\"") } else { text }
}

/// Would `cd` look for this directory in CDPATH first?
pub(super) fn is_searched(target: &str) -> bool {
    !matches!(target.split('/').next(), Some("" | "." | ".."))
}

/// Text of a word in the making; what is quoted stays in one pair of quotes as long as it can.
#[derive(Default)]
pub(super) struct Spelling {
    out: String,
    pending: Option<String>,
    in_bracket: bool,
}

impl Spelling {
    /// Adds literal text: quoted, but for the characters of a pattern where they count.
    pub(super) fn literal(&mut self, text: &str, quoted: bool) {
        if quoted {
            self.pending.get_or_insert_default();
        }
        for c in text.chars() {
            // Quotes inside of brackets would take the meaning from `[:alpha:]`.
            let in_class = self.in_bracket && (c.is_ascii_alphanumeric() || c == ':');
            self.in_bracket = !quoted && c == '[' || self.in_bracket && (quoted || c != ']');
            if !quoted && (in_class || matches!(c, '*' | '?' | '[' | ']' | '!' | '^' | '-')) {
                self.flush();
                self.out.push(c);
            } else {
                self.pending.get_or_insert_default().push(c);
            }
        }
    }

    /// Adds an expansion, in double quotes or not.
    pub(super) fn expansion(&mut self, text: &str, quoted: bool) {
        self.flush();
        self.out.push_str(&wrap(text.to_owned(), quoted));
    }

    fn flush(&mut self) {
        if let Some(text) = self.pending.take() {
            self.out.push_str(&quote_in_script(&text));
        }
    }

    /// The whole word.
    pub(super) fn finish(mut self) -> String {
        self.flush();
        self.out
    }
}

/// `${…}`; what stands inside was kept to text that needs no quotes.
pub(super) fn parameter(parameter: &Parameter, quoted: bool) -> String {
    let name = &parameter.name;
    let operand = |pieces: &[Piece]| -> String {
        let texts = pieces.iter().map(|piece| match piece {
            Piece::Literal { text, quoted: true } if !quoted => quote_in_script(text),
            Piece::Literal { text, .. } => text.clone(),
            Piece::Parameter { parameter: inner, quoted: inner_quoted } => {
                wrap(self::parameter(inner, quoted || *inner_quoted), *inner_quoted && !quoted)
            }
            Piece::Substitution { .. } | Piece::Process { .. } | Piece::Arithmetic { .. } => String::new(),
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
