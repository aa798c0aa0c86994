//! Processes: made, ended, reaped.
//!
//! In: flags. Out: a second process, or the status of one that ended. Callers keep the rule that makes it sound: only
//! a single-threaded process forks.

use std::io;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use libc::{c_int, c_long, pid_t};

/// Which of the two processes this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forked {
    /// The caller; holds the pid of the new process.
    Parent(i32),
    /// The new process.
    Child,
}

/// A child that ended.
#[derive(Debug, Clone, Copy)]
pub struct Reaped {
    /// Who.
    pub pid: i32,
    /// How.
    pub status: ExitStatus,
}

/// A second process like this one. The caller has one thread, so no lock can be held by a thread that is not copied.
///
/// # Errors
/// What `fork(2)` answers.
pub fn fork() -> io::Result<Forked> {
    // SAFETY: the callers (helper start, helper, supervisor) have one thread; the copy may run any code.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(Forked::Child),
        pid => Ok(Forked::Parent(pid)),
    }
}

/// Like [`fork`], with new namespaces (`CLONE_NEW*`) for the new process.
///
/// # Errors
/// What `clone(2)` answers.
pub fn fork_into(namespaces: c_int) -> io::Result<Forked> {
    let flags = c_long::from(namespaces) | c_long::from(libc::SIGCHLD);
    let none: c_long = 0;
    // SAFETY: a null stack and no CLONE_VM give the new process a copy of this address space, as fork does; the
    // callers have one thread. glibc's cached thread id is stale in the copy, which only its own locks look at.
    match unsafe { libc::syscall(libc::SYS_clone, flags, none, none, none, none) } {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(Forked::Child),
        pid => pid_t::try_from(pid).map(Forked::Parent).map_err(|_| io::Error::from_raw_os_error(libc::EOVERFLOW)),
    }
}

/// Ends this process at once, running no destructors and flushing nothing: right in a forked copy.
pub fn exit_now(code: i32) -> ! {
    // SAFETY: the call takes an integer and does not return.
    unsafe { libc::_exit(code) }
}

/// Takes the status of any child that has ended; [`None`] when all of them still run.
///
/// # Errors
/// `ECHILD` when there is no child at all.
pub fn reap() -> io::Result<Option<Reaped>> {
    let mut raw: c_int = 0;
    // SAFETY: the kernel writes one integer, to which the pointer is valid. Numbers above SIGRTMIN stay intact here,
    // which is why this is not nix's wrapper.
    let pid = unsafe { libc::waitpid(-1, &raw mut raw, libc::WNOHANG | libc::__WALL) };
    match pid {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(None),
        pid => Ok(Some(Reaped { pid, status: ExitStatus::from_raw(raw) })),
    }
}

/// A descriptor of a process, readable when the process is gone (`pidfd_open(2)`).
///
/// # Errors
/// `ESRCH` when it is gone already, `ENOSYS` before Linux 5.3.
pub fn open_process(pid: i32) -> io::Result<OwnedFd> {
    let flags: c_int = 0;
    // SAFETY: the call takes two integers.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, flags) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    let fd = RawFd::try_from(fd).map_err(|_| io::Error::from_raw_os_error(libc::EOVERFLOW))?;
    // SAFETY: the kernel has just made this descriptor, close-on-exec, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// The nice value of this process.
///
/// # Errors
/// What `getpriority(2)` answers.
pub fn nice() -> io::Result<c_int> {
    let own: c_int = 0;
    // SAFETY: the call takes two integers; unlike libc's wrapper it answers 20 minus the value, which is never negative.
    let rc = unsafe { libc::syscall(libc::SYS_getpriority, libc::PRIO_PROCESS, own) };
    if rc < 0 { Err(io::Error::last_os_error()) } else { Ok(20 - c_int::try_from(rc).unwrap_or(20)) }
}

/// Sets the nice value of this process; a lower one takes CAP_SYS_NICE.
///
/// # Errors
/// What `setpriority(2)` answers.
pub fn set_nice(value: c_int) -> io::Result<()> {
    let own: c_int = 0;
    // SAFETY: the call takes three integers.
    let rc = unsafe { libc::syscall(libc::SYS_setpriority, libc::PRIO_PROCESS, own, value) };
    if rc == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Asks that the calling thread be let in soon after it wakes, and then for a short time: what answers others waits for no
/// program that computes. Its share of the processors stays what it is. Kernels before Linux 6.12 make no difference; what
/// it starts has ordinary turns.
///
/// # Errors
/// What `sched_setattr(2)` answers.
pub fn short_turns(turn: Duration) -> io::Result<()> {
    let own: libc::pid_t = 0;
    let flags: c_int = 0;
    let size = u32::try_from(size_of::<libc::sched_attr>()).unwrap_or(0);
    let attributes = libc::sched_attr {
        size,
        sched_policy: 0,
        sched_flags: 1,
        sched_nice: nice()?,
        sched_priority: 0,
        sched_runtime: u64::try_from(turn.as_nanos()).unwrap_or(u64::MAX),
        sched_deadline: 0,
        sched_period: 0,
    };
    // SAFETY: the call reads as many bytes of the structure as its first field says, which is its size.
    let rc = unsafe { libc::syscall(libc::SYS_sched_setattr, own, &raw const attributes, flags) };
    if rc == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Processes and threads of the whole machine, in sixteen bits: a machine with more starts again at zero.
///
/// # Errors
/// What `sysinfo(2)` answers.
pub fn tasks_of_machine() -> io::Result<u16> {
    Ok(nix::sys::sysinfo::sysinfo()?.process_count())
}

/// Turns a write beyond RLIMIT_FSIZE into an error (EFBIG, setrlimit(2)) instead of the death of this process.
pub fn ignore_file_size_signal() {
    // SAFETY: SIG_IGN installs no code of ours, and the signal's number is valid.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
}

/// Sets every signal to its default action, as a program expects to be started. (Rust ignores SIGPIPE.)
pub fn default_signals() {
    for signal in 1..=64 {
        // SAFETY: SIG_DFL installs no code of ours; signals that cannot be changed answer EINVAL, which is their
        // default already.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
}
