//! Attacks on the process that looks after the job.

use std::io;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::attacks::{Attempt, may_work};
use crate::kernel::simple;

/// The job's supervisor: number 1 of a namespace of the job's own, else the parent.
fn supervisor() -> usize {
    if nix::unistd::getpid().as_raw() < 100 && nix::unistd::getppid().as_raw() == 1 {
        1
    } else {
        usize::try_from(nix::unistd::getppid().as_raw()).unwrap()
    }
}
fn limits_of_supervisor() -> io::Result<()> {
    let limit = [100_u64, 100];
    simple(libc::SYS_prlimit64, [supervisor(), 7, limit.as_ptr() as usize, 0, 0, 0])
}
fn scheduler_of_supervisor() -> io::Result<()> {
    let parameter = 0_i32;
    simple(libc::SYS_sched_setscheduler, [supervisor(), 5, &raw const parameter as usize, 0, 0, 0])
}
fn nice_of_supervisor() -> io::Result<()> {
    simple(libc::SYS_setpriority, [0, supervisor(), 10, 0, 0, 0])
}
fn nice_of_user() -> io::Result<()> {
    simple(libc::SYS_setpriority, [2, 0, 10, 0, 0, 0])
}
fn signal_supervisor() -> io::Result<()> {
    match kill(Pid::from_raw(i32::try_from(supervisor()).unwrap()), Signal::SIGKILL) {
        // The first process of a namespace gets no signal from inside, and the sender is not told.
        Ok(()) if supervisor() == 1 => Err(io::Error::other("it was not delivered")),
        other => other.map_err(io::Error::from),
    }
}
fn trace_supervisor() -> io::Result<()> {
    simple(libc::SYS_ptrace, [0x4206, supervisor(), 0, 0, 0, 0])
}
fn memory_of_supervisor() -> io::Result<()> {
    std::fs::File::open(format!("/proc/{}/mem", supervisor())).map(|_| ())
}
fn descriptors_of_supervisor() -> io::Result<()> {
    std::fs::read_dir(format!("/proc/{}/fd", supervisor())).map(|_| ())
}

pub(crate) const ATTEMPTS: &[Attempt] = &[
    may_work("limits of the supervisor", limits_of_supervisor),
    may_work("scheduler of the supervisor", scheduler_of_supervisor),
    may_work("nice of the supervisor", nice_of_supervisor),
    may_work("nice of all of the user", nice_of_user),
    may_work("signal to the supervisor", signal_supervisor),
    may_work("trace the supervisor", trace_supervisor),
    may_work("memory of the supervisor", memory_of_supervisor),
    may_work("descriptors of the supervisor", descriptors_of_supervisor),
];
