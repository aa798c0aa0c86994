//! A tracer: every program that a command and all its descendants execute, by ptrace(2).
//!
//! In: a command. Out: how it ended, and each `execve` that succeeded anywhere below it, whatever the file is called and
//! however it was found. Waiting is for tracees of this thread alone, so other tests keep their children.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use nix::errno::Errno;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

/// One program that was executed.
#[derive(Debug, Clone)]
pub(super) struct Executed {
    /// The file that runs: of a script, its interpreter.
    pub(super) file: PathBuf,
    pub(super) words: Vec<String>,
    /// Where, by the path that the kernel tells.
    pub(super) cwd: PathBuf,
    /// What its variable `LOG` says.
    pub(super) log: Option<PathBuf>,
}

fn executed(pid: Pid) -> Executed {
    let proc = PathBuf::from(format!("/proc/{pid}"));
    let texts = |name: &str| -> Vec<String> {
        let bytes = fs::read(proc.join(name)).unwrap();
        let texts = bytes.split(|byte| *byte == 0).map(|text| String::from_utf8_lossy(text).into_owned());
        let mut texts: Vec<String> = texts.collect();
        texts.pop();
        texts
    };
    let link = |name: &str| fs::read_link(proc.join(name)).unwrap();
    let log = texts("environ").iter().find_map(|variable| variable.strip_prefix("LOG=").map(PathBuf::from));
    Executed { file: link("exe"), words: texts("cmdline"), cwd: link("cwd"), log }
}

/// Runs the command to the end of all that it started.
#[expect(clippy::zombie_processes, reason = "the tracer waits for it as for all the others")]
pub(super) fn trace(command: &Command) -> Vec<Executed> {
    // It waits for the tracer before it is what it shall be.
    let mut waiting = Command::new("/bin/sh");
    waiting.args(["-c", "read -r go; exec \"$@\" </dev/null", "sh"]).arg(command.get_program());
    waiting.args(command.get_args()).stdin(Stdio::piped());
    for (name, value) in command.get_envs() {
        waiting.env(name, value.unwrap());
    }
    let mut child = waiting.spawn().unwrap();
    let first = Pid::from_raw(i32::try_from(child.id()).unwrap());
    let all = Options::PTRACE_O_TRACEEXEC
        | Options::PTRACE_O_TRACEFORK
        | Options::PTRACE_O_TRACEVFORK
        | Options::PTRACE_O_TRACECLONE
        | Options::PTRACE_O_EXITKILL;
    ptrace::seize(first, all).unwrap();
    child.stdin.take().unwrap().write_all(b"go\n").unwrap();
    let mut found = Vec::new();
    let mut ended = None;
    loop {
        // One that was killed meanwhile has nothing to go on with.
        let go_on = |pid: Pid, signal: Option<Signal>| match ptrace::cont(pid, signal) {
            Ok(()) | Err(Errno::ESRCH) => {}
            Err(errno) => panic!("{errno}"),
        };
        match waitpid(Pid::from_raw(-1), Some(WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD)) {
            Ok(WaitStatus::PtraceEvent(pid, _, event)) => {
                if event == nix::libc::PTRACE_EVENT_EXEC {
                    found.push(executed(pid));
                }
                go_on(pid, None);
            }
            Ok(WaitStatus::Stopped(pid, signal)) => go_on(pid, Some(signal)),
            Ok(status @ (WaitStatus::Exited(..) | WaitStatus::Signaled(..))) if status.pid() == Some(first) => {
                ended = Some(status);
            }
            Ok(_) | Err(Errno::EINTR) => {}
            Err(Errno::ECHILD) => break,
            Err(errno) => panic!("{errno}"),
        }
    }
    assert_eq!(ended, Some(WaitStatus::Exited(first, 0)), "the driver failed");
    found
}
