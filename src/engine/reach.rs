//! Reaching a job that was started: status, output, input, end.
//!
//! In: a client and the id of one of its jobs. Out: plain data for replies. A job of another client does not exist here.

use std::sync::Arc;
use std::time::Duration;

use super::Engine;
use super::call::{Cursor, Kill, NoSuchJob, Output, Piece};
use crate::diag;
use crate::jobs::{Channel, InputError, Job, Shown, Status};
use crate::launcher::Signal;
use crate::output::view::{self, Search};

/// A pause in the output after which an interaction is answered.
const QUIET: Duration = Duration::from_millis(200);

/// Bytes that a search looks at in one go.
const SEARCHED_AT_ONCE: usize = 1 << 20;

/// Bytes of each stream that one interaction returns at most; the rest is read with a cursor.
const INTERACTION: usize = 64 << 10;

/// What a caller has for a job.
#[derive(Debug, Clone, Copy, Default)]
pub struct Input<'a> {
    /// Written as it is.
    pub text: &'a str,
    /// Then the end of the input.
    pub close: bool,
    /// Then these signals, by name.
    pub signals: &'a [&'a str],
}

/// Why an interaction failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InteractError {
    /// No such job.
    #[error(transparent)]
    NoSuchJob(#[from] NoSuchJob),
    /// The input did not reach it.
    #[error(transparent)]
    Input(#[from] InputError),
}

/// Signals that a caller may name; SIGKILL and the default end the job, the others are passed on.
const SIGNALS: &[(&str, Signal)] = &[
    ("INT", Signal::SIGINT),
    ("TERM", Signal::SIGTERM),
    ("KILL", Signal::SIGKILL),
    ("HUP", Signal::SIGHUP),
    ("QUIT", Signal::SIGQUIT),
    ("USR1", Signal::SIGUSR1),
    ("USR2", Signal::SIGUSR2),
    ("STOP", Signal::SIGSTOP),
    ("CONT", Signal::SIGCONT),
];

impl Engine {
    pub(super) fn find(&self, client: &str, id: &str) -> Result<Arc<Job>, NoSuchJob> {
        let job = id.parse().ok().and_then(|id| self.jobs.find(client, id));
        job.ok_or_else(|| NoSuchJob(self.clean(&diag::echo(id))))
    }

    /// Text that a client sent or a job chose, without what looks like a secret.
    pub fn clean(&self, text: &str) -> String {
        self.law.now().judge.clean(text)
    }

    /// A picture of a job now.
    ///
    /// # Errors
    /// [`NoSuchJob`].
    pub async fn status(&self, client: &str, id: &str) -> Result<Status, NoSuchJob> {
        match self.find(client, id) {
            Ok(job) => Ok(job.status()),
            Err(missing) => self.past(client, id).await.ok_or(missing),
        }
    }

    /// The same, after a look at what its processes use.
    ///
    /// # Errors
    /// [`NoSuchJob`].
    pub async fn look(&self, client: &str, id: &str) -> Result<Status, NoSuchJob> {
        match self.find(client, id) {
            Ok(job) => Ok(job.look()),
            Err(missing) => self.past(client, id).await.ok_or(missing),
        }
    }

    /// The screen of a job's terminal, redacted once more: what was drawn piece by piece is whole only there. None for a
    /// job without a terminal.
    ///
    /// # Errors
    /// [`NoSuchJob`].
    pub fn screen(&self, client: &str, id: &str) -> Result<Option<Shown>, NoSuchJob> {
        let shown = self.find(client, id)?.screen();
        Ok(shown.map(|shown| Shown { text: self.law.now().judge.clean(&view::text(shown.text.as_bytes())), ..shown }))
    }

    /// Waits for the end of a job, at most for `limit`, and returns its picture then.
    ///
    /// # Errors
    /// [`NoSuchJob`].
    pub async fn wait(&self, client: &str, id: &str, limit: Duration) -> Result<Status, NoSuchJob> {
        let job = match self.find(client, id) {
            Ok(job) => job,
            Err(missing) => return self.past(client, id).await.ok_or(missing),
        };
        // Running out of time is an answer like the end.
        let _ = tokio::time::timeout(limit, job.ended()).await;
        Ok(job.status())
    }

    /// Waits until a job differs from an earlier picture of it, in state or in bytes written.
    ///
    /// # Errors
    /// [`NoSuchJob`].
    pub async fn changed(&self, client: &str, id: &str, seen: &Status) -> Result<Status, NoSuchJob> {
        Ok(self.find(client, id)?.changed(seen).await)
    }

    /// Changes with each policy that is put in the place of the one in force.
    pub fn policy_changes(&self) -> tokio::sync::watch::Receiver<()> {
        self.law.exchanges()
    }

    /// All jobs of a client, newest first.
    pub async fn list(&self, client: &str) -> Vec<Status> {
        let mut all: Vec<_> = self.jobs.list(client).iter().map(|job| job.status()).collect();
        let mut past = self.all_past(client).await;
        past.sort_by_key(|job| std::cmp::Reverse((job.created, job.id)));
        all.extend(past);
        all
    }

    /// What was written since a cursor, at most `max_bytes` of each stream.
    ///
    /// # Errors
    /// [`NoSuchJob`].
    pub fn read(&self, client: &str, id: &str, from: Cursor, max_bytes: usize) -> Result<Output, NoSuchJob> {
        Ok(read(&*self.find(client, id)?, from, max_bytes))
    }

    /// The last lines of each stream.
    ///
    /// # Errors
    /// [`NoSuchJob`].
    pub fn tail(&self, client: &str, id: &str, lines: usize) -> Result<Output, NoSuchJob> {
        let job = self.find(client, id)?;
        Ok(each(&job, |ring| {
            let held = ring.tail_lines(lines);
            (view::tail(&held.bytes, lines), held.dropped)
        }))
    }

    /// Head and tail of each stream with the count of what is between them.
    ///
    /// # Errors
    /// [`NoSuchJob`].
    pub fn head_tail(&self, client: &str, id: &str, max_bytes: usize) -> Result<Output, NoSuchJob> {
        let job = self.find(client, id)?;
        Ok(each(&job, |ring| {
            let held = ring.head_tail(max_bytes);
            (view::both_ends(&held, max_bytes), held.dropped)
        }))
    }

    /// Lines of each stream that a pattern matches, oldest first; older lines that are gone are counted.
    ///
    /// # Errors
    /// [`NoSuchJob`].
    pub fn search(&self, client: &str, id: &str, search: &Search<'_>) -> Result<Output, NoSuchJob> {
        let job = self.find(client, id)?;
        let piece = |channel| {
            let mut scan = view::Scan::new(search);
            let (mut at, mut dropped) = (0, 0);
            loop {
                // Each part is copied under the lock and looked at outside: nobody waits for a search.
                let slice = job.with_ring(channel, |ring| ring.read(at, SEARCHED_AT_ONCE));
                dropped += slice.dropped;
                if slice.bytes.is_empty() {
                    break;
                }
                scan.push(&slice.bytes);
                at = slice.next;
            }
            Piece { text: scan.finish(), next: at, dropped, more: 0 }
        };
        Ok(Output { stdout: piece(Channel::Stdout), stderr: piece(Channel::Stderr) })
    }

    /// What was written since a cursor, byte for byte, in base64.
    ///
    /// # Errors
    /// [`NoSuchJob`].
    pub fn read_raw(&self, client: &str, id: &str, from: Cursor, max_bytes: usize) -> Result<Output, NoSuchJob> {
        let job = self.find(client, id)?;
        let piece = |channel, cursor| {
            job.with_ring(channel, |ring| {
                let slice = ring.read(cursor, max_bytes);
                let more = ring.total().saturating_sub(slice.next);
                Piece { text: view::base64(&slice.bytes), next: slice.next, dropped: slice.dropped, more }
            })
        };
        Ok(Output { stdout: piece(Channel::Stdout, from.stdout), stderr: piece(Channel::Stderr, from.stderr) })
    }

    /// Writes to the standard input of a job, sends it signals, and returns what it writes until it pauses, ends, or
    /// `limit` has passed.
    ///
    /// # Errors
    /// [`InteractError`].
    pub async fn interact(
        &self,
        client: &str,
        id: &str,
        input: Input<'_>,
        limit: Duration,
    ) -> Result<Output, InteractError> {
        let job = self.find(client, id)?;
        let total = |channel| job.with_ring(channel, |ring| ring.total());
        let before = Cursor { stdout: total(Channel::Stdout), stderr: total(Channel::Stderr) };
        // A job without open input can be sent signals all the same.
        if !input.text.is_empty() || input.close || input.signals.is_empty() {
            job.write(input.text.as_bytes(), input.close).await?;
        }
        for name in input.signals {
            if let Some(signal) = signal_named(name) {
                self.jobs.signal(&job, signal).await;
            }
        }
        job.settled(QUIET, limit).await;
        Ok(read(&job, before, INTERACTION))
    }

    /// Ends a job, or sends it the named signal (`TERM`, `SIGINT`, …). Without a name: SIGTERM, a grace, SIGKILL, and
    /// the answer comes when its last process is gone.
    ///
    /// # Errors
    /// The text names the signals that there are.
    pub async fn kill(&self, client: &str, id: &str, signal: Option<&str>) -> Result<Kill, String> {
        let signal = match signal {
            None => None,
            Some(name) => Some(signal_named(name).ok_or_else(|| {
                let known: Vec<_> = SIGNALS.iter().map(|(name, _)| *name).collect();
                format!("unknown signal `{}`; use one of {}", name.escape_default(), known.join(", "))
            })?),
        };
        let Ok(job) = self.find(client, id) else {
            return Ok(self.past(client, id).await.map_or(Kill::NotFound, |_| Kill::AlreadyTerminated));
        };
        if job.status().state.ended() {
            return Ok(Kill::AlreadyTerminated);
        }
        match signal {
            None => self.jobs.end(&job).await,
            Some(signal) => {
                if !self.jobs.signal(&job, signal).await {
                    return Ok(Kill::AlreadyTerminated);
                }
            }
        }
        Ok(Kill::Killed)
    }

    /// Ends a job as [`Engine::kill`] does without a signal.
    pub async fn end(&self, job: &Job) {
        self.jobs.end(job).await;
    }

    /// Ends all jobs of this engine at once, and takes no more; others that share its launcher go on.
    pub async fn retire(&self) {
        self.jobs.end_all().await;
    }

    /// Ends all jobs at once and returns when they are gone and recorded.
    pub async fn shutdown(&self) {
        self.jobs.shut_down().await;
        self.endings.close();
        self.endings.wait().await;
        self.record_stop();
    }
}

/// The signal of a name such as `TERM` or `SIGTERM`.
fn signal_named(name: &str) -> Option<Signal> {
    let name = name.to_ascii_uppercase();
    let name = name.strip_prefix("SIG").unwrap_or(&name);
    SIGNALS.iter().find(|(known, _)| *known == name).map(|(_, signal)| *signal)
}

fn read(job: &Job, from: Cursor, max_bytes: usize) -> Output {
    let piece = |channel, cursor| {
        job.with_ring(channel, |ring| {
            let slice = ring.read(cursor, max_bytes);
            let kept = if slice.next < ring.total() { view::whole(&slice.bytes) } else { slice.bytes.as_slice() };
            let next = slice.next - (slice.bytes.len() - kept.len()) as u64;
            let more = ring.total().saturating_sub(next);
            Piece { text: view::text(kept), next, dropped: slice.dropped, more }
        })
    };
    Output { stdout: piece(Channel::Stdout, from.stdout), stderr: piece(Channel::Stderr, from.stderr) }
}

/// The same view of both streams, with cursors at their ends.
fn each(job: &Job, look: impl Fn(&crate::output::Ring) -> (String, u64)) -> Output {
    let piece = |channel| {
        job.with_ring(channel, |ring| {
            let (text, dropped) = look(ring);
            Piece { text, next: ring.total(), dropped, more: 0 }
        })
    };
    Output { stdout: piece(Channel::Stdout), stderr: piece(Channel::Stderr) }
}
