//! Why there is no record.
//!
//! In: what failed. Out: a text that says what, where and what to do. Nothing may start after any of these.

use crate::paths::AbsPath;

/// Why there is no record. Nothing may start after any of these.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The file cannot be opened or created.
    #[error(
        "cannot open the audit log `{path}`: {source}; make its folder writable for this user, or set `audit.file`"
    )]
    Open {
        /// The log.
        path: AbsPath,
        /// The cause.
        source: std::io::Error,
    },
    /// Someone else could rewrite it.
    #[error("the audit log `{path}` cannot be trusted: {why}")]
    Untrusted {
        /// The log.
        path: AbsPath,
        /// What is wrong with it, and what to do.
        why: &'static str,
    },
    /// Reading, writing or locking failed.
    #[error("cannot {action} the audit log `{path}`: {source}; free space or mend the disk, then ask again")]
    Io {
        /// What was tried.
        action: &'static str,
        /// The log.
        path: AbsPath,
        /// The cause.
        source: std::io::Error,
    },
    /// Its last record is not one of ours.
    #[error(
        "the audit log `{path}` is damaged at its end: {why}; see `shellwarden audit verify`, move it away and start again"
    )]
    Damaged {
        /// The log.
        path: AbsPath,
        /// What is wrong.
        why: String,
    },
    /// A record above the size that is read back.
    #[error("a record of {bytes} bytes is too long for the audit log; shorten the command")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// The key cannot be used.
    #[error("the audit key `{path}` cannot be used: {why}")]
    Key {
        /// The key file.
        path: AbsPath,
        /// What is wrong with it, and what to do.
        why: String,
    },
}
