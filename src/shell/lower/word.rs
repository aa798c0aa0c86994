//! Words: raw text to pieces, then braces and tildes.
//!
//! In: a word of the parser. Out: the words it stands for. Values of variables play no part yet.

use brush_parser::ast;

use super::super::brace;
use super::super::command::PipeEnd;
use super::super::piece::{self, Mode};
use super::super::place::Place;
use super::super::refusal::Refusal;
use super::super::tree::{Assign, Op, Parameter, Piece, Word};
use super::{Lower, Walker};
use crate::diag::Span;

/// Most words of a line, those that braces make included.
const MAX_WORDS: usize = 10_000;

/// Where in a word a tilde stands for the home directory.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tilde {
    /// At the start.
    Word,
    /// After `=` and `:`, since the word as written has the shape of an assignment.
    Assignment,
    /// At the start and after `:`.
    Value,
}

/// An argument, an item of a `for` list: braces may make it several words.
pub(in crate::shell) fn argument(raw: &str, place: Place, span: Span, lower: &mut Lower) -> Result<Vec<Word>, Refusal> {
    let mark = lower.sites();
    let pieces = piece::pieces(raw, place, Mode::Bare, lower)?;
    let nested = lower.sites() - mark;
    let too_many = || Refusal::new("too-many-words", span, "braces make too many words; write less");
    let tilde = if assignment_shape(&pieces) { Tilde::Assignment } else { Tilde::Word };
    let words = brace::expand(pieces, nested).ok_or_else(too_many)?;
    words.into_iter().map(|pieces| finish(pieces, span, tilde, lower)).collect()
}

/// A word that stays one: a redirection target, the word of a `case`, an operand of `[[ ]]`.
pub(in crate::shell) fn single(raw: &str, place: Place, span: Span, lower: &mut Lower) -> Result<Word, Refusal> {
    let pieces = piece::pieces(raw, place, Mode::Bare, lower)?;
    finish(pieces, span, Tilde::Word, lower)
}

/// `NAME=value` before a command or alone.
pub(in crate::shell) fn assigned(
    name: &str,
    value: &str,
    place: Place,
    span: Span,
    lower: &mut Lower,
) -> Result<Assign, Refusal> {
    if name.ends_with('+') {
        let message = "`+=` is refused; write the whole value";
        return Err(Refusal::new("append-assignment", span, message));
    }
    let pieces = piece::pieces(value, place, Mode::Bare, lower)?;
    let value = finish(pieces, span, Tilde::Value, lower)?;
    Ok(Assign { name: name.to_owned(), value, span })
}

fn finish(pieces: Vec<Piece>, span: Span, tilde: Tilde, lower: &mut Lower) -> Result<Word, Refusal> {
    let pieces = tildes(pieces, span, tilde)?;
    if lower.sites() >= MAX_WORDS {
        return Err(Refusal::new("too-many-words", span, "more than 10000 words; run the commands apart"));
    }
    Ok(Word { pieces, site: lower.site(), span })
}

impl Walker<'_, '_> {
    pub(super) fn argument(&mut self, word: &ast::Word) -> Result<Vec<Word>, Refusal> {
        let span = self.span(word.loc.as_ref());
        let (raw, place) = self.raw(word, span);
        argument(&raw, place, span, self.lower)
    }

    pub(super) fn single(&mut self, word: &ast::Word) -> Result<Word, Refusal> {
        let span = self.span(word.loc.as_ref());
        let (raw, place) = self.raw(word, span);
        single(&raw, place, span, self.lower)
    }

    /// `<( )` or `>( )` as a word of its own. bash joins one to what touches it; the parser makes words of both.
    pub(super) fn process(
        &mut self,
        kind: &ast::ProcessSubstitutionKind,
        inner: &ast::SubshellCommand,
    ) -> Result<Word, Refusal> {
        let (end, operator) = match kind {
            ast::ProcessSubstitutionKind::Read => (PipeEnd::Read, "<("),
            ast::ProcessSubstitutionKind::Write => (PipeEnd::Write, ">("),
        };
        let (from, to) = (self.positions.byte(inner.loc.start.index), self.positions.byte(inner.loc.end.index));
        let before = self.text.get(..from).unwrap_or_default();
        let behind = self.text.get(to..).unwrap_or_default();
        let alone = before
            .strip_suffix(operator.trim_end_matches('('))
            .is_some_and(|before| before.ends_with([' ', '\t', '\n']) || before.ends_with(['<', '>']));
        let ends = behind.is_empty() || behind.starts_with([' ', '\t', '\n', ';', '|', '&', ')']);
        let opens = self.text.get(from..).is_some_and(|text| text.starts_with('('));
        let span = Span { start: self.place.span(from.saturating_sub(1), to).start, ..self.span(Some(&inner.loc)) };
        if !alone || !ends || !opens || self.lower.portable {
            let message = "`<(…)` and `>(…)` need blanks around them, and bash; write them as words of their own";
            return Err(Refusal::new("process-substitution", span, message));
        }
        let body = self.nested(span, &inner.list)?;
        Ok(Word { pieces: vec![Piece::Process { body, end }], site: self.lower.site(), span })
    }

    /// Text of a here-document.
    pub(super) fn document(&mut self, text: &str, expands: bool, span: Span) -> Result<Word, Refusal> {
        let pieces = if expands {
            piece::pieces(text, Place::Within(span), Mode::Document, self.lower)?
        } else {
            vec![Piece::Literal { text: text.to_owned(), quoted: true }]
        };
        Ok(Word { pieces, site: self.lower.site(), span })
    }

    /// `NAME=value` before a command or alone.
    pub(super) fn assignment(&mut self, assignment: &ast::Assignment, word: &ast::Word) -> Result<Assign, Refusal> {
        let span = self.span(Some(&assignment.loc));
        let ast::AssignmentName::VariableName(name) = &assignment.name else { return Err(self.array(&assignment.loc)) };
        if matches!(assignment.value, ast::AssignmentValue::Array(_)) {
            return Err(self.array(&assignment.loc));
        }
        let (raw, place) = self.raw(word, span);
        let skip = name.len() + usize::from(assignment.append);
        let (name, value) = (raw.get(..skip).unwrap_or_default(), raw.get(skip + 1..).unwrap_or_default());
        assigned(name, value, place.inner(skip + 1), span, self.lower)
    }

    /// The text of a word. The tokenizer makes the inside of expansions anew, with blanks and comments lost, so where
    /// there is one the slice of the source is taken, when it is the same but for these.
    fn raw(&self, word: &ast::Word, span: Span) -> (String, Place) {
        let made = (word.value.clone(), Place::Within(span));
        let Some(at) = word.loc.as_ref().filter(|_| word.value.contains(['$', '`'])) else { return made };
        let (start, end) = (self.positions.byte(at.start.index), self.positions.byte(at.end.index));
        let Some(slice) = self.text.get(start..end) else { return made };
        // After a backslash-newline the parser gives a start that is too early: no word starts with a blank.
        let word = slice.trim_start_matches(|c: char| c.is_ascii_whitespace());
        let essence = |text: &str| -> String { text.replace("\\\n", "").split_whitespace().collect() };
        let same = essence(word) == essence(&made.0) || word.contains('#') && word.starts_with(['"', '$']);
        if same { (word.to_owned(), self.place.inner(end - word.len())) } else { made }
    }
}

/// Replaces each tilde prefix by the home directory.
fn tildes(pieces: Vec<Piece>, span: Span, rule: Tilde) -> Result<Vec<Piece>, Refusal> {
    let has_tilde = |piece: &Piece| matches!(piece, Piece::Literal { text, quoted: false } if text.contains('~'));
    if !pieces.iter().any(has_tilde) {
        return Ok(pieces);
    }
    let assigns = rule != Tilde::Word;
    let mut out = Vec::new();
    let last = pieces.len() - 1;
    let mut after_equals = rule == Tilde::Value;
    for (index, piece) in pieces.into_iter().enumerate() {
        let Piece::Literal { text, quoted: false } = piece else {
            out.push(piece);
            continue;
        };
        let mut rest = text.as_str();
        let mut eligible = index == 0;
        while !rest.is_empty() {
            if eligible && rest.starts_with('~') {
                let end = rest.find(|c| c == '/' || (assigns && c == ':'));
                let whole = end.is_some() || index == last;
                match rest.get(..end.unwrap_or(rest.len())) {
                    Some("~") if whole => {
                        out.push(home(span));
                        rest = rest.get(1..).unwrap_or_default();
                    }
                    Some(_) if whole => {
                        let message = "`~name`, `~+` and `~-` are refused; write the directory";
                        return Err(Refusal::new("tilde", span, message));
                    }
                    _ => {}
                }
            }
            let separator = |c| assigns && (c == ':' && after_equals || c == '=' && !after_equals);
            let length = rest.find(separator).map_or(rest.len(), |at| at + 1);
            let (text, tail) = rest.split_at(length);
            after_equals = after_equals || (assigns && text.ends_with('='));
            out.push(Piece::Literal { text: text.to_owned(), quoted: false });
            rest = tail;
            eligible = true;
        }
    }
    Ok(out)
}

/// Does the word look like `name=…`?
fn assignment_shape(pieces: &[Piece]) -> bool {
    let Some(Piece::Literal { text, quoted: false }) = pieces.first() else { return false };
    let Some((name, _)) = text.split_once('=') else { return false };
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn home(span: Span) -> Piece {
    Piece::Parameter { parameter: Parameter { name: "HOME".to_owned(), op: Op::Plain, span }, quoted: true }
}
