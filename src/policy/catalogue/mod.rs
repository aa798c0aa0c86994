//! What is known of programs: their options, what these do, and what their other words are.
//!
//! In: a program name and the words of a command. Out: its [`Entry`] and the words sorted into options and operands.
//! Whether that may run is decided by the rules.

mod args;
mod awk;
mod embedded;
mod entry;
mod jq;
mod scripts;
mod sed;
mod spec;
mod table;
#[cfg(test)]
mod tests;

pub(super) use args::{Invocation, Item, dashed_pattern, invocation, moves_to};
pub(super) use awk::only_prints as awk_only_prints;
pub(super) use embedded::{check, entry, has_subcommands, is_dangerous_id, is_known, names};
pub(super) use entry::{Entry, Grammar, Parsing, Role};
pub(super) use jq::only_filters as jq_only_filters;
pub(super) use scripts::{awk_runs, sed_runs};
pub(super) use sed::only_edits as sed_only_edits;
pub(super) use spec::{Effect, Kind, OptionSpec, Takes};
