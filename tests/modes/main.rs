//! The real binary in every mode that this account can have, and without one kernel feature after the other.
//!
//! Without arguments it runs every case and reports as the test harness does; an argument that is no option keeps the
//! cases whose name holds it. As `shim CALLS -- PROGRAM` it takes system calls away from itself and becomes the program:
//! filters need a process with one thread, which a test of the harness is not.
#![forbid(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a failed assumption is a failed test, and this program is its own reporter"
)]

mod features;
mod hogs;
mod mode;
mod shim;
#[expect(dead_code, reason = "what this program needs of it is less")]
#[path = "../suite/site.rs"]
mod site;
mod talk;
mod tools;

use std::panic::catch_unwind;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["shim", calls, "--", program, rest @ ..] => shim::become_program(calls, program, rest),
        _ if words.contains(&"--list") => {
            cases().iter().for_each(|(name, _)| println!("{name}: test"));
            ExitCode::SUCCESS
        }
        _ => drive(words.iter().find(|word| !word.starts_with('-')).copied().unwrap_or("")),
    }
}

/// A case with its name.
type Case = (String, Box<dyn Fn() + std::panic::UnwindSafe + std::panic::RefUnwindSafe>);

fn case_of(name: String, case: impl Fn() + std::panic::UnwindSafe + std::panic::RefUnwindSafe + 'static) -> Case {
    (name, Box::new(case))
}

fn cases() -> Vec<Case> {
    tools::cases().into_iter().chain(features::cases()).chain(hogs::cases()).collect()
}

fn drive(filter: &str) -> ExitCode {
    let (mut passed, mut failed) = (0, Vec::new());
    for (name, case) in cases().into_iter().filter(|(name, _)| name.contains(filter)) {
        match catch_unwind(case) {
            Ok(()) => {
                passed += 1;
                println!("test {name} ... ok");
            }
            Err(_) => {
                println!("test {name} ... FAILED");
                failed.push(name);
            }
        }
    }
    println!("\ntest result: {passed} passed; {} failed {failed:?}", failed.len());
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
