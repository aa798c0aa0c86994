//! One task per job: wait for a place, launch, pump, wait for the end, record it.
//!
//! In: an [`Order`] that only an approval and an audit receipt can make. Out: a job in its final state and the end
//! record. How a process is confined or killed is the launcher's matter.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use tempfile::TempDir;
use tokio::sync::OwnedSemaphorePermit;

use super::gate::{Gate, Priority};
use super::job::{Job, Stop};
use super::retired::Retired;
use super::screen::Size;
use super::state::{End, Exit, Outcome, State, Status};
use super::stream::Tap;
use super::watched::Watched;
use crate::audit::{EndRecord, Receipt, StartRecord, Starter};
use crate::launcher::{self, Ended, Launcher, Process, ProcessHandle, StdinMode};
use crate::output::{Redactor, SpillPlan};
use crate::paths::AbsPath;
use crate::policy::Approved;
use crate::sandbox::SandboxSpec;

/// Time between SIGTERM and SIGKILL when the wall time is over.
const GRACE: Duration = Duration::from_secs(5);

/// Time for the pipes to run dry after the last process is gone; they close with it, so this is only a guard.
const DRAIN: Duration = Duration::from_secs(5);

/// How often a running job is looked at: not more often than the first, not less often than the second.
const LOOK_AT_MOST: Duration = Duration::from_millis(200);
const LOOK_AT_LEAST: Duration = Duration::from_secs(5);

/// What a job may use and what it is fed.
#[derive(Debug, Default)]
pub struct Terms {
    /// Time from start to the end of the last process.
    pub wall_time: Option<Duration>,
    /// Bytes that it may write to both streams together.
    pub output: Option<u64>,
    /// Drops what is more than that, in place of ending the job.
    pub drop_output: bool,
    /// Where output goes that has no room in memory.
    pub spill: Option<SpillPlan>,
    /// Written to its standard input at once.
    pub stdin: Option<String>,
    /// Leaves standard input open.
    pub keep_stdin_open: bool,
    /// How urgent it is while it waits for a place.
    pub priority: Priority,
    /// A terminal of its own, in place of pipes.
    pub terminal: Option<Size>,
    /// Why nothing may be written to its standard input, where that is so.
    pub no_input: Option<String>,
    /// A live copy of the output.
    pub tap: Option<Tap>,
    /// The job's own temporary directory, removed with its last process.
    pub tmp: Option<TempDir>,
    /// Protected names that nothing holds here: changes of them are told.
    pub watched: Vec<AbsPath>,
    /// Redacts what it writes, whatever policy is loaded while it runs; the manager's own when absent.
    pub redactor: Option<Arc<Redactor>>,
}

/// A job that may be started: it takes an approval and the receipt of its record to make one.
#[derive(Debug)]
pub struct Order {
    pub(super) receipt: Receipt,
    pub(super) spec: SandboxSpec,
    pub(super) terms: Terms,
}

impl Order {
    /// Consumes the approval, so that it starts one job, and the receipt, so that none starts unrecorded.
    pub fn new(approved: Approved, receipt: Receipt, spec: SandboxSpec, terms: Terms) -> Self {
        drop(approved);
        Self { receipt, spec, terms }
    }
}

/// What all workers share.
#[derive(Debug, Clone)]
pub(super) struct Shared {
    pub(super) launcher: Launcher,
    pub(super) redactor: Arc<Redactor>,
    pub(super) places: Gate,
    /// Whoever has ended goes in here.
    pub(super) retired: Retired,
}

/// Brings one job from the queue to its end. `admission` is held until then.
pub(super) async fn run(job: Arc<Job>, order: Order, shared: Shared, admission: OwnedSemaphorePermit) {
    let Order { receipt, spec, mut terms } = order;
    let tmp = terms.tmp.take();
    let mut stop = job.stop.subscribe();
    let place = tokio::select! {
        // One that is stopped already takes no place, and does not start.
        biased;
        _ = stop.wait_for(Option::is_some) => None,
        place = shared.places.enter(&job.facts.client, terms.priority) => Some(place),
    };
    let watched = look_before(std::mem::take(&mut terms.watched)).await;
    let (since, mut end) = match place {
        Some(_) => launch(&job, (spec, terms), &shared, receipt.starter()).await,
        None => (None, never_started(stopped_as(&job), "stopped while it was queued".into())),
    };
    end.changed = look_after(watched, &shared.redactor).await;
    finish(&job, receipt, tmp, since, &end).await;
    shared.retired.add(end.at, job.facts.id);
    job.state.send_replace(State::Ended { since, end });
    drop(admission);
}

/// Looks at protected names, when there are some to look at.
async fn look_before(paths: Vec<AbsPath>) -> Option<Watched> {
    if paths.is_empty() {
        return None;
    }
    tokio::task::spawn_blocking(|| Watched::new(paths)).await.ok()
}

/// What changed in them since; names are text that a job may have chosen.
async fn look_after(watched: Option<Watched>, redactor: &Arc<Redactor>) -> Vec<String> {
    let Some(watched) = watched else { return Vec::new() };
    let changes = tokio::task::spawn_blocking(move || watched.changes()).await;
    let changes = changes.unwrap_or_else(|_| vec!["protected names could not be looked at".to_owned()]);
    changes.iter().map(|path| redactor.text(path).0).collect()
}

/// Starts the program and follows it to the end of its last process.
async fn launch(
    job: &Arc<Job>,
    (spec, terms): (SandboxSpec, Terms),
    shared: &Shared,
    starter: Starter,
) -> (Option<Timestamp>, End) {
    let process = match shared.launcher.launch(spec, stdin_mode(&terms)).await {
        Ok(process) => process,
        Err(error) => return (None, never_started(Outcome::Failed, error.to_string())),
    };
    let since = Timestamp::now();
    let Process { stdin, stdout, stderr, handle } = process;
    *job.stdin.lock().await = stdin;
    job.keep_process(Some(handle.clone()));
    job.state.send_replace(State::Running { since, pid: handle.pid() });

    let redactor = terms.redactor.as_ref().unwrap_or(&shared.redactor);
    let spent = AtomicU64::new(0);
    let spend = |bytes| {
        let before = spent.fetch_add(bytes, Ordering::Relaxed);
        let Some(limit) = terms.output else { return bytes };
        if terms.drop_output {
            return limit.saturating_sub(before).min(bytes);
        }
        if before + bytes > limit {
            job.request_stop(Stop { outcome: Outcome::Limited("output".into()), grace: None });
        }
        bytes
    };
    let pumps = async {
        tokio::join!(
            job.stdout.fill(stdout, redactor, terms.tap.clone(), spend),
            job.stderr.fill(stderr, redactor, terms.tap.clone(), spend),
        );
    };
    let start = StartRecord { pid: handle.pid(), sandbox: job.status().sandbox };
    let noted = tokio::task::spawn_blocking(move || starter.started(&start));
    let feed = async {
        if !matches!(noted.await, Ok(Ok(()))) {
            // Nothing runs unrecorded; the end of the job says why.
            job.request_stop(Stop { outcome: Outcome::Limited("audit".into()), grace: None });
        }
        if let Some(text) = &terms.stdin {
            // A program that does not read its input is no error: `echo hi | true` is none either.
            let _ = job.feed(text.as_bytes(), !terms.keep_stdin_open).await;
        }
    };
    let over = async {
        let ended = tokio::select! {
            ended = follow(job, &handle, terms.wall_time) => ended,
            never = watch(job) => match never {},
        };
        *job.stdin.lock().await = None;
        job.keep_process(None);
        ended
    };
    let ended = drain_until(over, feed, pumps, terms.tap.is_some()).await;
    (Some(since), end_of(job, ended))
}

fn stdin_mode(terms: &Terms) -> StdinMode {
    match terms.terminal {
        Some(Size { rows, columns }) => StdinMode::Terminal { rows: rows.get(), columns: columns.get() },
        None if terms.stdin.is_some() || terms.keep_stdin_open => StdinMode::Pipe,
        None => StdinMode::Null,
    }
}

/// Looks at the job now and then, so that its silence is known when somebody asks. The one thing here that polls.
async fn watch(job: &Job) -> Infallible {
    let pause = (job.facts.stuck_after / 2).clamp(LOOK_AT_MOST, LOOK_AT_LEAST);
    loop {
        tokio::time::sleep(pause).await;
        job.look();
    }
}

/// Runs all three together until the job is `over`, then lets the pumps empty the pipes.
async fn drain_until(
    over: impl Future<Output = Ended>,
    feed: impl Future<Output = ()>,
    pumps: impl Future<Output = ()>,
    somebody_listens: bool,
) -> Ended {
    tokio::pin!(pumps);
    let both = async { tokio::join!(over, feed).0 };
    tokio::pin!(both);
    let ended = tokio::select! {
        ended = &mut both => ended,
        // Streams may close long before the last process ends.
        () = &mut pumps => return both.await,
    };
    if somebody_listens {
        pumps.await;
    } else {
        let _ = tokio::time::timeout(DRAIN, pumps).await;
    }
    ended
}

/// Waits for the last process, passing on stop requests and the deadline.
async fn follow(job: &Job, process: &ProcessHandle, wall_time: Option<Duration>) -> Ended {
    let deadline = async {
        match wall_time {
            Some(limit) => tokio::time::sleep(limit).await,
            None => std::future::pending().await,
        }
    };
    let mut stop = job.stop.subscribe();
    let asked = tokio::select! {
        ended = process.ended() => return ended,
        () = deadline => None,
        asked = stop.wait_for(Option::is_some) => asked.ok().and_then(|asked| asked.clone()),
    };
    let grace = match asked {
        Some(asked) => asked.grace,
        None => {
            job.request_stop(Stop { outcome: Outcome::TimedOut, grace: Some(GRACE) });
            Some(GRACE)
        }
    };
    if let Some(grace) = grace {
        // A job that is gone already needs no signal; its end arrives below.
        let _ = process.signal(launcher::Signal::SIGTERM);
        let harder = stop.wait_for(|stop| stop.as_ref().is_some_and(|stop| stop.grace.is_none()));
        tokio::select! {
            ended = process.ended() => return ended,
            () = tokio::time::sleep(grace) => {}
            _ = harder => {}
        }
    }
    let _ = process.kill();
    process.ended().await
}

/// What a stop request calls the job.
fn stopped_as(job: &Job) -> Outcome {
    job.stop.borrow().as_ref().map_or(Outcome::Failed, |stop| stop.outcome.clone())
}

fn never_started(outcome: Outcome, why: String) -> End {
    End {
        outcome,
        exit: Exit::None(why),
        at: Timestamp::now(),
        cpu: Duration::ZERO,
        peak_memory: 0,
        changed: Vec::new(),
    }
}

/// Names the end: a request or a limit comes before what the exit code says.
fn end_of(job: &Job, ended: Ended) -> End {
    let exit = match ended.exit {
        launcher::Exit::Code(code) => Exit::Code(code),
        launcher::Exit::Signal(signal) => Exit::Signal(signal),
        launcher::Exit::Lost(why) => Exit::None(why),
    };
    let asked = job.stop.borrow().as_ref().map(|stop| stop.outcome.clone());
    let outcome = match (asked, ended.limit, &exit) {
        (Some(outcome), _, _) => outcome,
        (None, Some(limit), _) => Outcome::Limited(limit),
        (None, None, Exit::Code(0)) => Outcome::Completed,
        (None, None, _) => Outcome::Failed,
    };
    End { outcome, exit, at: Timestamp::now(), cpu: ended.cpu, peak_memory: ended.peak_memory, changed: Vec::new() }
}

/// Removes the temporary directory and writes the end record; only then may the end be shown.
async fn finish(job: &Job, receipt: Receipt, tmp: Option<TempDir>, since: Option<Timestamp>, end: &End) {
    let status = job.status();
    let record = record(&status, since, end);
    // Both touch the disk; the runtime's threads are for waiting.
    let written = tokio::task::spawn_blocking(move || {
        if let Some(tmp) = tmp {
            super::tmp::remove(tmp);
        }
        receipt.ended(record)
    });
    match written.await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::error!(job = %job.id(), %error, "the end of a job could not be recorded"),
        Err(error) => tracing::error!(job = %job.id(), %error, "recording the end of a job failed"),
    }
}

/// The end as the record keeps it.
fn record(status: &Status, since: Option<Timestamp>, end: &End) -> EndRecord {
    let (exit, signal, error) = match &end.exit {
        Exit::Code(code) => (Some(*code), None, None),
        Exit::Signal(signal) => (None, Some(*signal), None),
        Exit::None(why) => (None, None, Some(why.clone())),
    };
    let limit = match &end.outcome {
        Outcome::Limited(limit) => Some(limit.clone()),
        _ => None,
    };
    let millis = |time: i128| u64::try_from(time).unwrap_or(0);
    EndRecord {
        state: State::Ended { since, end: end.clone() }.name().to_owned(),
        exit,
        signal,
        wall_ms: since.map_or(0, |since| millis(end.at.duration_since(since).as_millis())),
        cpu_ms: u64::try_from(end.cpu.as_millis()).unwrap_or(u64::MAX),
        memory: end.peak_memory,
        stdout_bytes: status.stdout_bytes,
        stderr_bytes: status.stderr_bytes,
        limit,
        redactions: status.redactions.iter().cloned().collect(),
        protected_changed: end.changed.clone(),
        error,
    }
}
