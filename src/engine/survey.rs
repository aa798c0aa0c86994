//! What holds the promises that are not the kernel's: policy, redaction, record; and whether a job really starts.
//!
//! In: a policy and the ground it stands on. Out: one [`Property`] a promise for `doctor`, and the outcome of a trial job.
//! Nothing of a trial but its end is kept.

use std::path::Path;

use super::ground::{Ground, NotHeld};
use super::tmp::TmpBase;
use crate::launcher::{Launcher, StdinMode};
use crate::paths::AbsPath;
use crate::policy::{AuditSync, Policy, Profile};
use crate::sandbox::{InForce, Limits, Place, ProgramFile, Promise, Property, SandboxSpec, SpecBuilder, Strength};

fn held(name: &'static str, promise: Promise, mechanism: String) -> Property {
    Property { name, promise, mechanism, strength: Strength::Held, why: String::new(), improve: String::new() }
}

fn weaker(property: Property, strength: Strength, why: impl Into<String>, improve: &str) -> Property {
    Property { strength, why: why.into(), improve: improve.to_owned(), ..property }
}

/// The promises that policy, redaction and record hold, and what of the program itself jobs could reach.
pub fn survey(policy: &Policy, ground: &Ground) -> Vec<Property> {
    vec![approval(policy), secrets(policy), record(policy), own_files(policy, ground)]
}

fn approval(policy: &Policy) -> Property {
    let digest: String = policy.digest().chars().take(12).collect();
    let mechanism =
        format!("policy {digest}: lines are judged as a tree and rendered again, never passed on as they came");
    let property = held("only approved commands", Promise::P1, mechanism);
    match policy.allows_by_default() {
        false => property,
        true => weaker(
            property,
            Strength::Weaker,
            "`commands.default` is `allow`: what no rule names runs",
            "set `commands.default` to `deny` or `ask`, and name what may run",
        ),
    }
}

fn secrets(policy: &Policy) -> Property {
    let redact = &policy.settings().redact;
    let (own, values) = (redact.rules.len(), policy.secrets().len());
    let formats = if redact.builtin { "known formats, " } else { "" };
    let mechanism = format!(
        "redaction before anything is kept: {formats}{own} rules of the policy, {values} values of the environment"
    );
    let property = held("secrets in output", Promise::P5, mechanism);
    match redact.builtin && redact.env_values {
        true => property,
        false => weaker(
            property,
            Strength::Weaker,
            "the policy switches off known formats or values of the environment",
            "set `redact.builtin` and `redact.env_values` to `true`",
        ),
    }
}

fn record(policy: &Policy) -> Property {
    let audit = &policy.settings().audit;
    let sync = match &audit.sync {
        AuditSync::Record => "each record is on disk before the next step",
        AuditSync::Batch => "records are on disk before anything starts",
        AuditSync::Interval(_) => "records reach the disk at intervals",
        AuditSync::None => "records reach the disk when the kernel writes them",
    };
    let chain = if audit.key_file.is_some() { "chained with a key" } else { "chained" };
    let property = held("every decision on record", Promise::P6, format!("`{}`, {chain}; {sync}", audit.file));
    if matches!(audit.sync, AuditSync::Interval(_) | AuditSync::None) {
        let why = "a machine that loses power can lose the last records";
        return weaker(property, Strength::Weaker, why, "set `audit.sync` to `record` or `batch`");
    }
    match audit.key_file {
        Some(_) => property,
        None => weaker(
            property,
            Strength::Weaker,
            "without a key, whoever owns this account can write a new chain from the start",
            "name an `audit.key_file` that only the server can read, or remember the head elsewhere",
        ),
    }
}

/// Policy, state and this program, where jobs may write around them.
fn own_files(policy: &Policy, ground: &Ground) -> Property {
    let profiles = || policy.profiles().values();
    let mechanism = |text: &str| held("policy, audit and binary", Promise::P7, text.to_owned());
    let binary = profiles().find_map(|profile| ground.exposed_binary(profile));
    let guarded = profiles().any(|profile| !profile.guarded.is_empty());
    match (binary, guarded, ground.mounts()) {
        (None, false, _) => mechanism("they lie outside every write root"),
        (_, _, true) => mechanism("read-only mounts over those that lie where jobs may write"),
        (Some(binary), false, false) => weaker(
            mechanism("file permissions alone"),
            Strength::Missing,
            format!("this program, `{binary}`, lies where jobs may write, and nothing can be mounted over it"),
            "install it outside the workspace",
        ),
        (_, true, false) => weaker(
            mechanism("nothing"),
            Strength::Missing,
            "policy or state lie where jobs may write, and nothing can be mounted over them: nothing starts",
            "move them out of the write roots",
        ),
    }
}

/// Starts `true` as a job of this profile would be, and tells what held it. None when the profile executes no such
/// program, or lists folders that only a real job makes.
///
/// # Errors
/// Why it did not start, in words.
pub async fn trial(
    policy: &Policy,
    profile: &Profile,
    ground: &Ground,
    launcher: &Launcher,
) -> Result<Option<InForce>, String> {
    let Some(spec) = trial_spec(policy, profile, ground).map_err(|error| error.to_string())? else { return Ok(None) };
    let tmp = TmpBase::make().and_then(|base| Ok((base.for_job()?, base))).map_err(|error| error.to_string())?;
    let spec = spec.tmp(tmp.0.path().clone()).build().map_err(|error| error.to_string())?;
    let process = launcher.launch(spec, StdinMode::Null).await.map_err(|error| error.to_string())?;
    let in_force = process.handle.sandbox().clone();
    process.handle.ended().await;
    Ok(Some(in_force))
}

fn trial_spec(policy: &Policy, profile: &Profile, ground: &Ground) -> Result<Option<SpecBuilder>, NotHeld> {
    let unmade = profile.create.iter().any(|folder| !folder.as_path().exists());
    let programs = ["/usr/bin/true", "/bin/true"].iter().filter_map(|path| Path::new(path).canonicalize().ok());
    let mut programs = programs.filter_map(|path| AbsPath::new(path).ok()).filter(|path| profile.may_execute(path));
    let Some(program) = programs.next().filter(|_| !unmade) else { return Ok(None) };
    let named = |source| NotHeld::Trial { source };
    let program = ProgramFile::of(program).map_err(named)?;
    let place = Place::of(policy.default_cwd().clone()).map_err(named)?;
    let limits = Limits { processes: Some(profile.limits.processes), ..Limits::default() };
    let builder = SandboxSpec::builder(program, vec!["true".to_owned()], place);
    let builder = builder.confinement(ground.confinement(profile)?).limits(limits).tmp_size(profile.limits.tmp);
    Ok(Some(ground.user(profile)?.into_iter().fold(builder, SpecBuilder::run_as)))
}
