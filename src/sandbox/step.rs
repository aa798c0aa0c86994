//! The steps on the way into a sandbox, and the one that failed.
//!
//! In: a step and the error. Out: a [`Failure`] that travels back to the server and reads as a sentence.

use std::fmt;
use std::io;

use serde::{Deserialize, Serialize};

/// One step between the fork and the program; all happen before it, in the supervisor or in the job's first process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    /// The helper understands the request.
    Request,
    /// The helper forks the supervisor, perhaps into namespaces.
    Supervisor,
    /// The ids of an own user namespace are written.
    UserNamespace,
    /// The supervisor can signal its tree and nothing else.
    SignalScope,
    /// The job's view of the file system is mounted.
    Mounts,
    /// The loopback interface of the job's own network is switched on.
    Network,
    /// A granted path is opened for the ruleset.
    Grant,
    /// The ruleset is made.
    Ruleset,
    /// The first process is forked.
    Fork,
    /// A session of its own, hence no terminal but one that was made for the job.
    Session,
    /// The terminal that was made for the job.
    Terminal,
    /// Signals and umask as a program expects them.
    Signals,
    /// Standard input, output and error.
    Stdio,
    /// The working directory is entered and still is the checked one.
    WorkingDirectory,
    /// Resource limits, and the choice of the kernel when memory runs out.
    Limits,
    /// No exec can give capabilities.
    BoundingSet,
    /// The job is the user that it should run as.
    RunAs,
    /// No capability is left.
    Capabilities,
    /// The first process ends when its supervisor does.
    ParentDeath,
    /// No exec can give privileges.
    NoNewPrivileges,
    /// Landlock's rules are in force.
    Landlock,
    /// Only the listed files can be executed.
    ExecuteLayer,
    /// No other descriptor survives the exec.
    Descriptors,
    /// The system call filter is in force.
    Seccomp,
    /// The program still is the checked one.
    Program,
    /// The program starts.
    Exec,
}

impl Step {
    /// What could not be done.
    fn action(self) -> &'static str {
        match self {
            Self::Request => "read the request",
            Self::Supervisor => "fork the job's supervisor",
            Self::UserNamespace => "map the user in the job's namespace",
            Self::SignalScope => "enter the scope that bounds the supervisor's signals",
            Self::Mounts => "mount the job's view of",
            Self::Network => "switch on the job's loopback interface",
            Self::Grant => "open the granted path",
            Self::Ruleset => "make the Landlock ruleset",
            Self::Fork => "fork the job's first process",
            Self::Session => "make a session",
            Self::Terminal => "sit down at the job's terminal",
            Self::Signals => "reset signals",
            Self::Stdio => "connect standard input and output",
            Self::WorkingDirectory => "enter working directory",
            Self::Limits => "set resource limits",
            Self::BoundingSet => "empty the capability bounding set",
            Self::RunAs => "become the user that the job runs as",
            Self::Capabilities => "give up capabilities",
            Self::ParentDeath => "tie the job to its supervisor",
            Self::NoNewPrivileges => "set no_new_privs",
            Self::Landlock => "put the Landlock ruleset in force",
            Self::ExecuteLayer => "put the execute layer in force",
            Self::Descriptors => "mark descriptors close-on-exec",
            Self::Seccomp => "put the system call filter in force",
            Self::Program => "find the checked program at",
            Self::Exec => "execute",
        }
    }
}

/// The step that failed; nothing was executed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Which step.
    pub step: Step,
    /// The path it was about, where there is one, as text for people.
    pub subject: Option<String>,
    /// The kernel's error number.
    pub errno: i32,
}

impl Failure {
    /// A failed step; an error without a number counts as `EINVAL`.
    pub(crate) fn new(step: Step, error: &io::Error) -> Self {
        Self { step, subject: None, errno: error.raw_os_error().unwrap_or(libc::EINVAL) }
    }

    /// The same, about a path.
    pub(crate) fn about(mut self, subject: impl fmt::Display) -> Self {
        self.subject = Some(subject.to_string());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {}", self.step.action())?;
        if let Some(subject) = &self.subject {
            write!(f, " `{subject}`")?;
        }
        match (self.step, self.errno) {
            (Step::WorkingDirectory | Step::Program, libc::ESTALE) => {
                f.write_str(": it is no longer the one that was checked; run the command again")
            }
            (Step::Grant, libc::ELOOP) => f.write_str(
                ": it is reached through a symlink, which was not there when the policy was loaded; remove it",
            ),
            (_, errno) => write!(f, ": {}", nix::errno::Errno::from_raw(errno).desc()),
        }
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_step_path_and_reason() {
        let failure = Failure::new(Step::WorkingDirectory, &io::Error::from_raw_os_error(libc::ENOENT)).about("/a");
        assert_eq!(failure.to_string(), "cannot enter working directory `/a`: No such file or directory");
        let failure = Failure { step: Step::Program, subject: Some("/b".into()), errno: libc::ESTALE };
        let want =
            "cannot find the checked program at `/b`: it is no longer the one that was checked; run the command again";
        assert_eq!(failure.to_string(), want);
    }
}
