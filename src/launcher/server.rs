//! The server's half of the launcher.
//!
//! In: a helper that was started before any thread, and specs. Out: running [`Process`]es. Nothing here blocks the
//! runtime: the helper forks, this side sends and receives packets.

use std::collections::HashSet;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nix::fcntl::OFlag;
use nix::sys::prctl;
use nix::sys::socket::{Shutdown, setsockopt, shutdown, sockopt};
use nix::unistd::pipe2;
use tokio::io::Interest;
use tokio::net::UnixDatagram;
use tokio::net::unix::pipe;
use tokio::sync::watch;

use super::error::LaunchError;
use super::helper::Helper;
use super::orphans;
use super::process::{Process, ProcessHandle, next_packet};
use super::protocol::{self, Hello, Parcel, Report, Request};
use crate::sandbox::{InForce, SandboxSpec, Support};
use crate::sys;
use crate::turns::{Turn, Turns};

/// What a job reads as its standard input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StdinMode {
    /// The end of file, at once.
    Null,
    /// What the server writes.
    Pipe,
    /// A terminal of this size, which is its standard output and error as well.
    Terminal {
        /// Lines.
        rows: u16,
        /// Characters in a line.
        columns: u16,
    },
}

/// How long a thread that answers may compute while others wait for a processor: most answers take less.
const SHORT_TURN: Duration = Duration::from_micros(200);

/// How long a job that runs keeps the turn of its client.
const SHORT: Duration = Duration::from_millis(20);

/// Starts jobs. Cheap to clone; when the last clone is dropped, the helper ends all jobs and exits.
#[derive(Debug, Clone)]
pub struct Launcher {
    inner: Arc<Inner>,
    /// Whose jobs these are, where several share a launcher.
    lane: Option<u64>,
}

#[derive(Debug)]
struct Inner {
    socket: Arc<UnixDatagram>,
    support: Support,
    helper: i32,
    gone: watch::Receiver<bool>,
    /// Pids of supervisors, for the case that the helper dies and leaves them to this process.
    supervisors: Arc<Mutex<HashSet<i32>>>,
    /// Launches at the same time, when lanes share the helper: as many as can make progress.
    turns: Turns<u64>,
    lanes: AtomicU64,
}

impl Drop for Inner {
    fn drop(&mut self) {
        let _ = shutdown(self.socket.as_raw_fd(), Shutdown::Write);
    }
}

/// Makes this process the one that inherits what a dead helper leaves, and keeps others from looking into it. The
/// process must start no children of its own: after the helper's death it ends whatever is below it.
///
/// # Errors
/// What `prctl(2)` answers.
pub fn harden_server() -> io::Result<()> {
    prctl::set_dumpable(false)?;
    prctl::set_child_subreaper(true)?;
    // A full record must be a refusal that can be told.
    sys::ignore_file_size_signal();
    Ok(())
}

/// Asks the kernel to let the calling thread in soon after it wakes: the processes of jobs compute, the server's threads
/// answer.
pub fn answer_promptly() {
    // A kernel that knows no such wish serves as well, only not as evenly.
    let _ = sys::short_turns(SHORT_TURN);
}

/// Takes a packet socket into the runtime. To tokio any UNIX socket that keeps the borders of messages is a datagram
/// socket; packets are sent and received by `sys`.
fn register(fd: OwnedFd) -> io::Result<UnixDatagram> {
    let socket = std::os::unix::net::UnixDatagram::from(fd);
    socket.set_nonblocking(true)?;
    UnixDatagram::from_std(socket)
}

impl Launcher {
    /// Takes up the conversation with the helper. Needs a runtime with I/O.
    ///
    /// # Errors
    /// The helper could not start its work, or is gone.
    pub async fn connect(helper: Helper) -> Result<Self, LaunchError> {
        let socket = Arc::new(register(helper.socket).map_err(LaunchError::Start)?);
        let hello = next_packet(&socket).await.map_err(LaunchError::Start)?.ok_or(LaunchError::Gone)?;
        let hello: Hello = protocol::decode(&hello.bytes).map_err(LaunchError::Start)?;
        let support = hello.map_err(LaunchError::Helper)?;
        let supervisors: Arc<Mutex<HashSet<i32>>> = Arc::default();
        let (tell, gone) = watch::channel(false);
        let (watched, left_over) = (Arc::clone(&socket), Arc::clone(&supervisors));
        tokio::spawn(async move {
            // The helper says nothing more; whatever arrives now is its end.
            while let Ok(Some(_)) = next_packet(&watched).await {}
            let left_over = left_over.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let _ = tokio::task::spawn_blocking(move || orphans::end_all(&left_over)).await;
            let _ = tell.send(true);
        });
        let turns = Turns::new(std::thread::available_parallelism().map_or(2, usize::from));
        let inner = Inner { socket, support, helper: helper.pid, gone, supervisors, turns, lanes: AtomicU64::new(0) };
        Ok(Self { inner: Arc::new(inner), lane: None })
    }

    /// The same launcher for a client of its own: launches of all such clients take turns, so that many of one do not
    /// delay one of another.
    #[must_use]
    pub fn lane(&self) -> Self {
        let lane = self.inner.lanes.fetch_add(1, Ordering::Relaxed);
        Self { inner: Arc::clone(&self.inner), lane: Some(lane) }
    }

    /// Whose launcher this is is at work, though it starts nothing now: it finds a turn when it does.
    pub fn hear(&self) {
        self.lane.iter().for_each(|lane| self.inner.turns.hear(lane));
    }

    /// What the machine gives, as the helper found out.
    pub fn support(&self) -> &Support {
        &self.inner.support
    }

    /// The helper's pid.
    pub fn helper_pid(&self) -> i32 {
        self.inner.helper
    }

    /// Lets the helper end all jobs, and waits until it and they are gone.
    pub async fn shutdown(&self) {
        let _ = shutdown(self.inner.socket.as_raw_fd(), Shutdown::Write);
        let _ = self.inner.gone.clone().wait_for(|gone| *gone).await;
    }

    /// Starts a job; comes back when its program runs, or with the step that failed.
    ///
    /// # Errors
    /// [`LaunchError`]; nothing was executed.
    pub async fn launch(&self, spec: SandboxSpec, stdin: StdinMode) -> Result<Process, LaunchError> {
        self.inner.support.check()?;
        self.inner.support.check_profile(spec.confinement())?;
        spec.run_as().map_or(Ok(()), |user| self.inner.support.check_run_as(user))?;
        let in_force = InForce::of(&spec, &self.inner.support);
        let mut job = spec.job().clone();
        job.terminal = matches!(stdin, StdinMode::Terminal { .. });
        let request = Request { grants: spec.confinement().encoded(), job };
        let parcel = protocol::pack(&request)?;
        let turn = match self.lane {
            Some(lane) => Some(self.inner.turns.take(lane).await),
            None => None,
        };
        let (ours, theirs) = sys::packet_pair().map_err(LaunchError::HandOver)?;
        // The kernel then tells, with each report, the sender's pid as this process counts.
        setsockopt(&ours, sockopt::PassCred, &true).map_err(|errno| LaunchError::HandOver(errno.into()))?;
        let streams = Streams::open(stdin).map_err(LaunchError::HandOver)?;
        self.send(parcel, &theirs, &streams.theirs).await?;
        // Only the supervisor may hold the other ends, or their closing would not be seen.
        drop(theirs);
        drop(streams.theirs);
        let socket = register(ours).map_err(LaunchError::HandOver)?;
        let pid = wait_for_start(&socket).await?;
        {
            let mut known = self.inner.supervisors.lock().unwrap_or_else(PoisonError::into_inner);
            known.insert(pid);
        }
        let handle = ProcessHandle::follow(socket, pid, in_force, spec.limits().clone());
        self.forget_at_end(&handle, turn);
        Ok(Process { stdin: streams.stdin, stdout: streams.stdout, stderr: streams.stderr, handle })
    }

    async fn send(&self, parcel: Parcel, job: &OwnedFd, stdio: &[OwnedFd]) -> Result<(), LaunchError> {
        let descriptors = protocol::borrow(std::iter::once(job).chain(stdio).chain(&parcel.overflow));
        let socket = &self.inner.socket;
        let send = || sys::send_packet(socket.as_fd(), &parcel.bytes, &descriptors);
        socket.async_io(Interest::WRITABLE, send).await.map_err(|error| match error.kind() {
            io::ErrorKind::BrokenPipe => LaunchError::Gone,
            _ => LaunchError::HandOver(error),
        })
    }

    /// Keeps the list of supervisors as long as the list of running jobs. A short job keeps its turn to its end: many of
    /// them cost more in their running than in their start.
    fn forget_at_end(&self, handle: &ProcessHandle, turn: Option<Turn<u64>>) {
        let (known, pid, end) = (Arc::clone(&self.inner.supervisors), handle.pid(), handle.end());
        tokio::spawn(async move {
            let mut end = std::pin::pin!(end);
            let short = tokio::time::timeout(SHORT, &mut end).await.is_ok();
            drop(turn);
            if !short {
                end.await;
            }
            known.lock().unwrap_or_else(PoisonError::into_inner).remove(&pid);
        });
    }
}

/// Waits until the program runs; the pid of its supervisor.
async fn wait_for_start(socket: &UnixDatagram) -> Result<i32, LaunchError> {
    let packet = next_packet(socket).await.map_err(LaunchError::HandOver)?;
    // The end of the stream means that the helper died with the request unread, or the supervisor did.
    let packet = packet.ok_or(LaunchError::Supervisor)?;
    match protocol::decode(&packet.bytes).map_err(LaunchError::HandOver)? {
        Report::Started => Ok(packet.sender.unwrap_or(0)),
        Report::Failed(failure) => Err(LaunchError::Step(failure)),
        Report::Ended { .. } | Report::Lost(_) => Err(LaunchError::Supervisor),
    }
}

/// The pipes of a job, both ends.
struct Streams {
    stdin: Option<pipe::Sender>,
    stdout: pipe::Receiver,
    stderr: pipe::Receiver,
    /// Output, error and perhaps input, as the helper expects them.
    theirs: Vec<OwnedFd>,
}

impl Streams {
    fn open(stdin: StdinMode) -> io::Result<Self> {
        if let StdinMode::Terminal { rows, columns } = stdin {
            return Self::terminal(rows, columns);
        }
        let (stdout, their_output) = pipe2(OFlag::O_CLOEXEC)?;
        let (stderr, their_error) = pipe2(OFlag::O_CLOEXEC)?;
        let mut theirs = vec![their_output, their_error];
        let mut ours = None;
        if stdin == StdinMode::Pipe {
            let (their_input, input) = pipe2(OFlag::O_CLOEXEC)?;
            theirs.push(their_input);
            ours = Some(pipe::Sender::from_owned_fd(input)?);
        }
        Ok(Self {
            stdin: ours,
            stdout: pipe::Receiver::from_owned_fd(stdout)?,
            stderr: pipe::Receiver::from_owned_fd(stderr)?,
            theirs,
        })
    }

    /// One terminal for all three; its standard error is a pipe that nobody writes to.
    fn terminal(rows: u16, columns: u16) -> io::Result<Self> {
        let (ours, seat) = sys::open_terminal(rows, columns)?;
        let (silent, _closed) = pipe2(OFlag::O_CLOEXEC)?;
        // Neither is a pipe, which the reactor does not mind; the terminal was opened non-blocking.
        Ok(Self {
            stdin: Some(pipe::Sender::from_owned_fd_unchecked(ours.try_clone()?)?),
            stdout: pipe::Receiver::from_owned_fd_unchecked(ours)?,
            stderr: pipe::Receiver::from_owned_fd(silent)?,
            theirs: vec![seat.try_clone()?, seat.try_clone()?, seat],
        })
    }
}
