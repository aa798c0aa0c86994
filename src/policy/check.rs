//! Validates policies and the catalogue, and runs a policy's own tests.
//!
//! In: an origin. Out: every problem, errors and warnings. It loads as a run would, so what passes here loads there.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::catalogue;
use super::compiled::Policy;
use super::covers::always_hidden;
use super::decide::{Request, Text};
use super::decision::Decision;
use super::explain::Verdict;
use super::load::{Origin, load_as_written};
use super::rule::{ProgramName, Rule};
use super::tables::POLICY;
use super::variables::Variables;
use super::world::TestWorld;
use super::yaml::Node;
use crate::diag::{Problem, Problems};

/// Validates a policy with everything that it extends.
pub fn check(origin: &Origin, variables: &Variables) -> Problems {
    let loaded = match load_as_written(origin, variables) {
        Ok(loaded) => loaded,
        Err(problems) => return problems,
    };
    let mut problems = loaded.warnings;
    let policy = loaded.policy;
    rules(&policy, &mut problems);
    for test in &policy.tests {
        if let Some(problem) = run_test(&policy, test) {
            problems.push(problem);
        }
    }
    problems
}

/// Validates the catalogue of programs.
pub fn check_catalogue() -> Problems {
    catalogue::check()
}

/// The JSON Schema of a policy file.
pub fn schema() -> Json {
    let mut schema = POLICY.schema();
    if let Some(object) = schema.as_object_mut() {
        object.insert("$schema".into(), json!("https://json-schema.org/draft/2020-12/schema"));
        object.insert("title".into(), json!("shellwarden policy"));
    }
    schema
}

fn rules(policy: &Policy, problems: &mut Problems) {
    for rule in policy.allow.iter().chain(policy.ask.iter()).chain(policy.deny.iter()) {
        regexes(rule, problems);
    }
    let mut before: Vec<&Rule> = Vec::new();
    for rule in policy.allow.iter() {
        interpreters(policy, rule, problems);
        if let Some(hiding) = before.iter().find(|earlier| always_hidden(earlier, rule)) {
            let message = format!("rule `{}` can never apply: `{}` before it allows all of that", rule.id, hiding.id);
            problems.push(rule.error("hidden-rule", message).advise("remove one of them"));
        }
        if let Some(denying) = policy.deny.iter().find(|denying| always_hidden(denying, rule)) {
            let message = format!("rule `{}` can never apply: `{}` denies all of that", rule.id, denying.id);
            problems.push(rule.error("hidden-rule", message).advise("remove one of them"));
        }
        before.push(rule);
    }
}

/// Builds every regex, and tells of those that match nothing at all or everything.
fn regexes(rule: &Rule, problems: &mut Problems) {
    let Some(regex) = &rule.regex else { return };
    match regex.get() {
        Err(error) => {
            problems.push(rule.error("bad-regex", format!("the regex of rule `{}` cannot be built: {error}", rule.id)))
        }
        Ok(built) if built.is_match("") => {
            let message =
                format!("the regex of rule `{}` matches the empty text, so it says less than it seems", rule.id);
            problems.push(
                rule.node
                    .warning("empty-regex", message)
                    .advise("write what must be there, without `*` or `?` around all of it"),
            );
        }
        Ok(_) => {}
    }
}

/// An interpreter or a build tool runs any code that it can read.
fn interpreters(policy: &Policy, rule: &Rule, problems: &mut Problems) {
    for name in &rule.programs {
        let ProgramName::Bare(name) = name else { continue };
        if catalogue::entry(name).is_some_and(|entry| entry.interpreter) {
            let message = format!("rule `{}` allows `{name}`, which runs any code that it can read", rule.id);
            let profile = rule.profile.as_ref().unwrap_or(&policy.default_profile);
            let advice = match profile.approved_only {
                true => {
                    "`execute: approved` keeps it from starting programs that the line does not name; builds need a profile"
                }
                false => "what it may reach is then bounded by the sandbox of the rule alone",
            };
            problems.push(rule.node.warning("interpreter", message).advise(advice));
        }
    }
}

/// Runs one of the file's own tests.
fn run_test(policy: &Policy, test: &Node) -> Option<Problem> {
    let text = |key: &str| test.get(key).and_then(Node::text);
    let command = text("command")?;
    let request = Request {
        text: Text::Line(command.to_owned()),
        cwd: text("cwd").map(str::to_owned),
        env: BTreeMap::new(),
        timeout: None,
    };
    let (verdict, rule, why) = match policy.decide(&request, &TestWorld) {
        Decision::Allow(approved) => (Verdict::Allow, approved.rules().to_vec(), String::new()),
        Decision::Ask(pending) => (Verdict::Ask, pending.rule().cloned().into_iter().collect(), String::new()),
        Decision::Deny(denial) => {
            (Verdict::Deny, denial.rule().cloned().into_iter().collect(), format!(": {}", denial.reason()))
        }
    };
    let expected = text("expect")?;
    if verdict.as_str() != expected {
        let message = format!("`{command}` gets `{}`, the test expects `{expected}`{why}", verdict.as_str());
        return Some(test.error("failing-test", message).advise("mend the rules, or the test"));
    }
    let wanted = text("rule")?;
    let met: Vec<&str> = rule.iter().map(|rule| rule.id.as_str()).collect();
    if met.contains(&wanted) {
        return None;
    }
    let message = format!("`{command}` is decided by `{}`, the test expects rule `{wanted}`", met.join("`, `"));
    Some(test.error("failing-test", message).advise("mend the rules, or the test"))
}
