//! Words in names and values: what is said, what stands for something else.
//!
//! In: bytes of a name or a value. Out: its words, and whether it is a placeholder or a reference. What follows from
//! that is decided by the checks.

use super::vocabulary::STAND_INS;

/// The words of `API_KEY`, `apiKey`, `api-key`, `Api.Key2`: runs of letters or digits, cut where a capital begins one.
pub(super) fn words(name: &[u8]) -> impl Iterator<Item = &[u8]> {
    name.split(|byte| !byte.is_ascii_alphanumeric()).flat_map(humps).filter(|word| !word.is_empty())
}

/// Cuts `apiKey` in two, leaves `APIKEY` and `Apikey` whole.
fn humps(word: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = word;
    std::iter::from_fn(move || {
        let mut before = *rest.first()?;
        let cut = rest.iter().skip(1).position(|byte| {
            let hump = before.is_ascii_lowercase() && byte.is_ascii_uppercase()
                || before.is_ascii_digit() != byte.is_ascii_digit();
            before = *byte;
            hump
        });
        let (first, after) = rest.split_at(cut.map_or(rest.len(), |cut| cut + 1));
        rest = after;
        Some(first)
    })
}

/// True when `text` holds `word` (lower case) in any case.
pub(super) fn has(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word))
}

/// True for `your-api-key-here`, `changeme`, `xxxx-xxxx`, `********`, `...`: words that stand for a value, or one sign
/// over and over.
pub(super) fn is_placeholder(value: &[u8]) -> bool {
    let marks = [b"...".as_slice(), b"****", "…".as_bytes(), "••".as_bytes(), b"[redacted"];
    if value.first().is_none_or(|first| b"<[{(".contains(first) && value.len() < 40 && closes(value))
        || marks.iter().any(|mark| has(value, mark))
        || has(value, b"xxxx") && (value.len() < 12 || has(value, b"xxxxxxxx"))
    {
        return true;
    }
    let mut words = words(value).peekable();
    words.peek().is_none() || words.all(|word| word.len() < 2 && value.len() < 8 || stands_in(word))
}

fn stands_in(word: &[u8]) -> bool {
    STAND_INS.has(word) || word.iter().all(|byte| matches!(byte, b'x' | b'X' | b'0')) || word == b"123"
}

/// True when the bracket that opens a value also ends it.
fn closes(value: &[u8]) -> bool {
    matches!(
        (value.first(), value.last()),
        (Some(b'<'), Some(b'>')) | (Some(b'['), Some(b']')) | (Some(b'{'), Some(b'}'))
    ) || value.first() == Some(&b'<')
}

/// True for what a shell, a template or a program puts a value in place of.
pub(super) fn is_reference(value: &[u8]) -> bool {
    let named = |rest: &[u8]| rest.first().is_some_and(|byte| byte.is_ascii_alphabetic() || b"_{(".contains(byte));
    match value {
        // Hashes of passwords begin with a dollar, too: `$2b$12$…`.
        [b'$', rest @ ..] => named(rest) && !rest.iter().take(4).any(|byte| *byte == b'$'),
        [b'%', b's' | b'd' | b'v' | b'q' | b'@' | b'(' | b'{' | b'-'] => true,
        [b'%', b's' | b'd' | b'v' | b'q', next, ..] if !next.is_ascii_alphanumeric() => true,
        [b'%', b'(' | b'{', ..] | [b'{', b'{', ..] | [b'#', b'{', ..] | [b'@', b'{', ..] => true,
        [b'{', rest @ ..] if rest.last() == Some(&b'}') => {
            rest.iter().rev().skip(1).all(|byte| byte.is_ascii_alphanumeric() || b"_.".contains(byte))
        }
        [b'%', rest @ .., b'%'] => rest.iter().all(|byte| byte.is_ascii_uppercase() || *byte == b'_'),
        _ => has(value, b"${") || has(value, b"{{") || has(value, b"$("),
    }
}
