//! `schema`: the JSON Schema of the policy file, or of a file about programs.
//!
//! In: nothing. Out: JSON on stdout.

use std::io::{self, Write};
use std::process::ExitCode;

use super::args::Schema;
use super::setup::Failure;
use crate::policy;

pub(super) fn schema(asked: &Schema) -> Result<ExitCode, Failure> {
    let mut out = io::stdout().lock();
    let schema = if asked.programs { policy::catalogue_schema() } else { policy::schema() };
    let printed = serde_json::to_writer_pretty(&mut out, &schema).map_err(io::Error::from);
    printed.and_then(|()| writeln!(out)).map_err(Failure::new)?;
    Ok(ExitCode::SUCCESS)
}
