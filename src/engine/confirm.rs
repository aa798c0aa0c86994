//! Asking a person.
//!
//! In: a question that a rule of the policy wants answered. Out: yes, no, or nobody to ask. A front that can reach a
//! person implements [`Confirm`].

use super::call::Call;

/// Characters of an input that a person is shown.
const SHOWN: usize = 1_000;

/// What beside the command line decides what a call does: a person who says yes says yes to this as well.
pub(super) fn circumstances(call: &Call) -> String {
    let mut text = String::new();
    let mut add = |line: String| {
        text.push('\n');
        text.push_str(&line);
    };
    if let Some(cwd) = &call.cwd {
        add(format!("in the directory {cwd}"));
    }
    for (name, value) in &call.env {
        add(format!("with {name}={value}"));
    }
    if call.terminal.is_some() {
        add("at a terminal, into which more can be typed later".to_owned());
    }
    if let Some(input) = &call.stdin.text {
        let shown: String = input.chars().take(SHOWN).collect();
        let left = input.chars().count().saturating_sub(SHOWN);
        let rest = if left > 0 { format!("\n({left} characters more)") } else { String::new() };
        add(format!("with this input:\n{shown}{rest}"));
    }
    text
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The command line, redacted.
    pub command: String,
    /// The reason of the rule, and what else there is to know: directory, variables, input.
    pub reason: String,
}

/// Somebody who may be asked.
pub trait Confirm: Sync {
    /// `Some(true)` for yes, `Some(false)` for no, `None` when nobody can be asked.
    fn confirm(&self, question: &Question) -> impl Future<Output = Option<bool>> + Send;
}

/// Nobody: every question is a refusal.
#[derive(Debug, Clone, Copy)]
pub struct Nobody;

impl Confirm for Nobody {
    async fn confirm(&self, _question: &Question) -> Option<bool> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::super::call::Stdin;
    use super::*;

    #[test]
    fn a_person_sees_everything_that_decides_what_a_call_does() {
        assert_eq!(circumstances(&Call::default()), "");
        let stdin = Stdin { text: Some("y".repeat(1_003)), ..Stdin::default() };
        let env = [("A".to_owned(), "b".to_owned())].into();
        let call = Call { cwd: Some("below".into()), env, stdin, ..Call::default() };
        let text = circumstances(&call);
        assert!(text.starts_with("\nin the directory below\nwith A=b\nwith this input:\nyyy"), "{text}");
        assert!(text.ends_with("\n(3 characters more)"), "{text}");
    }
}
