//! All numbers of the process.
//!
//! In: events. Out: one text. Counters only grow; they begin at zero with the process.

use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use super::histogram::Histogram;

/// Labels of one counter. Rules come from the policy, so there are few; a reload may bring others.
const LABELS: usize = 4096;

/// The numbers of this process: several engines may share it.
#[derive(Debug, Default)]
pub struct Metrics(Mutex<Numbers>);

#[derive(Debug, Default)]
struct Numbers {
    decisions: BTreeMap<(String, String), u64>,
    limited: BTreeMap<String, u64>,
    jobs: BTreeMap<String, u64>,
    accepted: u64,
    began: u64,
    /// Over, with and without ever having run.
    ended: (u64, u64),
    stdout: u64,
    stderr: u64,
    redactions: BTreeMap<String, u64>,
    reloads: BTreeMap<String, u64>,
    sandbox: BTreeMap<String, u64>,
    deciding: Histogram,
    launching: Histogram,
}

/// What is counted when a job is over.
#[derive(Debug, Clone, Default)]
pub struct Ended<'a> {
    /// `completed`, `failed`, …
    pub state: &'a str,
    /// From acceptance to the first process; none when there was none.
    pub launch: Option<Duration>,
    /// Bytes of standard output and standard error.
    pub bytes: (u64, u64),
    /// Redaction rules that fired, with how often.
    pub redactions: &'a [(String, u64)],
}

/// The numbers of this process.
pub fn global() -> &'static Metrics {
    static GLOBAL: OnceLock<Metrics> = OnceLock::new();
    GLOBAL.get_or_init(Metrics::default)
}

fn count<K: Ord>(counter: &mut BTreeMap<K, u64>, label: K, by: u64) {
    if counter.len() < LABELS || counter.contains_key(&label) {
        *counter.entry(label).or_default() += by;
    }
}

impl Metrics {
    fn numbers(&self) -> MutexGuard<'_, Numbers> {
        // A number that a panic left behind is a number.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A decision and the rules that made it.
    pub fn decided(&self, decision: &str, rules: &[String]) {
        let mut numbers = self.numbers();
        if decision == "rate_limited" {
            rules.iter().for_each(|limit| count(&mut numbers.limited, limit.clone(), 1));
        }
        if rules.is_empty() {
            count(&mut numbers.decisions, (decision.to_owned(), String::new()), 1);
        }
        rules.iter().for_each(|rule| count(&mut numbers.decisions, (decision.to_owned(), rule.clone()), 1));
    }

    /// How long the policy took to decide.
    pub fn deciding(&self, took: Duration) {
        self.numbers().deciding.add(took);
    }

    /// A job was accepted.
    pub fn accepted(&self) {
        self.numbers().accepted += 1;
    }

    /// A job's first process runs.
    pub fn began(&self) {
        self.numbers().began += 1;
    }

    /// A job is over.
    pub fn ended(&self, ended: &Ended<'_>) {
        let mut numbers = self.numbers();
        match ended.launch {
            Some(_) => numbers.ended.0 += 1,
            None => numbers.ended.1 += 1,
        }
        count(&mut numbers.jobs, ended.state.to_owned(), 1);
        if let Some(took) = ended.launch {
            numbers.launching.add(took);
        }
        numbers.stdout += ended.bytes.0;
        numbers.stderr += ended.bytes.1;
        ended.redactions.iter().for_each(|(rule, times)| count(&mut numbers.redactions, rule.clone(), *times));
    }

    /// A policy was read again.
    pub fn reloaded(&self, outcome: &str) {
        count(&mut self.numbers().reloads, outcome.to_owned(), 1);
    }

    /// How jobs are isolated here.
    pub fn sandbox(&self, mode: &str) {
        self.numbers().sandbox.insert(mode.to_owned(), 1);
    }

    /// Everything, as Prometheus reads it.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = self.numbers().write(&mut text);
        text
    }
}

impl Numbers {
    fn write(&self, text: &mut String) -> fmt::Result {
        head(text, "shellwarden_decisions_total", "counter", "Decisions, by what was decided and by which rule")?;
        for ((decision, rule), value) in &self.decisions {
            let (decision, rule) = (escaped(decision), escaped(rule));
            writeln!(text, "shellwarden_decisions_total{{decision=\"{decision}\",rule=\"{rule}\"}} {value}")?;
        }
        labelled(text, ("shellwarden_rate_limited_total", "limit", "Commands turned away, by limit"), &self.limited)?;
        labelled(text, ("shellwarden_jobs_total", "state", "Jobs that are over, by state"), &self.jobs)?;
        head(text, "shellwarden_jobs_open", "gauge", "Jobs that are not over, by state")?;
        let queued = self.accepted.saturating_sub(self.began + self.ended.1);
        let running = self.began.saturating_sub(self.ended.0);
        writeln!(text, "shellwarden_jobs_open{{state=\"queued\"}} {queued}")?;
        writeln!(text, "shellwarden_jobs_open{{state=\"running\"}} {running}")?;
        head(text, "shellwarden_output_bytes_total", "counter", "Bytes that jobs wrote, after redaction")?;
        writeln!(text, "shellwarden_output_bytes_total{{stream=\"stdout\"}} {}", self.stdout)?;
        writeln!(text, "shellwarden_output_bytes_total{{stream=\"stderr\"}} {}", self.stderr)?;
        labelled(text, ("shellwarden_redactions_total", "rule", "Secrets masked, by rule"), &self.redactions)?;
        labelled(text, ("shellwarden_policy_reloads_total", "outcome", "Policies read again"), &self.reloads)?;
        head(text, "shellwarden_sandbox_mode", "gauge", "How jobs are isolated here")?;
        for mode in self.sandbox.keys() {
            writeln!(text, "shellwarden_sandbox_mode{{mode=\"{}\"}} 1", escaped(mode))?;
        }
        head(text, "shellwarden_decision_seconds", "histogram", "Time that the policy took to decide")?;
        self.deciding.write("shellwarden_decision_seconds", text)?;
        head(text, "shellwarden_launch_seconds", "histogram", "Time from acceptance to the first process of a job")?;
        self.launching.write("shellwarden_launch_seconds", text)
    }
}

fn head(text: &mut String, name: &str, kind: &str, help: &str) -> fmt::Result {
    writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}")
}

fn labelled(
    text: &mut String,
    (name, label, help): (&str, &str, &str),
    counter: &BTreeMap<String, u64>,
) -> fmt::Result {
    head(text, name, "counter", help)?;
    counter.iter().try_for_each(|(value, times)| writeln!(text, "{name}{{{label}=\"{}\"}} {times}", escaped(value)))
}

fn escaped(label: &str) -> String {
    label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_has_every_number_in_the_form_that_prometheus_reads() {
        let metrics = Metrics::default();
        metrics.decided("allow", &["git-read".into(), "head".into()]);
        metrics.decided("deny", &[]);
        metrics.decided("rate_limited", &["client-1".into()]);
        (0..4).for_each(|_| metrics.accepted());
        metrics.began();
        metrics.began();
        metrics.deciding(Duration::from_micros(80));
        let redactions = [("ticket\"".to_owned(), 2)];
        let launch = Some(Duration::from_millis(3));
        metrics.ended(&Ended { state: "completed", launch, bytes: (5, 7), redactions: &redactions });
        metrics.ended(&Ended { state: "killed", ..Ended::default() });
        metrics.sandbox("MountNamespace");
        let text = metrics.text();
        for line in [
            r#"shellwarden_decisions_total{decision="allow",rule="git-read"} 1"#,
            r#"shellwarden_decisions_total{decision="deny",rule=""} 1"#,
            r#"shellwarden_rate_limited_total{limit="client-1"} 1"#,
            r#"shellwarden_jobs_total{state="completed"} 1"#,
            r#"shellwarden_jobs_open{state="queued"} 1"#,
            r#"shellwarden_jobs_open{state="running"} 1"#,
            r#"shellwarden_jobs_total{state="killed"} 1"#,
            r#"shellwarden_output_bytes_total{stream="stderr"} 7"#,
            r#"shellwarden_redactions_total{rule="ticket\""} 2"#,
            r#"shellwarden_sandbox_mode{mode="MountNamespace"} 1"#,
            r#"shellwarden_decision_seconds_bucket{le="0.00005"} 0"#,
            r#"shellwarden_decision_seconds_bucket{le="0.0001"} 1"#,
            r#"shellwarden_launch_seconds_bucket{le="+Inf"} 1"#,
            "shellwarden_launch_seconds_sum 0.003",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
    }
}
