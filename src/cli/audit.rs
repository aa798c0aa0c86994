//! `audit verify` and `audit show`: the record, checked and printed.
//!
//! In: a log. Out: what is broken, or the records as a table or as JSON; 0 or 1.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use jiff::{SignedDuration, Timestamp, civil};
use serde_json::Value;

use super::args::{Audit, AuditShow, AuditSubcommand};
use super::setup::Failure;
use crate::audit::{self, Filter, Head, Key, Known, Record};
use crate::paths::AbsPath;
use crate::units::Period;

/// Characters of a command that a row shows.
const WIDTH: usize = 100;

pub(super) fn audit(arguments: &Audit) -> Result<ExitCode, Failure> {
    let done = match &arguments.subcommand {
        AuditSubcommand::Verify { file, key, head, remember } => {
            known(key.as_deref(), head.as_deref(), remember.as_deref())
                .and_then(|known| verify(file, &known, remember.as_deref()))
        }
        AuditSubcommand::Show(wish) => show(wish),
    };
    done.map_err(|failure| failure.code(1))
}

/// What the caller knows of the log.
fn known(key: Option<&Path>, head: Option<&str>, remember: Option<&Path>) -> Result<Known, Failure> {
    let key = key.map(|path| Key::read(&absolute(path)?).map_err(Failure::new)).transpose()?;
    let kept = match remember.map(fs::read_to_string) {
        None => None,
        Some(Ok(text)) => Some(text),
        // The first time there is nothing to compare with.
        Some(Err(error)) if error.kind() == io::ErrorKind::NotFound => None,
        Some(Err(error)) => return Err(Failure::new(format!("the remembered head: {error}"))),
    };
    let head = head.or(kept.as_deref()).map(str::parse::<Head>).transpose().map_err(Failure::new)?;
    Ok(Known { key, head })
}

fn absolute(path: &Path) -> Result<AbsPath, Failure> {
    AbsPath::new(std::path::absolute(path).map_err(Failure::new)?).map_err(Failure::new)
}

fn verify(file: &Path, known: &Known, remember: Option<&Path>) -> Result<ExitCode, Failure> {
    let mut out = io::stdout().lock();
    let verified = match audit::verify(file, known) {
        Ok(verified) => verified,
        Err(broken) => {
            for broken in broken {
                writeln!(out, "{broken}").map_err(Failure::new)?;
            }
            return Ok(ExitCode::FAILURE);
        }
    };
    let mut notes = String::new();
    if verified.first > 1 {
        notes.push_str(&format!(", older ones removed by rule up to record {}", verified.first - 1));
    }
    if verified.unchecked > 0 {
        notes.push_str(&format!(", {} sealed ones not checked: name the key with --key", verified.unchecked));
    }
    let (name, records) = (file.display(), verified.records);
    writeln!(out, "{name}: {records} records, chain whole, head {}{notes}", verified.head).map_err(Failure::new)?;
    if let Some(path) = remember {
        let kept = fs::write(path, format!("{}\n", verified.head));
        kept.map_err(|error| Failure::new(format!("the head cannot be kept in `{}`: {error}", path.display())))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn show(wish: &AuditShow) -> Result<ExitCode, Failure> {
    let filter = filter(wish)?;
    let entries = audit::read(&wish.file, None);
    let entries = entries.map_err(|error| Failure::new(format!("`{}`: {error}", wish.file.display())))?;
    let mut out = io::stdout().lock();
    let mut whole = true;
    for entry in entries {
        let written = match entry {
            Ok(record) if !filter.wants(&record) => Ok(()),
            Ok(record) if wish.json => writeln!(out, "{}", Value::Object(record.fields().clone())),
            Ok(record) => writeln!(out, "{}", row(&record)),
            Err(broken) => {
                whole = false;
                writeln!(io::stderr().lock(), "shellwarden: {broken}")
            }
        };
        match written {
            // A reader that has seen enough, such as `head`, is no failure.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => break,
            other => other.map_err(Failure::new)?,
        }
    }
    Ok(ExitCode::from(u8::from(!whole)))
}

fn filter(wish: &AuditShow) -> Result<Filter, Failure> {
    let moment = |text: &Option<String>| text.as_deref().map(|text| moment(text, Timestamp::now())).transpose();
    Ok(Filter {
        since: moment(&wish.since)?,
        until: moment(&wish.until)?,
        client: wish.client.clone(),
        decision: wish.decision.clone(),
        rule: wish.rule.clone(),
        job: wish.job.clone(),
        kind: wish.kind.clone(),
    })
}

/// A time, a day, or how long ago.
fn moment(text: &str, now: Timestamp) -> Result<Timestamp, Failure> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time);
    }
    let day = text.parse::<civil::Date>().ok().and_then(|day| day.to_zoned(jiff::tz::TimeZone::UTC).ok());
    if let Some(day) = day {
        return Ok(day.timestamp());
    }
    let ago = text.parse::<Period>().ok().and_then(|ago| SignedDuration::try_from(ago.get()).ok());
    ago.and_then(|ago| now.checked_sub(ago).ok()).ok_or_else(|| {
        Failure::new(format!("`{text}` is no time; write `2026-01-31T08:00:00Z`, `2026-01-31` or `2h` (ago)"))
    })
}

/// One line for a person: number, time, kind, who, what was decided by which rules, and what it is about.
fn row(record: &Record) -> String {
    let fields = record.fields();
    let text = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default();
    let time = record.time.strftime("%Y-%m-%dT%H:%M:%SZ");
    let rules = fields
        .get("rules")
        .and_then(Value::as_array)
        .map(|rules| rules.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(","));
    let job: String = text("job").chars().take(8).collect();
    let verdict = [text("decision"), text("answer"), text("outcome")].into_iter().find(|word| !word.is_empty());
    let verdict = verdict.or_else(|| fields.get("outcome")?.get("state")?.as_str()).unwrap_or("-");
    let about = [text("command"), text("name"), text("policy_name")].into_iter().find(|about| !about.is_empty());
    let mut about: String = about.unwrap_or_default().chars().take(WIDTH).collect();
    if !text("reason").is_empty() {
        about = format!("{about} ({})", text("reason"));
    }
    let dash = |text: &str| if text.is_empty() { "-".to_owned() } else { safe(text) };
    let (client, rules, job) = (dash(text("client")), dash(&rules.unwrap_or_default()), dash(&job));
    let (kind, verdict, about) = (safe(&record.kind), safe(verdict), safe(&about));
    format!("{:>7} {time} {kind:<14} {client:<10} {verdict:<12} {rules:<16} {job:<8} {about}", record.seq)
}

/// A client chooses its name and its commands; none of them may move the cursor of the person who reads.
fn safe(text: &str) -> String {
    text.escape_default().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_times_days_or_ago() {
        let now: Timestamp = "2026-01-31T08:00:00Z".parse().unwrap_or_default();
        for (text, want) in [
            ("2026-01-30T01:02:03Z", Some("2026-01-30T01:02:03Z")),
            ("2026-01-30", Some("2026-01-30T00:00:00Z")),
            ("2h", Some("2026-01-31T06:00:00Z")),
            ("yesterday", None),
        ] {
            let got = moment(text, now).ok().map(|time| time.to_string());
            assert_eq!(got.as_deref(), want, "{text}");
        }
    }
}
