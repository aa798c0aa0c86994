//! Request to pipeline to reply: the trip of a command, and the ways to reach the job it made.
#![forbid(unsafe_code)]

mod account;
mod aside;
mod call;
mod confirm;
mod create;
mod ground;
mod judge;
mod law;
mod merged;
mod past;
mod plan;
mod reach;
mod recording;
mod reload;
mod shared;
mod siblings;
mod start;
mod survey;
mod tmp;
mod trip;
mod watch;
mod world;

pub use call::{Call, Checked, Cursor, Kill, Merged, NoSuchJob, Open, Output, Piece, Refused, Stdin, Text};
pub use confirm::{Confirm, Nobody, Question};
pub use ground::{Ground, NotHeld};
pub use judge::Judge;
pub use reach::{Input, InteractError};
pub use reload::Loader;
pub use shared::Shared;
pub use start::{Engine, Front, StartError, make_state};
pub use survey::{survey, trial};

pub use watch::{Watch, keep_current};

pub use crate::jobs::{
    Channel, End, Exit, InputError, Job, JobId, Outcome, Priority, Shown, Size, Started, State, Status, Tap, Usage,
};
pub use crate::output::view::Search;
