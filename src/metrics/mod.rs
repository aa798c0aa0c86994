//! What the process did, in numbers, for whoever watches it.
//!
//! In: events of the engine. Out: the text that Prometheus reads. Labels are ids of rules, names of states and of limits:
//! nothing that a client sent. The numbers decide nothing.
#![forbid(unsafe_code)]

mod histogram;
mod registry;

pub use registry::{Ended, Metrics, global};
