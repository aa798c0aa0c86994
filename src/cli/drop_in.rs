//! The environment variables of the Python server `mcp-background-job`, as a narrowing of the policy.
//!
//! In: this process's environment. Out: what they take away from the policy, or the one that cannot be understood; then
//! nothing starts. None of them can widen what the policy allows.

use std::env;
use std::ffi::OsString;
use std::time::Duration;

use crate::diag;
use crate::paths::AbsPath;
use crate::policy::Narrowing;
use crate::units::{ByteSize, Period};

/// What all of them begin with.
const PREFIX: &str = "MCP_BG_";

/// Their names, with what each takes, as the Python server documents it.
const VARIABLES: &[(&str, &str, Take)] = &[
    ("MCP_BG_MAX_JOBS", "a whole number from 1 to 100", max_jobs),
    ("MCP_BG_MAX_OUTPUT_SIZE", "a size from 1KB to 100MB, such as 10MB", max_output_size),
    ("MCP_BG_JOB_TIMEOUT", "a whole number of seconds, at least 1", job_timeout),
    ("MCP_BG_CLEANUP_INTERVAL", "a whole number of seconds from 10 to 3600", cleanup_interval),
    ("MCP_BG_ALLOWED_COMMANDS", "regular expressions, separated by commas", allowed_commands),
    ("MCP_BG_WORKING_DIR", "a directory that exists", working_dir),
];

/// Reads a value into the narrowing; none when it is not what the variable takes.
type Take = fn(&str, &mut Narrowing) -> Option<()>;

/// What the environment takes away from the policy.
///
/// # Errors
/// The text names the variable, what it takes, and what it holds.
pub(super) fn narrowing() -> Result<Narrowing, String> {
    read(env::vars_os())
}

fn read(environment: impl Iterator<Item = (OsString, OsString)>) -> Result<Narrowing, String> {
    let mut narrowing = Narrowing::default();
    for (name, value) in environment.filter(|(name, _)| name.as_encoded_bytes().starts_with(PREFIX.as_bytes())) {
        let (name, value) = (name.to_string_lossy(), value.to_string_lossy());
        let Some((_, wants, take)) = VARIABLES.iter().find(|(known, ..)| *known == name) else {
            let near = diag::nearest(&name, VARIABLES.iter().map(|(known, ..)| *known));
            let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            return Err(format!("`{name}` is no setting that this server knows{near} Unset it"));
        };
        let wrong = || format!("`{name}` takes {wants}, not `{}`; nothing was started", value.escape_debug());
        take(&value, &mut narrowing).ok_or_else(wrong)?;
    }
    Ok(narrowing)
}

/// A whole number in a range, written in digits alone.
fn number(text: &str, low: u64, high: u64) -> Option<u64> {
    let text = text.trim();
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| digits && (low..=high).contains(number))
}

fn seconds(text: &str, low: u64, high: u64) -> Option<Period> {
    Period::new(Duration::from_secs(number(text, low, high)?)).ok()
}

fn max_jobs(text: &str, narrowing: &mut Narrowing) -> Option<()> {
    narrowing.concurrent = Some(number(text, 1, 100)?);
    Some(())
}

/// That server counts in 1024 and writes `MB`.
fn max_output_size(text: &str, narrowing: &mut Narrowing) -> Option<()> {
    let text = text.trim();
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit = text.get(digits.len()..)?.trim().to_ascii_uppercase();
    let unit = match unit.as_str() {
        "" | "B" => "B",
        "K" | "KB" | "KIB" => "KiB",
        "M" | "MB" | "MIB" => "MiB",
        "G" | "GB" | "GIB" => "GiB",
        _ => return None,
    };
    let size: ByteSize = format!("{} {unit}", number(digits, 1, u64::MAX)?).parse().ok()?;
    narrowing.output = Some(Some(size).filter(|size| (1 << 10..=100 << 20).contains(&size.get()))?);
    Some(())
}

fn job_timeout(text: &str, narrowing: &mut Narrowing) -> Option<()> {
    narrowing.wall_time = Some(seconds(text, 1, u64::from(u32::MAX))?);
    Some(())
}

/// There: how often ended jobs are cleaned up. Here: how long one is kept, which is the longest that it was kept there.
fn cleanup_interval(text: &str, narrowing: &mut Narrowing) -> Option<()> {
    narrowing.retain_for = Some(seconds(text, 10, 3600)?);
    Some(())
}

fn allowed_commands(text: &str, narrowing: &mut Narrowing) -> Option<()> {
    // A blank at the end of `^npm ` belongs to it; the one after a comma does not.
    let patterns = text.split(',').map(str::trim_start).filter(|pattern| !pattern.trim().is_empty());
    narrowing.commands = patterns.map(str::to_owned).collect();
    (!narrowing.commands.is_empty()).then_some(())
}

fn working_dir(text: &str, narrowing: &mut Narrowing) -> Option<()> {
    let real = std::fs::canonicalize(text).ok().filter(|real| real.is_dir())?;
    narrowing.directory = Some(AbsPath::new(real).ok()?);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str, value: &str) -> Result<Narrowing, String> {
        read([(name.into(), value.into()), ("PATH".into(), "/bin".into())].into_iter())
    }

    #[test]
    fn a_value_is_read_as_that_server_reads_it() {
        let output = |value| of("MCP_BG_MAX_OUTPUT_SIZE", value).ok().and_then(|found| found.output).map(ByteSize::get);
        assert_eq!(of("MCP_BG_MAX_JOBS", "5").ok().and_then(|found| found.concurrent), Some(5));
        for (value, want) in [("10MB", 10 << 20), ("1024", 1024), ("2 kb", 2 << 10), ("100MB", 100 << 20)] {
            assert_eq!(output(value), Some(want), "{value}");
        }
        let commands = of("MCP_BG_ALLOWED_COMMANDS", "^npm , ^ls$,echo").map(|found| found.commands);
        assert_eq!(commands, Ok(vec!["^npm ".into(), "^ls$".into(), "echo".into()]));
        assert_eq!(of("HOME", "x").map(|found| found.concurrent), Ok(None), "others are not looked at");
    }

    #[test]
    fn a_bad_value_is_named_with_what_would_be_right() {
        let cases = [
            ("MCP_BG_MAX_JOBS", "0"),
            ("MCP_BG_MAX_JOBS", "101"),
            ("MCP_BG_MAX_JOBS", "+5"),
            ("MCP_BG_MAX_JOBS", "many"),
            ("MCP_BG_MAX_JOBS", ""),
            ("MCP_BG_MAX_OUTPUT_SIZE", "10XB"),
            ("MCP_BG_MAX_OUTPUT_SIZE", "1"),
            ("MCP_BG_MAX_OUTPUT_SIZE", "1GB"),
            ("MCP_BG_JOB_TIMEOUT", "0"),
            ("MCP_BG_JOB_TIMEOUT", "1.5"),
            ("MCP_BG_CLEANUP_INTERVAL", "9"),
            ("MCP_BG_ALLOWED_COMMANDS", " , "),
            ("MCP_BG_WORKING_DIR", "/no/such/directory"),
        ];
        for (name, value) in cases {
            let text = of(name, value).map(|_| ());
            assert!(text.as_ref().is_err_and(|text| text.contains(name)), "{name}={value}: {text:?}");
        }
        let text = of("MCP_BG_MAX_JOBS", "0").err().unwrap_or_default();
        assert_eq!(text, "`MCP_BG_MAX_JOBS` takes a whole number from 1 to 100, not `0`; nothing was started");
        let text = of("MCP_BG_MAX_JOB", "1").err().unwrap_or_default();
        assert!(text.contains("did you mean `MCP_BG_MAX_JOBS`?"), "{text}");
    }
}
