//! The same secrets in base64, percent signs or hexadecimal.
//!
//! In: a rule that is known by how its secrets begin. Out: rules that find that beginning in each encoding, at every
//! alignment, decode what follows and ask the first rule. What a secret is stays decided there.

use std::sync::OnceLock;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD_NO_PAD};
use regex::bytes::{Regex, RegexBuilder};

use super::check::Check;
use super::pattern::Pattern;
use super::rule::{Edge, Follows, Rule, Wrap};

/// Shorter beginnings are everywhere once they are encoded.
const SHORTEST: usize = 4;
/// Bytes of an encoded beginning that stay to be seen, so that no prompt is held back for two letters.
const SHOWN: usize = 3;

/// Bits behind the last whole byte belong to what follows.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_encode_padding(false).with_decode_allow_trailing_bits(true),
);

/// How a rule's secrets are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coding {
    /// So many other bytes come first in their group of three.
    Base64(usize),
    Percent,
    Hex,
}

/// What takes an encoded value apart.
#[derive(Debug)]
pub(super) struct Encoded {
    coding: Coding,
    /// Beginnings, encoded and plain.
    beginnings: Vec<(Vec<u8>, Vec<u8>)>,
    pattern: String,
    regex: OnceLock<Option<Regex>>,
    check: Check,
}

/// The rules for all encodings of one rule; none when its secrets do not begin in a telling way.
pub(super) fn rules(rule: &Rule) -> Vec<Rule> {
    let telling = rule.literals.iter().any(|literal| literal.len() >= SHORTEST);
    if rule.lead.is_some() || !telling || !matches!(rule.check, Check::None | Check::Form) || rule.trail > 0 {
        return Vec::new();
    }
    let codings = [Coding::Base64(0), Coding::Base64(1), Coding::Base64(2), Coding::Percent, Coding::Hex];
    codings.into_iter().map(|coding| encoded(rule, coding)).collect()
}

fn encoded(rule: &Rule, coding: Coding) -> Rule {
    let beginnings: Vec<_> = rule
        .literals
        .iter()
        .filter(|plain| plain.len() >= SHORTEST)
        .flat_map(|plain| coding.spell(plain).into_iter().map(|code| (code, plain.clone())))
        .collect();
    let secret = match coding {
        Coding::Base64(_) => "[A-Za-z0-9+/_-]{8,}={0,2}",
        Coding::Percent => "(?:[0-9A-Fa-f%]|[A-Za-z0-9_.~-]){8,}",
        Coding::Hex => "[0-9A-Fa-f]{8,}",
    };
    Rule {
        id: rule.id.clone(),
        literals: beginnings.iter().map(|(code, _)| code.clone()).collect(),
        follows: Follows::Any,
        edge: Edge::Any,
        lead: Some(Pattern::lazy(r"[^\n]{3}")),
        secret: Pattern::lazy(secret),
        wrap: Wrap::FullLines,
        check: rule.check,
        trail: 0,
        replace: super::rule::Replace::by_id(&rule.id),
        shown: Some(SHOWN),
        encoded: Some(Encoded {
            coding,
            beginnings,
            pattern: rule.secret.text().to_owned(),
            regex: OnceLock::new(),
            check: rule.check,
        }),
    }
}

impl Coding {
    /// The ways to write the beginning of a secret, as far as it alone decides them.
    fn spell(self, plain: &[u8]) -> Vec<Vec<u8>> {
        let each =
            |write: &dyn Fn(u8) -> String| plain.iter().map(|byte| write(*byte)).collect::<String>().into_bytes();
        let mut spelled = match self {
            Self::Base64(skip) => {
                let padded = [vec![0; skip], plain.to_vec()].concat();
                let digits = STANDARD_NO_PAD.encode(&padded).into_bytes();
                let known = digits.get((skip * 8).div_ceil(6)..padded.len() * 8 / 6).unwrap_or_default();
                let url = known.iter().map(|digit| match digit {
                    b'+' => b'-',
                    b'/' => b'_',
                    other => *other,
                });
                vec![known.to_vec(), url.collect()]
            }
            Self::Percent => vec![each(&|byte| format!("%{byte:02X}")), each(&|byte| format!("%{byte:02x}"))],
            Self::Hex => vec![each(&|byte| format!("{byte:02x}")), each(&|byte| format!("{byte:02X}"))],
        };
        spelled.dedup();
        spelled
    }
}

impl Encoded {
    /// True when what begins with `shown` and goes on with `rest` is a secret once decoded.
    pub(super) fn accepts(&self, shown: &[u8], rest: &[u8]) -> bool {
        let code = [shown, rest].concat();
        let Some((_, plain)) = self.beginnings.iter().find(|(beginning, _)| code.starts_with(beginning)) else {
            return false;
        };
        let Some(decoded) = self.decode(&code, plain) else { return false };
        let compile =
            || RegexBuilder::new(&format!("^(?:{})", self.pattern)).unicode(false).multi_line(true).build().ok();
        let found = self.regex.get_or_init(compile).as_ref().and_then(|regex| regex.find(&decoded));
        found.is_some_and(|found| self.check == Check::None || super::check::is_filled(found.as_bytes()))
    }

    fn decode(&self, code: &[u8], plain: &[u8]) -> Option<Vec<u8>> {
        match self.coding {
            Coding::Base64(skip) => {
                let first = (skip * 8).div_ceil(6);
                let digits = code.iter().take_while(|digit| **digit != b'=').map(|digit| match digit {
                    b'-' => b'+',
                    b'_' => b'/',
                    other => *other,
                });
                let mut digits: Vec<u8> = std::iter::repeat_n(b'A', first).chain(digits).collect();
                let whole = digits.len() * 6 / 8;
                digits.resize(digits.len().next_multiple_of(4), b'A');
                let mut decoded = LENIENT.decode(&digits).ok()?;
                decoded.truncate(whole);
                // The first byte shares a digit with the one before it.
                let rest = decoded.get(skip + plain.len()..)?;
                Some([plain, rest].concat())
            }
            Coding::Percent => {
                let mut decoded = Vec::new();
                let mut rest = code;
                while let [first, after @ ..] = rest {
                    let byte = after.get(..2).filter(|_| *first == b'%').and_then(hex);
                    decoded.push(byte.unwrap_or(*first));
                    rest = if byte.is_some() { after.get(2..)? } else { after };
                }
                Some(decoded)
            }
            Coding::Hex => code.chunks_exact(2).map(hex).collect(),
        }
    }
}

fn hex(digits: &[u8]) -> Option<u8> {
    std::str::from_utf8(digits).ok().and_then(|digits| u8::from_str_radix(digits, 16).ok())
}
