//! All rules in force, made ready once and shared by every stream.
//!
//! In: built-in formats, a policy's rules, values to hide. Out: a [`Redactor`] that never changes again. Only the
//! literals are compiled at once; a pattern is built when its literal first turns up.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::encoded;
use super::formats;
use super::prefilter::Prefilter;
use super::rule::{Rule, RuleError};
use super::stream::RedactStream;
use super::value;

/// What hides secrets in output, command lines, labels and errors.
#[derive(Debug)]
pub struct Redactor {
    rules: Vec<Rule>,
    prefilter: Prefilter,
}

/// Gathers rules.
#[derive(Debug, Default)]
pub struct Builder {
    builtin: bool,
    rules: Vec<(String, String, String)>,
    values: Vec<(String, String)>,
}

impl Redactor {
    /// A builder without any rules.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// A new stream.
    pub fn stream(self: &Arc<Self>) -> RedactStream {
        RedactStream::new(Arc::clone(self))
    }

    /// Redacts a text that is there as a whole: a command line, a label, an error. Also tells how often each rule fired.
    pub fn text(self: &Arc<Self>, text: &str) -> (String, BTreeMap<String, u64>) {
        let mut stream = self.stream();
        let mut out = Vec::with_capacity(text.len());
        stream.push(text.as_bytes(), &mut out);
        stream.finish(&mut out);
        (String::from_utf8_lossy(&out).into_owned(), stream.counts())
    }

    /// The built-in formats: their ids and the pages that describe them.
    pub fn builtin_formats() -> impl Iterator<Item = (&'static str, &'static str)> {
        formats::all().map(|format| (format.id, format.source))
    }

    pub(super) fn rule(&self, index: usize) -> Option<&Rule> {
        self.rules.get(index)
    }

    /// Their number.
    pub(super) fn rules(&self) -> usize {
        self.rules.len()
    }

    pub(super) fn prefilter(&self) -> &Prefilter {
        &self.prefilter
    }

    /// Indexes of the rules without literals.
    pub(super) fn swept(&self) -> impl Iterator<Item = usize> {
        self.rules.iter().enumerate().filter(|(_, rule)| rule.literals.is_empty()).map(|(index, _)| index)
    }
}

impl Builder {
    /// Whether the built-in formats are looked for.
    #[must_use]
    pub fn builtin(mut self, on: bool) -> Self {
        self.builtin = on;
        self
    }

    /// A rule of the policy. The group named `secret`, else the first one, is the only part that goes. `replace` may name
    /// other groups (`$user`), then the whole match goes unless a group is named `secret`.
    #[must_use]
    pub fn rule(mut self, id: &str, regex: &str, replace: &str) -> Self {
        self.rules.push((id.to_owned(), regex.to_owned(), replace.to_owned()));
        self
    }

    /// A value to hide wherever it turns up: plain, in base64, URL and JSON escapes, in hexadecimal. Values of less than
    /// six bytes and everyday words are left alone: hiding them would tear up all output.
    #[must_use]
    pub fn literal(mut self, name: &str, value: &str) -> Self {
        self.values.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Makes the rules ready.
    ///
    /// # Errors
    /// [`RuleError`] of the first rule that cannot be used.
    pub fn build(self) -> Result<Redactor, RuleError> {
        let mut rules = Vec::new();
        for (id, regex, replace) in &self.rules {
            rules.push(Rule::from_policy(id, regex, replace)?);
        }
        for (name, value) in &self.values {
            rules.extend(value::rules(name, value));
        }
        if self.builtin {
            rules.extend(formats::all().map(formats::Format::rule));
        }
        // A value has these forms already, and they are exact.
        let encoded: Vec<Rule> = rules
            .iter()
            .filter(|rule| !self.values.iter().any(|(name, _)| **name == *rule.id))
            .flat_map(encoded::rules)
            .collect();
        rules.extend(encoded);
        let prefilter = Prefilter::new(&rules);
        Ok(Redactor { rules, prefilter })
    }
}
