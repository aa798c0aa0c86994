//! Looking twice at what a pattern took, where the form alone would hit hashes, names or placeholders.
//!
//! In: a value and what stands around it. Out: whether it is taken for a secret. How values that a name announces are
//! judged is told in `named`.

use std::sync::LazyLock;

use super::named;
use super::shape::is_strong;
use super::window::Window;
use super::words::{has, is_placeholder, is_reference};

/// The second look of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Check {
    /// The form is enough.
    None,
    /// The form is enough when it is filled with more than `x`, `*`, dots or words.
    Form,
    /// Looks random: enough different characters, and both letters and digits.
    Random,
    /// Random beyond doubt.
    Strong,
    /// Stands where nothing but a secret stands: no placeholder or reference.
    Given,
    /// Stands behind a name: the name, what joins both, and the value decide together.
    Named,
    /// One of the pairs of a cookie looks like a session.
    Cookie,
    /// Behind digits, as the number of a bot.
    BehindNumber,
}

/// Where a value was found.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) window: &'a Window,
    /// Where the lead begins.
    pub(super) lead: usize,
    /// Where the secret begins.
    pub(super) from: usize,
    /// The byte after the match.
    pub(super) end: usize,
}

impl Check {
    pub(super) fn accepts(self, value: &[u8], place: Place<'_>) -> bool {
        match self {
            Self::None => true,
            Self::Form => is_filled(value),
            Self::Random => is_random(value),
            Self::Strong => is_strong(value),
            Self::Given => is_given(value),
            Self::Named => named::accepts(value, place),
            Self::Cookie => has_session(value),
            Self::BehindNumber => digits_before(place) >= 6,
        }
    }
}

/// Logarithms of small counts.
static LOGARITHMS: LazyLock<[f64; 256]> =
    LazyLock::new(|| std::array::from_fn(|count| if count == 0 { 0.0 } else { (count as f64).log2() }));

/// Shannon entropy in bits for each byte. Long values are judged by their first bytes.
pub(super) fn entropy(value: &[u8]) -> f64 {
    let value = value.get(..255).unwrap_or(value);
    let mut counts = [0_u8; 256];
    for byte in value {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            *count += 1;
        }
    }
    let logarithm = |count: usize| LOGARITHMS.get(count).copied().unwrap_or_default();
    let of = |byte: &u8| counts.get(usize::from(*byte)).map_or(0.0, |count| logarithm(usize::from(*count)));
    let length = f64::from(u16::try_from(value.len()).unwrap_or(u16::MAX)).max(1.0);
    logarithm(value.len()) - value.iter().map(of).sum::<f64>() / length
}

/// Both letters and digits, and hardly any repeated.
pub(super) fn is_random(value: &[u8]) -> bool {
    value.iter().any(u8::is_ascii_digit) && value.iter().any(u8::is_ascii_alphabetic) && entropy(value) >= 3.0
}

/// False for `ghp_xxxxxxxx`, `xoxb-your-token` and the like: after the prefix nothing random comes.
pub(super) fn is_filled(value: &[u8]) -> bool {
    let skip = value.iter().position(|byte| b"_-.".contains(byte)).filter(|at| *at < 12).map_or(0, |at| at + 1);
    let body = value.get(skip..).unwrap_or(value);
    let mut seen = [false; 256];
    let mut different = 0;
    for byte in body {
        if let Some(seen) = seen.get_mut(usize::from(*byte)).filter(|seen| !**seen) {
            *seen = true;
            different += 1;
        }
    }
    let digits = body.iter().any(u8::is_ascii_digit);
    let mixed = body.iter().any(u8::is_ascii_uppercase) && body.iter().any(u8::is_ascii_lowercase);
    different >= 4 && (digits || mixed || body.len() >= 16 && !body.iter().any(|byte| b"_-.".contains(byte)))
}

/// Anything but an option, a reference, a placeholder.
fn is_given(value: &[u8]) -> bool {
    let escapes = value.iter().take_while(|byte| **byte == b'\\').count();
    let value = value.get(escapes..).unwrap_or(value);
    let value = value.strip_prefix(b"\"").or_else(|| value.strip_prefix(b"'")).unwrap_or(value);
    let value = value.strip_suffix(b"\"").or_else(|| value.strip_suffix(b"'")).unwrap_or(value);
    !value.starts_with(b"--") && !is_reference(value) && !is_placeholder(value)
}

/// True when a value between `=` and `;` looks random, or a name says that it is a session.
fn has_session(pairs: &[u8]) -> bool {
    pairs.split(|byte| *byte == b';').any(|pair| {
        let cut = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
        let (name, value) = pair.split_at(cut);
        let value = value.get(1..).unwrap_or_default();
        let telling = [b"sess".as_slice(), b"token", b"auth", b"sid", b"jwt", b"csrf"];
        let named = telling.iter().any(|word| has(name, word)) && value.len() >= 8;
        let letters = value.iter().any(u8::is_ascii_alphabetic) && entropy(value) >= 2.5;
        !is_reference(value) && (named && letters && !is_placeholder(value) || value.len() >= 16 && is_random(value))
    })
}

fn digits_before(place: Place<'_>) -> usize {
    let before = place.window.slice(place.lead.saturating_sub(16), place.lead);
    before.iter().rev().take_while(|byte| byte.is_ascii_digit()).count()
}
