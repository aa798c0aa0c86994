//! Asking a person.
//!
//! In: a question that a rule of the policy wants answered. Out: yes, no, or nobody to ask. A front that can reach a
//! person implements [`Confirm`].

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The command line, redacted.
    pub command: String,
    /// The rule and its reason.
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
