//! A pattern that can be stopped at any byte and gone on with later.
//!
//! In: a regex and bytes one at a time. Out: whether a match has been seen, whether more bytes could lengthen it. What
//! is done with a match is decided by the candidate that walks it.

use std::borrow::Cow;
use std::sync::OnceLock;

use regex_automata::Anchored;
use regex_automata::dfa::{Automaton, StartKind, dense};
use regex_automata::nfa::thompson;
use regex_automata::util::primitives::StateID;
use regex_automata::util::{start, syntax};

/// Memory that one pattern's tables may take while they are built and afterwards.
const TABLE_LIMIT: usize = 2 << 20;

type Dfa = dense::DFA<Vec<u32>>;

/// A regex over bytes (`\w`, `\d`, `\s` are ASCII; `^` and `$` are line ends), always matched from a given place on.
#[derive(Debug)]
pub(super) struct Pattern {
    text: Cow<'static, str>,
    /// Built when first walked; none when it cannot be built.
    dfa: OnceLock<Option<Box<Dfa>>>,
}

/// A state between two bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct State(StateID);

/// What one byte did.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    /// The state after the byte; none when nothing more can match.
    pub(super) next: Option<State>,
    /// A match ended right before the byte.
    pub(super) matched: bool,
}

impl Pattern {
    /// A pattern that is built when first used; its text is known to be good.
    pub(super) fn lazy(text: impl Into<Cow<'static, str>>) -> Self {
        Self { text: text.into(), dfa: OnceLock::new() }
    }

    /// A pattern from outside, built at once.
    ///
    /// # Errors
    /// The reason why it cannot be built, in words.
    pub(super) fn eager(text: &str) -> Result<Self, String> {
        let dfa = build(text).map_err(|error| error.to_string())?;
        let pattern = Self::lazy(text.to_owned());
        // The cell is new, so this sets it.
        let _ = pattern.dfa.set(Some(Box::new(dfa)));
        Ok(pattern)
    }

    fn dfa(&self) -> Option<&Dfa> {
        self.dfa.get_or_init(|| build(&self.text).ok().map(Box::new)).as_deref()
    }

    /// The regex.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// True when the pattern can be walked at all.
    #[cfg(test)]
    pub(super) fn is_sound(&self) -> bool {
        self.dfa().is_some()
    }

    /// The state before the first byte; `before` is the byte that precedes it. None when the pattern cannot be built.
    pub(super) fn start(&self, before: Option<u8>) -> Option<State> {
        let config = start::Config::new().anchored(Anchored::Yes).look_behind(before);
        self.dfa()?.start_state(&config).ok().map(State)
    }

    /// Takes one byte.
    pub(super) fn step(&self, state: State, byte: u8) -> Step {
        let Some(dfa) = self.dfa() else { return Step { next: None, matched: false } };
        let next = dfa.next_state(state.0, byte);
        if !dfa.is_special_state(next) {
            return Step { next: Some(State(next)), matched: false };
        }
        let dead = dfa.is_dead_state(next) || dfa.is_quit_state(next);
        Step { next: (!dead).then_some(State(next)), matched: dfa.is_match_state(next) }
    }

    /// Takes bytes as long as nothing happens: no match ends, nothing is ruled out, `stop` is not true of the next
    /// byte. Returns the state and the number of bytes taken.
    pub(super) fn run(&self, mut state: State, bytes: &[u8], stop: impl Fn(u8) -> bool) -> (State, usize) {
        let Some(dfa) = self.dfa() else { return (state, 0) };
        for (taken, byte) in bytes.iter().enumerate() {
            let next = dfa.next_state(state.0, *byte);
            if dfa.is_special_state(next) || stop(*byte) {
                return (state, taken);
            }
            state = State(next);
        }
        (state, bytes.len())
    }

    /// Walks from a fresh start until nothing more can match. Returns where the last match ended, or none when the bytes,
    /// or `stop`, come first: then only a careful walk can tell.
    pub(super) fn glance(
        &self,
        before: Option<u8>,
        bytes: &[u8],
        stop: impl Fn(usize, u8) -> bool,
    ) -> Option<Option<usize>> {
        let dfa = self.dfa()?;
        let config = start::Config::new().anchored(Anchored::Yes).look_behind(before);
        let mut state = dfa.start_state(&config).ok()?;
        let mut best = None;
        for (at, byte) in bytes.iter().enumerate() {
            if stop(at, *byte) {
                return None;
            }
            state = dfa.next_state(state, *byte);
            if dfa.is_special_state(state) {
                if dfa.is_match_state(state) {
                    best = Some(at);
                } else if dfa.is_dead_state(state) || dfa.is_quit_state(state) {
                    return Some(best);
                }
            }
        }
        None
    }

    /// True when the bytes so far are a match if none follow.
    pub(super) fn matches_at_end(&self, state: State) -> bool {
        self.dfa().is_some_and(|dfa| dfa.is_match_state(dfa.next_eoi_state(state.0)))
    }
}

fn build(text: &str) -> Result<Dfa, Box<dense::BuildError>> {
    dense::Builder::new()
        .syntax(syntax::Config::new().unicode(false).utf8(false).multi_line(true))
        .thompson(thompson::Config::new().utf8(false).nfa_size_limit(Some(TABLE_LIMIT)))
        .configure(
            dense::Config::new()
                .start_kind(StartKind::Anchored)
                .dfa_size_limit(Some(TABLE_LIMIT))
                .determinize_size_limit(Some(TABLE_LIMIT)),
        )
        .build(text)
        .map_err(Box::new)
}
