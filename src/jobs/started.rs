//! A job that was started and that nobody has been told of yet.
//!
//! In: a job, as soon as it exists. Out: the job, once whoever asked for it is told; else its end. Why nobody is told does
//! not matter: a caller that gave up, failed or was dropped halfway ends the job without doing anything for it.
//!
//! INVARIANT: a job whose starter was never told of it does not go on.

use std::ops::Deref;
use std::sync::Arc;

use super::job::{Job, Stop};
use super::manager::KILL_GRACE;
use super::state::Outcome;

/// Owns a job until its starter knows of it.
#[derive(Debug)]
#[must_use = "dropping this ends the job"]
pub struct Started {
    job: Arc<Job>,
    told: bool,
}

impl Started {
    pub(super) fn new(job: Arc<Job>) -> Self {
        Self { job, told: false }
    }

    /// The job. It still ends with this, whoever holds it.
    pub fn job(&self) -> &Arc<Job> {
        &self.job
    }

    /// Its starter is told: from now on it lives by its own limits.
    pub fn keep(mut self) -> Arc<Job> {
        self.told = true;
        Arc::clone(&self.job)
    }
}

impl Deref for Started {
    type Target = Job;

    fn deref(&self) -> &Job {
        &self.job
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        if !self.told {
            // A note to the job's worker, at whatever step it is; one that is over does not read it.
            self.job.request_stop(Stop { outcome: Outcome::Killed, grace: Some(KILL_GRACE) });
        }
    }
}
