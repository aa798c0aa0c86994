//! The matches of one rule, one after the other.
//!
//! In: places where the rule may begin, in order, and the bytes that are there. Out: its matches, none overlapping
//! another one: what lies inside a match is not looked at again, so text full of beginnings costs no more than others.

use std::collections::VecDeque;
use std::ops::Range;

use super::candidate::{Candidate, Fate};
use super::rule::Rule;
use super::window::Window;

/// How far one rule has come.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) rule: usize,
    places: Places,
    open: Option<Candidate>,
    /// All before is decided.
    done: usize,
}

/// Where a rule may begin.
#[derive(Debug)]
enum Places {
    /// At its literals.
    Listed(VecDeque<usize>),
    /// Anywhere: it has no literals.
    All,
}

impl Lane {
    /// A rule with literals.
    pub(super) fn listed(rule: usize) -> Self {
        Self { rule, places: Places::Listed(VecDeque::new()), open: None, done: 0 }
    }

    /// A rule without.
    pub(super) fn everywhere(rule: usize) -> Self {
        Self { rule, places: Places::All, open: None, done: 0 }
    }

    /// One more place, behind all those before.
    pub(super) fn add(&mut self, place: usize) {
        if let Places::Listed(places) = &mut self.places {
            places.push_back(place);
        }
    }

    /// True when it can be forgotten once nothing before `place` is looked at any more.
    pub(super) fn is_idle(&self, place: usize) -> bool {
        let waiting = match &self.places {
            Places::Listed(places) => !places.is_empty(),
            Places::All => true,
        };
        self.open.is_none() && !waiting && self.done <= place
    }

    /// The earliest byte that may turn out to be secret, as far as this rule goes.
    pub(super) fn held_from(&self) -> Option<usize> {
        let open = self.open.as_ref().map(Candidate::held_from);
        open.into_iter().chain(self.next_place()).min()
    }

    /// The earliest byte that must stay readable.
    pub(super) fn needs_from(&self) -> Option<usize> {
        let open = self.open.as_ref().map(Candidate::needs_from);
        open.into_iter().chain(self.next_place()).min()
    }

    fn next_place(&self) -> Option<usize> {
        match &self.places {
            Places::Listed(places) => places.front().copied(),
            Places::All => Some(self.done),
        }
    }

    fn take_place(&mut self, window: &Window) -> Option<usize> {
        match &mut self.places {
            Places::Listed(places) => {
                while places.front().is_some_and(|place| *place < self.done) {
                    places.pop_front();
                }
                places.pop_front()
            }
            Places::All => (self.done < window.end()).then_some(self.done),
        }
    }

    /// Goes on as far as the bytes do.
    pub(super) fn advance(&mut self, rule: &Rule, window: &Window, found: &mut Vec<(Range<usize>, usize)>) {
        loop {
            let mut candidate = match self.open.take() {
                Some(candidate) => candidate,
                None => {
                    let Some(place) = self.take_place(window) else { return };
                    self.done = place + 1;
                    let Some(candidate) = Candidate::new(rule, place, window) else { continue };
                    candidate
                }
            };
            match candidate.advance(rule, window) {
                Fate::Dead(end) => self.done = self.done.max(end),
                Fate::Found(range) => {
                    self.done = self.done.max(range.end);
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
