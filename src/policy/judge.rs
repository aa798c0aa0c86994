//! One command against the rules.
//!
//! In: a command of the line. Out: a [`Ruling`]: the verdict, the rule that gave it, why, and the sandbox it needs.
//! Strictest first: deny, then ask, then allow, then the default. How rulings become one decision is in `decide`.

use std::borrow::Cow;
use std::cell::Cell;
use std::sync::Arc;

use super::catalogue::{self, Entry};
use super::compiled::{Mode, Policy};
use super::covers::{Fit, Mismatch, covers};
use super::explain::{CommandReport, Look, Verdict, word};
use super::meets::meets;
use super::places::Places;
use super::profile::Profile;
use super::rule::{List, OperandRule, Options, Rule, RuleRef};
use super::subject::Subject;
use super::world::{ProgramFile, World};
use crate::paths::AbsPath;
use crate::shell::{Command, Cwd, Head, Word, carries_alike, leaves_login_out};

/// Why an allow rule without a reason of its own allows.
const COVERED: &str = "all of it is allowed";

/// Builtins that steer the shell, as `if` and `for` do; analysis accepts them only with plain words.
const CONTROL: [&str; 10] = [":", "break", "continue", "exit", "export", "read", "set", "shift", "unset", "wait"];

/// What a command needs of the sandbox.
#[derive(Debug, Clone)]
pub(super) enum Need {
    /// It does only what was judged, so any sandbox will do.
    Nothing,
    /// It may run other code, so it must not see another sandbox than one of these.
    OneOf(Vec<Arc<Profile>>),
}

/// The answer to one command.
#[derive(Debug)]
pub(super) struct Ruling {
    pub(super) need: Need,
    pub(super) file: Option<ProgramFile>,
    /// The file without symlinks.
    pub(super) real: Option<AbsPath>,
}

/// What is the same for all commands of a line.
pub(super) struct Court<'a> {
    pub(super) policy: &'a Policy,
    pub(super) world: &'a dyn World,
    pub(super) start: &'a AbsPath,
    pub(super) line: &'a str,
    /// How deep the command stands in arguments of others, and how many more are read out of them.
    pub(super) carried: Cell<(usize, usize)>,
    /// What is tried in addition to the policy.
    pub(super) trial: Trial<'a>,
}

/// A change of the policy that is tried on a command.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Trial<'a> {
    /// One more allow rule.
    pub(super) allow: Option<&'a Rule>,
    /// Ids of deny rules that do not apply.
    pub(super) without: &'a [String],
}

/// A verdict with its reason, before the sandbox is looked at.
pub(super) struct Answer<'a> {
    pub(super) verdict: Verdict,
    pub(super) rule: Option<&'a Rule>,
    pub(super) reason: String,
    pub(super) profiles: Vec<Arc<Profile>>,
    pub(super) inert: bool,
    /// It runs something that could not be read.
    pub(super) unread: bool,
}

impl Answer<'_> {
    pub(super) fn deny(reason: impl Into<String>) -> Self {
        let (profiles, reason) = (Vec::new(), reason.into());
        Self { verdict: Verdict::Deny, rule: None, reason, profiles, inert: false, unread: false }
    }
}

impl<'a> Court<'a> {
    /// Judges one command.
    pub(super) fn judge(&self, command: &Command) -> (CommandReport, Ruling) {
        let mut report = self.blank(command);
        let Some(name) = command.words.first().and_then(Word::known) else {
            report.reason = "the name of the program is not known before it runs; write it out".into();
            return (report, Ruling { need: Need::Nothing, file: None, real: None });
        };
        let cwd = self.follow(command);
        let builtin = !matches!(command.head, Head::Program(_));
        let file = if builtin { Ok(None) } else { self.find(name, &cwd) };
        let real = file.as_ref().ok().and_then(Option::as_ref).map(|file| self.world.resolve(&file.path));
        let real = real.and_then(Result::ok);
        let found = if name.contains('/') { self.search(base(name)) } else { None };
        let mut subject = Subject::new(command, name, self.line);
        subject.file = file.as_ref().ok().and_then(Option::as_ref);
        subject.real = real.as_ref();
        subject.found = found.as_ref();
        let mut answer = self.rules(&subject, &cwd, &mut report);
        if command.head == Head::Builtin && answer.rule.is_none() && CONTROL.contains(&name) {
            let reason = "a part of the shell that starts nothing".to_owned();
            let profiles = vec![Arc::clone(&self.policy.default_profile)];
            answer = Answer { verdict: Verdict::Allow, reason, profiles, inert: true, ..answer };
        }
        let any_code = |rule: &Rule| matches!((&rule.options, &rule.operands), (Options::Any, OperandRule::Any));
        if command.reads_commands && answer.verdict != Verdict::Deny && !answer.rule.is_some_and(any_code) {
            let why = "what it reads is not known before it runs; run the commands themselves";
            answer = Answer::deny(format!("`{name}` runs the commands that it reads: {why}"));
        }
        let by_rule = answer.rule.is_some() && answer.verdict == Verdict::Deny;
        if !by_rule {
            let missing = match (&file, &real) {
                (Err(why), _) => Some(why.clone()),
                (Ok(Some(_)), None) => Some(format!("where `{name}` leads cannot be followed")),
                (Ok(Some(_)), Some(real)) if !carries_alike(name, &last(real)) => {
                    Some(format!("`{name}` leads to `{real}`, which runs other programs; call it by its own name"))
                }
                _ => None,
            };
            if let Some(why) = missing {
                answer = Answer::deny(why);
            }
        }
        if let (true, Some(real)) = (answer.verdict != Verdict::Deny, &real) {
            answer.profiles.retain(|profile| profile.may_execute(real));
            if answer.profiles.is_empty() {
                answer = Answer::deny(format!("`{real}` lies under no executable root"));
            }
        }
        report.verdict = answer.verdict;
        report.rule = answer.rule.map(Rule::reference);
        report.reason = answer.reason;
        if report.verdict != Verdict::Deny && leaves_login_out(&command.words) {
            report.reason.push_str("; it runs without `-l`, so no start-up file is read");
        }
        let file = file.ok().flatten();
        report.path = file.as_ref().map(|file| file.path.clone());
        let need = if answer.inert || builtin { Need::Nothing } else { Need::OneOf(answer.profiles) };
        (report, Ruling { need, file, real })
    }

    pub(super) fn blank(&self, command: &Command) -> CommandReport {
        CommandReport {
            program: command.words.first().and_then(word),
            path: None,
            args: command.words.iter().skip(1).map(word).collect(),
            via: command.via.clone(),
            verdict: Verdict::Deny,
            rule: None,
            reason: String::new(),
            looked: Vec::new(),
            span: command.span,
        }
    }

    /// What the rules say to a command itself.
    pub(super) fn listed(
        &self,
        subject: &Subject<'_>,
        cwd: &Result<AbsPath, String>,
        report: &mut CommandReport,
    ) -> Answer<'a> {
        let names = subject.names();
        let denies = self.policy.deny.about(List::Deny, &names, subject).chain(self.dangerous(&names));
        let denies = denies.filter(|rule| !self.trial.without.iter().any(|id| **id == *rule.id));
        if let Some((rule, how)) = first_met(List::Deny, denies, subject, report) {
            return Answer { rule: Some(rule), ..Answer::deny(reason(rule, &how)) };
        }
        let asks = self.policy.ask.about(List::Ask, &names, subject);
        let asked = first_met(List::Ask, asks, subject, report);
        let allowed = self.allowed(subject, cwd, &names, report);
        let profile = |rule: &Rule| Arc::clone(rule.profile.as_ref().unwrap_or(&self.policy.default_profile));
        let profiles: Vec<Arc<Profile>> = allowed.iter().map(|(rule, _)| profile(rule)).collect();
        match (asked, allowed.first()) {
            (Some((rule, how)), allowed) => Answer {
                verdict: Verdict::Ask,
                rule: Some(rule),
                reason: reason(rule, &how),
                profiles: if rule.profile.is_some() || allowed.is_none() { vec![profile(rule)] } else { profiles },
                inert: false,
                unread: false,
            },
            (None, Some((rule, _))) => Answer {
                verdict: Verdict::Allow,
                rule: Some(rule),
                reason: rule.reason.clone().unwrap_or_else(|| COVERED.into()),
                profiles,
                inert: allowed.iter().any(|(_, fit)| fit.inert),
                unread: false,
            },
            (None, None) => self.default(subject, report),
        }
    }

    /// Built-in rules for these programs that nobody switched off.
    fn dangerous(&self, names: &[&str]) -> impl Iterator<Item = &'a Rule> + use<'a> {
        let policy = self.policy;
        let entries: Vec<&'static Entry> = match policy.dangerous {
            true => names.iter().filter_map(|name| catalogue::entry(name)).collect(),
            false => Vec::new(),
        };
        let rules = entries.into_iter().flat_map(|entry| &entry.dangerous);
        rules.filter(move |rule| !policy.disabled.contains(&*rule.id))
    }

    /// Every allow rule that covers the command: each brings a sandbox in which it may run.
    fn allowed(
        &self,
        subject: &Subject<'_>,
        cwd: &Result<AbsPath, String>,
        names: &[&str],
        report: &mut CommandReport,
    ) -> Vec<(&'a Rule, Fit)> {
        let mut fits = Vec::new();
        let mut places = Places { world: self.world, profile: &self.policy.default_profile, cwd: cwd.clone() };
        for rule in self.policy.allow.about(List::Allow, names, subject).chain(self.trial.allow) {
            places.profile = rule.profile.as_deref().unwrap_or(&self.policy.default_profile);
            match covers(rule, subject, &places) {
                Ok(fit) => {
                    report.looked.push(Look::at(rule, List::Allow, true, COVERED.into()));
                    fits.push((rule, fit));
                }
                Err(Mismatch::Program) => {}
                Err(Mismatch::Detail(why)) => report.looked.push(Look::at(rule, List::Allow, false, why.into())),
            }
        }
        fits
    }

    fn default(&self, subject: &Subject<'_>, report: &CommandReport) -> Answer<'a> {
        let name = subject.name;
        let nearest = report.looked.iter().find(|look| look.list == List::Allow);
        let reason = match (self.policy.default, nearest) {
            (Verdict::Deny, Some(Look { id, why, .. })) => format!("`{name}`: {why} (rule `{id}`)"),
            (Verdict::Deny, None) => format!("no rule allows `{name}`"),
            (Verdict::Ask, _) => format!("no rule is about `{name}`, so a person decides"),
            (Verdict::Allow, _) => "allowed by default".to_owned(),
        };
        let profiles = vec![Arc::clone(&self.policy.default_profile)];
        Answer { verdict: self.policy.default, profiles, ..Answer::deny(reason) }
    }

    /// Where the command runs, as far as that can be told.
    pub(super) fn follow(&self, command: &Command) -> Result<AbsPath, String> {
        self.follow_cwd(&command.cwd)
    }

    /// The same for anything that has a working directory.
    pub(super) fn follow_cwd(&self, cwd: &Cwd) -> Result<AbsPath, String> {
        let moves = match cwd {
            Cwd::Unknown(why) => return Err(format!("the working directory is not known: {why}")),
            Cwd::Moved(moves) => moves,
        };
        let mut at = self.start.clone();
        for target in moves {
            let places = Places { world: self.world, profile: &self.policy.default_profile, cwd: Ok(at) };
            at = places.resolve(target)?;
            if !self.policy.may_start_in(&at) {
                return Err(format!("`cd {target}` leads to `{at}`, outside the working directories of the policy"));
            }
        }
        Ok(at)
    }

    pub(super) fn find(&self, name: &str, cwd: &Result<AbsPath, String>) -> Result<Option<ProgramFile>, String> {
        let missing = || match self.policy.path.is_empty() {
            true => format!("`{name}` is searched nowhere: no directory of PATH lies under `filesystem.execute`"),
            false => format!("there is no program `{name}`"),
        };
        if name.contains('/') {
            let path = match cwd {
                _ if name.starts_with('/') => AbsPath::new(name).map_err(|error| error.to_string())?,
                Ok(cwd) => cwd.join(name).map_err(|error| error.to_string())?,
                Err(why) => return Err(why.clone()),
            };
            let file = self.world.program_file(&path).map_err(|error| error.to_string())?;
            return file.map(Some).ok_or_else(missing);
        }
        let found = self.world.find_program(name, &self.policy.path).map_err(|error| error.to_string())?;
        found.map(Some).ok_or_else(|| self.only_elsewhere(name).unwrap_or_else(missing))
    }

    /// The program that a builtin alone on its line can be run as, which saves the shell: it was allowed under this name,
    /// and does the same.
    pub(super) fn alike(&self, script: &str, profile: &Profile) -> Option<ProgramFile> {
        let file = ["false", "true"].contains(&script).then(|| self.search(script)).flatten()?;
        let real = self.world.resolve(&file.path).ok()?;
        // A program of many names may do more than this one.
        (last(&real) == script && profile.may_execute(&real)).then_some(file)
    }

    /// What to tell of a program that lies only where PATH is not searched.
    fn only_elsewhere(&self, name: &str) -> Option<String> {
        let found = self.world.find_program(name, &self.policy.not_searched).ok().flatten()?.path;
        let dir = found.parent()?;
        Some(format!(
            "`{name}` is only at `{found}`, and `{dir}` is not searched: no `filesystem.execute` covers it, or jobs can write it"
        ))
    }

    fn search(&self, base: &str) -> Option<ProgramFile> {
        self.world.find_program(base, &self.policy.path).ok().flatten()
    }
}

fn last(path: &AbsPath) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn base(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

fn reason(rule: &Rule, how: &str) -> String {
    rule.reason.clone().unwrap_or_else(|| how.to_owned())
}

/// The first of these deny or ask rules that the command meets, and how; the report keeps all that were looked at.
fn first_met<'r>(
    list: List,
    rules: impl Iterator<Item = &'r Rule>,
    subject: &Subject<'_>,
    report: &mut CommandReport,
) -> Option<(&'r Rule, Cow<'static, str>)> {
    for rule in rules {
        match meets(rule, subject) {
            Ok(how) => {
                report.looked.push(Look::at(rule, list, true, how.clone()));
                return Some((rule, how));
            }
            Err(missing) => {
                report.looked.extend(missing.why().map(|why| Look::at(rule, list, false, Cow::Borrowed(why))));
            }
        }
    }
    None
}

impl Policy {
    /// May commands start in this resolved directory?
    pub(super) fn may_start_in(&self, path: &AbsPath) -> bool {
        self.cwd_roots.iter().any(|root| root.hold(path))
    }

    /// Is this a policy without a shell?
    pub(super) fn without_shell(&self) -> bool {
        self.mode == Mode::Argv
    }
}

/// The rules that allowed the commands of a line, each once.
pub(super) fn rules_of(reports: &[CommandReport]) -> Vec<RuleRef> {
    let mut rules: Vec<RuleRef> = Vec::new();
    for rule in reports.iter().filter_map(|report| report.rule.as_ref()) {
        if !rules.contains(rule) {
            rules.push(rule.clone());
        }
    }
    rules
}
