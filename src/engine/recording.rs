//! How the policy wants its record written.
//!
//! In: the `audit` part of a policy. Out: an open log, or why nothing could be recorded.

use std::io;

use crate::audit::{self, Audit, AuditError, Forward, Key, Rotate, Sync};
use crate::policy::{self, AuditSync, Syslog};

/// Opens the log that a policy names.
///
/// # Errors
/// [`AuditError`]; nothing may be judged for running then.
pub(super) fn open(settings: &policy::Audit) -> Result<Audit, AuditError> {
    let count = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
    let rotate = Rotate {
        size: settings.rotate_size.map(|size| size.get()),
        age: settings.rotate_age.map(|age| age.get()),
        keep: settings.keep.map(count),
    };
    let sync = match settings.sync {
        AuditSync::Interval(period) => Sync::Interval(period.get()),
        AuditSync::Batch => Sync::Batch,
        AuditSync::Record => Sync::Record,
        AuditSync::None => Sync::None,
    };
    let key = settings.key_file.as_ref().map(Key::read).transpose()?;
    let io = |source: io::Error| AuditError::Io { action: "copy to syslog", path: settings.file.clone(), source };
    let forward = match &settings.syslog {
        None => None,
        Some(Syslog::Machine) => Some(Forward::to_syslog(None).map_err(io)?),
        Some(Syslog::Socket(path)) => Some(Forward::to_syslog(Some(path.clone())).map_err(io)?),
    };
    Audit::open(&settings.file, audit::Options { sync, key, rotate, forward, ..audit::Options::default() })
}
