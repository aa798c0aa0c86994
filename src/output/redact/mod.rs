//! Redaction: rules, the literals that lead to them, and the stream that applies them.

mod candidate;
mod check;
mod encoded;
mod formats;
mod lane;
mod named;
mod pattern;
mod prefilter;
mod redactor;
mod rule;
mod shape;
mod stream;
mod value;
mod vocabulary;
mod window;
mod words;

pub use redactor::{Builder, Redactor};
pub use rule::RuleError;
pub use stream::RedactStream;
