//! Patterns of paths.
//!
//! In: text with `*`, `**`, `?`, `[…]` and `{a,b}`. Out: a [`Pattern`] that says whether it covers all of a path. `*`
//! and `?` stay within a component; `**` as a whole component stands for any number of components, at the end for
//! everything below. A backslash takes the next character as it is.
//!
//! It is made for loading a policy and for decisions, where building the automaton of a regular expression would take
//! longer than all the rest; matching takes time linear in path and pattern, whoever wrote them.

use std::path::Path;

/// Most texts that the braces of one pattern may stand for.
const MAX_ALTERNATIVES: usize = 1024;

/// A pattern, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    alternatives: Vec<Vec<Token>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Char(u32),
    Any,
    Class {
        negated: bool,
        ranges: Vec<(u32, u32)>,
    },
    /// Any characters of one component.
    Star,
    /// Any number of components, each with the slash behind it.
    Components,
    /// Everything.
    Rest,
}

const SLASH: u32 = '/' as u32;

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// What is not closed, in words.
    pub(super) fn new(text: &str) -> Result<Self, String> {
        let alternatives = alternatives(&text.chars().collect::<Vec<_>>())?;
        Ok(Self { alternatives: alternatives.iter().map(|text| tokens(text)).collect::<Result<_, _>>()? })
    }

    /// Does it cover all of this path?
    pub(super) fn is_match(&self, path: impl AsRef<Path>) -> bool {
        let bytes = path.as_ref().as_os_str().as_encoded_bytes();
        let units = units(bytes);
        self.alternatives.iter().any(|tokens| matches(tokens, &units))
    }

    /// The plain texts among what its braces stand for, and the pattern of the others.
    pub(super) fn apart(self) -> (Vec<String>, Option<Self>) {
        let literal = |token: &Token| if let Token::Char(unit) = token { char::from_u32(*unit) } else { None };
        let mut texts = Vec::new();
        let mut alternatives = Vec::new();
        for tokens in self.alternatives {
            match tokens.iter().map(literal).collect::<Option<String>>() {
                Some(text) => texts.push(text),
                None => alternatives.push(tokens),
            }
        }
        (texts, (!alternatives.is_empty()).then_some(Self { alternatives }))
    }
}

/// Characters; a byte that is part of none stands above them all.
fn units(bytes: &[u8]) -> Vec<u32> {
    if bytes.is_ascii() {
        return bytes.iter().map(|byte| u32::from(*byte)).collect();
    }
    let mut units = Vec::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        units.extend(chunk.valid().chars().map(u32::from));
        units.extend(chunk.invalid().iter().map(|byte| 0x11_0000 + u32::from(*byte)));
    }
    units
}

/// What the braces stand for, each without braces that count.
fn alternatives(text: &[char]) -> Result<Vec<Vec<char>>, String> {
    let Some((start, end, commas)) = braces(text)? else { return Ok(vec![text.to_vec()]) };
    let before = text.get(..start).unwrap_or_default();
    let after = text.get(end + 1..).unwrap_or_default();
    let mut all = Vec::new();
    let mut from = start + 1;
    for to in commas.into_iter().chain([end]) {
        let member = text.get(from..to).unwrap_or_default();
        all.extend(alternatives(&[before, member, after].concat())?);
        if all.len() > MAX_ALTERNATIVES {
            return Err(format!("its braces stand for more than {MAX_ALTERNATIVES} texts"));
        }
        from = to + 1;
    }
    Ok(all)
}

/// The first pair of braces and the commas between its members.
fn braces(text: &[char]) -> Result<Option<(usize, usize, Vec<usize>)>, String> {
    let (mut at, mut start, mut depth, mut commas) = (0, 0, 0_usize, Vec::new());
    while let Some(c) = text.get(at) {
        match c {
            '\\' => at += 1,
            '[' => at = class_end(text, at).ok_or("a `[` is not closed")?,
            '{' => {
                start = if depth == 0 { at } else { start };
                depth += 1;
            }
            ',' if depth == 1 => commas.push(at),
            '}' if depth == 1 => return Ok(Some((start, at, commas))),
            '}' => depth = depth.checked_sub(1).ok_or("a `}` has no `{` before it")?,
            _ => {}
        }
        at += 1;
    }
    if depth > 0 { Err("a `{` is not closed".into()) } else { Ok(None) }
}

/// Where the class that starts here ends; a `]` that stands first is a member.
fn class_end(text: &[char], start: usize) -> Option<usize> {
    let negated = matches!(text.get(start + 1), Some('!' | '^'));
    let first = start + 1 + usize::from(negated);
    let rest = text.get(first + 1..)?;
    Some(first + 1 + rest.iter().position(|c| *c == ']')?)
}

fn tokens(text: &[char]) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(c) = text.get(at) {
        match c {
            '\\' => {
                at += 1;
                let next = text.get(at).ok_or("a backslash stands at its end")?;
                tokens.push(Token::Char(u32::from(*next)));
            }
            '?' => tokens.push(Token::Any),
            '[' => {
                let end = class_end(text, at).ok_or("a `[` is not closed")?;
                tokens.push(class(text.get(at + 1..end).unwrap_or_default())?);
                at = end;
            }
            '*' => {
                let stars = text.get(at..).unwrap_or_default().iter().take_while(|c| **c == '*').count();
                let starts = at == 0 || text.get(at - 1) == Some(&'/');
                let next = text.get(at + stars);
                tokens.push(match next {
                    None if stars == 2 && starts => Token::Rest,
                    Some('/') if stars == 2 && starts => Token::Components,
                    _ => Token::Star,
                });
                at += stars - usize::from(tokens.last() != Some(&Token::Components));
            }
            c => tokens.push(Token::Char(u32::from(*c))),
        }
        at += 1;
    }
    Ok(tokens)
}

fn class(text: &[char]) -> Result<Token, String> {
    let negated = matches!(text.first(), Some('!' | '^'));
    let text = text.get(usize::from(negated)..).unwrap_or_default();
    let mut ranges = Vec::new();
    let mut at = 0;
    while let Some(low) = text.get(at) {
        match (text.get(at + 1), text.get(at + 2)) {
            (Some('-'), Some(high)) if low > high => return Err(format!("the range `{low}-{high}` is empty")),
            (Some('-'), Some(high)) => {
                ranges.push((u32::from(*low), u32::from(*high)));
                at += 3;
            }
            _ => {
                ranges.push((u32::from(*low), u32::from(*low)));
                at += 1;
            }
        }
    }
    Ok(Token::Class { negated, ranges })
}

/// Do these tokens cover all of the text? Every place in the tokens that the text read so far may lead to is kept.
fn matches(tokens: &[Token], text: &[u32]) -> bool {
    let literal = |(token, unit): &(&Token, &u32)| **token == Token::Char(**unit);
    let fixed = tokens.iter().take_while(|token| matches!(token, Token::Char(_))).count();
    let tail =
        tokens.iter().rev().take_while(|token| matches!(token, Token::Char(_))).count().min(tokens.len() - fixed);
    let head = tokens.iter().zip(text).take(fixed);
    let end = tokens.iter().rev().zip(text.iter().rev()).take(tail);
    if text.len() < fixed + tail || !head.clone().all(|pair| literal(&pair)) || !end.clone().all(|pair| literal(&pair))
    {
        return false;
    }
    let (tokens, text) = (tokens.get(fixed..).unwrap_or_default(), text.get(fixed..).unwrap_or_default());
    let mut here = vec![false; tokens.len() + 1];
    let mut next = here.clone();
    reach(tokens, &mut here, 0);
    for unit in text {
        next.fill(false);
        for (at, token) in tokens.iter().enumerate().filter(|(at, _)| here.get(*at) == Some(&true)) {
            let inside = *unit != SLASH;
            match token {
                Token::Char(wanted) if wanted == unit => reach(tokens, &mut next, at + 1),
                Token::Any if inside => reach(tokens, &mut next, at + 1),
                Token::Class { negated, ranges } if inside => {
                    let listed = ranges.iter().any(|(low, high)| (low..=high).contains(&unit));
                    if listed != *negated {
                        reach(tokens, &mut next, at + 1);
                    }
                }
                Token::Star if inside => reach(tokens, &mut next, at),
                Token::Rest => {
                    mark(&mut next, at);
                    mark(&mut next, at + 1);
                }
                // In the middle of a component it cannot end.
                Token::Components if inside => mark(&mut next, at),
                Token::Components => reach(tokens, &mut next, at),
                _ => {}
            }
        }
        std::mem::swap(&mut here, &mut next);
    }
    here.last() == Some(&true)
}

fn mark(states: &mut [bool], at: usize) {
    states.get_mut(at).into_iter().for_each(|state| *state = true);
}

/// Marks a place, and those behind it that need no character; `/**` needs one.
fn reach(tokens: &[Token], states: &mut [bool], mut at: usize) {
    mark(states, at);
    while let Some(Token::Star | Token::Components) = tokens.get(at) {
        at += 1;
        mark(states, at);
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed assumption is a failed test")]
mod tests {
    use globset::GlobBuilder;
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    #[test]
    fn patterns_cover_whole_paths() {
        let cases = [
            ("/w/**/.env", "/w/.env", true),
            ("/w/**/.env", "/w/a/b/.env", true),
            ("/w/**/.env", "/w/a.env", false),
            ("/w/**", "/w/a/b", true),
            ("/w/**", "/w", false),
            ("**/x", "/a/x", true),
            ("/w/*/key", "/w/a/key", true),
            ("/w/*/key", "/w/a/b/key", false),
            ("{a,b{c,d}}x", "bdx", true),
            ("{a,b}x", "cx", false),
            ("[!a-c]?", "dé", true),
            ("[]a]", "]", true),
            ("a[*]", "a*", true),
            (r"a\*", "ab", false),
            ("lib6[4]", "lib64", true),
        ];
        for (pattern, path, want) in cases {
            assert_eq!(Pattern::new(pattern).unwrap().is_match(path), want, "{pattern} {path}");
        }
        for bad in ["a{b", "a}b", "[a", "a\\", "[b-a]"] {
            assert!(Pattern::new(bad).is_err(), "{bad}");
        }
        let (texts, rest) = Pattern::new("{a,b*,c}d").unwrap().apart();
        assert_eq!((texts, rest), (vec!["ad".to_owned(), "cd".to_owned()], Some(Pattern::new("b*d").unwrap())));
    }

    #[test]
    fn many_stars_take_no_longer_than_they_are() {
        let pattern = Pattern::new(&"*a".repeat(500)).unwrap();
        assert!(!pattern.is_match("a".repeat(499) + "b"));
    }

    proptest! {
        /// The automaton of a well-known crate says the same.
        #[test]
        fn globset_agrees(
            pattern in prop::collection::vec(select(vec!["a", "b", "/", "*", "?", "**/", "[ab]", "[b.]", "{a,b}", "."]), 1..7),
            path in prop::collection::vec(select(vec!["a", "b", ".", "/a", "/b"]), 1..7),
        ) {
            let (pattern, path) = (pattern.concat(), path.concat());
            // Stars that share a component with something else, and doubled slashes, are read in several ways.
            let unusual = pattern.ends_with('/') || ["***", "//"].iter().any(|odd| pattern.contains(odd))
                || pattern.match_indices("**").any(|(at, _)| at > 0 && !pattern[..at].ends_with('/'))
                || pattern.match_indices("**").any(|(at, _)| !pattern[at + 2..].is_empty() && !pattern[at + 2..].starts_with('/'));
            prop_assume!(!unusual);
            let theirs = GlobBuilder::new(&pattern).literal_separator(true).backslash_escape(true).build();
            let Ok(theirs) = theirs else { return Ok(()) };
            prop_assert_eq!(Pattern::new(&pattern).unwrap().is_match(&path), theirs.compile_matcher().is_match(&path), "{} {}", pattern, path);
        }
    }
}
