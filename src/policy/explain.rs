//! How a decision was made, kept while it was made.
//!
//! In: what `decide` found, step by step. Out: the same for a person and for a program. It decides nothing.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::rule::{List, Rule, RuleRef};
use crate::diag::{Source, Span};
use crate::paths::AbsPath;
use crate::shell::{RedirectOp, Word};

/// The answer to a command, a redirection, an assignment or a whole request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It may run.
    Allow,
    /// A person must say yes.
    Ask,
    /// It may not run.
    Deny,
}

impl Verdict {
    /// `allow`, `ask` or `deny`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Ask => "ask",
            Self::Deny => "deny",
        }
    }
}

/// Why a line could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// Short name of the construct.
    pub code: String,
    /// In words.
    pub message: String,
    /// Where.
    pub span: Span,
}

/// One command and its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandReport {
    /// The program as typed; none when it is not known.
    pub program: Option<String>,
    /// The file that it is.
    pub path: Option<AbsPath>,
    /// The words behind it; none for what is not known.
    pub args: Vec<Option<String>>,
    /// Wrappers around it.
    pub via: Vec<String>,
    /// The answer.
    pub verdict: Verdict,
    /// The rule that gave it.
    pub rule: Option<RuleRef>,
    /// Why.
    pub reason: String,
    /// Rules that were looked at, each with why it applies or does not; after a deny rule that applies, no other is.
    pub looked: Vec<Look>,
    /// Its place in the line.
    pub span: Span,
}

/// A rule that was looked at for a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// Its id.
    pub id: Arc<str>,
    /// The list that it stands in.
    pub(super) list: List,
    /// Does it apply?
    pub matched: bool,
    /// Why, or why not.
    pub why: Cow<'static, str>,
    source: Source,
    at: usize,
}

impl Look {
    /// What became of looking at a rule.
    pub(super) fn at(rule: &Rule, list: List, matched: bool, why: Cow<'static, str>) -> Self {
        let (source, at) = (rule.node.source.clone(), rule.node.span.start);
        Self { id: Arc::clone(&rule.id), list, matched, why, source, at }
    }

    fn to_json(&self) -> Json {
        json!({
            "id": &*self.id,
            "list": self.list.key(),
            "file": self.source.name(),
            "line": self.source.line_column(self.at).0,
            "matched": self.matched,
            "why": self.why,
        })
    }
}

/// One redirection and its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedirectReport {
    /// The operator.
    pub op: RedirectOp,
    /// The descriptor.
    pub fd: u32,
    /// Where it leads; none when that is not known or inside the job.
    pub target: Option<String>,
    /// The answer.
    pub verdict: Verdict,
    /// Why.
    pub reason: String,
}

/// One assignment and its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssignmentReport {
    /// The variable.
    pub name: String,
    /// Its value; none when it is not known.
    pub value: Option<String>,
    /// The answer.
    pub verdict: Verdict,
    /// Why.
    pub reason: String,
}

/// How a decision was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The answer.
    pub decision: Verdict,
    /// The request as a line.
    pub line: String,
    /// Why the line could not be read.
    pub refusal: Option<Unread>,
    /// What stands against the request as a whole: directory, environment, sandbox.
    pub general: Vec<String>,
    /// Every command in it.
    pub commands: Vec<CommandReport>,
    /// Every redirection.
    pub redirects: Vec<RedirectReport>,
    /// Every assignment.
    pub assignments: Vec<AssignmentReport>,
    /// What would be run.
    pub rendered: Option<String>,
    /// The sandbox.
    pub profile: Option<String>,
    /// What to add to the policy to allow it, for an operator.
    pub suggestion: Option<String>,
}

impl Explanation {
    /// An explanation in which nothing happened yet.
    pub(super) fn new(line: String) -> Self {
        Self {
            decision: Verdict::Deny,
            line,
            refusal: None,
            general: Vec::new(),
            commands: Vec::new(),
            redirects: Vec::new(),
            assignments: Vec::new(),
            rendered: None,
            profile: None,
            suggestion: None,
        }
    }

    /// The JSON that `explain --json` prints: everything in [`Explanation::to_json`], and beside it for each command the
    /// rules that were looked at, and what would allow the request. It is for operators: it says how to loosen the policy.
    pub fn to_full_json(&self, id: &Json) -> Json {
        let mut json = self.to_json(id);
        let commands = json.get_mut("commands").and_then(Json::as_array_mut);
        for (command, report) in commands.into_iter().flatten().zip(&self.commands) {
            let rules: Vec<Json> = report.looked.iter().map(Look::to_json).collect();
            command.as_object_mut().map(|command| command.insert("rules".into(), rules.into()));
        }
        json.as_object_mut().map(|json| json.insert("suggestion".into(), self.suggestion.clone().into()));
        json
    }

    /// The JSON that anybody may see.
    pub fn to_json(&self, id: &Json) -> Json {
        let refusal = self.refusal.as_ref().map(|refusal| {
            let (start, end) = (refusal.span.start, refusal.span.end);
            json!({"code": refusal.code, "message": refusal.message, "start": start, "end": end})
        });
        json!({
            "id": id,
            "decision": self.decision.as_str(),
            "parse": if self.refusal.is_some() { "refused" } else { "ok" },
            "refusal": refusal,
            "commands": self.commands.iter().map(command_json).collect::<Vec<_>>(),
            "redirects": self.redirects.iter().map(redirect_json).collect::<Vec<_>>(),
            "assignments": self.assignments.iter().map(assignment_json).collect::<Vec<_>>(),
            "rendered": self.rendered,
            "profile": self.profile,
            "general": self.general,
        })
    }
}

fn command_json(report: &CommandReport) -> Json {
    json!({
        "program": report.program,
        "path": report.path.as_ref().map(ToString::to_string),
        "args": report.args,
        "dynamic": report.program.is_none() || report.args.iter().any(Option::is_none),
        "via": report.via,
        "verdict": report.verdict.as_str(),
        "rule": report.rule.as_ref().map(|rule| &rule.id),
        "reason": report.reason,
    })
}

fn redirect_json(report: &RedirectReport) -> Json {
    json!({
        "op": operator(report.op),
        "fd": report.fd,
        "target": report.target,
        "verdict": report.verdict.as_str(),
        "rule": null,
        "reason": report.reason,
    })
}

fn assignment_json(report: &AssignmentReport) -> Json {
    let (name, value) = (&report.name, &report.value);
    json!({"name": name, "value": value, "verdict": report.verdict.as_str(), "rule": null, "reason": report.reason})
}

/// The operator as it is written.
pub(super) fn operator(op: RedirectOp) -> &'static str {
    match op {
        RedirectOp::Read => "<",
        RedirectOp::Write => ">",
        RedirectOp::Append => ">>",
        RedirectOp::ReadWrite => "<>",
        RedirectOp::WriteBoth => "&>",
        RedirectOp::AppendBoth => "&>>",
        RedirectOp::Duplicate => ">&",
        RedirectOp::Text => "<<",
    }
}

/// A word for people and programs: its text, the pattern, or nothing.
pub(super) fn word(word: &Word) -> Option<String> {
    word.known().map(str::to_owned)
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.decision.as_str(), self.line)?;
        if let Some(refusal) = &self.refusal {
            let (start, end) = (refusal.span.start, refusal.span.end);
            writeln!(f, "  not read: {} [{}] at bytes {start} to {end}", refusal.message, refusal.code)?;
        }
        for reason in &self.general {
            writeln!(f, "  {reason}")?;
        }
        for command in &self.commands {
            write_command(command, f)?;
        }
        for redirect in &self.redirects {
            let target = redirect.target.as_deref().unwrap_or("");
            let (verdict, reason) = (redirect.verdict.as_str(), &redirect.reason);
            writeln!(f, "  {verdict:5} {}{} {target}: {reason}", redirect.fd, operator(redirect.op))?;
        }
        for assignment in &self.assignments {
            writeln!(f, "  {:5} {}=: {}", assignment.verdict.as_str(), assignment.name, assignment.reason)?;
        }
        if let Some(profile) = &self.profile {
            writeln!(f, "  sandbox: profile `{profile}`")?;
        }
        if let Some(rendered) = &self.rendered {
            writeln!(f, "  runs: {rendered}")?;
        }
        Ok(())
    }
}

fn write_command(report: &CommandReport, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let args = report.args.iter().map(|arg| arg.as_deref().unwrap_or("<not known>"));
    let words: Vec<&str> = std::iter::once(report.program.as_deref().unwrap_or("<not known>")).chain(args).collect();
    writeln!(f, "  {:5} {}", report.verdict.as_str(), words.join(" "))?;
    if !report.via.is_empty() {
        writeln!(f, "        inside: {}", report.via.join(", "))?;
    }
    if let Some(path) = &report.path {
        writeln!(f, "        file: {path}")?;
    }
    match &report.rule {
        Some(rule) => writeln!(f, "        rule `{}` at {}:{}: {}", rule.id, rule.file, rule.line, report.reason)?,
        None => writeln!(f, "        {}", report.reason)?,
    }
    for look in report.looked.iter().filter(|look| !look.matched) {
        writeln!(f, "        not {} rule `{}`: {}", look.list.key(), look.id, look.why)?;
    }
    Ok(())
}
