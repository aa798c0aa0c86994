//! `audit verify` and `audit show`: the record, checked and printed.
//!
//! In: a log. Out: what is broken, or the records; 0 or 1.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use super::args::{Audit, AuditSubcommand};
use super::setup::Failure;
use crate::audit;

pub(super) fn audit(arguments: &Audit) -> Result<ExitCode, Failure> {
    let done = match &arguments.subcommand {
        AuditSubcommand::Verify { file } => verify(file),
        AuditSubcommand::Show { file } => show(file),
    };
    done.map_err(|failure| failure.code(1))
}

fn verify(file: &Path) -> Result<ExitCode, Failure> {
    let mut out = io::stdout().lock();
    match audit::verify(file) {
        Ok(verified) => {
            writeln!(out, "{}: {} records, chain whole, head {}", file.display(), verified.records, verified.head.hash)
                .map_err(Failure::new)?;
            Ok(ExitCode::SUCCESS)
        }
        Err(broken) => {
            for broken in broken {
                writeln!(out, "{}: {broken}", file.display()).map_err(Failure::new)?;
            }
            Ok(ExitCode::FAILURE)
        }
    }
}

fn show(file: &Path) -> Result<ExitCode, Failure> {
    let entries = audit::read(file).map_err(|error| Failure::new(format!("`{}`: {error}", file.display())))?;
    let mut out = io::stdout().lock();
    let mut whole = true;
    for entry in entries {
        let written = match entry {
            Ok(record) => writeln!(out, "{}", serde_json::Value::Object(record.fields)),
            Err(broken) => {
                whole = false;
                writeln!(io::stderr().lock(), "shellwarden: {}: {broken}", file.display())
            }
        };
        written.map_err(Failure::new)?;
    }
    Ok(ExitCode::from(u8::from(!whole)))
}
