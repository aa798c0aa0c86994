//! The helper: a small single-threaded process that forks supervisors.
//!
//! In: requests over a packet socket. Out: supervisors, each with its job's socket. It keeps what is costly to make
//! (rulesets, filters) and ends the jobs of supervisors that died. What runs was decided by the server.
//!
//! INVARIANT: when the server's end of the socket closes, every job is ended and the helper exits.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::fcntl::{OFlag, open};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::stat::Mode;
use nix::unistd::{Pid, chdir, dup2_stdin, dup2_stdout, pipe2, setsid};

use super::error::LaunchError;
use super::placeholders::{Claim, Placeholders};
use super::protocol::{self, Hello, Report, Request};
use super::supervisor::{self, Setup};
use super::tree;
use crate::paths::AbsPath;
use crate::sandbox::child;
use crate::sandbox::ruleset::{self, ExecuteLayer, Layer};
use crate::sandbox::seccomp::{Filter, Reach};
use crate::sandbox::{Failure, Grants, Isolation, Job, Step, Support};
use crate::sys::{self, Forked, Reaped};

/// Profiles kept ready; more than a policy has, so the bound only matters to memory.
const MOST_PROFILES: usize = 256;
/// Execute layers kept ready; one per set of programs that lines use together.
const MOST_LAYERS: usize = 128;
/// How long supervisors have to end their jobs after the server is gone.
const FAREWELL: Duration = Duration::from_secs(5);

/// The server's end of a helper that was just started.
#[derive(Debug)]
pub struct Helper {
    pub(super) socket: OwnedFd,
    pub(super) pid: i32,
}

/// Starts the helper with the strongest isolation that this machine gives. Call it first thing, before any thread.
///
/// # Errors
/// [`LaunchError::Threads`], or what fork and socketpair answer.
pub fn start_helper() -> Result<Helper, LaunchError> {
    start_helper_at_most(Isolation::MountNamespace)
}

/// Like [`start_helper`], with a weaker isolation than the machine gives.
///
/// # Errors
/// The same.
pub fn start_helper_at_most(strongest: Isolation) -> Result<Helper, LaunchError> {
    let threads = fs::read_dir("/proc/self/task").map_err(LaunchError::Start)?.count();
    if threads != 1 {
        return Err(LaunchError::Threads(threads));
    }
    let (ours, theirs) = sys::packet_pair().map_err(LaunchError::Start)?;
    match sys::fork().map_err(LaunchError::Start)? {
        Forked::Parent(pid) => Ok(Helper { socket: ours, pid }),
        Forked::Child => {
            drop(ours);
            sys::exit_now(serve(theirs, strongest))
        }
    }
}

/// What was made once for a profile.
pub(super) struct Profile {
    pub(super) grants: Grants,
    pub(super) layer: Layer,
    pub(super) filter: Filter,
    /// A ruleset for the next job alone, made while there was nothing else to do.
    blank: Option<OwnedFd>,
}

/// All that the helper owns.
struct State {
    socket: OwnedFd,
    signals: SignalFd,
    /// Supervisors hold the reading end; when the last writing end closes, the helper is gone.
    life: (OwnedFd, OwnedFd),
    support: Support,
    scope: Option<OwnedFd>,
    profiles: HashMap<Vec<u8>, Profile>,
    /// The profile whose next job has no ruleset yet.
    lacking: Option<Vec<u8>>,
    /// Execute layers by their lists.
    execute_layers: HashMap<Vec<AbsPath>, ExecuteLayer>,
    /// Sockets of running jobs by their supervisor's pid. The server sees a job's end of stream only when this copy
    /// is closed too, which is after its orphans are gone.
    jobs: HashMap<i32, (OwnedFd, Claim)>,
    /// Jobs whose supervisor died and whose processes are being ended.
    lost: Vec<(OwnedFd, Claim, String)>,
    placeholders: Placeholders,
}

/// The helper's whole life; the exit code.
fn serve(socket: OwnedFd, strongest: Isolation) -> i32 {
    let prepared = prepare(&socket, strongest);
    let hello: Hello = prepared.as_ref().map(|state| state.support.clone()).map_err(ToString::to_string);
    if protocol::send(socket.as_fd(), &hello).is_err() {
        return 1;
    }
    let Ok(mut state) = prepared else { return 1 };
    let code = match state.run() {
        Ok(()) => 0,
        Err(_) => 1,
    };
    state.farewell(Instant::now() + FAREWELL);
    code
}

/// Leaves everything of the server behind but the socket and standard error, and finds out what the machine gives.
fn prepare(socket: &OwnedFd, strongest: Isolation) -> io::Result<State> {
    setsid()?;
    prctl::set_name(c"warden-helper")?;
    prctl::set_dumpable(false)?;
    prctl::set_child_subreaper(true)?;
    let null = open("/dev/null", OFlag::O_RDWR | OFlag::O_CLOEXEC, Mode::empty())?;
    dup2_stdin(&null)?;
    dup2_stdout(&null)?;
    drop(null);
    sys::close_all_except(&[socket.as_raw_fd()])?;
    chdir("/")?;
    // A stop of the whole service signals this process too; it ends when the server has, in its order.
    sys::default_signals();
    SigSet::all().thread_set_mask()?;
    let support = Support::probe(strongest)?;
    child::let_nobody_gain_capabilities()?;
    let mut child_ended = SigSet::empty();
    child_ended.add(Signal::SIGCHLD);
    let scope = match support.isolation() {
        Isolation::SignalScope => {
            Some(ruleset::signal_scope().map_err(|failure| io::Error::from_raw_os_error(failure.errno))?)
        }
        Isolation::MountNamespace | Isolation::PidNamespace | Isolation::Freeze => None,
    };
    Ok(State {
        socket: socket.try_clone()?,
        signals: SignalFd::with_flags(&child_ended, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?,
        life: pipe2(OFlag::O_CLOEXEC)?,
        support,
        scope,
        profiles: HashMap::new(),
        lacking: None,
        execute_layers: HashMap::new(),
        jobs: HashMap::new(),
        lost: Vec::new(),
        placeholders: Placeholders::default(),
    })
}

impl State {
    /// Serves until the server is gone.
    fn run(&mut self) -> io::Result<()> {
        loop {
            let (request, ended) = {
                let readable = PollFlags::POLLIN;
                let mut polled =
                    [PollFd::new(self.socket.as_fd(), readable), PollFd::new(self.signals.as_fd(), readable)];
                let patience = if self.lacking.is_some() { PollTimeout::ZERO } else { PollTimeout::NONE };
                match poll(&mut polled, patience) {
                    Ok(_) | Err(nix::errno::Errno::EINTR) => {}
                    Err(errno) => return Err(errno.into()),
                }
                let [socket, signals] = polled;
                (socket.any().unwrap_or(true), signals.any().unwrap_or(true))
            };
            if ended {
                self.reap()?;
            }
            if request && !self.accept()? {
                return Ok(());
            }
            if !ended && !request {
                self.stock();
            }
        }
    }

    /// Makes what the next job of a profile would have to wait for.
    fn stock(&mut self) {
        let profile = self.lacking.take().and_then(|encoded| self.profiles.get_mut(&encoded));
        if let Some(profile) = profile.filter(|profile| profile.blank.is_none()) {
            // A job that finds none makes its own, or tells why it cannot.
            profile.blank = profile.layer.blank().ok();
        }
    }

    /// Takes one request; false when the server is gone.
    fn accept(&mut self) -> io::Result<bool> {
        let Some(mut packet) = sys::receive_packet(self.socket.as_fd(), protocol::ROOM)? else { return Ok(false) };
        let bytes = protocol::unpack(&mut packet);
        let mut descriptors = packet.descriptors.into_iter();
        // Without a socket there is nobody to tell that the request is wrong.
        let Some(job_socket) = descriptors.next() else { return Ok(true) };
        let stdio: Vec<OwnedFd> = descriptors.collect();
        if let Err(failure) = bytes.map_err(|error| Failure::new(Step::Request, &error)).and_then(|bytes| {
            let request: Request<'_> = protocol::decode(&bytes).map_err(|error| Failure::new(Step::Request, &error))?;
            self.start(request, &job_socket, stdio)
        }) {
            // A server that no longer listens has given the job up.
            let _ = protocol::send(job_socket.as_fd(), &Report::Failed(failure));
        }
        Ok(true)
    }

    /// Forks the supervisor of one job.
    fn start(&mut self, request: Request<'_>, socket: &OwnedFd, stdio: Vec<OwnedFd>) -> Result<(), Failure> {
        let wrong = Failure { step: Step::Request, subject: None, errno: libc::EBADMSG };
        let mut stdio = stdio.into_iter();
        let (Some(output), Some(error)) = (stdio.next(), stdio.next()) else { return Err(wrong) };
        let hand_over = |error: io::Error| Failure::new(Step::Stdio, &error);
        let input = match stdio.next() {
            Some(input) => input,
            // This process's own standard input is /dev/null.
            None => io::stdin().as_fd().try_clone_to_owned().map_err(hand_over)?,
        };
        let kept = socket.try_clone().map_err(hand_over)?;
        self.ready(request.grants)?;
        self.ready_to_execute(request.job.execute_only.as_deref())?;
        let blank = self.profiles.get_mut(request.grants).and_then(|profile| profile.blank.take());
        self.lacking = Some(request.grants.to_vec());
        let profile = self.profiles.get(request.grants).ok_or(wrong)?;
        let claim = match self.support.isolation() {
            Isolation::MountNamespace => self.placeholders.claim(&profile.grants)?,
            Isolation::PidNamespace | Isolation::SignalScope | Isolation::Freeze => Claim::default(),
        };
        let namespaces = self.support.namespaces(&profile.grants.network);
        let forked = self.setup(request.job, socket, [input, output, error]).and_then(|setup| {
            let setup = Setup { blank, ..setup };
            let forked = if namespaces == 0 { sys::fork() } else { sys::fork_into(namespaces) };
            match forked.map_err(|error| Failure::new(Step::Supervisor, &error))? {
                Forked::Child => supervisor::run(setup, profile),
                Forked::Parent(pid) => Ok(pid),
            }
        });
        match forked {
            Ok(pid) => {
                self.jobs.insert(pid, (kept, claim));
                Ok(())
            }
            Err(failure) => {
                self.placeholders.release(claim);
                Err(failure)
            }
        }
    }

    /// What the supervisor takes along.
    fn setup<'a>(&'a self, job: Job, socket: &'a OwnedFd, stdio: [OwnedFd; 3]) -> Result<Setup<'a>, Failure> {
        let (life, _) = &self.life;
        let layer = job.execute_only.as_ref().and_then(|files| self.execute_layers.get(files));
        Ok(Setup {
            execute_only: layer.map(ExecuteLayer::for_job).transpose()?,
            blank: None,
            job,
            socket,
            stdio,
            life,
            scope: self.scope.as_ref(),
            support: &self.support,
            helper: nix::unistd::getpid(),
            identity: crate::sandbox::namespace::Identity::current(),
        })
    }

    /// Makes ruleset and filter of a profile that is new, or whose trees were replaced.
    fn ready(&mut self, encoded: &[u8]) -> Result<(), Failure> {
        let bad = |error: &io::Error| Failure::new(Step::Request, error);
        if self.profiles.get(encoded).is_some_and(|profile| profile.layer.is_current()) {
            return Ok(());
        }
        if self.profiles.len() >= MOST_PROFILES {
            self.profiles.clear();
        }
        let grants: Grants = protocol::decode(encoded).map_err(|error| bad(&error))?;
        let abi = self.support.landlock_abi().map_err(io::Error::from_raw_os_error);
        let abi = abi.map_err(|error| Failure::new(Step::Ruleset, &error))?;
        let layer = Layer::prepare(&grants, abi, self.support.fresh_proc().is_ok())?;
        let isolation = self.support.isolation();
        let (own_pids, own_ipc) = (isolation >= Isolation::PidNamespace, isolation == Isolation::MountNamespace);
        let filter = Reach { own_pids, own_ipc, network: grants.network.clone() }.filter();
        let filter = filter.map_err(|error| Failure::new(Step::Seccomp, &io::Error::other(error)))?;
        self.profiles.insert(encoded.to_vec(), Profile { grants, layer, filter, blank: None });
        Ok(())
    }

    /// Makes an execute layer that is new, or whose files were replaced.
    fn ready_to_execute(&mut self, files: Option<&[AbsPath]>) -> Result<(), Failure> {
        let known = |files: &&[AbsPath]| self.execute_layers.get(*files).is_some_and(ExecuteLayer::is_current);
        let Some(files) = files.filter(|files| !known(files)) else { return Ok(()) };
        if self.execute_layers.len() >= MOST_LAYERS {
            self.execute_layers.clear();
        }
        let layer = ExecuteLayer::prepare(files)?;
        self.execute_layers.insert(files.to_vec(), layer);
        Ok(())
    }

    /// Takes the status of every child that ended, and ends what dead supervisors left behind.
    fn reap(&mut self) -> io::Result<()> {
        while let Ok(Some(_)) = self.signals.read_signal() {}
        while let Ok(Some(reaped)) = sys::reap() {
            self.ended(reaped);
        }
        if self.lost.is_empty() {
            return Ok(());
        }
        let supervisors = self.jobs.keys().copied().collect();
        tree::freeze_and_kill(&supervisors)?;
        while let Ok(Some(reaped)) = sys::reap() {
            self.ended(reaped);
        }
        // Those that still die will wake this process again.
        if tree::living_descendants(&supervisors)?.is_empty() {
            for (socket, claim, why) in self.lost.drain(..) {
                self.placeholders.release(claim);
                let _ = protocol::send(socket.as_fd(), &Report::Lost(why));
            }
        }
        Ok(())
    }

    fn ended(&mut self, reaped: Reaped) {
        let Some((socket, claim)) = self.jobs.remove(&reaped.pid) else { return };
        if reaped.status.success() {
            self.placeholders.release(claim);
        } else {
            self.lost.push((socket, claim, format!("its supervisor ended unexpectedly ({})", reaped.status)));
        }
    }

    /// Waits for the supervisors to end their jobs, and does it for those that do not.
    fn farewell(mut self, deadline: Instant) {
        // Dropping the writing end is what tells the supervisors.
        let (reading, writing) = self.life;
        drop(writing);
        drop(reading);
        let left = |deadline: Instant| deadline.saturating_duration_since(Instant::now());
        let mut forced = false;
        loop {
            let childless = loop {
                match sys::reap() {
                    Ok(Some(reaped)) => self.jobs.remove(&reaped.pid),
                    Ok(None) => break false,
                    Err(_) => break true,
                };
            };
            // Whatever lost its parent below this subreaper is its child by now, so there is nobody to look for.
            if childless {
                self.placeholders.release_all();
                return;
            }
            let orphans = tree::living_descendants(&self.jobs.keys().copied().collect()).unwrap_or_default();
            if self.jobs.is_empty() && orphans.is_empty() || forced && left(deadline + FAREWELL).is_zero() {
                self.placeholders.release_all();
                return;
            }
            if left(deadline).is_zero() {
                forced = true;
                for pid in self.jobs.keys() {
                    let _ = kill(Pid::from_raw(*pid), Signal::SIGKILL);
                }
            }
            if !orphans.is_empty() {
                let _ = tree::freeze_and_kill(&self.jobs.keys().copied().collect());
            }
            let wait =
                PollTimeout::try_from(left(deadline).min(Duration::from_millis(100))).unwrap_or(PollTimeout::ZERO);
            let _ = poll(&mut [PollFd::new(self.signals.as_fd(), PollFlags::POLLIN)], wait);
            while let Ok(Some(_)) = self.signals.read_signal() {}
        }
    }
}
