//! Commands that stand in the arguments of another: `sort --compress-program=X`, `git -c core.pager=X`, `awk 'system("X")'`.
//!
//! In: a command and the answer of the rules to it. Out: that answer, or a stricter one that a deny or ask rule gives to
//! what it carries. Allow rules are not asked: one that lets the option pass has allowed what it runs.
//!
//! INVARIANT: what cannot be read may be any program, so every deny rule meets it and no default allows it.

use super::carriers::{Carried, carried};
use super::explain::{CommandReport, Verdict};
use super::judge::{Answer, Court};
use super::subject::Subject;
use crate::paths::AbsPath;
use crate::shell::{self, Command, Cwd, Head, Word, carries_alike};

/// Most commands that are read out of the arguments of a line.
pub(super) const MAX_CARRIED: usize = 64;
/// Deepest place of one.
const MAX_DEPTH: usize = 4;

impl<'a> Court<'a> {
    /// What the rules say to a command and to all that it carries.
    pub(super) fn rules(
        &self,
        subject: &Subject<'_>,
        cwd: &Result<AbsPath, String>,
        report: &mut CommandReport,
    ) -> Answer<'a> {
        let mut answer = self.listed(subject, cwd, report);
        for carried in carried(subject) {
            if answer.verdict == Verdict::Deny {
                break;
            }
            let (depth, left) = self.carried.get();
            answer = match self.read(&carried, subject) {
                Some(commands) if depth < MAX_DEPTH && commands.len() <= left => {
                    self.carried.set((depth + 1, left - commands.len()));
                    let answer = commands.iter().fold(answer, |answer, command| self.inner(command, answer, report));
                    self.carried.set((depth, self.carried.get().1));
                    answer
                }
                _ => self.unread(subject.name, answer),
            };
        }
        answer
    }

    /// The commands of a carried text; none where they cannot be told.
    fn read(&self, carried: &Carried<'_>, subject: &Subject<'_>) -> Option<Vec<Command>> {
        let context =
            shell::Context { home: self.policy.home.as_ref().map(ToString::to_string), ..shell::Context::default() };
        match carried {
            Carried::Text(text) => Some(shell::analyze(text, &context).ok()?.commands),
            Carried::Words(words) => {
                let known: Option<Vec<String>> = words.iter().map(|word| word.known().map(str::to_owned)).collect();
                match (known, words.first()?.known()?) {
                    (Some(known), _) => Some(shell::exact(known).ok()?.commands),
                    // Which word of a wrapper is its program would have to be guessed.
                    (None, name) if carries_alike(name, "") => Some(vec![Command {
                        words: words.to_vec(),
                        head: Head::Elsewhere,
                        via: vec![subject.name.to_owned()],
                        cwd: Cwd::Unknown("another program starts it".to_owned()),
                        reads_commands: false,
                        span: subject.span(),
                    }]),
                    (None, _) => None,
                }
            }
            Carried::Unknown => None,
        }
    }

    /// The stricter of an answer and what deny and ask rules say to a command.
    fn inner(&self, command: &Command, answer: Answer<'a>, report: &mut CommandReport) -> Answer<'a> {
        let Some(name) = command.words.first().and_then(Word::known).filter(|_| !reads_commands(command)) else {
            return self.unread(&report.program.clone().unwrap_or_default(), answer);
        };
        if answer.verdict == Verdict::Deny {
            return answer;
        }
        let cwd = self.follow(command);
        let file = self.find(name, &cwd).ok().flatten();
        let real = file.as_ref().and_then(|file| self.world.resolve(&file.path).ok());
        let mut subject = Subject::new(command, name, self.line);
        subject.file = file.as_ref();
        subject.real = real.as_ref();
        let mut inside = self.blank(command);
        let inner = self.rules(&subject, &cwd, &mut inside);
        report.looked.extend(inside.looked.into_iter().filter(|look| look.matched));
        match (inner.verdict, inner.rule.is_some()) {
            (Verdict::Deny, true) => inner,
            (Verdict::Deny, false) if inner.unread => inner,
            (Verdict::Ask, true) if answer.verdict == Verdict::Allow => {
                Answer { profiles: answer.profiles, inert: false, ..inner }
            }
            _ => answer,
        }
    }

    /// The answer where some program is run that cannot be told.
    fn unread(&self, name: &str, answer: Answer<'a>) -> Answer<'a> {
        let why = format!("what `{name}` runs by one of its arguments is not known; write it as a plain command");
        if answer.verdict == Verdict::Deny {
            return answer;
        }
        match (self.policy.deny.iter().next(), self.policy.ask.iter().next()) {
            (Some(rule), _) => Answer { rule: Some(rule), unread: true, ..Answer::deny(why) },
            (None, _) if answer.rule.is_none() && answer.verdict == Verdict::Allow => {
                Answer { unread: true, ..Answer::deny(why) }
            }
            (None, Some(rule)) if answer.verdict == Verdict::Allow => {
                Answer { verdict: Verdict::Ask, rule: Some(rule), reason: why, inert: false, ..answer }
            }
            _ => answer,
        }
    }
}

/// Is it a shell that reads what it runs? What its starter writes to it is not known.
fn reads_commands(command: &Command) -> bool {
    let (Some(name), rest) = (command.words.first().and_then(Word::known), command.words.get(1..).unwrap_or_default())
    else {
        return command.reads_commands;
    };
    let shell = matches!(name.rsplit('/').next(), Some("sh" | "bash" | "dash" | "zsh"));
    let dashed = |text: &str| text.starts_with('-') && (text.starts_with("--") || !text.contains('c'));
    command.reads_commands || (shell && rest.iter().all(|word| word.known().is_some_and(dashed)))
}
