//! Brace expansion: `a{b,c}` and `{1..3}` to several words.
//!
//! In: the pieces of one word. Out: the pieces of each word it stands for, in bash's order. Only unquoted braces count.

use super::tree::Piece;

/// Most words that one word may become.
const MAX_WORDS: usize = 1024;

/// Most characters that all these words hold together.
const MAX_CHARACTERS: usize = 256 * 1024;

/// A word inside a substitution that is copied weighs as much as so many characters.
const WORD_WEIGHT: usize = 8;

/// Most opening braces in one word: expansion recurses once for each.
const MAX_GROUPS: usize = 32;

/// A character that may be a brace, or anything else.
#[derive(Clone)]
enum Atom {
    Open(char),
    Other(Piece),
}

/// The words, or nothing when they are too many. `nested` is how many words the substitutions in `pieces` hold.
pub(super) fn expand(pieces: Vec<Piece>, nested: usize) -> Option<Vec<Vec<Piece>>> {
    let candidate = |piece: &Piece| matches!(piece, Piece::Literal { text, quoted: false } if text.contains('{'));
    if !pieces.iter().any(candidate) {
        return Some(vec![pieces]);
    }
    let atoms = atoms(pieces);
    if atoms.iter().filter(|atom| matches!(atom, Atom::Open('{'))).count() > MAX_GROUPS {
        return None;
    }
    let words = alternatives(&atoms, nested * WORD_WEIGHT)?;
    Some(words.into_iter().map(join).collect())
}

fn atoms(pieces: Vec<Piece>) -> Vec<Atom> {
    let mut atoms = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Literal { text, quoted: false } => atoms.extend(text.chars().map(Atom::Open)),
            other => atoms.push(Atom::Other(other)),
        }
    }
    atoms
}

fn join(atoms: Vec<Atom>) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    for atom in atoms {
        match (atom, pieces.last_mut()) {
            (Atom::Open(c), Some(Piece::Literal { text, quoted: false })) => text.push(c),
            (Atom::Open(c), _) => pieces.push(Piece::Literal { text: c.to_string(), quoted: false }),
            (Atom::Other(piece), _) => pieces.push(piece),
        }
    }
    pieces
}

/// Expands the first brace group of a word, then the rest, as bash does. Each word weighs `weight` more than its characters.
fn alternatives(atoms: &[Atom], weight: usize) -> Option<Vec<Vec<Atom>>> {
    let Some((start, end, members)) = first_group(atoms) else { return Some(vec![atoms.to_vec()]) };
    let before = atoms.get(..start).unwrap_or_default();
    let after = alternatives(atoms.get(end + 1..).unwrap_or_default(), weight)?;
    let mut words = Vec::new();
    let mut characters = 0;
    for member in members {
        for inner in alternatives(&member, weight)? {
            for tail in &after {
                characters += before.len() + inner.len() + tail.len() + weight;
                if words.len() >= MAX_WORDS || characters > MAX_CHARACTERS {
                    return None;
                }
                words.push([before, inner.as_slice(), tail.as_slice()].concat());
            }
        }
    }
    Some(words)
}

/// The first group that expands: its braces and its members.
fn first_group(atoms: &[Atom]) -> Option<(usize, usize, Vec<Vec<Atom>>)> {
    let mut start = 0;
    loop {
        start += atoms.get(start..)?.iter().position(|atom| matches!(atom, Atom::Open('{')))?;
        if let Some((end, commas)) = group(atoms, start) {
            let members = if commas.is_empty() {
                sequence(atoms.get(start + 1..end).unwrap_or_default())
            } else {
                Some(split(atoms, start, end, &commas))
            };
            if let Some(members) = members {
                return Some((start, end, members));
            }
        }
        start += 1;
    }
}

/// The closing brace for the one at `start`, and the commas between that are not nested.
fn group(atoms: &[Atom], start: usize) -> Option<(usize, Vec<usize>)> {
    let mut depth = 0_usize;
    let mut commas = Vec::new();
    for (at, atom) in atoms.iter().enumerate().skip(start) {
        match atom {
            Atom::Open('{') => depth += 1,
            Atom::Open('}') if depth == 1 => return Some((at, commas)),
            Atom::Open('}') => depth -= 1,
            Atom::Open(',') if depth == 1 => commas.push(at),
            _ => {}
        }
    }
    None
}

fn split(atoms: &[Atom], start: usize, end: usize, commas: &[usize]) -> Vec<Vec<Atom>> {
    let mut members = Vec::new();
    let mut from = start + 1;
    for &to in commas.iter().chain([&end]) {
        members.push(atoms.get(from..to).unwrap_or_default().to_vec());
        from = to + 1;
    }
    members
}

/// `1..5`, `01..10`, `a..e`, each with an optional step.
fn sequence(atoms: &[Atom]) -> Option<Vec<Vec<Atom>>> {
    let characters = atoms.iter().map(|atom| if let Atom::Open(c) = atom { Some(*c) } else { None });
    let text: String = characters.collect::<Option<_>>()?;
    let mut parts = text.split("..");
    let (first, last, step) = (parts.next()?, parts.next()?, parts.next());
    if parts.next().is_some() {
        return None;
    }
    let step = step.map_or(Some(1), |step| step.parse::<i64>().ok())?.unsigned_abs().max(1);
    let word = |text: String| text.chars().map(Atom::Open).collect();
    if let (Some(first), Some(last)) = (letter(first), letter(last)) {
        let texts = range(i64::from(first), i64::from(last), step)?.into_iter();
        return texts.map(|value| u8::try_from(value).ok().map(|byte| word(char::from(byte).to_string()))).collect();
    }
    let width = [first, last].iter().filter(|end| is_padded(end)).map(|end| end.len()).max().unwrap_or(0);
    let padding = if width > 0 { first.len().max(last.len()) } else { 0 };
    let (first, last) = (number(first)?, number(last)?);
    let texts = range(first, last, step)?.into_iter().map(|value| word(format!("{value:0padding$}")));
    Some(texts.collect())
}

fn letter(text: &str) -> Option<u8> {
    match text.as_bytes() {
        [byte] if byte.is_ascii_alphabetic() => Some(*byte),
        _ => None,
    }
}

fn number(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let short = digits.len() < 10 && !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if short { text.parse().ok() } else { None }
}

fn is_padded(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    digits.len() > 1 && digits.starts_with('0')
}

/// The values, or nothing when there are too many: the word then stays as it is and the caller refuses nothing, since
/// what is rendered is quoted.
fn range(first: i64, last: i64, step: u64) -> Option<Vec<i64>> {
    let count = first.abs_diff(last) / step;
    if count >= MAX_WORDS as u64 {
        return None;
    }
    let step = i64::try_from(step).ok()?;
    let signed = if first <= last { step } else { -step };
    let count = i64::try_from(count).ok()?;
    Some((0..=count).map(|at| first + at * signed).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        let literal = Piece::Literal { text: text.to_owned(), quoted: false };
        let flat = |pieces: Vec<Piece>| {
            let texts = pieces.into_iter().map(|piece| match piece {
                Piece::Literal { text, .. } => text,
                other => format!("{other:?}"),
            });
            texts.collect::<String>()
        };
        expand(vec![literal], 0).unwrap_or_default().into_iter().map(flat).collect()
    }

    #[test]
    fn braces_expand_in_the_order_of_bash() {
        let cases: [(&str, &str, &[&str]); 9] = [
            ("list", "a{b,c}d", &["abd", "acd"]),
            ("two groups", "{a,b}{1,2}", &["a1", "a2", "b1", "b2"]),
            ("nested", "{a,b{1,2}}", &["a", "b1", "b2"]),
            ("numbers", "{1..3}", &["1", "2", "3"]),
            ("padded", "{08..10}", &["08", "09", "10"]),
            ("step, downwards", "{9..1..4}", &["9", "5", "1"]),
            ("letters", "{a..c}", &["a", "b", "c"]),
            ("one member is no group", "{a}", &["{a}"]),
            ("an open brace before a group", "{x{a,b}", &["{xa", "{xb"]),
        ];
        for (why, text, want) in cases {
            assert_eq!(words(text), want, "{why}");
        }
    }
}
