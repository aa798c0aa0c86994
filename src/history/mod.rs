//! Jobs that outlive the server which ran them: their facts, in a database that several servers may have open.
//!
//! In: facts of jobs at their start and end. Out: those of servers that are gone, until their time is over. A job without
//! an end whose server is gone was cut off, and shows so. What a job printed is not kept.
//!
//! Nothing is opened before the first job or question. The history is a convenience, the record is in `audit`: where it
//! cannot be kept, jobs run all the same and a warning says so.
#![forbid(unsafe_code)]

mod alive;
mod row;
mod store;
mod writer;

pub use row::Row;
pub use writer::{History, Keep, Kept};
