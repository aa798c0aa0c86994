//! Built-in credential formats, as data.
//!
//! Each has an id, the page that describes it, the literals that lead to it and what the secret looks like there. A
//! format whose own prefix is telling needs no second look; one that is known by its surroundings has a check.

mod ai;
mod chat;
mod cloud;
mod generic;
mod hosting;
mod lines;
mod payment;
mod places;
mod services;
#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a failed assumption is a failed test")]
mod tests;

use super::check::Check;
use super::pattern::Pattern;
use super::rule::{Edge, Follows, Replace, Rule, Wrap};

/// One format.
#[derive(Debug)]
pub(super) struct Format {
    /// Names it in `[redacted:ID]`, counts and audit.
    pub(super) id: &'static str,
    /// Where it is described.
    pub(super) source: &'static str,
    literals: &'static [&'static str],
    lead: Option<&'static str>,
    secret: &'static str,
    follows: Follows,
    edge: Edge,
    wrap: Wrap,
    check: Check,
    trail: usize,
    shown: Option<usize>,
}

impl Format {
    /// A secret that begins with one of its literals, at the start of a word.
    const fn token(
        id: &'static str,
        source: &'static str,
        literals: &'static [&'static str],
        secret: &'static str,
    ) -> Self {
        let (edge, wrap, check) = (Edge::Word, Wrap::Anywhere, Check::Form);
        let follows = Follows::Token;
        Self { id, source, literals, lead: None, secret, follows, edge, wrap, check, trail: 0, shown: None }
    }

    /// A secret behind something that stays; `lead` begins with one of the literals.
    const fn behind(
        id: &'static str,
        source: &'static str,
        literals: &'static [&'static str],
        (lead, secret): (&'static str, &'static str),
    ) -> Self {
        let (edge, wrap, check) = (Edge::Any, Wrap::FullLines, Check::None);
        let follows = Follows::Any;
        Self { id, source, literals, lead: Some(lead), secret, follows, edge, wrap, check, trail: 0, shown: None }
    }

    const fn check(mut self, check: Check) -> Self {
        self.check = check;
        self
    }

    const fn follows(mut self, follows: Follows) -> Self {
        self.follows = follows;
        self
    }

    const fn edge(mut self, edge: Edge) -> Self {
        self.edge = edge;
        self
    }

    const fn wrap(mut self, wrap: Wrap) -> Self {
        self.wrap = wrap;
        self
    }

    /// The last `bytes` of the match are no part of the secret.
    const fn trail(mut self, bytes: usize) -> Self {
        self.trail = bytes;
        self
    }

    /// The secret begins so many bytes behind the start of its literals.
    const fn shown(mut self, bytes: usize) -> Self {
        self.shown = Some(bytes);
        self
    }

    /// The format as a rule.
    pub(super) fn rule(&self) -> Rule {
        Rule {
            id: self.id.into(),
            literals: self.literals.iter().map(|literal| literal.as_bytes().to_vec()).collect(),
            follows: self.follows,
            edge: self.edge,
            lead: self.lead.map(Pattern::lazy),
            secret: Pattern::lazy(self.secret),
            wrap: self.wrap,
            check: self.check,
            trail: self.trail,
            replace: Replace::by_id(self.id),
            shown: self.shown,
            encoded: None,
        }
    }
}

/// All formats, the telling ones first: of two that begin at the same byte the first gives its name.
pub(super) fn all() -> impl Iterator<Item = &'static Format> {
    let families = [cloud::FORMATS, hosting::FORMATS, ai::FORMATS, chat::FORMATS, payment::FORMATS, services::FORMATS];
    families.into_iter().chain([lines::FORMATS, places::FORMATS, generic::FORMATS]).flatten()
}
