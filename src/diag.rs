//! Problems with a position: what is wrong, where, and what to do.
//!
//! In: a code, a message, perhaps a place in a text and an advice. Out: [`Problem`]s that print with the line and a
//! caret. What counts as a problem is decided by whoever found it.
#![forbid(unsafe_code)]

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

/// A range of bytes in a text, end excluded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// Byte after the last.
    pub end: usize,
}

impl Span {
    /// The span as the standard library slices with it.
    pub fn range(self) -> Range<usize> {
        self.start..self.end
    }
}

/// A text that problems point into: a policy file, a command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    name: Arc<str>,
    text: Arc<str>,
}

impl Source {
    /// A text and the name under which a person finds it.
    pub fn new(name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> Self {
        Self { name: name.into(), text: text.into() }
    }

    /// File name, or `builtin:NAME`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Line and column of a byte, both counted from 1, columns in characters.
    pub fn line_column(&self, byte: usize) -> (usize, usize) {
        let before = self.text.get(..byte.min(self.text.len())).unwrap_or(&self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
        (line, column)
    }
}

/// Whether a problem stops the load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth a look; stops only under `--deny-warnings`.
    Warning,
    /// Nothing starts with this.
    Error,
}

/// Where a problem is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The text.
    pub source: Source,
    /// The bytes in it.
    pub span: Span,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Stable short name, for example `unknown-key`.
    pub code: &'static str,
    /// Does it stop the load?
    pub severity: Severity,
    /// What is wrong; user input in backticks, lowercase, no final period.
    pub message: String,
    /// Where, when it has a place.
    pub place: Option<Place>,
    /// What to do.
    pub advice: Option<String>,
}

impl Problem {
    /// An error without a place or advice yet.
    pub fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, severity: Severity::Error, message: message.into(), place: None, advice: None }
    }

    /// A warning without a place or advice yet.
    pub fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, message) }
    }

    /// The same, at a place.
    #[must_use]
    pub fn at(mut self, source: &Source, span: Span) -> Self {
        self.place = Some(Place { source: source.clone(), span });
        self
    }

    /// The same, with what to do.
    #[must_use]
    pub fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    /// `file:line:column`, when it has a place.
    pub fn position(&self) -> Option<String> {
        let place = self.place.as_ref()?;
        let (line, column) = place.source.line_column(place.span.start);
        Some(format!("{}:{line}:{column}", place.source.name()))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.severity {
            Severity::Warning => Level::WARNING,
            Severity::Error => Level::ERROR,
        };
        let title = level.primary_title(self.message.as_str()).id(self.code);
        let mut report = vec![match &self.place {
            None => Group::with_title(title),
            Some(place) => {
                let length = place.source.text().len();
                let start = place.span.start.min(length);
                let mark = AnnotationKind::Primary.span(start..place.span.end.clamp(start, length));
                let snippet = Snippet::source(place.source.text()).path(place.source.name()).annotation(mark);
                title.element(snippet)
            }
        }];
        if let Some(advice) = &self.advice {
            report.push(Group::with_title(Level::HELP.secondary_title(advice.as_str())));
        }
        f.write_str(&Renderer::plain().render(&report))
    }
}

/// All problems found in one go; an error type in its own right.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// Adds one.
    pub fn push(&mut self, problem: Problem) {
        self.0.push(problem);
    }

    /// Adds all of another.
    pub fn extend(&mut self, others: Problems) {
        self.0.extend(others.0);
    }

    /// Does any of them stop the load?
    pub fn has_errors(&self) -> bool {
        self.0.iter().any(|problem| problem.severity == Severity::Error)
    }

    /// Nothing found?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// In the order they were found.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.0.iter()
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// The candidate nearest to what was written, when one is near enough to be a slip.
pub fn nearest<'a>(written: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let score = |name: &str| strsim::damerau_levenshtein(written, name);
    let best = candidates.into_iter().min_by_key(|name| score(name))?;
    let allowed = (written.chars().count() / 3).clamp(1, 3);
    (score(best) <= allowed).then_some(best)
}

/// What somebody sent, as a message repeats it: whole, or not at all. A piece of a secret would be known to nobody who
/// looks for secrets afterwards.
pub fn echo(sent: &str) -> String {
    const LONGEST: usize = 64;
    match sent.chars().count() {
        0..=LONGEST => sent.to_owned(),
        length => format!("({length} characters)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_prints_its_line_with_a_caret_and_the_advice() {
        let source = Source::new("policy.yaml", "version: 1\nnetwrok: {}\n");
        let problem = Problem::error("unknown-key", "unknown key `netwrok`")
            .at(&source, Span { start: 11, end: 18 })
            .advise("did you mean `network`?");
        let want = "error[unknown-key]: unknown key `netwrok`\n ╭▸ policy.yaml:2:1\n";
        let text = problem.to_string();
        assert!(text.contains("policy.yaml:2:1"), "{text} wanted like {want}");
        assert!(text.contains("^^^^^^^"), "{text}");
        assert!(text.contains("did you mean `network`?"), "{text}");
    }

    #[test]
    fn nearest_finds_slips_and_leaves_strangers() {
        let known = ["network", "limits", "filesystem"];
        assert_eq!(nearest("netwrok", known), Some("network"));
        assert_eq!(nearest("colour", known), None);
    }
}
