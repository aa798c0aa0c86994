//! `check`: are these policies sound, and do their own tests pass?
//!
//! In: files, `builtin:NAME`, or `builtin:catalogue` for what is known of programs. Out: all problems on stderr, a line per sound file on stdout; 0 or 1.

use std::io::{self, Write};
use std::process::ExitCode;

use super::args::Check;
use super::setup::{self, Failure};
use crate::diag::{Problems, Severity};
use crate::paths::AbsPath;
use crate::policy;

/// The name of the programs' catalogue in the binary.
const CATALOGUE: &str = "builtin:catalogue";

pub(super) fn check(arguments: Check) -> Result<ExitCode, Failure> {
    let workspace = setup::workspace(arguments.places.workspace.as_deref()).map_err(|failure| failure.code(1))?;
    // Checking writes nothing, so the state folder only needs a name.
    let state = AbsPath::new("/nonexistent/state").map_err(Failure::new)?;
    let variables = setup::variables(workspace, state);
    let mut sound = true;
    for file in &arguments.files {
        let problems = match file.as_str() {
            CATALOGUE => policy::check_catalogue(),
            _ => policy::check(&setup::origin(file).map_err(|failure| failure.code(1))?, &variables),
        };
        sound &= tell(file, &problems, arguments.deny_warnings).map_err(|error| Failure::new(error).code(1))?;
    }
    Ok(ExitCode::from(u8::from(!sound)))
}

/// Prints what was found in one file, errors first; true when it is sound.
fn tell(file: &str, problems: &Problems, deny_warnings: bool) -> io::Result<bool> {
    let of = |severity| problems.iter().filter(move |problem| problem.severity == severity);
    let mut stderr = io::stderr().lock();
    for problem in of(Severity::Error).chain(of(Severity::Warning)) {
        writeln!(stderr, "{problem}\n")?;
    }
    let (errors, warnings) = (of(Severity::Error).count(), of(Severity::Warning).count());
    let sound = errors == 0 && (warnings == 0 || !deny_warnings);
    let counted =
        |count, what: &str| (count > 0).then(|| format!("{count} {what}{}", if count > 1 { "s" } else { "" }));
    let found: Vec<String> = [counted(errors, "error"), counted(warnings, "warning")].into_iter().flatten().collect();
    let found = if found.is_empty() { String::new() } else { format!(" ({})", found.join(", ")) };
    writeln!(io::stdout().lock(), "{file}: {}{found}", if sound { "ok" } else { "not sound" })?;
    Ok(sound)
}
