//! Which records somebody wants to see.
//!
//! In: a record and what is wanted. Out: yes or no. How it is printed is decided by whoever asked.

use jiff::Timestamp;
use serde_json::Value;

use super::read::Record;

/// What is wanted; all of it must hold, and what is absent holds for every record.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Not before.
    pub since: Option<Timestamp>,
    /// Before.
    pub until: Option<Timestamp>,
    /// Who asked.
    pub client: Option<String>,
    /// `allow`, `deny`, `rate_limited`, …
    pub decision: Option<String>,
    /// Id of a rule that decided.
    pub rule: Option<String>,
    /// Id of a job, or its beginning. Start and end of a job that is wanted are wanted too.
    pub job: Option<String>,
    /// `decision`, `end`, `policy_load`, …
    pub kind: Option<String>,
}

impl Filter {
    /// Is this record wanted?
    pub fn wants(&self, record: &Record) -> bool {
        let fields = record.fields();
        let is = |name: &str, wanted: &Option<String>| {
            wanted.as_deref().is_none_or(|wanted| fields.get(name).and_then(Value::as_str) == Some(wanted))
        };
        let rules = || fields.get("rules").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        self.since.is_none_or(|since| record.time >= since)
            && self.until.is_none_or(|until| record.time < until)
            && is("client", &self.client)
            && is("decision", &self.decision)
            && self.kind.as_deref().is_none_or(|kind| record.kind == kind)
            && self.rule.as_deref().is_none_or(|rule| rules().any(|id| id == rule))
            && self.job.as_deref().is_none_or(|job| {
                fields.get("job").and_then(Value::as_str).is_some_and(|id| !job.is_empty() && id.starts_with(job))
            })
    }
}
