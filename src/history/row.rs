//! One job as the history keeps it.
//!
//! In: facts, redacted. Out: the same. What they mean is decided by whoever wrote them.

use jiff::Timestamp;
use uuid::Uuid;

/// One job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its name.
    pub id: Uuid,
    /// Whose job it is; nobody else sees it.
    pub client: String,
    /// When it was accepted.
    pub created: Timestamp,
    /// When it was over; none before that.
    pub ended: Option<Timestamp>,
    /// Everything else, as JSON.
    pub facts: String,
    /// Its server was gone before it ended.
    pub cut: bool,
}
