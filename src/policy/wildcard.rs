//! Names with `*` in them.
//!
//! In: a pattern and a text. Out: whether the pattern covers all of it. `*` stands for any characters, also for none.

/// Does `pattern` cover all of `text`?
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let Some((before, after)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut rest) = text.strip_prefix(before) else { return false };
    if matches(after, rest) {
        return true;
    }
    while let Some(next) = rest.chars().next() {
        rest = rest.get(next.len_utf8()..).unwrap_or("");
        if matches(after, rest) {
            return true;
        }
    }
    false
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
