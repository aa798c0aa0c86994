//! The command line: one file a subcommand.
//!
//! In: argv. Out: an exit code; each subcommand prints what its page in the README says.
#![forbid(unsafe_code)]

mod args;
mod audit;
mod check;
mod doctor;
mod drop_in;
mod explain;
mod http;
mod init;
mod metrics;
mod print;
mod redact;
mod run;
mod serve;
mod setup;
mod token;

use std::process::ExitCode;

use clap::Parser;

use args::{Arguments, Subcommand};
use setup::Failure;

/// Exit code when shellwarden itself could not do its work.
const OURS: u8 = 125;

/// Reads argv, does what it says, and returns the exit code.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return usage(&error),
    };
    let done = match arguments.subcommand {
        Subcommand::Serve(serve) => serve::serve(serve),
        Subcommand::Run(run) => run::run(run),
        Subcommand::Explain(explain) => explain::explain(explain),
        Subcommand::Check(check) => check::check(check),
        Subcommand::Init(init) => init::init(init),
        Subcommand::Policy(policy) => init::show(&policy),
        Subcommand::Schema(schema) => print::schema(&schema),
        Subcommand::Doctor(doctor) => doctor::doctor(doctor),
        Subcommand::Redact(redact) => redact::redact(&redact),
        Subcommand::Audit(audit) => audit::audit(&audit),
        Subcommand::Token(token) => token::token(token),
    };
    done.unwrap_or_else(Failure::report)
}

/// Help and version go to stdout with 0; a wrong use goes to stderr with the code of a failure of ours.
fn usage(error: &clap::Error) -> ExitCode {
    let wrong = error.use_stderr();
    // Nothing is left to tell when even this cannot be printed.
    let _ = error.print();
    if wrong { ExitCode::from(OURS) } else { ExitCode::SUCCESS }
}
