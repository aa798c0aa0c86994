//! What comes out of judging a request.
//!
//! In: nothing from outside; only `decide` makes these. Out: an [`Approved`] that starting a job consumes, a question,
//! or a refusal.
//!
//! INVARIANT: [`Approved`] has no public constructor and cannot be copied.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::explain::Explanation;
use super::profile::Profile;
use super::rule::RuleRef;
use super::world::{DirectoryFacts, ProgramFile};
use crate::paths::AbsPath;
use crate::units::Period;

/// The answer to a request.
#[must_use = "a decision that nobody looks at protects nothing"]
#[derive(Debug)]
pub enum Decision {
    /// It may run.
    Allow(Approved),
    /// A person must say yes first.
    Ask(Pending),
    /// It may not run.
    Deny(Denial),
}

/// How an approved request is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plan {
    /// One program, no shell.
    Exec {
        /// The program.
        program: ProgramFile,
        /// Its words, its own name first.
        argv: Vec<String>,
    },
    /// The approved tree, rendered for bash.
    Bash {
        /// The text.
        script: String,
        /// Every program in it.
        programs: Vec<ProgramFile>,
    },
}

/// Permission to run one plan once.
#[derive(Debug)]
pub struct Approved {
    pub(super) plan: Plan,
    pub(super) programs: Vec<ProgramFile>,
    pub(super) helpers: Vec<AbsPath>,
    pub(super) cwd: DirectoryFacts,
    pub(super) env: Arc<BTreeMap<String, String>>,
    pub(super) profile: Arc<Profile>,
    pub(super) timeout: Option<Period>,
    pub(super) rules: Vec<RuleRef>,
    pub(super) no_input: Option<String>,
    pub(super) explanation: Explanation,
}

impl Approved {
    /// What to run.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Every program that the line starts, those behind wrappers included.
    pub fn programs(&self) -> &[ProgramFile] {
        &self.programs
    }

    /// Programs that those start of their own accord, where the profile executes approved programs only.
    pub fn helpers(&self) -> &[AbsPath] {
        &self.helpers
    }

    /// Where to run it.
    pub fn cwd(&self) -> &DirectoryFacts {
        &self.cwd
    }

    /// The whole environment, sorted by name.
    pub fn env(&self) -> &BTreeMap<String, String> {
        &self.env
    }

    /// The sandbox.
    pub fn profile(&self) -> &Arc<Profile> {
        &self.profile
    }

    /// The longest run: the shorter of what the caller asked for and what the profile allows.
    pub fn timeout(&self) -> Period {
        let limit = self.profile.limits.wall_time;
        self.timeout.map_or(limit, |asked| asked.min(limit))
    }

    /// The rules that allowed it.
    pub fn rules(&self) -> &[RuleRef] {
        &self.rules
    }

    /// Why nothing may be written to its standard input, where that is so: a program of it would run it as code.
    pub fn no_input(&self) -> Option<&str> {
        self.no_input.as_deref()
    }

    /// How it was judged.
    pub fn explanation(&self) -> &Explanation {
        &self.explanation
    }
}

/// What a person says to a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Run it.
    Yes,
    /// Do not.
    No,
}

/// A request that waits for an answer.
#[derive(Debug)]
pub struct Pending {
    pub(super) approved: Approved,
    pub(super) reason: String,
    pub(super) rule: Option<RuleRef>,
}

impl Pending {
    /// What to ask about: the reason of the rule.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// The rule that asks; none when it is the default.
    pub fn rule(&self) -> Option<&RuleRef> {
        self.rule.as_ref()
    }

    /// How it was judged.
    pub fn explanation(&self) -> &Explanation {
        &self.approved.explanation
    }

    /// Takes the answer.
    ///
    /// # Errors
    /// A [`Denial`] when it is no.
    pub fn confirm(self, answer: Answer) -> Result<Approved, Box<Denial>> {
        match answer {
            Answer::Yes => Ok(self.approved),
            Answer::No => Err(Box::new(Denial {
                reason: format!("nobody said yes: {}", self.reason),
                rule: self.rule,
                instead: None,
                suggestion: None,
                explanation: self.approved.explanation,
            })),
        }
    }
}

/// A refusal and its reasons.
#[derive(Debug)]
pub struct Denial {
    pub(super) explanation: Explanation,
    pub(super) reason: String,
    pub(super) rule: Option<RuleRef>,
    /// What would be allowed, for a model.
    pub(super) instead: Option<String>,
    /// What would allow it, for an operator.
    pub(super) suggestion: Option<String>,
}

impl Denial {
    /// How it was judged.
    pub fn explanation(&self) -> &Explanation {
        &self.explanation
    }

    /// Why, in one sentence.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// The rule that refused it; none when no rule allowed it.
    pub fn rule(&self) -> Option<&RuleRef> {
        self.rule.as_ref()
    }

    /// Short, for a model: what was refused, why, and what would be allowed instead.
    pub fn for_model(&self) -> String {
        let mut text = format!("denied: {}", self.reason);
        if let Some(rule) = &self.rule {
            text.push_str(&format!(" (rule `{}`)", rule.id));
        }
        if let Some(instead) = &self.instead {
            text.push_str(&format!("\n{instead}"));
        }
        text
    }

    /// For the operator: the same, the place of the rule, and the smallest change that would allow it.
    pub fn for_operator(&self) -> String {
        let mut text = format!("denied: {}", self.reason);
        if let Some(rule) = &self.rule {
            text.push_str(&format!("\n  by rule `{}` at {}:{}", rule.id, rule.file, rule.line));
        }
        if let Some(suggestion) = &self.suggestion {
            text.push_str(&format!("\n{suggestion}"));
        }
        text
    }
}
