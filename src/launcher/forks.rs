//! Counts a job's processes where the kernel does not: each fork waits until there is room for one more.
//!
//! In: the limit, and the questions of the job's processes. Out: an answer to each, either to go on or the `EAGAIN` that
//! `RLIMIT_NPROC` would give. A fork that was answered and not yet made is in no count, so that a job whose processes all
//! fork in one moment can pass the limit, at most twice over; the sampler then ends it.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::poll::PollFlags;

use super::usage::Usage;
use crate::sys;

/// Between two counts of a job that has no room: its processes wait, so that they do not ask in a loop.
const FULL: Duration = Duration::from_millis(5);

/// Stands before the forks of one job.
#[derive(Debug)]
pub(super) struct Gate {
    limit: u64,
    /// Where the questions arrive; none when all who could ask are gone.
    listener: Option<OwnedFd>,
    /// Forks that the last count leaves room for.
    room: u64,
    /// No answer before this moment.
    rest: Option<Instant>,
    refused: bool,
}

impl Gate {
    /// For a job with this limit whose first process has sent the listener to `socket` and works already. [`None`] when
    /// another supervisor answers for it.
    pub(super) fn of_job(limit: u64, socket: &OwnedFd) -> io::Result<Option<Self>> {
        let sent = sys::receive_packet(socket.as_fd(), 16)?;
        let listener = sent.and_then(|mut packet| packet.descriptors.pop());
        Ok(listener.map(|listener| Self { limit, listener: Some(listener), room: 0, rest: None, refused: false }))
    }

    /// What to wait for, when there is something to answer now.
    pub(super) fn asks(&self) -> Option<BorrowedFd<'_>> {
        let rests = self.rest.is_some_and(|until| Instant::now() < until);
        self.listener.as_ref().filter(|_| !rests).map(AsFd::as_fd)
    }

    /// Time until it answers again, when it rests.
    pub(super) fn wait(&self) -> Option<Duration> {
        self.rest.map(|until| until.saturating_duration_since(Instant::now())).filter(|wait| !wait.is_zero())
    }

    /// Was any fork refused?
    pub(super) fn has_refused(&self) -> bool {
        self.refused
    }

    /// Answers one question, if the listener has one.
    pub(super) fn serve(&mut self, there: PollFlags) -> io::Result<()> {
        if !there.is_empty() && !there.contains(PollFlags::POLLIN) {
            // The closed end would wake the supervisor for ever.
            self.listener = None;
        }
        let Some(listener) = self.listener.as_ref().filter(|_| !there.is_empty()) else { return Ok(()) };
        let Some(question) = sys::next_question(listener.as_fd())? else { return Ok(()) };
        if self.room == 0 {
            self.room = self.limit.saturating_sub(Usage::now()?.tasks);
        }
        let refuse = if self.room == 0 { Some(libc::EAGAIN) } else { None };
        sys::answer_question(listener.as_fd(), question, refuse)?;
        self.room = self.room.saturating_sub(1);
        self.rest = refuse.map(|_| Instant::now() + FULL);
        self.refused |= refuse.is_some();
        Ok(())
    }
}
