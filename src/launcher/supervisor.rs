//! The supervisor of one job: forks its first process, passes signals on, ends the tree, and tells how it ended.
//!
//! In: a [`Setup`] that the helper made, and orders over the job's socket. Out: reports over the same socket. It runs in
//! a process of its own and never returns.
//!
//! INVARIANT: when the helper or the server is gone, the whole tree is ended.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll, ppoll};
use nix::sys::prctl;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::stat::fstat;
use nix::sys::time::TimeSpec;
use nix::unistd::{Gid, Pid, Uid, chown, fchown, getpid};

use super::helper::Profile;
use super::protocol::{self, Order, Report};
use super::sampler::{Held, Passed, Sampler};
use super::tree::Tree;
use super::usage;
use crate::sandbox::child::{self, Entry};
use crate::sandbox::mounts;
use crate::sandbox::namespace::{self, Identity};
use crate::sandbox::ruleset;
use crate::sandbox::ruleset::OwnPlaces;
use crate::sandbox::{Failure, Isolation, Job, Network, ProcessCount, RunAs, Step, Support};
use crate::sys;

/// What the supervisor takes along from the helper.
pub(super) struct Setup<'a> {
    pub(super) job: Job,
    pub(super) socket: &'a OwnedFd,
    pub(super) stdio: [OwnedFd; 3],
    /// Ends when the helper does.
    pub(super) life: &'a OwnedFd,
    /// The execute layer, where the job has one.
    pub(super) execute_only: Option<OwnedFd>,
    /// A ruleset of the profile that was made for this job alone, where there was time.
    pub(super) blank: Option<OwnedFd>,
    pub(super) scope: Option<&'a OwnedFd>,
    pub(super) support: &'a Support,
    pub(super) helper: Pid,
    pub(super) identity: Identity,
}

/// The supervisor's whole life.
pub(super) fn run(setup: Setup<'_>, profile: &Profile) -> ! {
    let socket = setup.socket;
    let report = match begin(setup, profile) {
        Err(failure) => Some(Report::Failed(failure)),
        Ok(mut watch) => match watch.tell_start().and_then(|()| watch.until_the_last_process_is_gone()) {
            Ok(()) => Some(watch.ended()),
            // The helper sees the exit code, ends what is left, and tells the server.
            Err(_) => None,
        },
    };
    let told = report.as_ref().map(|report| protocol::send(socket.as_fd(), report));
    // Nobody may be there any more to be told, which is no fault of the job.
    sys::exit_now(if told.is_some() { 0 } else { 1 })
}

/// Bounds the tree and starts its first process.
fn begin<'a>(setup: Setup<'a>, profile: &Profile) -> Result<Watch<'a>, Failure> {
    let Setup { job, socket, stdio, life, execute_only, blank, scope, support, helper, identity } = setup;
    let step = |step| move |error: io::Error| Failure::new(step, &error);
    let supervisor = |errno: Errno| Failure::new(Step::Supervisor, &errno.into());
    if support.own_user_namespace() {
        namespace::map_to_itself(identity).map_err(step(Step::UserNamespace))?;
    }
    child::prefer_when_memory_runs_out().map_err(step(Step::Limits))?;
    if let Some(user) = &job.run_as {
        give(user, &job, &stdio).map_err(step(Step::RunAs))?;
    }
    if support.isolation() == Isolation::MountNamespace {
        mounts::apply(&profile.grants, job.own_tmp(identity.uid.as_raw(), identity.gid.as_raw()))?;
    }
    if profile.grants.network == Network::Loopback {
        sys::bring_up_loopback().map_err(step(Step::Network))?;
    }
    if support.fresh_proc().is_ok() {
        mounts::fresh_proc().map_err(step(Step::Mounts))?;
    }
    if let (Some(most), ProcessCount::PidNamespace) = (job.limits.processes, support.process_count()) {
        mounts::bound_pids(most).map_err(step(Step::Limits))?;
    }
    let ruleset = profile.layer.for_job(OwnPlaces { tmp: job.tmp.as_ref(), terminal: job.terminal }, blank)?;
    let mut keep = vec![socket.as_raw_fd(), life.as_raw_fd(), ruleset.as_raw_fd()];
    keep.extend(stdio.iter().map(AsRawFd::as_raw_fd));
    keep.extend(execute_only.as_ref().into_iter().chain(scope).map(AsRawFd::as_raw_fd));
    // The helper's socket and other jobs' sockets must close here, or their ends would not be seen.
    sys::close_all_except(&keep).map_err(step(Step::Supervisor))?;
    prctl::set_name(c"warden-job").map_err(supervisor)?;
    let tree = match (support.isolation(), scope) {
        (Isolation::MountNamespace | Isolation::PidNamespace, _) => {
            // The kernel ends the rest of the namespace with its first process.
            prctl::set_pdeathsig(Signal::SIGKILL).map_err(supervisor)?;
            Tree::of_namespace()?
        }
        (Isolation::SignalScope, Some(scope)) => Tree::of_scope(scope, helper)?,
        (Isolation::SignalScope | Isolation::Freeze, _) => Tree::of_descendants(),
    };
    prctl::set_child_subreaper(true).map_err(supervisor)?;
    let mut child_ended = SigSet::empty();
    child_ended.add(Signal::SIGCHLD);
    let flags = SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK;
    let signals = SignalFd::with_flags(&child_ended, flags).map_err(supervisor)?;
    let parent = getpid().as_raw();
    let nice = go_first().map_err(step(Step::Supervisor))?;
    let words = child::Words::of(&job)?;
    let entry = Entry {
        nice,
        job: &job,
        words: &words,
        ruleset: &ruleset,
        log: ruleset::Log::Program { abi: support.landlock_abi().unwrap_or(0) },
        execute_only: execute_only.as_ref(),
        filter: &profile.filter,
        stdio: &stdio,
        parent,
        count: support.count(job.limits.processes),
    };
    let mut failed = None;
    let first = sys::fork_until_exec(|| {
        failed = Some(child::enter(entry));
        127
    });
    let first = first.map_err(step(Step::Fork))?;
    if let Some(failure) = failed {
        // It has ended already; whoever takes over what this process leaves would only have to wait for it.
        let _ = sys::reap();
        return Err(failure);
    }
    let held = Held {
        counted: support.counts_processes(job.limits.processes),
        bounded: support.process_count() == ProcessCount::PidNamespace,
        own_segments: support.isolation() == Isolation::MountNamespace,
    };
    let sampler = Sampler::new(&job.limits, &held);
    Ok(Watch { tree, first, signals, socket, life, status: None, sampler, passed: None, ordered: true, alive: true })
}

/// Puts the supervisor before hundreds of processes that all want to run, where it may: it has to end them. The nice value
/// that its job gets.
fn go_first() -> io::Result<i32> {
    let before = sys::nice()?;
    match sys::set_nice(-20) {
        Err(error) if !matches!(error.raw_os_error(), Some(libc::EACCES | libc::EPERM)) => Err(error),
        _ => Ok(before),
    }
}

/// Gives another user what the server made for the job: its directory, and the streams, which `/dev/stdout` opens again.
fn give(user: &RunAs, job: &Job, stdio: &[OwnedFd; 3]) -> io::Result<()> {
    let (uid, gid) = (Some(Uid::from_raw(user.uid)), Some(Gid::from_raw(user.gid)));
    for stream in stdio {
        // Standard input may be /dev/null, which everybody can open anyway.
        if fstat(stream)?.st_mode & libc::S_IFMT == libc::S_IFIFO {
            fchown(stream, uid, gid)?;
        }
    }
    Ok(job.tmp.as_ref().map_or(Ok(()), |tmp| chown(tmp.as_path(), uid, gid))?)
}

/// What the supervisor looks at while its job runs.
struct Watch<'a> {
    tree: Tree,
    first: i32,
    signals: SignalFd,
    socket: &'a OwnedFd,
    life: &'a OwnedFd,
    status: Option<ExitStatus>,
    /// Looks at the limits of the whole job that nothing else holds.
    sampler: Option<Sampler>,
    /// The limit that the job was ended for.
    passed: Option<Passed>,
    /// Does the server still give orders?
    ordered: bool,
    /// Is the helper alive?
    alive: bool,
}

/// What woke the supervisor.
struct Woken {
    order: bool,
    helper_gone: bool,
}

impl Watch<'_> {
    fn until_the_last_process_is_gone(&mut self) -> io::Result<()> {
        loop {
            let woken = self.wait()?;
            if woken.helper_gone {
                self.alive = false;
                self.tree.signal(libc::SIGKILL)?;
            }
            if woken.order {
                self.obey()?;
            }
            if self.reap()? {
                return Ok(());
            }
            self.look()?;
        }
    }

    /// Ends the job when it uses more than it may as a whole.
    fn look(&mut self) -> io::Result<()> {
        let Some(sampler) = self.sampler.as_mut().filter(|_| self.passed.is_none()) else { return Ok(()) };
        // Once it has been waited for, its number may be somebody else's.
        let group = self.status.is_none().then_some(self.first);
        let polled = || {
            let mut polled: Vec<PollFd<'_>> = Vec::with_capacity(2);
            polled.extend(self.ordered.then(|| PollFd::new(self.socket.as_fd(), PollFlags::POLLIN)));
            polled.extend(self.alive.then(|| PollFd::new(self.life.as_fd(), PollFlags::POLLIN)));
            polled
        };
        let ordered = || poll(&mut polled(), PollTimeout::ZERO).is_ok_and(|ready| ready > 0);
        self.passed = sampler.look(&self.tree, group, &ordered)?;
        if self.passed.is_some() { self.tree.signal(libc::SIGKILL) } else { Ok(()) }
    }

    /// Sleeps until something happens.
    fn wait(&self) -> io::Result<Woken> {
        let readable = PollFlags::POLLIN;
        let mut polled = vec![PollFd::new(self.signals.as_fd(), readable)];
        // A closed end stays readable for ever, so it is looked at once.
        polled.extend(self.ordered.then(|| PollFd::new(self.socket.as_fd(), readable)));
        polled.extend(self.alive.then(|| PollFd::new(self.life.as_fd(), readable)));
        let looks = self.sampler.as_ref().filter(|_| self.passed.is_none()).map(Sampler::wait);
        match ppoll(&mut polled, looks.map(TimeSpec::from_duration), None) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        let mut events = polled.iter().skip(1).map(|one| one.any().unwrap_or(true));
        let mut next = |asked: bool| asked && events.next().unwrap_or(false);
        Ok(Woken { order: next(self.ordered), helper_gone: next(self.alive) })
    }

    /// Tells the server that the program runs.
    fn tell_start(&self) -> io::Result<()> {
        match protocol::send(self.socket.as_fd(), &Report::Started) {
            // A server that is gone shows as the end of its orders.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other,
        }
    }

    /// Does what the server wants; its absence is an order to end.
    fn obey(&mut self) -> io::Result<()> {
        let order = match sys::receive_packet(self.socket.as_fd(), protocol::ROOM) {
            Ok(Some(packet)) => protocol::decode(&packet.bytes)?,
            Ok(None) | Err(_) => {
                self.ordered = false;
                Order::Kill
            }
        };
        match order {
            Order::Signal(signal) => self.tree.signal(signal),
            Order::Kill => self.tree.signal(libc::SIGKILL),
        }
    }

    /// Takes the status of all that ended; true when no process is left.
    fn reap(&mut self) -> io::Result<bool> {
        while let Ok(Some(_)) = self.signals.read_signal() {}
        loop {
            match sys::reap() {
                Ok(Some(reaped)) if reaped.pid == self.first => self.status = Some(reaped.status),
                Ok(Some(_)) => {}
                Ok(None) => return Ok(false),
                Err(error) if error.raw_os_error() == Some(libc::ECHILD) => return Ok(true),
                Err(error) => return Err(error),
            }
        }
    }

    fn ended(&self) -> Report {
        let largest = getrusage(UsageWho::RUSAGE_CHILDREN).ok().and_then(|usage| u64::try_from(usage.max_rss()).ok());
        let seen = self.sampler.as_ref().map_or(0, Sampler::peak);
        let cpu = usage::summed(UsageWho::RUSAGE_CHILDREN).as_micros();
        Report::Ended {
            status: self.status.map_or(libc::SIGKILL, ExitStatusExt::into_raw),
            cpu_micros: u64::try_from(cpu).unwrap_or(u64::MAX),
            // The kernel counts in KiB.
            peak_memory: seen.max(largest.unwrap_or(0) * 1024),
            passed: self.passed,
            was_full: self.sampler.as_ref().is_some_and(Sampler::was_full),
        }
    }
}
