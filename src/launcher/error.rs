//! Why a job did not start.

use std::io;

use crate::sandbox::{Failure, SandboxError};

/// Why the helper or a job did not start; nothing was executed.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// Something without which no job starts is missing.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// A step between the fork and the program failed.
    #[error(transparent)]
    Step(#[from] Failure),
    /// Forking from several threads would copy locks that nobody opens again.
    #[error("the launcher was started from a process with {0} threads; start it before any thread")]
    Threads(usize),
    /// The helper could not be started.
    #[error("cannot start the launcher process")]
    Start(#[source] io::Error),
    /// The helper found a reason not to go on.
    #[error("the launcher process cannot work: {0}")]
    Helper(String),
    /// The helper does not answer any more.
    #[error("the launcher process is gone, so no job can start and all running ones were ended; restart the server")]
    Gone,
    /// The supervisor died before the program started.
    #[error("the job's supervisor ended before the program started; run the command again")]
    Supervisor,
    /// Sockets or pipes of the job could not be made, or the request not be sent.
    #[error("cannot hand the job to the launcher process")]
    HandOver(#[source] io::Error),
    /// The request could not be encoded.
    #[error("cannot encode the job for the launcher process")]
    Encode(#[source] postcard::Error),
}
