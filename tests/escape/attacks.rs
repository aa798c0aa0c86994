//! The attacking side: one function each, run inside the sandbox by name.
//!
//! `Ok` means that the attack worked, which is what the tests do not want to see.

use std::io;
use std::process::ExitCode;

use crate::{files, kernel, supervisor};

pub(crate) type Attack = fn() -> io::Result<()>;

/// One attempt, with the promise it tries to break.
pub(crate) struct Attempt {
    pub(crate) name: &'static str,
    pub(crate) attack: Attack,
    /// It works without a sandbox for any user, so the control run must see it work.
    pub(crate) control: bool,
}

/// Exit code of an attack that was stopped.
pub(crate) const CONTAINED: u8 = 77;

/// Works without a sandbox: a control run shows that the test can fail.
pub(crate) const fn works(name: &'static str, attack: Attack) -> Attempt {
    Attempt { name, attack, control: true }
}

/// Needs privileges or a kernel feature that a control run may not have, or would harm the machine.
pub(crate) const fn may_work(name: &'static str, attack: Attack) -> Attempt {
    Attempt { name, attack, control: false }
}

pub(crate) fn all() -> impl Iterator<Item = &'static Attempt> {
    files::ATTEMPTS.iter().chain(kernel::ATTEMPTS).chain(supervisor::ATTEMPTS)
}

/// Runs one attack in this process.
pub(crate) fn run(name: &str) -> ExitCode {
    let Some(attempt) = all().find(|attempt| attempt.name == name) else { return ExitCode::from(2) };
    match (attempt.attack)() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("{error}");
            ExitCode::from(CONTAINED)
        }
    }
}

pub(crate) fn variable(name: &str) -> String {
    std::env::var(name).expect("the scenario sets it")
}

pub(crate) fn number(name: &str) -> i32 {
    variable(name).parse().expect("the scenario sets a number")
}
