//! One place where a rule may match, followed byte by byte.
//!
//! In: a rule, a place, the bytes that are there. Out: dead, found, or open with the earliest byte that must be held.
//! Which places are looked at is decided by the stream.
//!
//! INVARIANT: what becomes of a candidate depends on the bytes of the stream alone, not on how they were cut.

use std::ops::Range;

use super::check::{Check, Place};
use super::named;
use super::pattern::State;
use super::rule::{Rule, Wrap};
use super::window::Window;

/// Bytes that may pass without a decision. It bounds what is held back.
const LONGEST_UNDECIDED: usize = 4096;
/// Bytes of the first look at a place.
const GLANCE: usize = 256;
/// A line shorter than this was not broken because it was full.
const SHORTEST_FULL_LINE: usize = 20;
/// A line at least this long was, when what follows is one word alone.
const FULL_LINE: usize = 60;
/// A word at least this long on the next line is the rest of a value, however short the line before was.
const LONG_WORD: usize = 16;
/// Widths of terminals: they break lines anywhere, so the rest of a value may be followed by other words.
const TERMINAL_WIDTHS: [usize; 4] = [80, 100, 120, 132];
/// Indentation after a broken line.
const DEEPEST_INDENT: usize = 32;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// What stands before the secret and is shown: a name, quotes, an equals sign.
    Lead,
    Secret,
}

/// A match in the making.
#[derive(Debug)]
pub(super) struct Candidate {
    part: Part,
    /// Where the first part began.
    lead: usize,
    /// Where the part begins.
    from: usize,
    /// The next byte to read.
    at: usize,
    state: State,
    /// Where the longest match of the part ends.
    best: Option<usize>,
    /// Line ends inside the value.
    wraps: Vec<Range<usize>>,
    /// Where the value ends if what follows a line end is no part of it.
    before_wrap: Option<usize>,
    /// Every match is a secret: nothing is left to be checked.
    sure: bool,
}

/// What has become of a candidate.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// More bytes could decide.
    Open,
    /// No secret; nothing before this place is worth another look.
    Dead(usize),
    /// These bytes are secret.
    Found(Range<usize>),
}

/// What stands at a place where a line may have been broken.
enum Break {
    None,
    /// The value goes on here.
    Until(usize),
    /// More bytes are needed.
    Open,
}

impl Candidate {
    /// A candidate at `from`; none when the rule cannot begin there.
    pub(super) fn new(rule: &Rule, from: usize, window: &Window) -> Option<Self> {
        let (part, pattern) = match &rule.lead {
            Some(lead) => (Part::Lead, lead),
            None => (Part::Secret, &rule.secret),
        };
        let state = pattern.start(window.before(from))?;
        let sure = rule.is_sure();
        let wraps = Vec::new();
        Some(Self { part, lead: from, from, at: from, state, best: None, wraps, before_wrap: None, sure })
    }

    /// True when the bytes that are there rule a match out: most places end here, without any of the bookkeeping below.
    pub(super) fn is_ruled_out(rule: &Rule, from: usize, window: &Window) -> bool {
        let most = window.end().min(from + GLANCE);
        let mut start = from;
        if let Some(lead) = &rule.lead {
            let Some(end) = lead.glance(window.before(from), window.slice(from, most), |_, _| false) else {
                return false;
            };
            let Some(end) = end else { return true };
            start += end;
        }
        let bytes = window.slice(start, most);
        let breaks = |at: usize, byte: u8| {
            let next = |ends: &[u8]| bytes.get(at + 1).is_none_or(|next| ends.contains(next));
            match byte {
                b'\n' | b'\r' => true,
                b' ' => next(b"\r"),
                b'\\' => next(b"\n\r"),
                _ => false,
            }
        };
        let wraps = rule.wrap != Wrap::No;
        rule.secret.glance(window.before(start), bytes, |at, byte| wraps && breaks(at, byte)) == Some(None)
    }

    /// The earliest byte that may turn out to be secret.
    pub(super) fn held_from(&self) -> usize {
        match self.part {
            Part::Lead => self.best.unwrap_or(self.at),
            Part::Secret => self.settled().unwrap_or(self.from),
        }
    }

    /// The earliest byte that must stay readable.
    pub(super) fn needs_from(&self) -> usize {
        self.settled().unwrap_or(self.from)
    }

    /// What is secret already, whatever follows.
    pub(super) fn certain(&self) -> Option<Range<usize>> {
        self.settled().map(|end| self.from..end)
    }

    /// The end of what is secret already.
    fn settled(&self) -> Option<usize> {
        let end = self.best.filter(|_| self.sure && self.part == Part::Secret)?;
        Some(self.before_wrap.map_or(end, |before| before.min(end)))
    }

    /// Reads what is there.
    pub(super) fn advance(&mut self, rule: &Rule, window: &Window) -> Fate {
        loop {
            let pattern = match (self.part, &rule.lead) {
                (Part::Lead, Some(lead)) => lead,
                _ => &rule.secret,
            };
            let most = self.needs_from() + LONGEST_UNDECIDED;
            let wraps = self.part == Part::Secret && rule.wrap != Wrap::No;
            let breaks = |byte| wraps && matches!(byte, b'\n' | b'\r' | b' ' | b'\\');
            let (state, taken) = pattern.run(self.state, window.slice(self.at, most.min(window.end())), breaks);
            self.state = state;
            self.at += taken;
            let Some(byte) = window.get(self.at) else {
                let matches = pattern.matches_at_end(self.state);
                if !window.ended {
                    if matches && self.part == Part::Lead {
                        self.best = Some(self.at);
                    }
                    return Fate::Open;
                }
                if matches {
                    self.best = Some(self.at);
                }
                match self.conclude(rule, window) {
                    Some(fate) => return fate,
                    None => continue,
                }
            };
            let step = pattern.step(self.state, byte);
            if step.matched {
                self.best = Some(self.at);
            }
            if wraps {
                match line_break(window, self.at, byte) {
                    Break::Open => return Fate::Open,
                    Break::Until(next) if self.goes_on(rule, window, next) => {
                        self.wraps.push(self.at..next);
                        self.at = next;
                        continue;
                    }
                    Break::Until(_) | Break::None => {}
                }
            }
            let undecided = self.at.saturating_sub(self.needs_from());
            match step.next.filter(|_| undecided < LONGEST_UNDECIDED) {
                Some(state) => {
                    self.state = state;
                    self.at += 1;
                }
                None if step.next.is_some() && self.outgrown(rule, window) => {}
                None => {
                    if let Some(fate) = self.conclude(rule, window) {
                        return fate;
                    }
                }
            }
        }
    }

    /// A value longer than what may stay undecided is judged by what is there, and followed to its end when it is secret.
    fn outgrown(&mut self, rule: &Rule, window: &Window) -> bool {
        let judged = self.part == Part::Secret && !self.sure && self.best.is_some();
        if judged && rule.accepts(&self.value(window, self.at), self.place(window, self.at)) {
            self.sure = true;
        }
        judged && self.sure
    }

    /// Ends a part: the lead hands over to the secret (none), the secret is found or not.
    fn conclude(&mut self, rule: &Rule, window: &Window) -> Option<Fate> {
        let Some(mut best) = self.best else { return Some(Fate::Dead(0)) };
        if self.part == Part::Lead {
            let state = rule.secret.start(window.before(best));
            self.part = Part::Secret;
            self.from = best;
            self.at = best;
            self.best = None;
            let Some(state) = state else { return Some(Fate::Dead(0)) };
            self.state = state;
            return None;
        }
        if let (Some(before), Some(wrap)) = (self.before_wrap, self.wraps.last()) {
            let width = window.column(before);
            let alone = window.get(best).is_none_or(|byte| b"\n\r\"'`,;)}]<".contains(&byte));
            let word = best.saturating_sub(wrap.end);
            let rest = alone && (width >= FULL_LINE || word >= LONG_WORD) || TERMINAL_WIDTHS.contains(&width);
            if word == 0 || !rest || names_another(window.slice(wrap.end, best)) {
                best = before;
            }
        }
        let best = best - rule.trail;
        let secret = self.sure || rule.accepts(&self.value(window, best), self.place(window, best));
        Some(if secret {
            Fate::Found(self.unquoted(window, best))
        } else {
            Fate::Dead(self.refuted(rule, window, best))
        })
    }

    /// Where looking goes on after a match that is no secret.
    fn refuted(&self, rule: &Rule, window: &Window, best: usize) -> usize {
        let quoted = window.get(self.from).is_some_and(|first| b"\"'".contains(&first));
        match rule.check {
            // A name that announces nothing may have another one inside, and so may a quoted text.
            Check::Named if !named::announces(window.slice(self.lead, self.from)) => 0,
            Check::Named if quoted => self.from,
            // `process.env.PASSWORD` is no value, and may be the name of one.
            Check::Named if self.wraps.is_empty() => {
                let value = window.slice(self.from, best);
                value.iter().rposition(|byte| *byte == b'.').map_or(best, |dot| self.from + dot + 1)
            }
            // The next line may be one of its own.
            _ => self.wraps.first().map_or(best, |wrap| best.min(wrap.start)),
        }
    }

    fn place<'a>(&self, window: &'a Window, end: usize) -> Place<'a> {
        Place { window, lead: self.lead, from: self.from, end }
    }

    /// The secret up to `end` without the quotes that a pattern took with it.
    fn unquoted(&self, window: &Window, end: usize) -> Range<usize> {
        let quote = window.get(self.from).filter(|first| b"\"'".contains(first));
        if quote.is_none() || end - self.from < 2 {
            return self.from..end;
        }
        let closed = window.before(end) == quote;
        self.from + 1..end - usize::from(closed)
    }

    /// The value up to `end` without line ends.
    fn value(&self, window: &Window, end: usize) -> Vec<u8> {
        let mut value = Vec::new();
        let mut start = self.from;
        for wrap in self.wraps.iter().filter(|wrap| wrap.end <= end) {
            value.extend_from_slice(window.slice(start, wrap.start));
            start = wrap.end;
        }
        value.extend_from_slice(window.slice(start, end));
        value
    }

    /// True when the value goes on at `next`, behind the line break at `self.at`.
    fn goes_on(&mut self, rule: &Rule, window: &Window, next: usize) -> bool {
        let pattern = &rule.secret;
        let Some(byte) = window.get(next) else { return false };
        if pattern.step(self.state, byte).next.is_none() {
            return false;
        }
        match self.best {
            // Nothing matched yet, so the value is cut in two; the pattern itself says whether the halves fit.
            None => rule.wrap == Wrap::Anywhere,
            Some(best) if best == self.at && window.column(self.at) >= SHORTEST_FULL_LINE => {
                self.before_wrap = Some(best);
                true
            }
            Some(_) => false,
        }
    }
}

/// True for a line that names a value of its own, `NAME=…`, or is what a log puts before one: `file.conf:12:`.
fn names_another(line: &[u8]) -> bool {
    let name =
        line.iter().position(|byte| !(byte.is_ascii_alphanumeric() || b"_.-".contains(byte))).unwrap_or(line.len());
    let value = match line.get(name..) {
        Some([b'=' | b':', value @ ..]) => value,
        _ => return line.ends_with(b":"),
    };
    name > 0 && !matches!(value, [] | [b'='])
}

/// Where a value goes on behind a line break at `at`: a line end with what an editor, a shell or a terminal puts around.
fn line_break(window: &Window, at: usize, byte: u8) -> Break {
    let mut next = match byte {
        b'\n' | b'\r' => at,
        b' ' | b'\\' => at + 1,
        _ => return Break::None,
    };
    let missing = if window.ended { Break::None } else { Break::Open };
    match (byte, window.get(next)) {
        // readline fills the last column with a blank and goes back to the first one.
        (b' ', Some(b'\r')) | (b'\\', Some(b'\n' | b'\r')) | (b'\n' | b'\r', _) => {}
        (_, None) => return missing,
        _ => return Break::None,
    }
    let most = next + DEEPEST_INDENT;
    let mut line_ends = 0;
    while let Some(byte) = window.get(next) {
        match byte {
            b'\n' if line_ends == 0 => line_ends += 1,
            b'\r' | b' ' | b'\t' if next < most => {}
            _ => return Break::Until(next),
        }
        next += 1;
    }
    missing
}

/// Where text goes on behind a line break at `at`, for literals that are broken themselves: none when there is no
/// break, `Err` when more bytes are needed.
pub(super) fn after_break(window: &Window, at: usize) -> Result<Option<usize>, ()> {
    match window.get(at).map(|byte| line_break(window, at, byte)) {
        Some(Break::Until(next)) => Ok(Some(next)),
        Some(Break::None) => Ok(None),
        Some(Break::Open) | None => Err(()),
    }
}
