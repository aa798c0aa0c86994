//! A rule without literals, tried at every place.
//!
//! In: one rule and the bytes that are there. Out: its matches, leftmost first, none overlapping another one.

use std::ops::Range;

use super::candidate::{Candidate, Fate};
use super::rule::Rule;
use super::window::Window;

/// How far one rule has come.
#[derive(Debug)]
pub(super) struct Sweep {
    rule: usize,
    /// The next place to try.
    at: usize,
    open: Option<Candidate>,
}

impl Sweep {
    pub(super) fn new(rule: usize) -> Self {
        Self { rule, at: 0, open: None }
    }

    pub(super) fn rule(&self) -> usize {
        self.rule
    }

    pub(super) fn held_from(&self) -> usize {
        self.open.as_ref().map_or(self.at, Candidate::held_from)
    }

    pub(super) fn needs_from(&self) -> usize {
        self.open.as_ref().map_or(self.at, Candidate::needs_from)
    }

    pub(super) fn advance(&mut self, rule: &Rule, window: &Window, found: &mut Vec<(Range<usize>, usize)>) {
        loop {
            let mut candidate = match self.open.take() {
                Some(candidate) => candidate,
                None if self.at >= window.end() => return,
                None => match Candidate::new(self.rule, rule, self.at, window) {
                    Some(candidate) => candidate,
                    None => {
                        self.at = window.end();
                        return;
                    }
                },
            };
            match candidate.advance(rule, window) {
                Fate::Dead => self.at += 1,
                Fate::Found(range) => {
                    self.at = range.end.max(self.at + 1);
                    found.push((range, self.rule));
                }
                Fate::Open => {
                    found.extend(candidate.certain().map(|range| (range, self.rule)));
                    self.open = Some(candidate);
                    return;
                }
            }
        }
    }
}
