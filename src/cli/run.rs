//! `run`: one command through the whole trip, its output redacted and streamed.
//!
//! In: a line of shell, or exact words. Out: the command's own exit code, 128+n for a signal; 126 when the policy says
//! no, 124 when its time is over, 125 when a limit or something of ours ended it.

use std::io::{self, IsTerminal, Read, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

use super::OURS;
use super::args::Run;
use super::setup::{self, Failure, Site, tell};
use crate::engine::{Call, Confirm, Engine, Exit, Front, Job, Outcome, Question, Refused, State, Stdin, Text};
use crate::engine::{Channel, End, Open};
use crate::launcher;

/// Exit code of a command that the policy refuses, as of one that a shell cannot execute.
const DENIED: u8 = 126;
/// Exit code of a command whose time is over, as of timeout(1).
const TIMED_OUT: u8 = 124;
/// Pieces of output that may wait for the terminal before the command has to.
const PENDING: usize = 16;
/// The client name of this front.
const CLIENT: &str = "cli";

pub(super) fn run(arguments: Run) -> Result<ExitCode, Failure> {
    let command = text(&arguments)?;
    launcher::harden_server().map_err(Failure::new)?;
    let helper = launcher::start_helper().map_err(Failure::new)?;
    setup::log_to_stderr();
    let site = Site::find(&arguments.places)?;
    let policy = site.load()?;
    let feed = !io::stdin().is_terminal();
    let call = Call {
        command,
        cwd: arguments.places.cwd,
        stdin: Stdin { text: None, open: if feed { Open::IfAllowed } else { Open::No } },
        timeout: arguments.timeout.map(Duration::from_secs),
        ..Call::default()
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::new)?;
    let code = runtime.block_on(async {
        let engine = setup::engine(policy, helper, Front::Cli).await?;
        let code = follow(&engine, call, feed).await;
        engine.shutdown().await;
        code
    })?;
    // A read of stdin may still block; the process ends all the same.
    std::process::exit(i32::from(code))
}

/// One argument is a line; words need `--`, so that nobody takes one for the other.
fn text(arguments: &Run) -> Result<Text, Failure> {
    match (arguments.line.as_slice(), arguments.words.is_empty()) {
        ([line], true) => Ok(Text::Line(line.clone())),
        ([], false) => Ok(Text::Exact(arguments.words.clone())),
        _ => Err(Failure::new(
            "`run` takes one line of shell, or exact words after `--`:\n  shellwarden run 'git status | head'\n  \
             shellwarden run -- git status",
        )),
    }
}

/// Starts the command and prints what it writes until it is over.
async fn follow(engine: &Engine, call: Call, feed: bool) -> Result<u8, Failure> {
    let (tap, output) = mpsc::channel(PENDING);
    let mut interrupts = Interrupts::catch()?;
    let job = match engine.execute_for(CLIENT, call, &Terminal, Some(tap)).await {
        Ok(job) => job,
        Err(refused) => return Ok(refuse(&refused)),
    };
    match job.no_input().filter(|_| feed && has_input()) {
        Some(why) => tell(&format!("standard input is not passed on: {why}")),
        None if feed => feed_stdin(Arc::clone(job.job())),
        None => {}
    }
    let printed = tokio::task::spawn_blocking(|| print(output));
    tokio::select! {
        () = job.ended() => {}
        () = interrupts.next() => engine.end(&job).await,
    }
    printed.await.map_err(Failure::new)?;
    Ok(verdict(&job))
}

/// Prints pieces as they come; a reader that has gone away ends the printing, not the command.
fn print(mut output: mpsc::Receiver<(Channel, Vec<u8>)>) {
    let mut open = true;
    while let Some((channel, bytes)) = output.blocking_recv() {
        if open {
            let written = match channel {
                Channel::Stdout => io::stdout().write_all(&bytes).and_then(|()| io::stdout().flush()),
                Channel::Stderr => io::stderr().write_all(&bytes),
            };
            open = written.is_ok();
        }
    }
}

/// Could anybody have something to say on our standard input? Schedulers hand over /dev/null.
fn has_input() -> bool {
    use std::os::unix::fs::MetadataExt;
    let null = std::fs::metadata("/dev/null").map(|null| (null.dev(), null.ino())).ok();
    let input = std::fs::metadata("/proc/self/fd/0").map(|input| (input.dev(), input.ino())).ok();
    input.is_some() && input != null
}

/// Passes our standard input on until it ends. A thread of its own, for a read of it may block for ever.
fn feed_stdin(job: Arc<Job>) {
    let runtime = tokio::runtime::Handle::current();
    std::thread::spawn(move || {
        let mut buffer = vec![0; 64 << 10];
        loop {
            let count = io::stdin().read(&mut buffer).unwrap_or(0);
            let chunk = buffer.get(..count).unwrap_or_default();
            if runtime.block_on(job.feed(chunk, count == 0)).is_err() || count == 0 {
                break;
            }
        }
    });
}

/// SIGINT and SIGTERM to us end the command; they do not kill us before it is gone.
struct Interrupts {
    interrupt: Signal,
    terminate: Signal,
}

impl Interrupts {
    fn catch() -> Result<Self, Failure> {
        let catch = |kind| signal(kind).map_err(Failure::new);
        Ok(Self { interrupt: catch(SignalKind::interrupt())?, terminate: catch(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// The person at the terminal, when there is one.
struct Terminal;

impl Confirm for Terminal {
    async fn confirm(&self, question: &Question) -> Option<bool> {
        if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
            return None;
        }
        let text = format!("{}\nrun `{}`? [y/N] ", question.reason, question.command);
        let answer = tokio::task::spawn_blocking(move || {
            let mut answer = String::new();
            io::stderr().write_all(text.as_bytes())?;
            io::stdin().read_line(&mut answer)?;
            io::Result::Ok(answer)
        });
        let answer = answer.await.ok()?.ok()?;
        Some(matches!(answer.trim(), "y" | "Y" | "yes"))
    }
}

/// Tells why nothing ran, with the code for it.
fn refuse(refused: &Refused) -> u8 {
    let (text, code) = match refused {
        Refused::Denied { for_operator, .. } | Refused::NeedsConfirmation { for_operator, .. } => {
            (for_operator.clone(), DENIED)
        }
        other => (other.to_string(), OURS),
    };
    tell(&text);
    code
}

/// The exit code for how the job ended; what is not the command's own doing is told.
fn verdict(job: &Job) -> u8 {
    let State::Ended { end: End { outcome, exit, changed, .. }, since } = job.status().state else { return OURS };
    if !changed.is_empty() {
        tell(&format!("protected names changed while the command ran: {}", changed.join(", ")));
    }
    match (outcome, exit) {
        (Outcome::TimedOut, _) => {
            tell("the command was ended because its time was over");
            TIMED_OUT
        }
        (Outcome::Limited(limit), _) => {
            tell(&format!("the command was ended by the limit `{limit}` of the policy"));
            OURS
        }
        (_, Exit::Code(code)) => u8::try_from(code).unwrap_or(OURS),
        (_, Exit::Signal(number)) => u8::try_from(128 + number).unwrap_or(OURS),
        (_, Exit::None(why)) => {
            match since {
                Some(_) => tell(&format!("the command did not run to its end: {why}")),
                None => tell(&format!("nothing was started: {why}")),
            }
            OURS
        }
    }
}
