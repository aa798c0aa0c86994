//! The record: what was asked, what was decided and why, what became of it. Append-only, in order, tamper-evident.
//!
//! One JSON object a line. Fields of every record: `v` (1), `seq` (from 1), `time` (RFC 3339, UTC), `kind`, then the
//! fields of that kind, then `prev` (the hash of the record before, zeros for the first) and `hash`: SHA-256 over the
//! bytes of the line before `,"hash":`. See [`record`] for the kinds.
#![forbid(unsafe_code)]

mod chain;
mod log;
mod read;
pub mod record;

pub use chain::Head;
pub use log::{Audit, AuditError, Options, Receipt, Sync};
pub use read::{Broken, Entries, Record, Verified, read, verify};
pub use record::{DecisionRecord, EndRecord};
