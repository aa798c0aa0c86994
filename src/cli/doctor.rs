//! `doctor`: what this kernel and account hold, property by property, and whether the policy can be held.
//!
//! In: places and a policy. Out: a table or JSON; 0, or 1 when the policy cannot be held here: when one of its jobs would
//! not start.

use std::io::{self, Write};
use std::process::ExitCode;

use serde_json::json;

use super::args::Doctor;
use super::setup::{Failure, Site};
use crate::engine::Ground;
use crate::launcher::{self, Launcher};
use crate::policy::Policy;
use crate::sandbox::{Property, properties};

pub(super) fn doctor(arguments: Doctor) -> Result<ExitCode, Failure> {
    let unsound = |error: &dyn ToString| Failure::new(error.to_string()).code(1);
    let helper = launcher::start_helper().map_err(|error| unsound(&error))?;
    let site = Site::find(&arguments.places).map_err(|failure| failure.code(1))?;
    let policy = site.load().map_err(|failure| failure.code(1))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::new)?;
    let launcher = runtime.block_on(Launcher::connect(helper)).map_err(|error| unsound(&error))?;
    let report = Report::new(&policy, &launcher);
    let printed = if arguments.json { writeln!(io::stdout().lock(), "{:#}", report.json()) } else { report.print() };
    printed.map_err(Failure::new)?;
    Ok(ExitCode::from(u8::from(!report.refusals.is_empty())))
}

/// What is told.
struct Report {
    policy: String,
    properties: Vec<Property>,
    /// Why jobs of the policy would not start.
    refusals: Vec<String>,
    /// What this installation leaves open.
    notes: Vec<String>,
}

impl Report {
    fn new(policy: &Policy, launcher: &Launcher) -> Self {
        let ground = Ground::new(launcher.support());
        let profiles = policy.profiles().values();
        let refusals = profiles.clone().filter_map(|profile| ground.check(profile).err()).map(|why| why.to_string());
        let mut binaries = profiles.filter_map(|profile| ground.exposed_binary(profile));
        let exposed = binaries.next().map(|binary| {
            let held = launcher.support().mounts().is_ok();
            let then = if held { "it is protected by a mount" } else { "nothing keeps them from replacing it" };
            format!("this program, `{binary}`, lies where jobs may write: {then}; install it elsewhere")
        });
        let mut obstacles: Vec<String> = Vec::new();
        for profile in policy.profiles().values() {
            // An unknown account is among the refusals.
            obstacles.extend(ground.obstacles(profile).unwrap_or_default());
        }
        obstacles.sort();
        obstacles.dedup();
        Self {
            policy: policy.name().to_owned(),
            properties: properties(launcher.support()),
            refusals: refusals.collect(),
            notes: exposed.into_iter().chain(obstacles).collect(),
        }
    }

    fn json(&self) -> serde_json::Value {
        let Self { policy, properties, refusals, notes } = self;
        let holds = refusals.is_empty();
        json!({ "policy": policy, "holds": holds, "refusals": refusals, "notes": notes, "properties": properties })
    }

    fn print(&self) -> io::Result<()> {
        print(&self.properties)?;
        let mut out = io::stdout().lock();
        let verdict = if self.refusals.is_empty() { "can be held here" } else { "cannot be held here" };
        writeln!(out, "policy   {} {verdict}", self.policy)?;
        for line in self.refusals.iter().chain(&self.notes) {
            writeln!(out, "         {line}")?;
        }
        Ok(())
    }
}

/// A value as its JSON has it, without quotes.
fn word(value: impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

fn print(properties: &[Property]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for property in properties {
        writeln!(out, "{:<8} {:<4} {}", word(property.strength), word(property.promise), property.name)?;
        writeln!(out, "         by {}", property.mechanism)?;
        for note in [&property.why, &property.improve].into_iter().filter(|note| !note.is_empty()) {
            writeln!(out, "         {note}")?;
        }
    }
    Ok(())
}
