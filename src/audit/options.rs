//! How a log is written.
//!
//! In: what the policy says. Out: plain values. Nothing is opened here.

use std::time::Duration;

use jiff::Timestamp;

use super::forward::Forward;
use super::key::Key;

/// When a record counts as written. Every one of them survives the death of all processes here; they differ in what a
/// power cut can take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sync {
    /// When the kernel has it; the disk follows whenever the kernel likes.
    None,
    /// When the kernel has it; the disk follows after this time at the latest.
    Interval(Duration),
    /// When the kernel has it. The disk follows for many records at once: 25 ms after the first of them, and earlier where
    /// 512 wait, which further ones have to wait for. A power cut can take no more than those.
    Batch,
    /// When the disk has it, decisions, starts and ends alike. Those that come at the same time share one `fdatasync`.
    Record,
}

impl Default for Sync {
    /// Waiting for the disk costs more than launching a command.
    fn default() -> Self {
        Self::Interval(Duration::from_secs(1))
    }
}

/// When a log file is closed and another begun. The chain runs through all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rotate {
    /// Above this many bytes.
    pub size: Option<u64>,
    /// When its first record is older than this.
    pub age: Option<Duration>,
    /// Closed files that are kept; older ones are removed, which the log records. All of them when absent.
    pub keep: Option<usize>,
}

/// How a log is written.
#[derive(Debug, Clone)]
pub struct Options {
    /// When a record counts as written.
    pub sync: Sync,
    /// The clock; tests stop it.
    pub now: fn() -> Timestamp,
    /// Seals each record, so that nobody without it can write a log anew.
    pub key: Option<Key>,
    /// When another file is begun.
    pub rotate: Rotate,
    /// Where copies go.
    pub forward: Option<Forward>,
}

impl Default for Options {
    fn default() -> Self {
        Self { sync: Sync::default(), now: Timestamp::now, key: None, rotate: Rotate::default(), forward: None }
    }
}
