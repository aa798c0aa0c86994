//! Looking twice at what a pattern took, where the form alone would hit hashes, names or placeholders.
//!
//! In: a value and what stands around it. Out: whether it is taken for a secret.

use std::sync::LazyLock;

use regex::bytes::{Regex, RegexBuilder};

use super::window::Window;

/// The second look of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Check {
    /// The form is enough.
    None,
    /// Looks random: enough different characters, and both letters and digits.
    Random,
    /// Stands where a password stands: no placeholder, reference, type or call.
    Assigned,
}

impl Check {
    pub(super) fn accepts(self, value: &[u8], window: &Window, from: usize) -> bool {
        match self {
            Self::None => true,
            Self::Random => is_random(value),
            Self::Assigned => is_assigned(value, window, from),
        }
    }
}

/// Shannon entropy in bits for each byte.
fn entropy(value: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in value {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            *count += 1;
        }
    }
    let length = f64::from(u32::try_from(value.len()).unwrap_or(u32::MAX));
    let share = |count: u32| f64::from(count) / length;
    counts.iter().filter(|count| **count > 0).map(|count| -share(*count) * share(*count).log2()).sum()
}

fn is_random(value: &[u8]) -> bool {
    let digits = value.iter().filter(|byte| byte.is_ascii_digit()).count();
    let letters = value.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
    digits > 0 && letters > 0 && entropy(value) >= 3.0
}

/// Words that stand for a value in examples and code.
const PLACEHOLDERS: &[&str] = &[
    "example",
    "changeme",
    "change_me",
    "change-me",
    "your",
    "placeholder",
    "redacted",
    "xxxx",
    "****",
    "dummy",
    "todo",
    "insert",
    "replace",
    "secrets.",
    "undefined",
    "masked",
    "hidden",
    "required",
    "optional",
    "string",
    "none",
    "null",
    "true",
    "false",
    "default",
    "process.env",
    "environ",
    "getenv",
    "<",
    "${",
    "{{",
    "$(",
    "%(",
    "...",
];

/// Finds any of the placeholders.
static PLACEHOLDER: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let words: Vec<String> = PLACEHOLDERS.iter().map(|word| regex::escape(word)).collect();
    RegexBuilder::new(&words.join("|")).case_insensitive(true).unicode(false).build().ok()
});

fn is_assigned(value: &[u8], window: &Window, from: usize) -> bool {
    // A reference, a call, a path or a type of some language.
    let code = value.first().is_some_and(|first| b"$%@&/.~:".contains(first))
        || value.iter().any(|byte| matches!(byte, b'(' | b'['))
        || value.windows(2).any(|two| two == b"::");
    if code || PLACEHOLDER.as_ref().is_some_and(|words| words.is_match(value)) {
        return false;
    }
    let quoted = matches!(window.before(from), Some(b'"' | b'\''));
    let digits = value.iter().any(u8::is_ascii_digit);
    let different = entropy(value) >= 2.5;
    different
        && (digits
            || quoted
            || is_setting(value, window, from)
            || value.iter().any(|byte| !byte.is_ascii_alphanumeric() && !b"_.-:".contains(byte)))
}

/// True for a word that a line of its own gives to a password: what a configuration file looks like, and prose or code
/// seldom does. Types begin with a capital, variables repeat the name.
fn is_setting(value: &[u8], window: &Window, from: usize) -> bool {
    let end = from + value.len();
    let ends_line = window.get(end).is_none_or(|byte| matches!(byte, b'\n' | b'\r'));
    let line = window.slice(from - window.column(from), from);
    let name = line.trim_ascii().strip_prefix(b"export ").unwrap_or(line.trim_ascii()).to_ascii_lowercase();
    let alone = name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_-.:=".contains(byte));
    let has = |text: &[u8], word: &[u8]| text.windows(word.len()).any(|part| part == word);
    let spaced = line.ends_with(b"= ");
    let password = has(&name, b"pass") || has(&name, b"pwd");
    let variable = has(value, b"pass") || has(value, b"secret") || has(value, b"key");
    let word = value.len() >= 8 && value.iter().all(u8::is_ascii_lowercase);
    ends_line && alone && password && word && !spaced && !variable
}
