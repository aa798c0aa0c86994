//! `doctor`: what this kernel and account hold, property by property, and whether the policy can be held.
//!
//! In: places and a policy. Out: a table or JSON; 0, or 1 when the policy cannot be held here.

use std::io::{self, Write};
use std::process::ExitCode;

use serde_json::json;

use super::args::Doctor;
use super::setup::{Failure, Site};
use crate::launcher::{self, Launcher};
use crate::sandbox::{Property, Strength, properties};

pub(super) fn doctor(arguments: Doctor) -> Result<ExitCode, Failure> {
    let unsound = |error: &dyn ToString| Failure::new(error.to_string()).code(1);
    let helper = launcher::start_helper().map_err(|error| unsound(&error))?;
    let site = Site::find(&arguments.places).map_err(|failure| failure.code(1))?;
    let policy = site.load().map_err(|failure| failure.code(1))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::new)?;
    let launcher = runtime.block_on(Launcher::connect(helper)).map_err(|error| unsound(&error))?;
    let properties = properties(launcher.support());
    let held = properties.iter().all(|property| property.strength != Strength::Missing);
    let printed = if arguments.json {
        let report = json!({ "policy": policy.name(), "holds": held, "properties": properties });
        writeln!(io::stdout().lock(), "{report:#}")
    } else {
        print(&properties)
    };
    printed.map_err(Failure::new)?;
    Ok(ExitCode::from(u8::from(!held)))
}

/// A value as its JSON has it, without quotes.
fn word(value: impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

fn print(properties: &[Property]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for property in properties {
        writeln!(out, "{:<8} {:<4} {}", word(property.strength), word(property.promise), property.name)?;
        writeln!(out, "         by {}", property.mechanism)?;
        for note in [&property.why, &property.improve].into_iter().filter(|note| !note.is_empty()) {
            writeln!(out, "         {note}")?;
        }
    }
    Ok(())
}
