//! Attacks on the sandbox, each a real program in a fresh process, in every mode that this machine gives.
//!
//! Without arguments it starts itself once per mode and scenario, each time in throw-away PID and mount namespaces, since
//! some modes signal everything they can reach. An argument that is no option keeps the scenarios whose name holds it.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a failed assumption is a failed test, and this program is its own reporter"
)]

mod account;
mod attacks;
mod files;
mod hogs;
mod kernel;
mod layers;
mod lifetime;
mod modes;
mod scenarios;
mod shims;
mod supervisor;
mod world;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["attack", name] => attacks::run(name),
        ["hog", kind] => hogs::run(kind),
        ["own-loopback"] => finish(kernel::own_loopback()),
        ["granted-port"] => finish(kernel::granted_port()),
        ["world", mode, scenario] => scenarios::run(mode, scenario),
        _ if words.contains(&"--list") => {
            scenarios::NAMES.iter().for_each(|name| println!("{name}: test"));
            ExitCode::SUCCESS
        }
        _ => modes::drive(words.iter().find(|word| !word.starts_with('-')).copied().unwrap_or("")),
    }
}

fn finish(outcome: std::io::Result<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("{error}");
            ExitCode::FAILURE
        }
    }
}
