//! Bash text in, a flat list of commands to judge and a tree to run out.
//!
//! The received text never reaches a shell: what was judged is rendered again from the tree, and only that text, or a
//! plain argument list, is run.
#![forbid(unsafe_code)]

mod command;

pub use command::{Assignment, Command, Cwd, Glob, Head, Redirect, RedirectOp, Slot, Target, Unknown, Word};
