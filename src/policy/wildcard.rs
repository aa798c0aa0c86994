//! Names with `*` in them.
//!
//! In: a pattern and a text. Out: whether the pattern covers all of it. `*` stands for any characters, also for none.

/// Does `pattern` cover all of `text`?
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    covers(pattern.as_bytes(), text.as_bytes())
}

/// The last star takes one byte more whenever the rest does not fit, so the time is bounded by the product of lengths.
fn covers(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut read) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while read < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, read));
                at += 1;
            }
            byte if byte.is_some() && byte == text.get(read) => {
                at += 1;
                read += 1;
            }
            _ => {
                let Some((behind, taken)) = star else { return false };
                star = Some((behind, taken + 1));
                at = behind + 1;
                read = taken + 1;
            }
        }
    }
    pattern.iter().skip(at).all(|byte| *byte == b'*')
}

/// Does one of `patterns` cover all of `name`?
pub(super) fn any<'a>(patterns: impl IntoIterator<Item = &'a str>, name: &str) -> bool {
    patterns.into_iter().any(|pattern| matches(pattern, name))
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_star_stands_for_any_characters() {
        let cases = [("LC_*", "LC_ALL", true), ("*TOKEN*", "MY_TOKEN", true), ("*TOKEN*", "TOKE", false)];
        let more = [("a*b*c", "axxbyyc", true), ("a*b*c", "axxbyy", false), ("PATH", "PATHS", false), ("*", "", true)];
        for (pattern, text, want) in cases.into_iter().chain(more) {
            assert_eq!(matches(pattern, text), want, "{pattern} {text}");
        }
    }
}
