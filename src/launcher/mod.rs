//! The single-threaded helper process that forks, supervises and ends jobs, and the server's way to talk to it.
//!
//! ```text
//! server --Request + job socket + pipes--> helper --fork--> supervisor --fork--> first process --exec--> program
//!    ^                                                        |
//!    +------------- job socket: Started, Failed, Ended -------+   (orders, Signal and Kill, go the other way)
//! ```
//! In: a [`SandboxSpec`](crate::sandbox::SandboxSpec). Out: a running [`Process`], or the step that failed. When any of
//! server, helper or supervisor dies, the others end the job's whole tree.
#![forbid(unsafe_code)]

mod crowd;
mod error;
mod helper;
mod orphans;
mod placeholders;
mod process;
mod protocol;
mod sampler;
mod server;
mod supervisor;
mod tree;
mod usage;

pub use error::LaunchError;
pub use helper::{Helper, start_helper, start_helper_at_most};
pub use nix::sys::signal::Signal;
pub use process::{Ended, Exit, Process, ProcessHandle};
pub use server::{Launcher, StdinMode, answer_promptly, harden_server};
