//! The last steps of a job's first process, from the fork to the program.
//!
//! In: what was prepared before the fork. Out: nothing; the process becomes the program, or the step that failed is
//! returned so that the caller reports it and ends.
//!
//! INVARIANT: when any step fails, the program is not executed.

use std::ffi::CString;
use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;

use nix::sys::signal::{SigSet, Signal};
use nix::sys::stat::{Mode, umask};
use nix::unistd::{chdir, dup2_stderr, dup2_stdin, dup2_stdout, execve, getppid, setsid};

use super::limits::Count;
use super::ruleset;
use super::run_as::RunAs;
use super::seccomp::Filter;
use super::spec::Job;
use super::step::{Failure, Step};
use crate::sys;

/// `CAP_SETPCAP` of linux/capability.h.
const CAP_SETPCAP: u64 = 1 << 8;

/// Everything the first process needs, made before it exists. It runs in the memory of its supervisor, so it closes
/// nothing that the supervisor owns.
pub(crate) struct Entry<'a> {
    pub(crate) job: &'a Job,
    pub(crate) words: &'a Words,
    /// The policy layer.
    pub(crate) ruleset: &'a OwnedFd,
    /// The execute layer, where the job has one.
    pub(crate) execute_only: Option<&'a OwnedFd>,
    pub(crate) filter: &'a Filter,
    /// Its nice value; the supervisor's own is lower where it may be.
    pub(crate) nice: i32,
    /// What the kernel's audit log is told.
    pub(crate) log: ruleset::Log,
    /// Standard input, output and error.
    pub(crate) stdio: &'a [OwnedFd; 3],
    /// The supervisor's pid as this process sees its parent.
    pub(crate) parent: i32,
    /// What the kernel's count of processes is worth.
    pub(crate) count: Count,
}

/// Goes through all steps. Comes back only with the one that failed.
pub(crate) fn enter(entry: Entry<'_>) -> Failure {
    match steps(entry) {
        Err(failure) => failure,
        // The success case is `Infallible`: exec does not come back.
        Ok(never) => match never {},
    }
}

/// Names the step of an error.
fn at<T, E: Into<io::Error>>(step: Step, result: Result<T, E>) -> Result<T, Failure> {
    result.map_err(|error| Failure::new(step, &error.into()))
}

fn steps(entry: Entry<'_>) -> Result<std::convert::Infallible, Failure> {
    let Entry { job, words, nice, ruleset, execute_only, filter, log, stdio, parent, count } = entry;
    at(Step::Session, setsid())?;
    at(Step::Limits, sys::set_nice(nice))?;
    at(Step::Signals, SigSet::empty().thread_set_mask())?;
    umask(Mode::from_bits_truncate(0o022));
    connect(stdio, job.terminal)?;
    work_in(job)?;
    at(Step::Limits, job.limits.apply(count))?;
    give_up_privileges(job.run_as.as_ref(), count == Count::OfUserNamespace)?;
    at(Step::ParentDeath, nix::sys::prctl::set_pdeathsig(Signal::SIGKILL))?;
    if getppid().as_raw() != parent {
        return Err(Failure { step: Step::ParentDeath, subject: None, errno: libc::ESRCH });
    }
    // Both must allow whatever is done, so their order means nothing to the job. But each layer copies the rules of those
    // before it, and this one is short.
    if let Some(layer) = execute_only {
        ruleset::enforce(layer, log, Step::ExecuteLayer)?;
    }
    ruleset::enforce(ruleset, log, Step::Landlock)?;
    at(Step::Descriptors, sys::close_on_exec_from(3))?;
    at(Step::Seccomp, filter.install())?;
    still_the_program(job)?;
    let Words { program, argv, env } = words;
    at(Step::Exec, execve(program, argv, env)).map_err(|failure| failure.about(&job.program.path))
}

/// Puts the three streams where programs look for them. The session is new, so a terminal among them is the job's own.
fn connect(stdio: &[OwnedFd; 3], terminal: bool) -> Result<(), Failure> {
    let [input, output, error] = stdio;
    if terminal {
        at(Step::Terminal, sys::take_terminal(input.as_fd()))?;
    }
    at(Step::Stdio, dup2_stdin(input))?;
    at(Step::Stdio, dup2_stdout(output))?;
    at(Step::Stdio, dup2_stderr(error))
}

/// Enters the working directory, which must be the one that was checked.
fn work_in(job: &Job) -> Result<(), Failure> {
    let failed = |error: io::Error| Failure::new(Step::WorkingDirectory, &error).about(&job.cwd.path);
    chdir(job.cwd.path.as_path()).map_err(|error| failed(error.into()))?;
    let here = fs::metadata(".").map_err(failed)?;
    if (here.dev(), here.ino()) == (job.cwd.device, job.cwd.inode) {
        return Ok(());
    }
    Err(failed(io::Error::from_raw_os_error(libc::ESTALE)))
}

/// Looks again before the exec; what is at the path now must be what was checked.
fn still_the_program(job: &Job) -> Result<(), Failure> {
    let failed = |error: io::Error| Failure::new(Step::Program, &error).about(&job.program.path);
    let found = fs::metadata(&job.program.path).map_err(failed)?;
    if (found.dev(), found.ino()) == (job.program.device, job.program.inode) {
        return Ok(());
    }
    Err(failed(io::Error::from_raw_os_error(libc::ESTALE)))
}

/// Program, argv and environment as exec takes them.
#[derive(Debug)]
pub(crate) struct Words {
    program: CString,
    argv: Vec<CString>,
    env: Vec<CString>,
}

impl Words {
    /// # Errors
    /// A NUL byte, at which exec would cut.
    pub(crate) fn of(job: &Job) -> Result<Self, Failure> {
        let nul = |_| Failure { step: Step::Exec, subject: None, errno: libc::EINVAL };
        let program = CString::new(job.program.path.as_os_str().as_bytes()).map_err(nul)?;
        let argv = job.argv.iter().map(|word| CString::new(word.as_str()).map_err(nul)).collect::<Result<_, _>>()?;
        let pair = |(name, value): &(String, String)| CString::new(format!("{name}={value}")).map_err(nul);
        let env = job.env.iter().map(pair).collect::<Result<_, _>>()?;
        Ok(Self { program, argv, env })
    }
}

/// Empties the bounding set of the helper, from which its jobs have theirs. It keeps its own capabilities, since it
/// executes nothing.
///
/// # Errors
/// What `prctl(2)` answers.
pub(crate) fn let_nobody_gain_capabilities() -> io::Result<()> {
    if sys::effective_capabilities()? & CAP_SETPCAP == 0 { Ok(()) } else { sys::drop_bounding_set() }
}

/// Makes the kernel choose this job, not the server, when memory runs out: the supervisor does it before it mounts, and
/// what it forks inherits it. The file belongs to root while the process cannot be dumped, hence the moment in which it
/// can; nothing foreign may trace it across the job's Landlock domain.
///
/// # Errors
/// What the kernel answers to the write.
pub(crate) fn prefer_when_memory_runs_out() -> io::Result<()> {
    nix::sys::prctl::set_dumpable(true)?;
    let written = fs::write("/proc/self/oom_score_adj", "1000");
    nix::sys::prctl::set_dumpable(false)?;
    written
}

/// Leaves no capability and no way to one.
fn give_up_privileges(run_as: Option<&RunAs>, own_user_namespace: bool) -> Result<(), Failure> {
    let held = at(Step::BoundingSet, sys::effective_capabilities())?;
    // Without CAP_SETPCAP the set cannot be emptied; no_new_privs, which follows, then closes the same door. What the
    // helper has emptied is full again in a new user namespace, and nowhere else.
    if held & CAP_SETPCAP != 0 && own_user_namespace {
        at(Step::BoundingSet, sys::drop_bounding_set())?;
    }
    if let Some(user) = run_as {
        at(Step::RunAs, user.enter())?;
    }
    at(Step::Capabilities, sys::clear_capabilities())
}
