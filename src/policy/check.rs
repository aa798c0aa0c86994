//! Validates policies and the catalogue, and runs a policy's own tests.
//!
//! In: an origin. Out: every problem, errors and warnings. It loads as a run would, so what passes here loads there.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::catalogue::{self, Entry};
use super::compiled::Policy;
use super::decide::{Request, Text};
use super::decision::Decision;
use super::defaults;
use super::explain::Verdict;
use super::lint::lint;
use super::load::{Origin, examine};
use super::tables::{POLICY, PROGRAM};
use super::variables::Variables;
use super::world::TestWorld;
use super::yaml::{self, Node};
use crate::diag::{Problem, Problems, Source};

/// Validates a policy with everything that it extends, or a file that describes a program as the catalogue does. What
/// can be checked is checked, whatever else is wrong.
pub fn check(origin: &Origin, variables: &Variables) -> Problems {
    if let Some(problems) = program_file(origin) {
        return problems;
    }
    let (policy, mut problems) = examine(origin, variables);
    let Some(policy) = policy else { return problems };
    lint(&policy, &mut problems);
    // What is missing in a policy with errors would fail its tests.
    if !problems.has_errors() {
        policy.tests.iter().filter_map(|test| run_test(&policy, test)).for_each(|problem| problems.push(problem));
    }
    problems
}

/// The problems of a file that describes a program; none when the file is something else.
fn program_file(origin: &Origin) -> Option<Problems> {
    let Origin::File(path) = origin else { return None };
    let source = Source::new(path.to_string(), std::fs::read_to_string(path).ok()?);
    let (node, mut problems) = yaml::read(&source).ok()?;
    if node.get("program").is_none() || node.get("version").is_some() {
        return None;
    }
    if let Err(found) = Entry::read(&node) {
        problems.extend(found);
    }
    Some(problems)
}

/// Validates the catalogue of programs.
pub fn check_catalogue() -> Problems {
    catalogue::check()
}

/// The JSON Schema of a policy file, with what holds where it says nothing.
pub fn schema() -> Json {
    let mut schema = titled(POLICY.schema(), "shellwarden policy");
    defaults::describe(&mut schema);
    schema
}

/// The JSON Schema of a file about programs.
pub fn catalogue_schema() -> Json {
    titled(PROGRAM.schema(), "shellwarden catalogue of programs")
}

fn titled(mut schema: Json, title: &str) -> Json {
    if let Some(object) = schema.as_object_mut() {
        object.insert("$schema".into(), json!("https://json-schema.org/draft/2020-12/schema"));
        object.insert("title".into(), json!(title));
    }
    schema
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
