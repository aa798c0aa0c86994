//! What a client can read by address: jobs, their streams, the policy.
//!
//! In: addresses as clients send them. Out: lists, templates, contents, completions. A job of another client has no
//! address here.

use std::sync::Arc;

use rmcp::ErrorData;
use rmcp::model::{
    ArgumentInfo, CompletionInfo, ReadResourceResult, Reference, Resource, ResourceContents, ResourceTemplate,
};

use crate::diag;
use crate::engine::{Cursor, Engine, NoSuchJob, Output};

use super::long::Long;
use super::render;

/// Where the policy in force is described.
const POLICY: &str = "policy://active";

/// The most of one stream in one answer, in bytes.
const MOST: usize = 8 << 20;

/// Jobs in a list, newest first; older ones are still readable by address.
const LISTED: usize = 100;

/// A resource that an address names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Address {
    /// The policy in force.
    Policy,
    /// State and facts of a job.
    Job(String),
    /// What it wrote to standard output.
    Stdout(String),
    /// What it wrote to standard error.
    Stderr(String),
}

impl Address {
    /// What an address names, whether or not it exists.
    pub(super) fn parse(uri: &str) -> Option<Self> {
        if uri == POLICY {
            return Some(Self::Policy);
        }
        let path = uri.strip_prefix("job://")?;
        let (id, stream) = path.split_once('/').map_or((path, None), |(id, stream)| (id, Some(stream)));
        let id = Some(id).filter(|id| !id.is_empty())?.to_owned();
        match stream {
            None => Some(Self::Job(id)),
            Some("stdout") => Some(Self::Stdout(id)),
            Some("stderr") => Some(Self::Stderr(id)),
            Some(_) => None,
        }
    }

    /// The job that it belongs to.
    pub(super) fn job(&self) -> Option<&str> {
        match self {
            Self::Policy => None,
            Self::Job(id) | Self::Stdout(id) | Self::Stderr(id) => Some(id),
        }
    }
}

/// The policy and the newest jobs.
pub(super) async fn list(engine: &Engine, client: &str) -> Vec<Resource> {
    let policy = Resource::new(POLICY, "policy").with_title("The policy in force").with_mime_type("text/plain");
    let jobs = engine.list(client).await.into_iter().take(LISTED).map(|job| {
        let name = job.label.clone().unwrap_or_else(|| job.command.chars().take(60).collect());
        Resource::new(format!("job://{}", job.id), name)
            .with_description(format!("{}: {}", job.state.name(), job.command))
            .with_mime_type("application/json")
    });
    std::iter::once(policy).chain(jobs).collect()
}

/// The addresses that any job has.
pub(super) fn templates() -> Vec<ResourceTemplate> {
    vec![
        ResourceTemplate::new("job://{id}", "job").with_title("State of a job").with_mime_type("application/json"),
        ResourceTemplate::new("job://{id}/stdout", "stdout")
            .with_title("Standard output of a job")
            .with_mime_type("text/plain"),
        ResourceTemplate::new("job://{id}/stderr", "stderr")
            .with_title("Standard error of a job")
            .with_mime_type("text/plain"),
    ]
}

/// What stands at an address now.
pub(super) async fn read(
    engine: &Arc<Engine>,
    client: &str,
    uri: &str,
    long: &Long,
) -> Result<ReadResourceResult, ErrorData> {
    let nothing = || {
        let shown = engine.clean(&diag::echo(uri));
        let message =
            format!("nothing at `{shown}`; there are {POLICY}, job://ID, job://ID/stdout and job://ID/stderr");
        ErrorData::resource_not_found(message, None)
    };
    let stream = async |id: String, pick: fn(Output) -> String| {
        let client = client.to_owned();
        let read = move |engine: &Engine| engine.read(&client, &id, Cursor::default(), MOST).map(pick);
        long.answer(engine, read).await.unwrap_or(Err(NoSuchJob(String::new()))).map_err(|_| nothing())
    };
    let (text, kind) = match Address::parse(uri).ok_or_else(nothing)? {
        Address::Policy => (engine.policy_summary(), "text/plain"),
        Address::Job(id) => {
            let status = engine.status(client, &id).await.map_err(|_| nothing())?;
            (render::status_json(&status).to_string(), "application/json")
        }
        Address::Stdout(id) => (stream(id, |output| output.stdout.text).await?, "text/plain"),
        Address::Stderr(id) => (stream(id, |output| output.stderr.text).await?, "text/plain"),
    };
    Ok(ReadResourceResult::new(vec![ResourceContents::text(text, uri).with_mime_type(kind)]))
}

/// Ids of jobs that begin with what was typed.
pub(super) async fn complete(engine: &Engine, client: &str, of: &Reference, argument: &ArgumentInfo) -> CompletionInfo {
    let about_jobs = matches!(of, Reference::Resource(template) if template.uri.starts_with("job://{id}"));
    if !about_jobs || argument.name != "id" {
        return CompletionInfo::default();
    }
    let mut ids: Vec<_> = engine.list(client).await.iter().map(|job| job.id.to_string()).collect();
    ids.retain(|id| id.starts_with(&argument.value));
    let total = u32::try_from(ids.len()).unwrap_or(u32::MAX);
    let more = ids.len() > CompletionInfo::MAX_VALUES;
    ids.truncate(CompletionInfo::MAX_VALUES);
    CompletionInfo::with_pagination(ids, Some(total), more).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_name_a_job_a_stream_or_the_policy_and_nothing_else() {
        let cases = [
            ("policy://active", Some(Address::Policy)),
            ("job://a-1", Some(Address::Job("a-1".into()))),
            ("job://a-1/stdout", Some(Address::Stdout("a-1".into()))),
            ("job://a-1/stderr", Some(Address::Stderr("a-1".into()))),
            ("job://a-1/stdin", None),
            ("job://a-1/stdout/x", None),
            ("job://", None),
            ("job:///stdout", None),
            ("policy://other", None),
            ("file:///etc/passwd", None),
            ("", None),
        ];
        for (uri, want) in cases {
            assert_eq!(Address::parse(uri), want, "{uri}");
        }
    }
}
