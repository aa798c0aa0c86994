//! A policy made narrower at the start, by settings outside of its file.
//!
//! In: a policy and what to take away. Out: a policy that allows no more than before, or what would have widened it.
//! Where the settings come from is the front's matter.
//!
//! INVARIANT: every value here can only shrink what the policy allows.

use std::collections::BTreeMap;
use std::sync::Arc;

use regex::Regex;

use super::compiled::Policy;
use super::explain::{CommandReport, Verdict};
use super::judge::{Need, Ruling};
use super::profile::Profile;
use super::variables::Directories;
use crate::paths::AbsPath;
use crate::shell::{Command, Word, command_text};
use crate::units::{ByteSize, Period};

/// What to take away; nothing where a field is empty.
#[derive(Debug, Clone, Default)]
pub struct Narrowing {
    /// Jobs that run at the same time, at most.
    pub concurrent: Option<u64>,
    /// Output of a job, at most.
    pub output: Option<ByteSize>,
    /// Longest run, at most.
    pub wall_time: Option<Period>,
    /// How long ended jobs are remembered, at most.
    pub retain_for: Option<Period>,
    /// Regular expressions, of which one must match the first words of each command.
    pub commands: Vec<String>,
    /// Where commands start, and below which they must.
    pub directory: Option<AbsPath>,
}

/// What is not narrower than the policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TooWide {
    /// Commands could start where the policy does not let them.
    #[error("the directory `{0}` is not one that the policy lets commands start in; name one below its `cwd.roots`")]
    Directory(AbsPath),
    /// A pattern is no regular expression.
    #[error("`{pattern}` is no regular expression: {why}")]
    Pattern {
        /// As written.
        pattern: String,
        /// What is wrong.
        why: String,
    },
}

/// The part of a narrowing that decisions look at.
#[derive(Debug)]
pub(super) struct Narrowed {
    patterns: Vec<Pattern>,
}

/// One regular expression for the first words of a command.
#[derive(Debug)]
struct Pattern {
    text: String,
    /// Matches when what it matched ends where a word does.
    whole_words: Regex,
    /// Matches anything at the start; good when that ends with a blank.
    start: Regex,
}

impl Pattern {
    fn new(text: &str) -> Result<Self, TooWide> {
        let build = |regex: String| {
            Regex::new(&regex).map_err(|error| TooWide::Pattern { pattern: text.to_owned(), why: error.to_string() })
        };
        // Alone first: a parenthesis too many would otherwise close ours.
        build(text.to_owned())?;
        let (whole_words, start) = (build(format!(r"\A(?:{text})(?: |\z)"))?, build(format!(r"\A(?:{text})"))?);
        Ok(Self { text: text.to_owned(), whole_words, start })
    }

    /// `npm` and `^npm ` match `npm test`; `npm` does not match `npmx`.
    fn matches(&self, command: &str) -> bool {
        self.whole_words.is_match(command)
            || self.start.find(command).is_some_and(|found| found.as_str().ends_with(' '))
    }
}

impl Policy {
    /// The same policy, narrower.
    ///
    /// # Errors
    /// [`TooWide`].
    pub fn narrow(mut self, by: &Narrowing) -> Result<Self, TooWide> {
        if let Some(directory) = &by.directory {
            if !self.may_start_in(directory) {
                return Err(TooWide::Directory(directory.clone()));
            }
            self.cwd_roots = vec![Directories::Below(directory.clone())];
            self.cwd_default = directory.clone();
        }
        let jobs = &mut self.settings.jobs;
        jobs.concurrent = by.concurrent.map_or(jobs.concurrent, |most| most.min(jobs.concurrent));
        jobs.retain_for = by.retain_for.map_or(jobs.retain_for, |most| most.min(jobs.retain_for));
        if by.output.is_some() || by.wall_time.is_some() {
            self.narrow_profiles(by);
        }
        if !by.commands.is_empty() {
            let patterns = by.commands.iter().map(|text| Pattern::new(text)).collect::<Result<_, _>>()?;
            self.narrowed = Some(Narrowed { patterns });
        }
        Ok(self)
    }

    fn narrow_profiles(&mut self, by: &Narrowing) {
        let narrower = |profile: &Profile| {
            let mut profile = profile.clone();
            let limits = &mut profile.limits;
            limits.output = by.output.map_or(limits.output, |most| most.min(limits.output));
            limits.wall_time = by.wall_time.map_or(limits.wall_time, |most| most.min(limits.wall_time));
            Arc::new(profile)
        };
        let profiles: BTreeMap<String, Arc<Profile>> =
            self.profiles.iter().map(|(name, profile)| (name.clone(), narrower(profile))).collect();
        for rule in self.allow.iter_mut().chain(self.ask.iter_mut()).chain(self.deny.iter_mut()) {
            if let Some(profile) = &mut rule.profile {
                *profile = narrower(profile);
            }
        }
        self.default_profile = narrower(&self.default_profile);
        self.profiles = profiles;
    }

    /// The ruling on a command, or a refusal where no pattern of the narrowing matches it.
    pub(super) fn narrowed(
        &self,
        command: &Command,
        (mut report, mut ruling): (CommandReport, Ruling),
    ) -> (CommandReport, Ruling) {
        let Some(narrowed) = self.narrowed.as_ref().filter(|_| report.verdict != Verdict::Deny) else {
            return (report, ruling);
        };
        let known = command.words.iter().map_while(|word| word.known().is_some().then(|| word.clone()));
        let start = Command { words: known.collect::<Vec<Word>>(), ..command.clone() };
        let text = command_text(&start).rendered;
        if narrowed.patterns.iter().any(|pattern| pattern.matches(&text)) {
            return (report, ruling);
        }
        let patterns: Vec<&str> = narrowed.patterns.iter().map(|pattern| pattern.text.as_str()).collect();
        report.verdict = Verdict::Deny;
        report.rule = None;
        report.reason =
            format!("the operator of this server lets only commands that begin with `{}` run", patterns.join("`, `"));
        ruling.need = Need::Nothing;
        (report, ruling)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed assumption is a failed test")]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_about_whole_words_at_the_start() {
        let cases = [
            ("npm", "npm test", true),
            ("npm", "npm", true),
            ("npm", "npmx test", false),
            ("npm", "/tmp/npm test", false),
            ("^npm ", "npm test", true),
            ("^npm ", "npm", false),
            ("npm test", "npm test --watch", true),
            ("npm (test|run \\w+)", "npm run build", true),
            ("npm (test|run \\w+)", "npm install", false),
            ("^ls$", "ls", true),
            ("^ls$", "ls -l", false),
            (".*", "anything at all", true),
            ("a|b", "b c", true),
            ("a|b", "cb", false),
        ];
        for (pattern, command, want) in cases {
            assert_eq!(Pattern::new(pattern).unwrap().matches(command), want, "{pattern:?} and {command:?}");
        }
    }

    #[test]
    fn a_pattern_cannot_leave_its_group() {
        for wrong in ["(", "a)|(.*", "[", "*"] {
            assert!(Pattern::new(wrong).is_err(), "{wrong}");
        }
    }
}
