//! A running job as the server holds it.
//!
//! In: the job's socket after the program started. Out: streams, signals, and the end. What the streams carry is not
//! looked at here.

use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use nix::sys::signal::Signal;
use nix::sys::socket::{Shutdown, shutdown};
use tokio::io::Interest;
use tokio::net::UnixDatagram;
use tokio::net::unix::pipe;
use tokio::sync::watch;

use super::protocol::{self, Order, Report};
use super::sampler::Passed;
use crate::sandbox::{InForce, Limits};
use crate::sys::{self, Packet};

/// How the job's first process ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exit {
    /// It exited with this code.
    Code(i32),
    /// This signal ended it.
    Signal(i32),
    /// Nobody saw it end; why not.
    Lost(String),
}

/// The end of a job: no process of it is left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Of the first process.
    pub exit: Exit,
    /// CPU time of all its processes.
    pub cpu: Duration,
    /// Memory of all its processes at its peak, as far as somebody looked; at least that of the largest, bytes.
    pub peak_memory: u64,
    /// The limit that ended it, by its name in the policy.
    pub limit: Option<String>,
}

/// A job whose program has started.
#[derive(Debug)]
pub struct Process {
    /// Its standard input, when it was asked for.
    pub stdin: Option<pipe::Sender>,
    /// Its standard output.
    pub stdout: pipe::Receiver,
    /// Its standard error.
    pub stderr: pipe::Receiver,
    /// Signals and the end.
    pub handle: ProcessHandle,
}

/// Signals to a job, and its end. When the last handle is dropped, the job is ended.
#[derive(Debug, Clone)]
pub struct ProcessHandle(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    socket: Arc<UnixDatagram>,
    ended: watch::Receiver<Option<Ended>>,
    pid: i32,
    in_force: InForce,
}

impl Drop for Inner {
    fn drop(&mut self) {
        // The supervisor sees the end of its orders and ends the tree.
        let _ = shutdown(self.socket.as_raw_fd(), Shutdown::Write);
    }
}

impl ProcessHandle {
    /// Follows a job from its start to its end.
    pub(super) fn follow(socket: UnixDatagram, pid: i32, in_force: InForce, limits: Limits) -> Self {
        let socket = Arc::new(socket);
        let (tell, ended) = watch::channel(None);
        let watched = Arc::clone(&socket);
        tokio::spawn(async move {
            let end = wait_for_end(&watched, &limits).await;
            let _ = tell.send(Some(end));
        });
        Self(Arc::new(Inner { socket, ended, pid, in_force }))
    }

    fn order(&self, order: &Order) -> io::Result<()> {
        if self.0.ended.borrow().is_some() {
            return Err(io::Error::from_raw_os_error(libc::ESRCH));
        }
        protocol::send(self.0.socket.as_fd(), order).map_err(|error| match error.kind() {
            io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => io::Error::from_raw_os_error(libc::ESRCH),
            _ => error,
        })
    }

    /// Sends a signal to every process of the job.
    ///
    /// # Errors
    /// `ESRCH` when the job has ended.
    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        self.order(&Order::Signal(signal as i32))
    }

    /// Ends every process of the job.
    ///
    /// # Errors
    /// `ESRCH` when the job has ended.
    pub fn kill(&self) -> io::Result<()> {
        self.order(&Order::Kill)
    }

    /// Waits until no process of the job is left.
    pub async fn ended(&self) -> Ended {
        self.end().await
    }

    /// The same, without keeping the job alive by holding its handle.
    pub(super) fn end(&self) -> impl Future<Output = Ended> + Send + use<> {
        let mut ended = self.0.ended.clone();
        async move {
            let told = ended.wait_for(Option::is_some).await.ok().and_then(|end| end.clone());
            told.unwrap_or_else(|| lost("the server stopped watching it".to_owned()))
        }
    }

    /// The job's supervisor, as this process counts pids: the root of the job in a process listing.
    pub fn pid(&self) -> i32 {
        self.0.pid
    }

    /// What holds this job.
    pub fn sandbox(&self) -> &InForce {
        &self.0.in_force
    }
}

fn lost(why: String) -> Ended {
    Ended { exit: Exit::Lost(why), cpu: Duration::ZERO, peak_memory: 0, limit: None }
}

/// The next packet of a job's socket; none when the other end is closed.
pub(super) async fn next_packet(socket: &UnixDatagram) -> io::Result<Option<Packet>> {
    socket.async_io(Interest::READABLE, || sys::receive_packet(socket.as_fd(), protocol::ROOM)).await
}

async fn wait_for_end(socket: &UnixDatagram, limits: &Limits) -> Ended {
    loop {
        let packet = match next_packet(socket).await {
            Ok(Some(packet)) => packet,
            Ok(None) => return lost("the launcher process is gone".to_owned()),
            Err(error) => return lost(format!("its socket failed: {error}")),
        };
        match protocol::decode(&packet.bytes) {
            Ok(Report::Ended { status, cpu_micros, peak_memory, passed, was_full }) => {
                let cpu = Duration::from_micros(cpu_micros);
                let status = ExitStatus::from_raw(status);
                let exit = status.code().map(Exit::Code).or(status.signal().map(Exit::Signal));
                let exit = exit.unwrap_or_else(|| Exit::Lost(format!("wait status {status}")));
                let used = Used { cpu, memory: peak_memory, was_full };
                let limit = passed.map(Passed::name).or_else(|| limit_of(&exit, &used, limits)).map(str::to_owned);
                return Ended { exit, cpu, peak_memory, limit };
            }
            Ok(Report::Lost(why)) => return lost(why),
            Ok(Report::Started | Report::Failed(_)) => {}
            Err(error) => return lost(format!("its supervisor said something unreadable: {error}")),
        }
    }
}

/// What a job used in all.
#[derive(Debug, Clone, Copy)]
struct Used {
    cpu: Duration,
    memory: u64,
    /// The kernel refused it further processes.
    was_full: bool,
}

/// The limit that made the first process end, as far as its end tells. A shell reports a signal of the program it ran as
/// 128 and the number. A program that was refused memory or processes ends in its own way; then a job that failed at the
/// limit is taken to have failed because of it.
fn limit_of(exit: &Exit, used: &Used, limits: &Limits) -> Option<&'static str> {
    let signal = match exit {
        Exit::Signal(signal) => *signal,
        Exit::Code(0) | Exit::Lost(_) => return None,
        Exit::Code(code) => code - 128,
    };
    let spent = limits.cpu_time.is_some_and(|limit| used.cpu >= limit.get());
    let large = limits.memory.is_some_and(|limit| used.memory >= limit.get() / 16 * 15);
    match signal {
        libc::SIGXCPU if limits.cpu_time.is_some() => Some("cpu_time"),
        libc::SIGKILL if spent => Some("cpu_time"),
        libc::SIGXFSZ if limits.file_size.is_some() => Some("file_size"),
        // The only calls that the filter ends a program for are those of another architecture; others get an error.
        libc::SIGSYS => Some("system calls"),
        libc::SIGKILL | libc::SIGTERM => None,
        _ if used.was_full => Some("processes"),
        _ if large => Some("memory"),
        _ => None,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed assumption is a failed test")]
mod tests {
    use super::*;

    #[test]
    fn the_limit_that_ended_a_job_is_named_only_when_it_was_set() {
        let (cpu_time, memory) = (Some("2s".parse().unwrap()), Some("16 MiB".parse().unwrap()));
        let limits = Limits { cpu_time, memory, processes: Some(9), ..Limits::default() };
        let used = |seconds, mebibytes: u64, was_full| Used {
            cpu: Duration::from_secs(seconds),
            memory: mebibytes << 20,
            was_full,
        };
        let (little, much) = (used(1, 1, false), used(3, 1, false));
        let cases = [
            ("the soft limit", Exit::Signal(libc::SIGXCPU), much, Some("cpu_time")),
            ("told by a shell", Exit::Code(128 + libc::SIGXCPU), much, Some("cpu_time")),
            ("the hard limit", Exit::Signal(libc::SIGKILL), much, Some("cpu_time")),
            ("killed by somebody", Exit::Signal(libc::SIGKILL), little, None),
            ("a limit nobody set", Exit::Signal(libc::SIGXFSZ), little, None),
            ("a call of another architecture", Exit::Signal(libc::SIGSYS), little, Some("system calls")),
            ("an ordinary failure", Exit::Code(1), much, None),
            ("an allocation that was refused", Exit::Code(1), used(1, 15, false), Some("memory")),
            ("a fork that was refused", Exit::Code(254), used(1, 1, true), Some("processes")),
            ("a failed allocation that was an abort", Exit::Signal(libc::SIGABRT), used(1, 16, false), Some("memory")),
            ("a job that got along", Exit::Code(0), used(1, 16, true), None),
            ("killed while it was large", Exit::Signal(libc::SIGKILL), used(1, 16, false), None),
        ];
        for (why, exit, used, want) in cases {
            assert_eq!(limit_of(&exit, &used, &limits), want, "{why}");
        }
    }
}
