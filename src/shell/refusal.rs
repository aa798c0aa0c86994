//! Why a line was refused.
//!
//! In: a code, a message, a place. Out: one [`Refusal`]. What is refused is decided where the construct is met.

use std::fmt;

use crate::diag::Span;

/// A line that analysis does not accept, with the first construct that stopped it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Stable short name, for example `eval`.
    pub code: &'static str,
    /// What is refused, then what to do; short, for a model to act on.
    pub message: String,
    /// Its bytes in the received text.
    pub span: Span,
}

impl Refusal {
    /// A refusal at a place.
    pub(super) fn new(code: &'static str, span: Span, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), span }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (bytes {} to {})", self.message, self.span.start, self.span.end)
    }
}

impl std::error::Error for Refusal {}
