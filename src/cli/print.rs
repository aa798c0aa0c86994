//! `schema`: the JSON Schema of the policy file.
//!
//! In: nothing. Out: JSON on stdout.

use std::io::{self, Write};
use std::process::ExitCode;

use super::setup::Failure;
use crate::policy;

pub(super) fn schema() -> Result<ExitCode, Failure> {
    let mut out = io::stdout().lock();
    let printed = serde_json::to_writer_pretty(&mut out, &policy::schema()).map_err(io::Error::from);
    printed.and_then(|()| writeln!(out)).map_err(Failure::new)?;
    Ok(ExitCode::SUCCESS)
}
