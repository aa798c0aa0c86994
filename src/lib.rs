//! shellwarden: judges a shell command, confines it, keeps it as a job.
//!
//! # The trip of a command
//! ```text
//! MCP call / CLI -> request -> rate limit -> shell::analyze -> policy::decide -> audit -> plan -> jobs -> launcher -> child
//!                                                                                                    |
//!           reply <- view <- ring <- redact <----------------------- pipes <---------------------------+
//! ```
//! [`engine`] holds that trip as one flat function. Only [`policy`]'s `decide` makes an `Approved`, and starting a job
//! consumes it together with the receipt of its audit record: code that skips either does not compile.
//!
//! # The map
//! | module | job |
//! |---|---|
//! | [`diag`], [`units`], [`paths`] | leaves: positioned problems; values that parse; absolute paths |
//! | [`shell`] | bash text to a flat list of commands whose words are known, globs or unknown; wrappers unwrapped |
//! | [`policy`] | YAML as written, checked, compiled; decide; explain. Pure but for loading |
//! | [`sandbox`] | plain data to Landlock, seccomp, rlimits, environment, descriptors; what the kernel supports |
//! | [`launcher`] | the single-threaded helper process that forks, supervises and ends jobs |
//! | [`sys`] | the only unsafe code, one safe function per call |
//! | [`output`] | redaction of a stream, ring, views of it |
//! | [`jobs`] | states, admission, retention, one worker per job |
//! | [`metrics`] | numbers for whoever watches the process |
//! | [`history`] | facts of jobs whose servers are gone |
//! | [`rate`], [`audit`] | token buckets; chained append-only records |
//! | [`turns`] | places that clients get round robin |
//! | [`engine`] | the trip; the one place that turns a decision into a sandbox |
//! | [`mcp`], [`cli`] | the two fronts |
//!
//! Arrows point one way, `cli -> mcp -> engine -> {policy -> shell; jobs -> launcher -> sandbox -> sys; jobs -> output;
//! rate; audit}`, and everything may use the leaves. A test holds that table.

pub mod audit;
pub mod cli;
pub mod diag;
pub mod engine;
pub mod history;
pub mod jobs;
pub mod launcher;
pub mod mcp;
pub mod metrics;
pub mod output;
pub mod paths;
pub mod policy;
pub mod rate;
pub mod sandbox;
pub mod shell;
pub mod sys;
pub mod turns;
pub mod units;
