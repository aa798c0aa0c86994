//! What drawn letters look like, and what words do.
//!
//! In: a value. Out: whether somebody made it up or a generator drew it, as far as its letters tell. What that means for
//! a rule is decided by the checks.

use super::check::entropy;
use super::vocabulary::SHORT_WORDS;
use super::words::words;

/// One word of a language or a program: `Passwort`, `keyboard-cat` is none.
pub(super) fn is_word(value: &[u8]) -> bool {
    value.iter().skip(1).all(u8::is_ascii_lowercase)
        && (value.first().is_some_and(u8::is_ascii_uppercase) || value.len() < 8)
        || value.iter().all(u8::is_ascii_uppercase)
        || value.iter().all(|byte| byte.is_ascii_lowercase() || b"_.-".contains(byte))
            && value.iter().any(|byte| b"_.-".contains(byte))
}

/// Letters in no order: capitals where no word begins, and nothing to pronounce between them.
pub(super) fn is_jumble(value: &[u8]) -> bool {
    has_odd_words(value, 2)
}

/// True when so many of its words are none.
pub(super) fn has_odd_words(value: &[u8], least: usize) -> bool {
    let odd = |part: &&[u8]| {
        let upper = part.iter().take_while(|byte| byte.is_ascii_uppercase()).count();
        let lower = part.len() - upper;
        // Of `HTMLPage` the word is `Page`.
        let word = part.get(upper.saturating_sub(1)..).unwrap_or(part);
        let vowel = word.iter().any(|byte| b"aeiouyAEIOUY".contains(byte));
        let short = lower == 1 && !SHORT_WORDS.has(word);
        short || lower == 0 && upper != 2 && upper != 3 || lower > 1 && !vowel || upper > 5
    };
    let both = value.iter().any(u8::is_ascii_uppercase) && value.iter().any(u8::is_ascii_lowercase);
    let plain = value.iter().all(|byte| byte.is_ascii_alphanumeric() || b"+/_-=".contains(byte));
    both && plain && value.len() >= 8 && words(value).filter(odd).take(least).count() == least
}

/// Random beyond doubt: letters and digits mixed, or letters in no order.
pub(super) fn is_strong(value: &[u8]) -> bool {
    let digits = value.iter().filter(|byte| byte.is_ascii_digit()).count();
    let letters = value.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
    let mixed = digits >= 2 && letters >= 2 || is_jumble(value);
    mixed && value.len() >= 10 && entropy(value) >= if value.len() < 16 { 2.8 } else { 3.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_in_no_order_are_told_from_names() {
        for random in ["mhMgUdAmhMDrXz", "OVCneITGFMpxvY", "hEHtbzIYPIfRZY"] {
            assert!(is_jumble(random.as_bytes()), "{random}");
        }
        for name in [
            "currentUserPassword",
            "getUserId",
            "XMLHttpRequest",
            "baseURL",
            "parseHTMLPage",
            "SecretString",
            "accessJwt",
        ] {
            assert!(!is_jumble(name.as_bytes()), "{name}");
        }
    }
}
