//! The record: what was asked, what was decided and why, what became of it. Append-only, in order, tamper-evident.
//!
//! One JSON object a line. Fields of every record: `v` (1), `seq` (from 1), `time` (RFC 3339, UTC), `kind`, then the
//! fields of that kind, then `prev` (the hash of the record before, zeros for the first) and `hash`: SHA-256 over the
//! bytes of the line before `,"hash":`. With a key, `hmac` stands in place of `hash`: HMAC-SHA-256 over the same bytes.
//! See [`record`] for the kinds.
#![forbid(unsafe_code)]

mod chain;
mod error;
mod filter;
mod forward;
mod key;
mod log;
mod options;
mod read;
mod receipt;
pub mod record;
mod verify;

pub use chain::Head;
pub use error::AuditError;
pub use filter::Filter;
pub use forward::Forward;
pub use key::Key;
pub use log::Audit;
pub use options::{Options, Rotate, Sync};
pub use read::{Broken, Entries, Record, read};
pub use receipt::{Receipt, Starter};
pub use record::{
    AskRecord, ClientRecord, DecisionRecord, EndRecord, PolicyRecord, ServerRecord, StartRecord, TokenRecord,
};
pub use verify::{Check, Known, Verified, verify};
