//! Bash text in, a flat list of commands to judge and a tree to run out.
//!
//! The received text never reaches a shell: what was judged is rendered again from the tree, and only that text, or a
//! plain argument list, is run.
#![forbid(unsafe_code)]

mod analysis;
mod ansi;
mod brace;
mod builtin;
mod command;
mod eval;
mod gate;
mod lower;
mod parameter;
mod parse;
mod piece;
mod place;
mod plain;
mod quoting;
mod refusal;
mod render;
mod scan;
mod text;
mod tree;
mod wrapper;

pub use analysis::{Analysis, Context, analyze, exact};
pub use command::{
    Assignment, Command, Cwd, Glob, Head, PipeEnd, Probe, Redirect, RedirectOp, Scope, Slot, Target, Unknown, Word,
};
pub use eval::leaves_login_out;
pub use refusal::Refusal;
pub use render::Rendered;
pub use text::{CommandText, command_text};
pub use wrapper::carries_alike;
