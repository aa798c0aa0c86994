//! The text of a word to its pieces: quoting undone, expansions found.
//!
//! In: the raw text of one word, quotes and all. Out: [`Piece`]s, or a [`Refusal`] that names the expansion that is not
//! accepted. It reads left to right once and decides where an expansion ends by its own rules: what it finds is what
//! is judged and what is rendered, so a reading that differs from bash's cannot run anything else.

use super::ansi;
use super::gate;
use super::lower::Lower;
use super::place::Place;
use super::refusal::Refusal;
use super::scan;
use super::tree::Piece;
use crate::diag::Span;

/// What surrounds the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// A plain word.
    Bare,
    /// Between double quotes, or in the body of a here-document.
    Quoted,
    /// A here-document: double quotes are ordinary characters.
    Document,
}

/// Reads pieces from one text.
pub(super) struct Reader<'a, 'l> {
    pub(super) text: &'a str,
    pub(super) at: usize,
    pub(super) place: Place,
    pub(super) lower: &'l mut Lower,
    pub(super) pieces: Vec<Piece>,
}

/// All pieces of a text.
pub(super) fn pieces(text: &str, place: Place, mode: Mode, lower: &mut Lower) -> Result<Vec<Piece>, Refusal> {
    let mut reader = Reader { text, at: 0, place, lower, pieces: Vec::new() };
    reader.run(mode, None)?;
    Ok(reader.pieces)
}

impl<'a> Reader<'a, '_> {
    /// Reads until an unquoted one of `ends`, which is left unread, or the end.
    pub(super) fn run(&mut self, mode: Mode, ends: Option<&[char]>) -> Result<(), Refusal> {
        while let Some(c) = self.peek() {
            if ends.is_some_and(|ends| ends.contains(&c)) {
                return Ok(());
            }
            match (c, mode) {
                ('\\', _) => self.backslash(mode),
                ('$', _) => self.dollar(mode)?,
                ('`', _) => self.backquote(mode != Mode::Bare)?,
                ('\'', Mode::Bare) => self.single()?,
                ('"', Mode::Bare) => self.double()?,
                (_, Mode::Bare) if gate::is_invisible(c) => {
                    return Err(gate::invisible(c, self.span(self.at, self.at + c.len_utf8())));
                }
                _ => {
                    self.at += c.len_utf8();
                    self.push(c, mode != Mode::Bare);
                }
            }
        }
        Ok(())
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    pub(super) fn span(&self, start: usize, end: usize) -> Span {
        self.place.span(start, end)
    }

    pub(super) fn refuse(&self, code: &'static str, start: usize, message: impl Into<String>) -> Refusal {
        Refusal::new(code, self.span(start, self.text.len()), message)
    }

    fn push(&mut self, c: char, quoted: bool) {
        self.push_text(c.encode_utf8(&mut [0; 4]), quoted);
    }

    fn push_text(&mut self, more: &str, quoted: bool) {
        match self.pieces.last_mut() {
            Some(Piece::Literal { text, quoted: same }) if *same == quoted => text.push_str(more),
            _ => self.pieces.push(Piece::Literal { text: more.to_owned(), quoted }),
        }
    }

    /// A backslash takes the next character as it is; in double quotes only before a few; before a newline both vanish.
    fn backslash(&mut self, mode: Mode) {
        self.at += 1;
        let next = self.peek();
        let escapes = match (mode, next) {
            (_, None) => false,
            (Mode::Bare, Some(_)) | (Mode::Quoted, Some('"')) => true,
            (_, Some(c)) => matches!(c, '$' | '`' | '\\' | '\n'),
        };
        match next {
            Some(c) if escapes => {
                self.at += c.len_utf8();
                if c != '\n' {
                    self.push(c, true);
                }
            }
            _ => self.push('\\', true),
        }
    }

    fn single(&mut self) -> Result<(), Refusal> {
        let start = self.at;
        let inner = self.text.get(start + 1..).unwrap_or_default();
        let length = inner.find('\'').ok_or_else(|| self.refuse("syntax", start, "a single quote is not closed"))?;
        self.push_text(inner.get(..length).unwrap_or_default(), true);
        self.at = start + length + 2;
        Ok(())
    }

    fn double(&mut self) -> Result<(), Refusal> {
        let start = self.at;
        self.at += 1;
        self.push_text("", true);
        self.run(Mode::Quoted, Some(&['"']))?;
        if self.peek() != Some('"') {
            return Err(self.refuse("syntax", start, "a double quote is not closed"));
        }
        self.at += 1;
        Ok(())
    }

    fn dollar(&mut self, mode: Mode) -> Result<(), Refusal> {
        let start = self.at;
        let quoted = mode != Mode::Bare;
        let rest = self.rest();
        let next = rest.chars().nth(1);
        match next {
            Some('\'') if !quoted => {
                let (text, length) = ansi::decode(rest).map_err(|message| self.refuse("ansi-quote", start, message))?;
                self.at += length;
                self.push_text(&text, true);
            }
            Some('"') if !quoted => {
                let message = "`$\"…\"` is translated by the locale; use plain double quotes";
                return Err(self.refuse("locale-quote", start, message));
            }
            Some('[') => return Err(self.refuse("old-arithmetic", start, "`$[…]` is refused; use `$((…))`")),
            Some('(') => self.parenthesis(start, quoted)?,
            Some('{') => self.braces(mode)?,
            Some(c) if c == '_' || c.is_ascii_alphanumeric() || "@*#?-$!".contains(c) => {
                self.plain_parameter(quoted)?;
            }
            _ => {
                self.at += 1;
                self.push('$', quoted);
            }
        }
        Ok(())
    }

    /// `$((…))` or `$(…)`.
    fn parenthesis(&mut self, start: usize, quoted: bool) -> Result<(), Refusal> {
        let rest = self.rest();
        if let Some((expression, length)) = scan::arithmetic(rest) {
            self.at += length;
            let span = self.span(start, self.at);
            let names =
                scan::arithmetic_names(expression).map_err(|message| Refusal::new("arithmetic", span, message))?;
            self.pieces.push(Piece::Arithmetic { expression: expression.to_owned(), names, quoted, span });
            return Ok(());
        }
        let inner = rest.get(2..).unwrap_or_default();
        let length = scan::closing_parenthesis(inner)
            .ok_or_else(|| self.refuse("syntax", start, "a command substitution is not closed"))?;
        let body = inner.get(..length).unwrap_or_default();
        let body = self.lower.script(body, self.place.inner(start + 2))?;
        self.at = start + length + 3;
        self.pieces.push(Piece::Substitution { body, quoted });
        Ok(())
    }

    /// Backquotes: one level of backslashes is undone before the inner text is read.
    fn backquote(&mut self, quoted: bool) -> Result<(), Refusal> {
        let start = self.at;
        let mut inner = String::new();
        let mut characters = self.text.get(start + 1..).unwrap_or_default().char_indices();
        let length = loop {
            match characters.next() {
                None => return Err(self.refuse("syntax", start, "a backquote is not closed")),
                Some((at, '`')) => break at,
                Some((_, '\\')) => match characters.next() {
                    Some((_, c)) if matches!(c, '`' | '\\' | '$') || (quoted && c == '"') => inner.push(c),
                    Some((_, c)) => inner.extend(['\\', c]),
                    None => return Err(self.refuse("syntax", start, "a backquote is not closed")),
                },
                Some((_, c)) => inner.push(c),
            }
        };
        self.at = start + length + 2;
        let body = self.lower.script(&inner, Place::Within(self.span(start, self.at)))?;
        self.pieces.push(Piece::Substitution { body, quoted });
        Ok(())
    }
}
