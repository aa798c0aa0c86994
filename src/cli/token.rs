//! `token`: who may come in over HTTP.
//!
//! In: a policy that names a token file, and a change to it. Out: a new token on stdout, once, or the list of those there
//! are; 125 when nothing was changed. A running server notices by itself.

use std::io::{self, Write};
use std::process::ExitCode;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::args::{Token, TokenSubcommand};
use super::setup::{self, Failure, Site};
use crate::audit::TokenRecord;
use crate::engine::Engine;
use crate::mcp::http::{self, Entry, Proof, Wish};
use crate::paths::AbsPath;
use crate::policy::Policy;
use crate::units::Period;

pub(super) fn token(arguments: Token) -> Result<ExitCode, Failure> {
    let site = Site::find(&arguments.places)?;
    let law = site.load()?;
    let path = law.http().tokens.clone().ok_or_else(|| {
        Failure::new(
            "the policy names no token file; write `http: {tokens: \"{state}/tokens.json\"}` into a policy of your own, \
             and name it with --policy here and on `serve`",
        )
    })?;
    match arguments.subcommand {
        TokenSubcommand::Add { client, client_policy, expires, certificate } => {
            let certificate = certificate.map(read_certificate).transpose()?;
            let policy = client_policy.map(|name| usable(&site, &name)).transpose()?;
            let expires = expires.as_deref().map(end).transpose()?;
            let record = TokenRecord {
                action: "add",
                client: client.clone(),
                certificate: certificate.is_some(),
                policy: policy.clone(),
                expires: expires.map(|end| end.to_string()),
                ..TokenRecord::default()
            };
            let wish = Wish { client, certificate, policy, expires };
            match recorded(&law, record, || http::add(&path, wish).map_err(Failure::new))? {
                Some(token) => {
                    print(&format!("{token}\n"))?;
                    setup::tell("this is the token's only appearance; its client sends `Authorization: Bearer TOKEN`");
                }
                None => setup::tell("whoever has the key of that certificate is let in"),
            }
        }
        TokenSubcommand::List { json } => print(&list(&path, json)?)?,
        TokenSubcommand::Revoke { name_or_id } => {
            // What cannot be read cannot be changed either, and the change says why.
            let entries = http::read(&path).unwrap_or_default();
            let meant = |entry: &&Entry| entry.client == name_or_id || entry.id() == name_or_id;
            let ids: Vec<_> = entries.iter().filter(meant).map(Entry::id).collect();
            let client = entries.iter().find(meant).map(|entry| entry.client.clone()).unwrap_or_default();
            let record = TokenRecord { action: "revoke", client, ids, ..TokenRecord::default() };
            let gone = recorded(&law, record, || http::revoke(&path, &name_or_id).map_err(Failure::new))?;
            setup::tell(&format!("{gone} revoked"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Changes who may come in, once that is on record: what nobody could find later does not happen.
fn recorded<T>(law: &Policy, record: TokenRecord, change: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    let audit = Engine::record_of(law).map_err(Failure::new)?;
    audit.note("token", &record).map_err(Failure::new)?;
    let changed = change();
    if let Err(why) = &changed {
        audit.note_kept("token", TokenRecord { failed: Some(why.to_string()), ..record }).map_err(Failure::new)?;
    }
    audit.flush().map_err(Failure::new)?;
    changed
}

fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(Failure::new)
}

/// The name of a policy as the server will find it, once it is known to load.
fn usable(site: &Site, name: &str) -> Result<String, Failure> {
    let origin = setup::origin(name)?;
    let named = match &origin {
        crate::policy::Origin::Builtin(_) => name.to_owned(),
        crate::policy::Origin::File(path) => path.to_string(),
    };
    crate::policy::load(&origin, &site.variables)
        .map_err(|problems| Failure::new(format!("the client's policy cannot be used\n{problems}")))?;
    Ok(named)
}

fn read_certificate(path: std::path::PathBuf) -> Result<Vec<u8>, Failure> {
    let path = std::path::absolute(path).map_err(Failure::new)?;
    let path = AbsPath::new(path).map_err(Failure::new)?;
    http::first_certificate(&path).map_err(Failure::new)
}

fn end(after: &str) -> Result<Timestamp, Failure> {
    let period: Period = after.parse().map_err(|error| Failure::new(format!("--expires `{after}`: {error}")))?;
    let span = SignedDuration::try_from(period.get()).map_err(Failure::new)?;
    Timestamp::now().checked_add(span).map_err(Failure::new)
}

fn list(path: &AbsPath, as_json: bool) -> Result<String, Failure> {
    let entries = http::read(path).map_err(Failure::new)?;
    let kind = |entry: &Entry| match entry.proof {
        Proof::Token(_) => "token",
        Proof::Certificate(_) => "certificate",
    };
    if as_json {
        let all: Vec<_> = entries
            .iter()
            .map(|entry| {
                json!({
                    "id": entry.id(), "client": entry.client, "kind": kind(entry), "policy": entry.policy,
                    "created": entry.created.to_string(), "expires": entry.expires.map(|end| end.to_string()),
                })
            })
            .collect();
        return Ok(format!("{}\n", json!(all)));
    }
    let now = Timestamp::now();
    let line = |entry: &Entry| {
        let end = match entry.expires {
            None => "never".to_owned(),
            Some(end) if entry.valid_at(now) => end.to_string(),
            Some(end) => format!("{end} (over)"),
        };
        let policy = entry.policy.as_deref().unwrap_or("the server's");
        format!("{}  {}  {}  policy: {policy}  expires: {end}\n", entry.id(), kind(entry), entry.client)
    };
    Ok(entries.iter().map(line).collect())
}
