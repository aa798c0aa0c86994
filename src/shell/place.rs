//! Where in the received line a piece of text is.
//!
//! In: positions in a text that may be nested in another. Out: [`Span`]s in bytes of the received line.

use crate::diag::Span;

/// Where a text comes from.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place {
    /// It is a slice of the line that starts at this byte.
    At(usize),
    /// It was unquoted or made anew, so that all of it maps to one range.
    Within(Span),
}

impl Place {
    /// A range of bytes of the text.
    pub(super) fn span(self, start: usize, end: usize) -> Span {
        match self {
            Self::At(base) => Span { start: base + start, end: base + end },
            Self::Within(span) => span,
        }
    }

    /// The place of the text that starts at this byte of the text.
    pub(super) fn inner(self, start: usize) -> Self {
        match self {
            Self::At(base) => Self::At(base + start),
            Self::Within(span) => Self::Within(span),
        }
    }
}

/// Turns counts of characters, as the parser gives them, into bytes.
pub(super) struct Positions(Option<Vec<usize>>);

impl Positions {
    /// For one text; ASCII needs no table.
    pub(super) fn new(text: &str) -> Self {
        let table = || text.char_indices().map(|(byte, _)| byte).chain([text.len()]).collect();
        Self((!text.is_ascii()).then(table))
    }

    /// The byte at which this character starts.
    pub(super) fn byte(&self, character: usize) -> usize {
        match &self.0 {
            None => character,
            Some(table) => table.get(character).or(table.last()).copied().unwrap_or(0),
        }
    }
}
