//! Words to what they amount to in one state of the shell.
//!
//! In: a word of the tree and a [`World`]. Out: none, one or several [`Word`]s, each known, a pattern, or unknown.
//! It follows bash: parameters, then splitting of what came from unquoted parameters, then patterns.

use super::super::command::{Glob, Unknown, Word};
use super::super::refusal::Refusal;
use super::super::tree::{Op, Parameter, Piece};
use super::pattern;
use super::world::{Value, World, is_number};

/// How a word is used.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// An argument: split and matched against files.
    Argument,
    /// A value, the word of a `case`, text of a here-string: neither.
    Value,
}

/// One part of a word after expansion.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text { text: String, quoted: bool, splits: bool },
    Pattern(String),
    Unknown { reason: String, splits: bool },
}

const SUBSTITUTION: &str = "the output of a command substitution";

/// Expands the pieces of one word.
pub(super) fn expand(pieces: &[Piece], world: &World, usage: Use) -> Result<Vec<Word>, Refusal> {
    if let [Piece::Process { end, .. }] = pieces {
        return Ok(vec![Word::Pipe(*end)]);
    }
    let mut parts = Vec::new();
    for piece in pieces {
        parts.push(part(piece, world, usage)?);
    }
    let fields = if usage == Use::Argument { split(parts) } else { vec![parts] };
    Ok(fields.into_iter().map(|field| classify(&field, usage)).collect())
}

fn part(piece: &Piece, world: &World, usage: Use) -> Result<Part, Refusal> {
    let unquoted = |quoted: bool| !quoted && usage == Use::Argument;
    Ok(match piece {
        Piece::Literal { text, quoted } => Part::Text { text: text.clone(), quoted: *quoted, splits: false },
        Piece::Substitution { quoted, .. } => {
            Part::Unknown { reason: SUBSTITUTION.to_owned(), splits: unquoted(*quoted) }
        }
        Piece::Process { .. } => Part::Unknown { reason: "a process substitution".to_owned(), splits: true },
        Piece::Arithmetic { expression, names, span, .. } => {
            if let Some(name) = names.iter().find(|name| !is_number(&world.value(name))) {
                let message = format!("arithmetic over `{name}`, which may hold text to evaluate; assign it a number");
                return Err(Refusal::new("arithmetic", *span, message));
            }
            match super::arithmetic::evaluate(expression, world) {
                Some(value) => Part::Text { text: value.to_string(), quoted: true, splits: false },
                None => Part::Unknown { reason: "a computed number".to_owned(), splits: false },
            }
        }
        Piece::Parameter { parameter, quoted } => {
            let value = parameter_value(parameter, world)?;
            match value {
                Value::Known(text) => Part::Text { text, quoted: *quoted, splits: unquoted(*quoted) },
                // bash would split and match the file name again.
                Value::Pattern(_) if unquoted(*quoted) => {
                    Part::Unknown { reason: "a file name without quotes around it".to_owned(), splits: true }
                }
                Value::Pattern(pattern) => Part::Pattern(pattern),
                Value::Number => Part::Unknown { reason: "a number".to_owned(), splits: false },
                Value::Unknown(reason) => Part::Unknown { reason: reason.to_owned(), splits: unquoted(*quoted) },
            }
        }
    })
}

/// What `${…}` gives.
pub(super) fn parameter_value(parameter: &Parameter, world: &World) -> Result<Value, Refusal> {
    let special = !parameter.name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let value = match parameter.name.as_str() {
        "?" | "#" | "$" => Value::Number,
        // Nothing until a command ran in the background.
        "!" => Value::Unknown("a number"),
        _ if special => Value::Unknown("a parameter that the shell sets by itself"),
        name => world.value(name),
    };
    let operand = |pieces: &[Piece]| -> Result<Value, Refusal> {
        let words = expand(pieces, world, Use::Value)?;
        Ok(match words.first() {
            Some(Word::Known(text)) => Value::Known(text.clone()),
            None => Value::Known(String::new()),
            Some(_) => Value::Unknown("the operand of a `${…}`"),
        })
    };
    let changed = Value::Unknown("a variable changed by `${…}`");
    Ok(match (&parameter.op, value) {
        (Op::Plain, value) => value,
        (Op::Length, Value::Known(text)) => Value::Known(text.chars().count().to_string()),
        (Op::Length, _) => Value::Number,
        (Op::Test(op, pieces), value) => {
            let other = operand(pieces)?;
            match (*op, value) {
                (":-" | "-" | ":?" | "?", Value::Known(text)) if !text.is_empty() => Value::Known(text),
                ("-" | "?", Value::Known(text)) => Value::Known(text),
                (":-", Value::Known(_)) => other,
                (":+", Value::Known(text)) if text.is_empty() => Value::Known(text),
                (":+" | "+", Value::Known(_)) => other,
                _ => changed,
            }
        }
        (Op::Trim(op, pieces), value) => match (operand(pieces)?, value) {
            (Value::Known(wanted), value) if literal(pieces) => trim(op, &wanted, value).unwrap_or(changed),
            _ => changed,
        },
        (Op::Replace(..) | Op::Substring(..) | Op::Case(_), _) => changed,
    })
}

/// Do these pieces hold no pattern character that counts?
fn literal(pieces: &[Piece]) -> bool {
    pieces.iter().all(|piece| match piece {
        Piece::Literal { text, .. } => !text.contains(['*', '?', '[', '\\']),
        _ => false,
    })
}

/// Removes a literal prefix or suffix.
fn trim(op: &str, wanted: &str, value: Value) -> Option<Value> {
    match value {
        Value::Known(text) => {
            let rest = if op.starts_with('#') { text.strip_prefix(wanted) } else { text.strip_suffix(wanted) };
            Some(Value::Known(rest.map_or(text.clone(), str::to_owned)))
        }
        // Every name that matches `…suffix` with a plain suffix ends with it; the pattern itself does as well.
        Value::Pattern(text) if op.starts_with('%') && !wanted.is_empty() => {
            let plain = wanted.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
            let rest = text.strip_suffix(wanted).filter(|rest| plain && !rest.ends_with('\\') && !rest.contains('['));
            rest.map(|rest| Value::Pattern(rest.to_owned()))
        }
        _ => None,
    }
}

/// Splits at blanks what came from unquoted parameters; a word of nothing but empty ones vanishes.
fn split(parts: Vec<Part>) -> Vec<Vec<Part>> {
    let mut fields: Vec<Vec<Part>> = Vec::new();
    let mut current: Option<Vec<Part>> = None;
    for part in parts {
        let Part::Text { text, splits: true, .. } = &part else {
            current.get_or_insert_default().push(part);
            continue;
        };
        let is_blank = |c: char| matches!(c, ' ' | '\t' | '\n');
        if text.starts_with(is_blank) {
            fields.extend(current.take());
        }
        for (index, chunk) in text.split(is_blank).filter(|chunk| !chunk.is_empty()).enumerate() {
            if index > 0 {
                fields.extend(current.take());
            }
            let chunk = Part::Text { text: chunk.to_owned(), quoted: false, splits: false };
            current.get_or_insert_default().push(chunk);
        }
        if text.ends_with(is_blank) {
            fields.extend(current.take());
        }
    }
    fields.extend(current);
    fields
}

/// One field to one word.
fn classify(field: &[Part], usage: Use) -> Word {
    let unknowns = || {
        field.iter().filter_map(|part| match part {
            Part::Unknown { reason, splits } => Some((reason, *splits)),
            Part::Text { .. } | Part::Pattern(_) => None,
        })
    };
    let bare: String = field
        .iter()
        .filter_map(|part| match part {
            Part::Text { text, quoted: false, .. } => Some(text.as_str()),
            _ => None,
        })
        .collect();
    let matches_files = usage == Use::Argument && pattern::is_pattern(&bare);
    if let Some((reason, _)) = unknowns().next() {
        // What is not known joined to a pattern is a pattern as well: it may become several words.
        let splits = matches_files || unknowns().any(|(_, splits)| splits);
        let known = field.iter().map_while(|part| match part {
            Part::Text { text, .. } => Some(text.as_str()),
            Part::Pattern(_) | Part::Unknown { .. } => None,
        });
        return Word::Unknown(Unknown { reason: reason.clone(), splits, literal_prefix: known.collect() });
    }
    let from_pattern = field.iter().any(|part| matches!(part, Part::Pattern(_)));
    if matches_files && from_pattern {
        let reason = "a pattern joined to a file name".to_owned();
        return Word::Unknown(Unknown { reason, splits: true, literal_prefix: String::new() });
    }
    if !matches_files && !from_pattern {
        let texts = field.iter().filter_map(|part| match part {
            Part::Text { text, .. } => Some(text.as_str()),
            _ => None,
        });
        return Word::Known(texts.collect());
    }
    let pieces = field.iter().map(|part| match part {
        Part::Text { text, quoted, .. } => pattern::escape(text, *quoted || !matches_files),
        Part::Pattern(text) => text.clone(),
        Part::Unknown { .. } => String::new(),
    });
    let pattern: String = pieces.collect();
    let literal_prefix = pattern::literal_prefix(&pattern);
    Word::Glob(Glob { pattern, literal_prefix, splits: matches_files })
}
