//! The deciding half of the engine: policy, machine, redaction. It can start nothing.
//!
//! In: a [`Call`]. Out: a decision, or what to tell about it. `explain`, `check_command` and every run share it, so an
//! explanation cannot differ from the decision it explains.

use std::sync::Arc;

use serde_json::Value;

use super::call::{Call, Checked, Text};
use super::world::Disk;
use crate::output::{Redactor, RuleError};
use crate::policy::{self, Decision, Policy, Request};
use crate::units::Period;

/// Judges commands.
#[derive(Debug)]
pub struct Judge {
    pub(super) policy: Policy,
    pub(super) redactor: Arc<Redactor>,
}

impl Judge {
    /// A judge for a loaded policy.
    ///
    /// # Errors
    /// A redaction rule of the policy is no regex.
    pub fn new(policy: Policy) -> Result<Self, RuleError> {
        let redact = &policy.settings().redact;
        let mut builder = Redactor::builder().builtin(redact.builtin);
        for rule in &redact.rules {
            builder = builder.rule(&rule.id, &rule.regex, &rule.replace);
        }
        for (name, value) in policy.secrets() {
            builder = builder.literal(name, value);
        }
        let redactor = Arc::new(builder.build()?);
        Ok(Self { policy, redactor })
    }

    /// The decision of the policy on this machine as it is now.
    pub(super) fn decide(&self, call: &Call) -> Decision {
        let text = match &call.command {
            Text::Line(line) => policy::Text::Line(line.clone()),
            Text::Exact(words) => policy::Text::Exact(words.clone()),
        };
        let timeout = call.timeout.and_then(|timeout| Period::new(timeout).ok());
        let request = Request { text, cwd: call.cwd.clone(), env: call.env.clone(), timeout };
        self.policy.decide(&request, &Disk)
    }

    /// What would be decided; nothing runs and nothing is recorded. `id` stands in the JSON as it is.
    pub fn check(&self, call: &Call, id: &Value) -> Checked {
        let (decision, for_model, explanation, for_operator) = match self.decide(call) {
            Decision::Allow(approved) => ("allow", "allowed".to_owned(), approved.explanation().clone(), None),
            Decision::Ask(pending) => {
                let question = format!("a person must confirm it: {}", pending.reason());
                ("ask", question, pending.explanation().clone(), None)
            }
            Decision::Deny(denial) => {
                ("deny", denial.for_model(), denial.explanation().clone(), Some(denial.for_operator()))
            }
        };
        let mut full = explanation.to_string();
        if let Some(operator) = for_operator {
            full = format!("{full}\n{operator}");
        }
        Checked {
            decision,
            for_model: self.clean(&for_model),
            for_operator: self.clean(&full),
            json: self.clean_json(explanation.to_json(id)),
            full: explanation.to_full_json(id),
        }
    }

    /// JSON whose texts hold no secrets.
    fn clean_json(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.clean(&text)),
            Value::Array(items) => items.into_iter().map(|item| self.clean_json(item)).collect(),
            Value::Object(entries) => entries.into_iter().map(|(key, item)| (key, self.clean_json(item))).collect(),
            other => other,
        }
    }

    /// A text without secrets, for replies and records.
    pub(super) fn clean(&self, text: &str) -> String {
        self.redactor.text(text).0
    }
}
