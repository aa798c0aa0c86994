//! Finding the literals of all rules in one pass.
//!
//! In: the literals and bytes. Out: where each literal begins. Whether a rule matches there is decided by a candidate.
//!
//! A table indexed by two neighbouring bytes answers "no literal begins here" for nearly all text: literals are spread
//! over groups, and a place is worth a look when one group has a literal with these two bytes and with the two after
//! them. With hundreds of literals that is several times faster than an automaton, whose next step has to wait for the
//! one before.

use std::collections::BTreeMap;
use std::ops::Range;

use super::rule::{Edge, Follows, Rule};

/// Entries of the table: one for each pair of bytes.
const PAIRS: usize = 1 << 16;
/// Groups of literals; each has a bit for first pairs and one for second pairs in an entry.
const GROUPS: usize = 16;
/// Groups of literals of three bytes, of which the second pair is half known.
const SHORT_GROUPS: usize = 4;
/// A literal is not looked for across a line break when fewer of its bytes stand before it.
const SHORTEST_HEAD: usize = 2;
/// Places looked at before a branch.
const STRIDE: usize = 16;
/// Bytes needed to look at so many places.
const BLOCK: usize = STRIDE + 3;
/// Index bits of the table of first bytes.
const SLOT_BITS: u32 = 11;

/// Index bits of the tables of hashed bytes: they stay in the first cache.
const HASH_BITS: u32 = 17;
const HASHES: usize = 1 << HASH_BITS;

/// Which rules begin with a literal.
#[derive(Debug)]
struct Owners {
    rules: Vec<usize>,
    /// Every secret here begins with the literal, so a part of it at the end of the data must be held.
    holds: bool,
    /// The same behind so many bytes, where the literal is longer than what stays to be seen.
    holds_behind: Option<usize>,
    /// One of the rules may begin in the middle of a word.
    anywhere: bool,
    /// What follows it, over all rules.
    follows: Follows,
}

/// All literals, sorted, none of them a prefix of another one.
#[derive(Debug)]
pub(super) struct Prefilter {
    /// By a pair of bytes: the groups that have it first, and from bit 16 on those that have it second.
    table: Box<[u32]>,
    /// A bit for the hash of each four bytes that a literal begins with, the byte behind it counted in.
    starts: Box<[u64]>,
    /// Three bytes and the literals that begin with them, at the place that a hash gives or the next free one.
    slots: Vec<([u8; 3], Range<usize>)>,
    literals: Vec<Vec<u8>>,
    owners: Vec<Owners>,
    longest: usize,
    /// Pairs of neighbours in literals, and where they are: index of the literal, bytes before the second one.
    pairs: Vec<(u16, usize, usize)>,
    /// A bit for the hash of each of these pairs with the byte before.
    pair_bits: Box<[u64]>,
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
        let owners = kept.iter().map(|(_, owners)| {
            let rules_of = || owners.iter().filter_map(|index| rules.get(*index));
            Owners {
                rules: owners.clone(),
                holds: rules_of().any(|rule| rule.lead.is_none()),
                holds_behind: rules_of().filter_map(|rule| rule.shown).min(),
                anywhere: rules_of().any(|rule| rule.edge == Edge::Any),
                follows: rules_of().map(|rule| rule.follows).max().unwrap_or(Follows::Any),
            }
        });
        let owners: Vec<Owners> = owners.collect();
        let literals: Vec<Vec<u8>> = kept.iter().map(|(literal, _)| literal.to_vec()).collect();
        let longest = literals.iter().map(Vec::len).max().unwrap_or(0);
        let pairs = pairs(&literals, &owners);
        Self {
            table: table(&literals, &owners),
            slots: slots(&literals),
            starts: starts(&literals, &owners),
            pair_bits: pair_bits(&literals, &pairs),
            pairs,
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
        let mut at = 0;
        if let Some(table) = self.table.first_chunk() {
            while let Some(block) = bytes.get(at..).and_then(|rest| rest.first_chunk()) {
                let mut hits = hits(table, block);
                while hits != 0 {
                    self.literal_at(bytes, at + hits.trailing_zeros() as usize, seen, sink);
                    hits &= hits - 1;
                }
                at += STRIDE;
            }
        }
        (at..bytes.len()).for_each(|place| self.literal_at(bytes, place, seen, sink));
    }

    fn literal_at<'a>(&'a self, bytes: &[u8], at: usize, seen: usize, sink: &mut impl FnMut(usize, &'a [usize])) {
        let rest = bytes.get(at..).unwrap_or_default();
        let Some([a, b, c]) = rest.first_chunk() else { return };
        if rest.get(3).is_some_and(|d| !bit(&self.starts, hash([*a, *b, *c, *d]))) {
            return;
        }
        let key = [*a, *b, *c];
        let mut slot = slot(key);
        let range = loop {
            match self.slots.get(slot) {
                Some((known, range)) if *known == key => break range.clone(),
                Some((_, range)) if !range.is_empty() => slot = (slot + 1) % self.slots.len(),
                _ => return,
            }
        };
        let owners = self.owners.get(range.clone()).unwrap_or_default();
        let listed = self.literals.get(range).unwrap_or_default().iter().zip(owners);
        for (literal, owners) in listed {
            if rest.starts_with(literal) && at + literal.len() > seen {
                sink(at, &owners.rules);
            }
        }
    }

    /// How many bytes at the end of `bytes` may be the start of a secret. `is_edge` tells whether a word may begin so
    /// many bytes before the end.
    pub(super) fn held(&self, bytes: &[u8], is_edge: impl Fn(usize) -> bool) -> usize {
        let most = self.reach().min(bytes.len());
        let held = |length: usize| {
            let suffix = bytes.get(bytes.len() - length..).unwrap_or_default();
            let owners = self.may_begin(suffix).then(|| self.beginning_with(suffix)).into_iter().flatten();
            let held = owners.filter_map(|owners| match owners.holds_behind {
                _ if owners.holds && (owners.anywhere || is_edge(length)) => Some(length),
                Some(shown) => length.checked_sub(shown),
                None => None,
            });
            held.max().unwrap_or(0)
        };
        (1..=most).map(held).max().unwrap_or(0)
    }

    /// False for most bytes with which no literal begins.
    fn may_begin(&self, bytes: &[u8]) -> bool {
        let pair = bytes.first_chunk().map(|pair| usize::from(u16::from_le_bytes(*pair)));
        let groups = pair.and_then(|pair| self.table.get(pair));
        groups.is_none_or(|groups| groups & ((1 << GROUPS) - 1) != 0)
    }

    fn beginning_with(&self, prefix: &[u8]) -> impl Iterator<Item = &Owners> {
        let first = self.literals.partition_point(|literal| literal.as_slice() < prefix);
        let behind = self.literals.iter().zip(&self.owners).skip(first);
        let same = behind.take_while(move |(literal, _)| literal.starts_with(prefix));
        same.filter(move |(literal, _)| literal.len() > prefix.len()).map(|(_, owners)| owners)
    }

    /// True when some literal may hold these three bytes, with a break before the last one.
    pub(super) fn has_break(&self, two: [u8; 2], after: u8) -> bool {
        bit(&self.pair_bits, hash([two[0], two[1], after, 0]))
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
            self.may_begin(head) && self.beginning_with(head).any(|owners| owners.holds)
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

/// A bit for each place in a block where a literal may begin.
#[inline]
fn hits(table: &[u32; PAIRS], block: &[u8; BLOCK]) -> u32 {
    // Nearly always there is nothing: which place it is does not matter before that is known.
    let mut any = 0;
    for_each_place(table, block, |_, groups| any |= groups);
    let mut hits = 0;
    if any != 0 {
        for_each_place(table, block, |place, groups| hits |= u32::from(groups != 0) << place);
    }
    hits
}

/// Tells for each place in a block the groups that may have a literal there.
#[inline(always)]
#[expect(clippy::indexing_slicing, reason = "places lie in the block and each pair has an entry; no check is left")]
fn for_each_place(table: &[u32; PAIRS], block: &[u8; BLOCK], mut tell: impl FnMut(usize, u32)) {
    let entry = |at: usize| table[usize::from(u16::from_le_bytes([block[at], block[at + 1]]))];
    let mut first = entry(0);
    let mut second = entry(1);
    for place in 0..STRIDE {
        let third = entry(place + 2);
        tell(place, first & (third >> GROUPS));
        first = second;
        second = third;
    }
}

/// Where literals with these first bytes are listed.
fn slot([a, b, c]: [u8; 3]) -> usize {
    // Multiplicative hashing.
    (u32::from_le_bytes([a, b, c, 0]).wrapping_mul(0x9e37_79b1) >> (32 - SLOT_BITS)) as usize
}

/// Literals with the same first bytes are neighbours. Most slots stay empty, so looking for one ends soon.
fn slots(literals: &[Vec<u8>]) -> Vec<([u8; 3], Range<usize>)> {
    let size = (4 * literals.len()).next_power_of_two().max(1 << SLOT_BITS);
    let mut slots = vec![([0; 3], 0..0); size];
    for (index, literal) in literals.iter().enumerate() {
        let Some(first) = literal.first_chunk::<3>() else { continue };
        let places = (slot(*first)..size).chain(0..size);
        let mut free = places.filter(|at| slots.get(*at).is_some_and(|(key, range)| range.is_empty() || key == first));
        let Some(entry) = free.next().and_then(|at| slots.get_mut(at)) else { continue };
        let start = if entry.1.is_empty() { index } else { entry.1.start };
        *entry = (*first, start..index + 1);
    }
    slots
}

fn table(literals: &[Vec<u8>], owners: &[Owners]) -> Box<[u32]> {
    let mut table = vec![0; PAIRS];
    let mut mark = |pair: [u8; 2], bit: usize| {
        if let Some(groups) = table.get_mut(usize::from(u16::from_le_bytes(pair))) {
            *groups |= 1_u32 << bit;
        }
    };
    for (index, (literal, owners)) in literals.iter().zip(owners).enumerate() {
        // Neighbours begin alike, so a group has few different pairs.
        let part = |groups: usize| index * groups / literals.len();
        match literal.as_slice() {
            [a, b, c, d, ..] => {
                let group = SHORT_GROUPS + part(GROUPS - SHORT_GROUPS);
                mark([*a, *b], group);
                mark([*c, *d], group + GROUPS);
            }
            [a, b, c] => {
                let group = part(SHORT_GROUPS);
                mark([*a, *b], group);
                owners.follows.bytes().for_each(|d| mark([*c, d], group + GROUPS));
            }
            _ => {}
        }
    }
    table.into_boxed_slice()
}

fn pair_bits(literals: &[Vec<u8>], pairs: &[(u16, usize, usize)]) -> Box<[u64]> {
    let mut bits = vec![0; HASHES / 64];
    for (_, index, cut) in pairs {
        let around = literals.get(*index).and_then(|literal| literal.get(cut.saturating_sub(2)..=*cut));
        if let Some([a, b, c]) = around {
            set(&mut bits, hash([*a, *b, *c, 0]));
        }
    }
    bits.into_boxed_slice()
}

fn starts(literals: &[Vec<u8>], owners: &[Owners]) -> Box<[u64]> {
    let mut bits = vec![0; HASHES / 64];
    for (literal, owners) in literals.iter().zip(owners) {
        match literal.as_slice() {
            [a, b, c, d, ..] => set(&mut bits, hash([*a, *b, *c, *d])),
            [a, b, c] => owners.follows.bytes().for_each(|d| set(&mut bits, hash([*a, *b, *c, d]))),
            _ => {}
        }
    }
    bits.into_boxed_slice()
}

/// Multiplicative hashing.
fn hash(bytes: [u8; 4]) -> usize {
    (u32::from_le_bytes(bytes).wrapping_mul(0x9e37_79b1) >> (32 - HASH_BITS)) as usize
}

fn bit(bits: &[u64], at: usize) -> bool {
    bits.get(at / 64).is_some_and(|word| word >> (at % 64) & 1 == 1)
}

fn set(bits: &mut [u64], at: usize) {
    if let Some(word) = bits.get_mut(at / 64) {
        *word |= 1 << (at % 64);
    }
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
