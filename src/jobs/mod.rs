//! Jobs: admission, states, one worker each, retention.
//!
//! A job is started from an [`Order`], which only an approval of the policy and the receipt of its audit record can
//! make. What a job wrote is kept redacted.
#![forbid(unsafe_code)]

mod job;
mod manager;
mod state;
mod stream;
mod tmp;
mod worker;

pub use job::{InputError, Job};
pub use manager::{Admission, Label, Limits, Manager, Turned};
pub use state::{End, Exit, JobId, Outcome, State, Status};
pub use stream::{Channel, Tap};
pub use worker::{Order, Terms};
