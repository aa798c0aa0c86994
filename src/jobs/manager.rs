//! All jobs of a server: who is admitted, who is found, who is forgotten.
//!
//! In: orders and ids. Out: jobs. INVARIANT: a finished job holds no place; only running and queued ones count.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};

use super::gate::Gate;
use super::job::{Facts, Job, Stop};
use super::retired::Retired;
use super::started::Started;
use super::state::{JobId, Outcome};
use super::worker::{self, Order, Shared, Terms};
use crate::launcher::{Launcher, Signal};
use crate::output::Redactor;

/// Time between SIGTERM and SIGKILL when somebody ends a job.
pub(super) const KILL_GRACE: Duration = Duration::from_secs(2);

/// How many jobs there may be, and for how long finished ones are kept.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Running at the same time.
    pub concurrent: usize,
    /// Waiting for a place.
    pub queue: usize,
    /// Finished ones that are kept.
    pub retain: usize,
    /// How long one is kept after its end.
    pub retain_for: Duration,
    /// A running one that has been silent for so long is called stuck.
    pub stuck_after: Duration,
}

/// Who asks for a job and what it is called.
#[derive(Debug, Clone)]
pub struct Label {
    /// The name that record and replies share.
    pub id: JobId,
    /// Whose job it is; nobody else sees it.
    pub client: String,
    /// The command line, redacted.
    pub command: String,
    /// What the caller calls it.
    pub label: Option<String>,
}

/// A right to start one job; giving it up frees the place.
#[derive(Debug)]
pub struct Admission(OwnedSemaphorePermit);

/// Why no job can be admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turned {
    /// No place and no room in the queue.
    Full {
        /// Jobs that run.
        running: usize,
        /// Jobs that wait.
        queued: usize,
    },
    /// The manager has been shut down.
    Closed,
}

/// All jobs.
#[derive(Debug)]
pub struct Manager {
    limits: Limits,
    admissions: Arc<Semaphore>,
    shared: Shared,
    jobs: Mutex<BTreeMap<JobId, Arc<Job>>>,
}

impl Manager {
    /// A manager without jobs.
    pub fn new(limits: Limits, launcher: Launcher, redactor: Arc<Redactor>) -> Self {
        let places = Gate::new(limits.concurrent);
        let admissions = Arc::new(Semaphore::new(limits.concurrent + limits.queue));
        let shared = Shared { launcher, redactor, places, retired: Retired::default() };
        Self { limits, admissions, shared, jobs: Mutex::default() }
    }

    fn jobs(&self) -> MutexGuard<'_, BTreeMap<JobId, Arc<Job>>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reserves a place among running and queued jobs.
    ///
    /// # Errors
    /// [`Turned`], with how many run and wait.
    pub fn admit(&self) -> Result<Admission, Turned> {
        Arc::clone(&self.admissions).try_acquire_owned().map(Admission).map_err(|error| match error {
            TryAcquireError::Closed => Turned::Closed,
            TryAcquireError::NoPermits => {
                let running = self.shared.places.taken();
                Turned::Full { running, queued: (self.limits.concurrent + self.limits.queue).saturating_sub(running) }
            }
        })
    }

    /// Somebody is at work who may start a job soon.
    pub fn hear(&self) {
        self.shared.launcher.hear();
    }

    /// Starts a job: at once when a place is free, in its turn otherwise. It ends with what is returned, unless that is kept.
    /// Must be called inside a tokio runtime.
    pub fn start(&self, admission: Admission, label: Label, order: Order) -> Started {
        let Label { id, client, command, label } = label;
        let Terms { priority, terminal, no_input, spill, .. } = &order.terms;
        let job = Arc::new(Job::new(Facts {
            id,
            client,
            command,
            label,
            created: Timestamp::now(),
            priority: *priority,
            terminal: *terminal,
            no_input: no_input.clone(),
            spill: spill.clone(),
            stuck_after: self.limits.stuck_after,
        }));
        {
            let mut jobs = self.jobs();
            self.forget_old(&mut jobs);
            jobs.insert(id, Arc::clone(&job));
        }
        tokio::spawn(worker::run(Arc::clone(&job), order, self.shared.clone(), admission.0));
        Started::new(job)
    }

    /// The job of that client with that id.
    pub fn find(&self, client: &str, id: JobId) -> Option<Arc<Job>> {
        let mut jobs = self.jobs();
        self.forget_old(&mut jobs);
        jobs.get(&id).filter(|job| job.facts.client == client).cloned()
    }

    /// All jobs of that client, newest first.
    pub fn list(&self, client: &str) -> Vec<Arc<Job>> {
        let mut jobs = self.jobs();
        self.forget_old(&mut jobs);
        let mut found: Vec<_> = jobs.values().filter(|job| job.facts.client == client).cloned().collect();
        found.sort_by_key(|job| std::cmp::Reverse((job.facts.created, job.facts.id)));
        found
    }

    /// Ends a job: SIGTERM, a grace, SIGKILL; returns when its last process is gone.
    pub async fn end(&self, job: &Job) {
        job.request_stop(Stop { outcome: Outcome::Killed, grace: Some(KILL_GRACE) });
        job.ended().await;
    }

    /// Sends one signal to every process of a job; SIGKILL ends it. False when the job does not run.
    pub async fn signal(&self, job: &Job, signal: Signal) -> bool {
        if signal == Signal::SIGKILL {
            job.request_stop(Stop { outcome: Outcome::Killed, grace: None });
            job.ended().await;
            return true;
        }
        job.process().is_some_and(|process| process.signal(signal).is_ok())
    }

    /// Ends all jobs at once and returns when they are gone. No job can be admitted afterwards.
    pub async fn end_all(&self) {
        self.admissions.close();
        let jobs: Vec<_> = self.jobs().values().cloned().collect();
        for job in &jobs {
            job.request_stop(Stop { outcome: Outcome::Killed, grace: None });
        }
        for job in jobs {
            job.ended().await;
        }
    }

    /// The same, and ends the launcher.
    pub async fn shut_down(&self) {
        self.end_all().await;
        // A job is over when its last process is; the helper is gone when its supervisors are, too.
        self.shared.launcher.shutdown().await;
    }

    /// Drops finished jobs that are too many or too old.
    fn forget_old(&self, jobs: &mut BTreeMap<JobId, Arc<Job>>) {
        let keep_for = SignedDuration::try_from(self.limits.retain_for).unwrap_or(SignedDuration::MAX);
        for id in self.shared.retired.take_old(self.limits.retain, keep_for, Timestamp::now()) {
            jobs.remove(&id);
        }
    }
}
