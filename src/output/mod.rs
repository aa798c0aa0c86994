//! What jobs print: redacted as it streams, kept in bounded memory, shown in a form that is safe to read.
#![forbid(unsafe_code)]

mod escape;
mod redact;
mod ring;
mod spill;
pub mod view;

pub use redact::{Builder, RedactStream, Redactor, RuleError};
pub use ring::{HeadTail, Ring, Slice};
pub use spill::SpillPlan;
