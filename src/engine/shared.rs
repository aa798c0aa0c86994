//! What several engines of one server have together.
//!
//! In: the settings of their policies. Out: counters of the same limits, and one open log and one writer of the history
//! for all engines that keep them in the same place: many writers of one file would wait for each other, and a client
//! with few jobs for one with many.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::law::SharedLimits;
use super::recording;
use crate::audit::{Audit, AuditError};
use crate::history::History;
use crate::paths::AbsPath;
use crate::policy::{self, Settings};

/// Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Shared {
    pub(super) limits: SharedLimits,
    records: Arc<Mutex<Vec<Known>>>,
}

/// Where an engine writes.
#[derive(Debug)]
pub(super) struct Records {
    pub(super) audit: Audit,
    /// Writes rows; questions have a history of their own, or many of one client would keep the rows of others waiting.
    pub(super) keeper: Arc<History>,
}

/// Records that are open as long as an engine writes there.
#[derive(Debug)]
struct Known {
    settings: (AbsPath, policy::Audit, policy::JobLimits),
    audit: Audit,
    keeper: Weak<History>,
}

impl Shared {
    /// The records of these settings, opened if nobody has them.
    pub(super) fn records(&self, settings: &Settings) -> Result<Records, AuditError> {
        let mut all = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|known| known.keeper.strong_count() > 0);
        let wanted = (settings.state.clone(), settings.audit.clone(), settings.jobs.clone());
        let known = all.iter().find(|known| known.settings == wanted);
        if let Some((known, keeper)) = known.and_then(|known| Some((known, known.keeper.upgrade()?))) {
            return Ok(Records { audit: known.audit.clone(), keeper });
        }
        let audit = recording::open(&settings.audit)?;
        let keeper = Arc::new(recording::history(settings, &audit));
        all.push(Known { settings: wanted, audit: audit.clone(), keeper: Arc::downgrade(&keeper) });
        Ok(Records { audit, keeper })
    }
}
