//! Which system calls a job may make.
//!
//! In: what else holds the job (namespaces, network mode). Out: a filter program and the call that installs it. The
//! table says what is refused and why; the assembler turns it into classic BPF.

mod assemble;
mod table;
#[cfg(test)]
mod tests;

pub use assemble::{AssembleError, Filter, Rule, Test, Verdict};
pub use table::{Reach, rules};

#[cfg(not(target_arch = "x86_64"))]
compile_error!("the system call table is written for x86_64; other architectures need a table of their own");
