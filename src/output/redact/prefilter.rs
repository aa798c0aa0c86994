//! Finding the literals of all rules in one pass.
//!
//! In: the literals and bytes. Out: where each literal begins. Whether a rule matches there is decided by a candidate.

use std::collections::BTreeMap;

use aho_corasick::{AhoCorasick, Input, MatchKind};

use super::rule::{Edge, Rule};

/// Which rules begin with a literal.
#[derive(Debug)]
struct Owners {
    rules: Vec<usize>,
    /// Every secret here begins with the literal, so a part of it at the end of the data must be held.
    holds: bool,
    /// One of the rules may begin in the middle of a word.
    anywhere: bool,
}

/// All literals, none of them a prefix of another one.
#[derive(Debug)]
pub(super) struct Prefilter {
    search: Option<AhoCorasick>,
    literals: Vec<Vec<u8>>,
    owners: Vec<Owners>,
    longest: usize,
    /// Pairs of neighbours in literals: most line ends are none.
    pairs: Vec<bool>,
}

impl Prefilter {
    pub(super) fn new(rules: &[Rule]) -> Result<Self, String> {
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
        let search =
            AhoCorasick::builder().match_kind(MatchKind::LeftmostFirst).build(kept.iter().map(|(text, _)| text));
        let search = search.map_err(|error| error.to_string())?;
        let owners = kept.iter().map(|(_, owners)| Owners {
            rules: owners.clone(),
            holds: owners.iter().filter_map(|index| rules.get(*index)).any(|rule| rule.lead.is_none()),
            anywhere: owners.iter().filter_map(|index| rules.get(*index)).any(|rule| rule.edge == Edge::Any),
        });
        let owners = owners.collect();
        let mut pairs = vec![false; 1 << 16];
        for (literal, _) in &kept {
            for pair in literal.windows(2) {
                if let [one, two] = pair
                    && let Some(known) = pairs.get_mut(pair_index(*one, *two))
                {
                    *known = true;
                }
            }
        }
        let literals: Vec<Vec<u8>> = kept.iter().map(|(literal, _)| literal.to_vec()).collect();
        let longest = literals.iter().map(Vec::len).max().unwrap_or(0);
        let search = (!literals.is_empty()).then_some(search);
        Ok(Self { search, literals, owners, longest, pairs })
    }

    /// Bytes before the end of some data that may be the start of a literal.
    pub(super) fn reach(&self) -> usize {
        self.longest.saturating_sub(1)
    }

    /// Tells each literal that ends behind `seen`: where it begins and the rules it belongs to.
    pub(super) fn scan<'a>(&'a self, bytes: &[u8], seen: usize, sink: &mut impl FnMut(usize, &'a [usize])) {
        let Some(search) = &self.search else { return };
        let mut from = 0;
        while let Some(found) = search.find(Input::new(bytes).span(from..bytes.len())) {
            if found.end() > seen
                && let Some(owners) = self.owners.get(found.pattern().as_usize())
            {
                sink(found.start(), &owners.rules);
            }
            from = found.start() + 1;
        }
    }

    /// How many bytes at the end of `bytes` may be the start of a secret. `is_edge` tells whether a word may begin so
    /// many bytes before the end.
    pub(super) fn held(&self, bytes: &[u8], is_edge: impl Fn(usize) -> bool) -> usize {
        let most = self.reach().min(bytes.len());
        let suffixes = (1..=most).rev().filter(|length| {
            let suffix = bytes.get(bytes.len() - length..).unwrap_or_default();
            self.beginning_with(suffix).any(|owners| owners.holds && (owners.anywhere || is_edge(*length)))
        });
        suffixes.max().unwrap_or(0)
    }

    fn beginning_with(&self, prefix: &[u8]) -> impl Iterator<Item = &Owners> {
        let first = self.literals.partition_point(|literal| literal.as_slice() < prefix);
        let same = self
            .literals
            .iter()
            .zip(&self.owners)
            .skip(first)
            .take_while(move |(literal, _)| literal.starts_with(prefix));
        same.filter(move |(literal, _)| literal.len() > prefix.len()).map(|(_, owners)| owners)
    }

    /// True when some literal holds these two bytes next to each other.
    pub(super) fn has_pair(&self, one: u8, two: u8) -> bool {
        self.pairs.get(pair_index(one, two)).copied().unwrap_or(false)
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
        for length in 2..=self.reach().min(before.len()) {
            let head = before.get(before.len() - length..).unwrap_or_default();
            let first = self.literals.partition_point(|literal| literal.as_slice() < head);
            for (literal, owners) in self.literals.iter().zip(&self.owners).skip(first) {
                let Some(tail) = literal.strip_prefix(head) else { break };
                if !owners.holds || tail.is_empty() {
                    continue;
                }
                if after.starts_with(tail) {
                    sink(length, &owners.rules);
                } else if !ended && tail.starts_with(after) {
                    held = held.max(length);
                }
            }
        }
        held
    }
}

fn pair_index(one: u8, two: u8) -> usize {
    usize::from(one) << 8 | usize::from(two)
}
