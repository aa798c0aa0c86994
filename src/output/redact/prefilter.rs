//! Finding the literals of all rules in one pass.
//!
//! In: the literals and bytes. Out: where each literal begins. Whether a rule matches there is decided by a candidate.
//!
//! A table indexed by a hash of four bytes answers "no literal begins here" for nearly all text. With hundreds of
//! literals that is several times faster than an automaton, whose next step has to wait for the one before.

use std::collections::BTreeMap;

use super::rule::{Edge, Rule};

/// Bytes of a literal that are hashed.
const HASHED: usize = 4;
/// Index bits of the table: at one bit each it fits the first-level cache and is nearly empty.
const BITS: u32 = 17;
/// A literal is not looked for across a line break when fewer of its bytes stand before it.
const SHORTEST_HEAD: usize = 2;
/// Places looked at before a branch.
const STRIDE: usize = 8;

/// Which rules begin with a literal.
#[derive(Debug)]
struct Owners {
    rules: Vec<usize>,
    /// Every secret here begins with the literal, so a part of it at the end of the data must be held.
    holds: bool,
    /// One of the rules may begin in the middle of a word.
    anywhere: bool,
    /// A byte of a token follows.
    token_follows: bool,
}

/// All literals, sorted, none of them a prefix of another one.
#[derive(Debug)]
pub(super) struct Prefilter {
    /// A bit for each hash with which some literal begins.
    table: Vec<u64>,
    /// The first four bytes of each literal, sorted.
    keys: Vec<u32>,
    literals: Vec<Vec<u8>>,
    owners: Vec<Owners>,
    longest: usize,
    /// Pairs of neighbours in literals, and where they are: index of the literal, bytes before the second one.
    pairs: Vec<(u16, usize, usize)>,
}

impl Prefilter {
    pub(super) fn new(rules: &[Rule]) -> Self {
        let mut all: BTreeMap<&[u8], Vec<usize>> = BTreeMap::new();
        for (index, rule) in rules.iter().enumerate() {
            for literal in &rule.literals {
                all.entry(literal).or_default().push(index);
            }
        }
        // Sorted, so what begins with the last literal kept comes right behind it and is found through it.
        let mut kept: Vec<(&[u8], Vec<usize>)> = Vec::new();
        for (literal, rules) in all {
            match kept.last_mut() {
                Some((prefix, owners)) if literal.starts_with(prefix) => owners.extend(rules),
                _ => kept.push((literal, rules)),
            }
        }
        let owners = kept.iter().map(|(_, owners)| Owners {
            rules: owners.clone(),
            holds: owners.iter().filter_map(|index| rules.get(*index)).any(|rule| rule.lead.is_none()),
            anywhere: owners.iter().filter_map(|index| rules.get(*index)).any(|rule| rule.edge == Edge::Any),
            token_follows: owners.iter().filter_map(|index| rules.get(*index)).all(|rule| rule.token_follows),
        });
        let owners: Vec<Owners> = owners.collect();
        let literals: Vec<Vec<u8>> = kept.iter().map(|(literal, _)| literal.to_vec()).collect();
        let longest = literals.iter().map(Vec::len).max().unwrap_or(0);
        Self {
            table: table(&literals, &owners),
            keys: literals.iter().map(|literal| key(literal)).collect(),
            pairs: pairs(&literals, &owners),
            literals,
            owners,
            longest,
        }
    }

    /// Bytes before the end of some data that may be the start of a literal.
    pub(super) fn reach(&self) -> usize {
        self.longest.saturating_sub(1)
    }

    /// Tells each literal that ends behind `seen`: where it begins and the rules it belongs to.
    pub(super) fn scan<'a>(&'a self, bytes: &[u8], seen: usize, sink: &mut impl FnMut(usize, &'a [usize])) {
        let places = bytes.len().saturating_sub(HASHED - 1);
        let mut at = 0;
        while at < places {
            if let Some(window) = bytes.get(at..at + STRIDE + HASHED - 1) {
                let hit = window.windows(HASHED).fold(false, |hit, four| hit | self.may_begin(four));
                if !hit {
                    at += STRIDE;
                    continue;
                }
            }
            for place in at..places.min(at + STRIDE) {
                self.literal_at(bytes, place, seen, sink);
            }
            at += STRIDE;
        }
        // Literals of three bytes at the very end.
        (places.min(at)..bytes.len()).for_each(|place| self.literal_at(bytes, place, seen, sink));
    }

    fn may_begin(&self, four: &[u8]) -> bool {
        let hash = hash(four);
        self.table.get(hash / 64).is_some_and(|bits| bits >> (hash % 64) & 1 == 1)
    }

    fn literal_at<'a>(&'a self, bytes: &[u8], at: usize, seen: usize, sink: &mut impl FnMut(usize, &'a [usize])) {
        let rest = bytes.get(at..).unwrap_or_default();
        if rest.get(..HASHED).is_some_and(|four| !self.may_begin(four)) {
            return;
        }
        let key = key(rest);
        if self.keys.binary_search(&key).is_err() && self.keys.binary_search(&(key & !0xff)).is_err() {
            return;
        }
        // The only literal that can begin here is the last one that is not greater.
        let index = self.literals.partition_point(|literal| literal.as_slice() <= rest);
        let Some((literal, owners)) =
            index.checked_sub(1).and_then(|at| self.literals.get(at).zip(self.owners.get(at)))
        else {
            return;
        };
        if rest.starts_with(literal) && at + literal.len() > seen {
            sink(at, &owners.rules);
        }
    }

    /// How many bytes at the end of `bytes` may be the start of a secret. `is_edge` tells whether a word may begin so
    /// many bytes before the end.
    pub(super) fn held(&self, bytes: &[u8], is_edge: impl Fn(usize) -> bool) -> usize {
        let most = self.reach().min(bytes.len());
        let mut lengths = (1..=most).rev();
        let begins = |length: &usize| {
            let suffix = bytes.get(bytes.len() - length..).unwrap_or_default();
            self.beginning_with(suffix).any(|owners| owners.holds && (owners.anywhere || is_edge(*length)))
        };
        lengths.find(begins).unwrap_or(0)
    }

    fn beginning_with(&self, prefix: &[u8]) -> impl Iterator<Item = &Owners> {
        let first = self.literals.partition_point(|literal| literal.as_slice() < prefix);
        let behind = self.literals.iter().zip(&self.owners).skip(first);
        let same = behind.take_while(move |(literal, _)| literal.starts_with(prefix));
        same.filter(move |(literal, _)| literal.len() > prefix.len()).map(|(_, owners)| owners)
    }

    /// True when some literal holds these two bytes next to each other.
    pub(super) fn has_pair(&self, one: u8, two: u8) -> bool {
        !self.at_pair(one, two).is_empty()
    }

    /// Literals that are cut in two by a line break, `before` it and `after` it: tells how many bytes stand before it
    /// and the rules. Returns the bytes before the break that must be held until more is known.
    pub(super) fn broken<'a>(
        &'a self,
        before: &[u8],
        after: &[u8],
        ended: bool,
        sink: &mut impl FnMut(usize, &'a [usize]),
    ) -> usize {
        let mut held = 0;
        let (Some(one), Some(two)) = (before.last(), after.first()) else {
            return if ended { 0 } else { self.cut_at_end(before) };
        };
        for (_, index, length) in self.at_pair(*one, *two) {
            let Some((literal, owners)) = self.literals.get(*index).zip(self.owners.get(*index)) else { continue };
            let (head, tail) = literal.split_at((*length).min(literal.len()));
            if !before.ends_with(head) {
                continue;
            }
            if after.starts_with(tail) {
                sink(*length, &owners.rules);
            } else if !ended && tail.starts_with(after) {
                held = held.max(*length);
            }
        }
        held
    }

    /// The most bytes at the end of `before` that begin a literal, when nothing is known of what follows.
    fn cut_at_end(&self, before: &[u8]) -> usize {
        let mut lengths = (SHORTEST_HEAD..=self.reach().min(before.len())).rev();
        let begins = |length: &usize| {
            let head = before.get(before.len() - length..).unwrap_or_default();
            self.beginning_with(head).any(|owners| owners.holds)
        };
        lengths.find(begins).unwrap_or(0)
    }

    fn at_pair(&self, one: u8, two: u8) -> &[(u16, usize, usize)] {
        let pair = u16::from_be_bytes([one, two]);
        let start = self.pairs.partition_point(|(known, ..)| *known < pair);
        let rest = self.pairs.get(start..).unwrap_or_default();
        rest.get(..rest.partition_point(|(known, ..)| *known == pair)).unwrap_or_default()
    }
}

/// Multiplicative hashing of four bytes.
fn hash(four: &[u8]) -> usize {
    let word = four.first_chunk::<HASHED>().map_or(0, |four| u32::from_le_bytes(*four));
    (word.wrapping_mul(0x9e37_79b1) >> (32 - BITS)) as usize
}

/// The first four bytes as a number that sorts as they do; a missing byte counts as zero.
fn key(bytes: &[u8]) -> u32 {
    (0..HASHED).fold(0, |key, at| key << 8 | u32::from(bytes.get(at).copied().unwrap_or(0)))
}

fn table(literals: &[Vec<u8>], owners: &[Owners]) -> Vec<u64> {
    let mut table = vec![0; (1 << BITS) / 64];
    let mut mark = |four: &[u8]| {
        let hash = hash(four);
        if let Some(bits) = table.get_mut(hash / 64) {
            *bits |= 1 << (hash % 64);
        }
    };
    for (literal, owners) in literals.iter().zip(owners) {
        let may_follow = |byte: &u8| !owners.token_follows || byte.is_ascii_alphanumeric() || b"-_:%".contains(byte);
        match literal.get(..HASHED) {
            Some(four) => mark(four),
            None => (0..=u8::MAX).filter(may_follow).for_each(|last| mark(&[literal.as_slice(), &[last]].concat())),
        }
    }
    table
}

/// Where a line break may cut a literal, by the bytes on both sides.
fn pairs(literals: &[Vec<u8>], owners: &[Owners]) -> Vec<(u16, usize, usize)> {
    let held = literals.iter().zip(owners).enumerate().filter(|(_, (_, owners))| owners.holds);
    let cuts = held.flat_map(|(index, (literal, _))| {
        literal.windows(2).enumerate().skip(SHORTEST_HEAD - 1).filter_map(move |(at, pair)| match pair {
            [one, two] => Some((u16::from_be_bytes([*one, *two]), index, at + 1)),
            _ => None,
        })
    });
    let mut pairs: Vec<_> = cuts.collect();
    pairs.sort_unstable();
    pairs
}
