//! Proof that a decision is on record.
//!
//! In: a decision. Out: a [`Receipt`] that starting a job consumes, and through which the job's start and end are told.

use serde::Serialize;
use uuid::Uuid;

use super::error::AuditError;
use super::log::Audit;
use super::record::{DecisionRecord, EndRecord, StartRecord};

/// Proof that the decision to run one command is on record. Starting a job consumes it.
#[derive(Debug)]
#[must_use = "a decision on record wants its end on record"]
pub struct Receipt {
    audit: Audit,
    job: Option<Uuid>,
    seq: u64,
}

/// What names its job and the record that allowed it.
#[derive(Serialize)]
struct Start<'a> {
    job: Option<Uuid>,
    decision_seq: u64,
    #[serde(flatten)]
    start: &'a StartRecord,
}

#[derive(Serialize)]
struct End {
    job: Option<Uuid>,
    decision_seq: u64,
    outcome: EndRecord,
}

impl Audit {
    /// Records the decision to run a command. Nothing may start before this returned.
    ///
    /// # Errors
    /// [`AuditError`]; nothing may start.
    pub fn allowed(&self, record: DecisionRecord) -> Result<Receipt, AuditError> {
        let job = record.job;
        let seq = self.append("decision", &record)?;
        Ok(Receipt { audit: self.clone(), job, seq })
    }

    /// Records every other decision.
    ///
    /// # Errors
    /// [`AuditError`].
    pub fn refused(&self, record: DecisionRecord) -> Result<(), AuditError> {
        self.append("decision", &record).map(drop)
    }
}

impl Receipt {
    /// The job that the decision was about.
    pub fn job(&self) -> Option<Uuid> {
        self.job
    }

    /// Number of the decision's record.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// What tells of the start of the job, on whatever thread.
    pub fn starter(&self) -> Starter {
        Starter { audit: self.audit.clone(), job: self.job, seq: self.seq }
    }

    /// Records the end of the job. One that cannot be written now is kept and written as soon as it can be.
    ///
    /// # Errors
    /// [`AuditError`]; the end is kept.
    pub fn ended(self, end: EndRecord) -> Result<(), AuditError> {
        let end = End { job: self.job, decision_seq: self.seq, outcome: end };
        self.audit.note_kept("end", end)
    }
}

/// Tells of the start of one job.
#[derive(Debug)]
pub struct Starter {
    audit: Audit,
    job: Option<Uuid>,
    seq: u64,
}

impl Starter {
    /// Records that the job runs.
    ///
    /// # Errors
    /// [`AuditError`]; the job must not go on.
    pub fn started(self, start: &StartRecord) -> Result<(), AuditError> {
        let start = Start { job: self.job, decision_seq: self.seq, start };
        self.audit.note("start", start)
    }
}
