//! `init` and `policy show`: a policy to start from.
//!
//! In: the name of a preset. Out: its commented text in a file or on stdout; 0 or 1. A policy is never written into the
//! workspace, where a job could change it.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::process::ExitCode;

use super::args::{Init, Policy, PolicySubcommand};
use super::setup::{self, Failure};
use crate::paths::AbsPath;
use crate::policy;

fn preset(name: &str) -> Result<&'static str, Failure> {
    let found = policy::show(name);
    found.ok_or_else(|| {
        let names: Vec<_> = policy::presets().iter().map(|(name, _)| *name).collect();
        Failure::new(format!("no preset `{name}`; there are {}", names.join(", "))).code(1)
    })
}

pub(super) fn show(arguments: &Policy) -> Result<ExitCode, Failure> {
    let PolicySubcommand::Show { name } = &arguments.subcommand;
    io::stdout().lock().write_all(preset(name)?.as_bytes()).map_err(|error| Failure::new(error).code(1))?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn init(arguments: Init) -> Result<ExitCode, Failure> {
    let text = preset(&arguments.preset)?;
    let Some(output) = arguments.output else {
        io::stdout().lock().write_all(text.as_bytes()).map_err(|error| Failure::new(error).code(1))?;
        return Ok(ExitCode::SUCCESS);
    };
    let fail = |why: String| Failure::new(format!("`{}`: {why}", output.display())).code(1);
    let parent = std::path::absolute(&output)
        .ok()
        .and_then(|path| path.parent().map(std::path::Path::to_path_buf))
        .ok_or_else(|| fail("no such directory".into()))?;
    let parent = std::fs::canonicalize(parent).map_err(|error| fail(error.to_string()))?;
    let workspace = setup::workspace(None)?;
    if AbsPath::new(&parent).map_err(|error| fail(error.to_string()))?.is_within(&workspace) {
        return Err(fail(format!(
            "lies in the workspace `{workspace}`, where a job could change it; write it elsewhere, \
             for example to ~/.config/shellwarden/policy.yaml"
        )));
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&output).map_err(|error| {
        match error.kind() {
            io::ErrorKind::AlreadyExists => fail("exists already; nothing was written".into()),
            _ => fail(error.to_string()),
        }
    })?;
    file.write_all(text.as_bytes()).map_err(|error| fail(error.to_string()))?;
    setup::tell(&format!("wrote `{}`; use it with --policy", output.display()));
    Ok(ExitCode::SUCCESS)
}
