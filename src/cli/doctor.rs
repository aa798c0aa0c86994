//! `doctor`: what this kernel and account hold, promise by promise, and whether the policy can be held.
//!
//! In: places and a policy. Out: a table or JSON; 0, or 1 when the policy cannot be held here: when one of its jobs would
//! not start. A trial job of each profile shows that.

use std::io::{self, Write};
use std::process::ExitCode;

use serde_json::json;

use super::args::Doctor;
use super::setup::{Failure, Site};
use crate::engine::{Ground, survey, trial};
use crate::launcher::{self, Launcher};
use crate::policy::Policy;
use crate::sandbox::{InForce, Property, properties};

pub(super) fn doctor(arguments: Doctor) -> Result<ExitCode, Failure> {
    let unsound = |error: &dyn ToString| Failure::new(error.to_string()).code(1);
    let helper = launcher::start_helper().map_err(|error| unsound(&error))?;
    let site = Site::find(&arguments.places).map_err(|failure| failure.code(1))?;
    let policy = site.load().map_err(|failure| failure.code(1))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::new)?;
    let report = runtime.block_on(async {
        match Launcher::connect(helper).await {
            Ok(launcher) => Report::new(&policy, &launcher).await,
            // Without a helper there is nothing to look at, and nothing starts.
            Err(error) => {
                Report { policy: policy.name().to_owned(), refusals: vec![error.to_string()], ..Report::default() }
            }
        }
    });
    let printed = if arguments.json { writeln!(io::stdout().lock(), "{:#}", report.json()) } else { report.print() };
    printed.map_err(Failure::new)?;
    Ok(ExitCode::from(u8::from(!report.refusals.is_empty())))
}

/// What is told.
#[derive(Default)]
struct Report {
    policy: String,
    properties: Vec<Property>,
    /// What held a trial job of each profile.
    profiles: Vec<(String, InForce)>,
    /// Why jobs of the policy would not start.
    refusals: Vec<String>,
    /// What this installation leaves open.
    notes: Vec<String>,
}

impl Report {
    async fn new(policy: &Policy, launcher: &Launcher) -> Self {
        let ground = Ground::new(launcher.support());
        let mut report = Self { policy: policy.name().to_owned(), ..Self::default() };
        for profile in policy.profiles().values() {
            // An unknown account is among the refusals.
            report.notes.extend(ground.obstacles(profile).unwrap_or_default());
            if let Err(why) = ground.check(profile) {
                report.refusals.push(why.to_string());
                continue;
            }
            match trial(policy, profile, &ground, launcher).await {
                Ok(Some(in_force)) => report.profiles.push((profile.name.clone(), in_force)),
                Ok(None) => {}
                Err(why) => {
                    report.refusals.push(format!("profile `{}`: a trial job did not start: {why}", profile.name))
                }
            }
        }
        report.properties = together(survey(policy, &ground), properties(launcher.support()));
        report.notes.sort();
        report.notes.dedup();
        report
    }

    fn json(&self) -> serde_json::Value {
        let Self { policy, properties, refusals, notes, .. } = self;
        let profiles: Vec<_> =
            self.profiles.iter().map(|(name, held)| json!({"name": name, "in_force": held})).collect();
        let holds = refusals.is_empty();
        json!({
            "policy": policy,
            "holds": holds,
            "refusals": refusals,
            "notes": notes,
            "properties": properties,
            "profiles": profiles,
        })
    }

    fn print(&self) -> io::Result<()> {
        print(&self.properties)?;
        let mut out = io::stdout().lock();
        for (name, in_force) in &self.profiles {
            writeln!(out, "profile  {name}: a trial job ran under {}", in_force.mechanisms.join(", "))?;
            for unheld in &in_force.unheld {
                writeln!(out, "         not in force: {} ({})", unheld.what, unheld.why)?;
            }
        }
        let verdict = if self.refusals.is_empty() { "can be held here" } else { "cannot be held here" };
        writeln!(out, "policy   {} {verdict}", self.policy)?;
        for line in self.refusals.iter().chain(&self.notes) {
            writeln!(out, "         {line}")?;
        }
        Ok(())
    }
}

/// What the engine knows and what the kernel gives, by promise; of one thing the engine's word counts.
fn together(engine: Vec<Property>, kernel: Vec<Property>) -> Vec<Property> {
    let other = |property: &Property| !engine.iter().any(|known| known.name == property.name);
    let kernel: Vec<Property> = kernel.into_iter().filter(other).collect();
    let mut all: Vec<Property> = engine.into_iter().chain(kernel).collect();
    all.sort_by_key(|property| property.promise);
    all
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
