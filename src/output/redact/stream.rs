//! Redaction of one stream, in whatever pieces it comes.
//!
//! In: bytes. Out: the same bytes without secrets, as early as possible, and how often each rule fired. What a secret
//! is was decided in the rules.
//!
//! INVARIANT: what comes out, all pieces joined, does not depend on how the stream was cut.
//! INVARIANT: no byte is passed on that may still turn out to belong to a secret.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::sync::Arc;

use memchr::memchr2_iter;

use super::super::escape::{Escapes, Piece};
use super::candidate::{Candidate, after_break};
use super::lane::Lane;
use super::redactor::Redactor;
use super::rule::{Edge, Wrap};
use super::window::Window;

/// Bytes handled at once: they stay in the cache from the first look to the last.
const BLOCK: usize = 32 << 10;
/// Escape sequences between two bytes of text that are kept; more than this prints nothing new.
const MOST_AT_ONE_PLACE: usize = 8 << 10;

/// In place of the index of a lane.
const NO_LANE: usize = usize::MAX;

/// A redaction in progress.
#[derive(Debug)]
pub struct RedactStream {
    redactor: Arc<Redactor>,
    escapes: Escapes,
    /// Text without escape sequences.
    window: Window,
    /// The sequences, by the text position before which they stand.
    marks: VecDeque<(usize, Vec<u8>)>,
    /// Position of the last sequence passed on: a word may begin there.
    last_mark: Option<usize>,
    /// All text before is passed on or replaced.
    cursor: usize,
    /// All text before has been searched for literals.
    scanned: usize,
    /// All line breaks before have been looked across.
    breaks: usize,
    /// Places where literals begin, in order, that no lane has yet: a line break before them is not understood.
    places: VecDeque<(usize, usize)>,
    /// The rules that have something to do.
    lanes: Vec<Lane>,
    /// Where the lane of each rule is, or [`NO_LANE`].
    lane_of: Vec<usize>,
    found: Vec<(Range<usize>, usize)>,
    /// How often each rule fired, by its index.
    counts: Vec<u64>,
}

impl RedactStream {
    pub(super) fn new(redactor: Arc<Redactor>) -> Self {
        let lanes: Vec<Lane> = redactor.swept().map(Lane::everywhere).collect();
        let mut lane_of = vec![NO_LANE; redactor.rules()];
        for (index, lane) in lanes.iter().enumerate() {
            if let Some(slot) = lane_of.get_mut(lane.rule) {
                *slot = index;
            }
        }
        Self {
            counts: vec![0; redactor.rules()],
            lane_of,
            redactor,
            escapes: Escapes::default(),
            window: Window::default(),
            marks: VecDeque::new(),
            last_mark: None,
            cursor: 0,
            scanned: 0,
            breaks: 0,
            places: VecDeque::new(),
            lanes,
            found: Vec::new(),
        }
    }

    /// Takes the next bytes and appends to `out` all that is certain to be no secret.
    pub fn push(&mut self, chunk: &[u8], out: &mut Vec<u8>) {
        for block in chunk.chunks(BLOCK) {
            self.take(|escapes, sink| escapes.split(block, sink));
            self.search();
            self.emit(out);
        }
    }

    /// Ends the stream and appends the rest.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        self.take(Escapes::finish);
        self.window.ended = true;
        self.search();
        self.emit(out);
    }

    /// How often each rule fired so far, by its id.
    pub fn counts(&self) -> BTreeMap<String, u64> {
        let mut counts = BTreeMap::new();
        for (index, count) in self.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            if let Some(rule) = self.redactor.rule(index) {
                *counts.entry(rule.id.to_string()).or_default() += count;
            }
        }
        counts
    }

    /// How often any rule fired so far.
    pub fn fired(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Sorts new bytes into text and marks.
    fn take(&mut self, split: impl FnOnce(&mut Escapes, &mut dyn FnMut(Piece<'_>))) {
        let Self { escapes, window, marks, redactor, counts, .. } = self;
        let mut sink = |piece: Piece<'_>| match piece {
            Piece::Text(bytes) => window.extend(bytes),
            Piece::Silent(bytes) => mark(marks, window.end(), bytes),
            Piece::Command(bytes) => mark(marks, window.end(), &command(redactor, counts, bytes)),
        };
        split(escapes, &mut sink);
    }

    /// Looks for literals and follows all rules as far as the bytes go.
    fn search(&mut self) {
        self.find_literals();
        self.look_across_breaks();
        let ready = self.places.partition_point(|(at, _)| *at < self.breaks);
        for (at, rule) in self.places.drain(..ready) {
            let Some(slot) = self.lane_of.get_mut(rule) else { continue };
            if *slot == NO_LANE {
                *slot = self.lanes.len();
                self.lanes.push(Lane::listed(rule));
            }
            if let Some(lane) = self.lanes.get_mut(*slot) {
                lane.add(at);
            }
        }
        let Self { redactor, window, lanes, found, .. } = self;
        for lane in &mut *lanes {
            if let Some(rule) = redactor.rule(lane.rule) {
                lane.advance(rule, window, found);
            }
        }
        let looked_at = window.end().saturating_sub(2 * redactor.prefilter().reach()).min(self.breaks);
        self.lanes.retain(|lane| {
            let keep = !lane.is_idle(looked_at);
            if let Some(slot) = self.lane_of.get_mut(lane.rule).filter(|_| !keep) {
                *slot = NO_LANE;
            }
            keep
        });
        for (index, lane) in self.lanes.iter().enumerate() {
            if let Some(slot) = self.lane_of.get_mut(lane.rule) {
                *slot = index;
            }
        }
    }

    fn find_literals(&mut self) {
        let redactor = Arc::clone(&self.redactor);
        let reach = redactor.prefilter().reach();
        let start = self.scanned.saturating_sub(reach);
        let end = self.window.end();
        let mut places = Vec::new();
        let sink = &mut |at, rules| places.push((start + at, rules));
        redactor.prefilter().scan(self.window.slice(start, end), self.scanned - start, sink);
        for (at, rules) in places {
            self.consider(&redactor, at, rules, false);
        }
        self.scanned = end;
    }

    /// Lists the rules that may begin at `from`; `broken` when a line break cuts their literal.
    fn consider(&mut self, redactor: &Redactor, from: usize, rules: &[usize], broken: bool) {
        let edge = self.edge(from);
        for index in rules {
            let Some(rule) = redactor.rule(*index) else { continue };
            let may = rule.edge <= edge && (!broken || rule.wrap == Wrap::Anywhere);
            if may && (broken || !Candidate::is_ruled_out(rule, from, &self.window)) {
                let place = (from, *index);
                // Nearly always it is the last one.
                if self.places.back().is_none_or(|last| *last <= place) {
                    self.places.push_back(place);
                    continue;
                }
                let after = self.places.partition_point(|known| *known <= place);
                self.places.insert(after, place);
            }
        }
    }

    /// Looks for literals that a line break cuts in two.
    fn look_across_breaks(&mut self) {
        let redactor = Arc::clone(&self.redactor);
        let prefilter = redactor.prefilter();
        let (start, end) = (self.breaks, self.window.end());
        let line_ends = memchr2_iter(b'\n', b'\r', self.window.slice(start, end)).map(|at| start + at);
        let line_ends: Vec<usize> = line_ends.filter(|at| self.may_break_a_literal(*at)).collect();
        for at in line_ends {
            let next = match after_break(&self.window, at) {
                Ok(Some(next)) => next,
                Ok(None) => continue,
                Err(()) if self.window.ended => continue,
                Err(()) => {
                    // Looked at again when more is known.
                    self.breaks = at;
                    return;
                }
            };
            let reach = prefilter.reach();
            let before = self.window.slice(at.saturating_sub(reach), at);
            let after = self.window.slice(next, next + reach);
            let mut places = Vec::new();
            let sink = &mut |length: usize, rules| places.push((at - length, rules));
            if prefilter.broken(before, after, self.window.ended, sink) > 0 {
                self.breaks = at;
                return;
            }
            for (from, rules) in places {
                self.consider(&redactor, from, rules, true);
            }
        }
        self.breaks = end;
    }

    /// False for most line ends: no literal holds the bytes before and after as neighbours.
    fn may_break_a_literal(&self, at: usize) -> bool {
        let Some(before) = self.window.before(at).filter(|byte| !matches!(byte, b'\n' | b'\r')) else { return false };
        match after_break(&self.window, at) {
            Ok(Some(next)) => {
                let after = self.window.get(next);
                let second = self.window.before(at - 1).unwrap_or_default();
                after.is_none_or(|after| self.redactor.prefilter().has_break([second, before], after))
            }
            Ok(None) => false,
            Err(()) => true,
        }
    }

    /// What kind of place `at` is for a rule to begin.
    fn edge(&self, at: usize) -> Edge {
        let Some(before) = self.window.before(at) else { return Edge::Token };
        if !(before.is_ascii_alphanumeric() || b"_-.".contains(&before)) {
            return Edge::Token;
        }
        let two = self.window.slice(at.saturating_sub(2), at);
        let three = self.window.slice(at.saturating_sub(3), at);
        // `\n` in a JSON text, `%3D` in a URL.
        let escaped = matches!(two, [b'\\', b'n' | b'r' | b't']);
        let encoded = matches!(three, [b'%', high, low] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit());
        let marked = self.last_mark == Some(at) || self.marks.binary_search_by_key(&at, |(place, _)| *place).is_ok();
        match before {
            _ if escaped || encoded || marked => Edge::Token,
            b'-' | b'.' => Edge::Word,
            _ => Edge::Any,
        }
    }

    /// The first byte that may not be passed on yet.
    fn limit(&self) -> usize {
        let end = self.window.end();
        if self.window.ended {
            return end;
        }
        let prefilter = self.redactor.prefilter();
        let tail = self.window.slice(end.saturating_sub(prefilter.reach()), end);
        let partial = end - prefilter.held(tail, |length| self.edge(end - length) > Edge::Any);
        let lanes = self.lanes.iter().filter_map(Lane::held_from);
        let place = self.places.front().map(|(at, _)| *at);
        lanes.chain(place).chain([self.held_before_break()]).fold(partial, usize::min)
    }

    /// Where a literal may begin that a line break at the end of the data cuts in two.
    fn held_before_break(&self) -> usize {
        let end = self.window.end();
        if self.breaks == end {
            return end;
        }
        let prefilter = self.redactor.prefilter();
        let before = self.window.slice(self.breaks.saturating_sub(prefilter.reach()), self.breaks);
        let next = after_break(&self.window, self.breaks).ok().flatten().unwrap_or(end);
        let mut complete = 0;
        let sink = &mut |length: usize, _| complete = complete.max(length);
        let partial = prefilter.broken(before, self.window.slice(next, end), false, sink);
        let held = partial.max(complete);
        if held == 0 { end } else { self.breaks - held }
    }

    /// Passes on what is decided.
    fn emit(&mut self, out: &mut Vec<u8>) {
        let limit = self.limit();
        self.found.sort_by_key(|(range, rule)| (range.start, *rule));
        let decided = self.found.partition_point(|(range, _)| range.start < limit);
        for (range, index) in self.found.drain(..decided).collect::<Vec<_>>() {
            if range.start >= self.cursor {
                self.pass_on(range.start, out);
                if let Some(rule) = self.redactor.rule(index) {
                    out.extend_from_slice(&rule.replace.render(self.window.slice(range.start, range.end)));
                    if let Some(count) = self.counts.get_mut(index) {
                        *count += 1;
                    }
                }
            }
            self.cursor = self.cursor.max(range.end);
        }
        self.pass_on(limit, out);
        let needed = self.lanes.iter().filter_map(Lane::needs_from);
        let needed = needed.fold(self.cursor.min(self.breaks), usize::min);
        self.window.forget_before(needed);
    }

    /// Passes on text up to `end`, with the marks in it.
    fn pass_on(&mut self, end: usize, out: &mut Vec<u8>) {
        while let Some((at, bytes)) = self.marks.front().filter(|(at, _)| *at <= end.max(self.cursor)) {
            if *at > self.cursor {
                out.extend_from_slice(self.window.slice(self.cursor, *at));
                self.cursor = *at;
            }
            out.extend_from_slice(bytes);
            self.last_mark = Some(*at);
            self.marks.pop_front();
        }
        if end > self.cursor {
            out.extend_from_slice(self.window.slice(self.cursor, end));
            self.cursor = end;
        }
    }
}

/// Keeps a sequence for its place in the text.
fn mark(marks: &mut VecDeque<(usize, Vec<u8>)>, at: usize, bytes: &[u8]) {
    match marks.back_mut().filter(|(place, _)| *place == at) {
        Some((_, kept)) if kept.len() + bytes.len() <= MOST_AT_ONE_PLACE => kept.extend_from_slice(bytes),
        Some(_) => {}
        None => marks.push_back((at, bytes.to_vec())),
    }
}

/// A command string without the secrets in it: a link, a title.
fn command(redactor: &Arc<Redactor>, counts: &mut [u64], bytes: &[u8]) -> Vec<u8> {
    let (opening, content) = bytes.split_at(bytes.len().min(2));
    let mut inner = RedactStream::new(Arc::clone(redactor));
    let mut out = opening.to_vec();
    let end = content.iter().position(|byte| matches!(*byte, 0x07 | 0x1b)).unwrap_or(content.len());
    let (content, closing) = content.split_at(end);
    inner.push(content, &mut out);
    inner.finish(&mut out);
    for (count, more) in counts.iter_mut().zip(inner.counts) {
        *count += more;
    }
    out.extend_from_slice(closing);
    out
}
