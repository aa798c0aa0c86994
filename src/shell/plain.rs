//! Plain lines without the general parser: commands of quoted and unquoted words, joined by `|`, `&&`, `||`, `;`, `&`
//! and newlines, with the usual redirections.
//!
//! In: text that passed the gate. Out: the same [`List`] that the general parser and `lower` would make, or nothing when
//! the text holds anything else; then these two read it. Most lines of agents are plain, and reading them here takes a
//! tenth of the time. Debug builds read each such text both ways and compare; it would be no hole if they differed, for
//! what is judged is what is rendered.

use super::command::RedirectOp;
use super::lower::{self, Lower};
use super::parse;
use super::place::Place;
use super::tree::{Assign, Connector, Item, List, Node, Pipeline, RedirectTarget, Redirection, Simple, Stage};
use crate::diag::Span;

/// Words that the general parser reads as more than a word, or counts, wherever they stand.
const KEYWORDS: &[&str] =
    &["{", "if", "while", "until", "for", "[[", "!", "elif", "case", "coproc", "function", "select", "time"];

/// Words that mean something where a command starts.
const RESERVED: &[&str] = &["}", "do", "done", "else", "esac", "fi", "in", "then", "]]"];

/// The list of commands, when the text is nothing but plain ones.
pub(super) fn read(text: &str, place: Place, lower: &mut Lower) -> Option<List> {
    let mark = lower.sites();
    let mut reader = Reader { text, at: 0, place, lower };
    let list = reader.list();
    if list.is_none() {
        reader.lower.rewind(mark);
    }
    list
}

struct Reader<'t, 'l> {
    text: &'t str,
    at: usize,
    place: Place,
    lower: &'l mut Lower,
}

/// What ends a command.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Pipe,
    And,
    Or,
    Background,
    /// `;`, a newline, or the end of the text.
    Sequence,
}

impl<'t> Reader<'t, '_> {
    fn list(&mut self) -> Option<List> {
        let mut items: Vec<Item> = Vec::new();
        self.skip(true);
        while self.peek().is_some() {
            items.push(self.item()?);
            self.skip(true);
        }
        (!items.is_empty()).then_some(List(items))
    }

    /// Pipelines up to a separator.
    fn item(&mut self) -> Option<Item> {
        let (first, mut end) = self.pipeline()?;
        let mut rest = Vec::new();
        while let End::And | End::Or = end {
            let connector = if end == End::And { Connector::And } else { Connector::Or };
            self.skip(true);
            let (pipeline, next) = self.pipeline()?;
            rest.push((connector, pipeline));
            end = next;
        }
        Some(Item { first, rest, background: end == End::Background })
    }

    fn pipeline(&mut self) -> Option<(Pipeline, End)> {
        let mut stages = Vec::new();
        loop {
            let (stage, end) = self.stage()?;
            stages.push(stage);
            if end != End::Pipe {
                return Some((Pipeline { timed: None, negated: false, stages }, end));
            }
            self.skip(true);
        }
    }

    /// One command with what ends it.
    fn stage(&mut self) -> Option<(Stage, End)> {
        let (mut assignments, mut words, mut redirects) = (Vec::new(), Vec::new(), Vec::new());
        let mut span: Option<Span> = None;
        let mut cover = |more: Span| {
            let both = |span: Span| Span { start: span.start.min(more.start), end: span.end.max(more.end) };
            span = Some(span.map_or(more, both));
        };
        let end = loop {
            self.skip(false);
            match self.peek() {
                Some(b'<' | b'>') => redirects.push(self.redirect(None)?),
                Some(b'&') if self.next_is(1, b'>') => redirects.push(self.both()?),
                None | Some(b'\n' | b';' | b'|' | b'&') => break self.end()?,
                Some(_) => {
                    let (start, raw) = self.word()?;
                    if let Some(digit) = descriptor(raw).filter(|_| matches!(self.peek(), Some(b'<' | b'>'))) {
                        redirects.push(self.redirect(Some(digit?))?);
                    } else if words.is_empty() && assigned(raw).is_some() {
                        assignments.push(self.assignment(start, raw)?);
                    } else {
                        if words.is_empty() && RESERVED.contains(&raw) {
                            return None;
                        }
                        let span = self.place.span(start, self.at);
                        cover(span);
                        words.extend(lower::argument(raw, self.inner(start, raw, span), span, self.lower).ok()?);
                        continue;
                    }
                }
            }
            redirects.last().map(|redirect: &Redirection| redirect.span).into_iter().for_each(&mut cover);
            assignments.last().map(|assign: &Assign| assign.span).into_iter().for_each(&mut cover);
        };
        let node = Node::Simple(Simple { assignments, words, span: span? });
        Some((Stage { node, redirects }, end))
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn next_is(&self, ahead: usize, byte: u8) -> bool {
        self.text.as_bytes().get(self.at + ahead) == Some(&byte)
    }

    /// Steps over blanks, and over newlines where they mean nothing.
    fn skip(&mut self, newlines: bool) {
        while matches!(self.peek(), Some(b' ' | b'\t')) || (newlines && self.peek() == Some(b'\n')) {
            self.at += 1;
        }
    }

    fn end(&mut self) -> Option<End> {
        let (end, length) = match (self.peek(), self.text.as_bytes().get(self.at + 1)) {
            (Some(b'|'), Some(b'|')) => (End::Or, 2),
            (Some(b'&'), Some(b'&')) => (End::And, 2),
            (Some(b'|'), Some(b'&')) | (Some(b';'), Some(b';' | b'&')) => return None,
            (Some(b'|'), _) => (End::Pipe, 1),
            (Some(b'&'), _) => (End::Background, 1),
            (None, _) => (End::Sequence, 0),
            _ => (End::Sequence, 1),
        };
        self.at += length;
        Some(end)
    }

    /// The raw text of one word, quotes and all, with its start; nothing for a word that is not plain.
    fn word(&mut self) -> Option<(usize, &'t str)> {
        let bytes = self.text.as_bytes();
        let start = self.at;
        if bytes.get(start) == Some(&b'#') {
            return None;
        }
        while let Some(&byte) = bytes.get(self.at) {
            match byte {
                b' ' | b'\t' | b'\n' | b';' | b'&' | b'|' | b'<' | b'>' => break,
                b'(' | b')' | b'`' | 0..=0x1f | 0x7f => return None,
                b'\\' => self.escape()?,
                b'\'' if bytes.get(..self.at).is_some_and(|before| before.ends_with(b"$")) => return None,
                b'\'' => self.at += 2 + bytes.get(self.at + 1..)?.iter().position(|byte| *byte == b'\'')?,
                b'"' => self.quoted()?,
                b'$' if matches!(bytes.get(self.at + 1), Some(b'(' | b'{' | b'[' | b'\'' | b'"')) => return None,
                _ => self.at += 1,
            }
        }
        let raw = self.text.get(start..self.at)?;
        let keyword = KEYWORDS.contains(&raw);
        (!keyword && parse::subscript(raw).is_ok() && !is_element(raw)).then_some((start, raw))
    }

    /// A backslash with the character behind it.
    fn escape(&mut self) -> Option<()> {
        let next = self.text.get(self.at + 1..)?.chars().next().filter(|next| *next != '\n')?;
        self.at += 1 + next.len_utf8();
        Some(())
    }

    /// From one double quote to the other.
    fn quoted(&mut self) -> Option<()> {
        self.at += 1;
        loop {
            match self.peek()? {
                b'"' => break,
                b'`' => return None,
                b'\\' => self.escape()?,
                b'$' if matches!(self.text.as_bytes().get(self.at + 1), Some(b'(' | b'{' | b'[')) => return None,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        Some(())
    }

    /// Where the inside of a word is: only what expands has places of its own.
    fn inner(&self, start: usize, raw: &str, span: Span) -> Place {
        if raw.contains('$') { self.place.inner(start) } else { Place::Within(span) }
    }

    fn assignment(&mut self, start: usize, raw: &str) -> Option<Assign> {
        let (name, value) = assigned(raw)?;
        let span = self.place.span(start, self.at);
        let place = self.inner(start, raw, span).inner(name.len() + 1);
        lower::assigned(name, value, place, span, self.lower).ok()
    }

    /// `<`, `>`, `>>`, `>|`, `<>`, `<&`, `>&` and what they lead to.
    fn redirect(&mut self, fd: Option<u32>) -> Option<Redirection> {
        let (op, length) = match (self.peek(), self.text.as_bytes().get(self.at + 1)) {
            (Some(b'<'), Some(b'<')) => return None,
            (_, Some(b'&')) => return self.duplicate(fd),
            (Some(b'<'), Some(b'>')) => (RedirectOp::ReadWrite, 2),
            (Some(b'<'), _) => (RedirectOp::Read, 1),
            (_, Some(b'>')) => (RedirectOp::Append, 2),
            (_, Some(b'|')) => (RedirectOp::Write, 2),
            _ => (RedirectOp::Write, 1),
        };
        self.at += length;
        let (target, span) = self.target()?;
        Some(Redirection { op, fd, target, span })
    }

    /// `2>&1`, `>&-`
    fn duplicate(&mut self, fd: Option<u32>) -> Option<Redirection> {
        let input = self.peek() == Some(b'<');
        self.at += 2;
        self.skip(false);
        let (start, raw) = self.word()?;
        let target = match raw.as_bytes() {
            [digit @ b'0'..=b'9'] => RedirectTarget::Descriptor(u32::from(digit - b'0')),
            b"-" => RedirectTarget::Close,
            _ => return None,
        };
        let fd = fd.or(Some(u32::from(!input)));
        Some(Redirection { op: RedirectOp::Duplicate, fd, target, span: self.place.span(start, self.at) })
    }

    /// `&>` and `&>>`
    fn both(&mut self) -> Option<Redirection> {
        if self.lower.portable {
            return None;
        }
        self.at += 2;
        let append = self.peek() == Some(b'>');
        self.at += usize::from(append);
        let (target, span) = self.target()?;
        let op = if append { RedirectOp::AppendBoth } else { RedirectOp::WriteBoth };
        Some(Redirection { op, fd: None, target, span })
    }

    /// The file behind a redirection.
    fn target(&mut self) -> Option<(RedirectTarget, Span)> {
        self.skip(false);
        let empty = matches!(self.peek(), None | Some(b'\n' | b';' | b'|' | b'&' | b'<' | b'>'));
        let (start, raw) = if empty { return None } else { self.word()? };
        if descriptor(raw).is_some() && matches!(self.peek(), Some(b'<' | b'>')) {
            // The number belongs to the redirection behind it, so that this one has no file.
            return None;
        }
        let span = self.place.span(start, self.at);
        let word = lower::single(raw, self.inner(start, raw, span), span, self.lower).ok()?;
        Some((RedirectTarget::File(word), span))
    }
}

/// The number before a redirection; nothing inside for one that is too large.
fn descriptor(raw: &str) -> Option<Option<u32>> {
    let digits = !raw.is_empty() && raw.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| raw.parse().ok().filter(|_| raw.len() == 1))
}

/// Name and value of `name=value`.
fn assigned(raw: &str) -> Option<(&str, &str)> {
    raw.split_once('=').filter(|(name, _)| is_name(name.strip_suffix('+').unwrap_or(name)))
}

/// Is it `name[…`, which an assignment to an element looks like?
fn is_element(raw: &str) -> bool {
    raw.split_once('[').is_some_and(|(name, rest)| is_name(name) && rest.contains(']') && rest.contains('='))
}

fn is_name(text: &str) -> bool {
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    plain && text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_lines_are_read_here_and_others_are_left() {
        let plain = [
            "ls",
            "git log --oneline -n 20 -- src | grep -v 'merge commit' | head -n 5",
            "make -j2 2>&1 | tail -n 20 && echo ok || echo failed; A=1 B=\"$HOME x\" env > out 2> /dev/null &",
            "cd src\nls *.rs\n\ncat {a,b}.txt >> all.txt < in",
            "echo done; sleep 1 & wait",
            "printf '%s\\n' \"a \\\" b\" c\\ d &> log",
            "X=1",
            "> empty",
            "echo 99999999999 > large",
        ];
        for text in plain {
            assert!(read(text, Place::At(0), &mut Lower::default()).is_some(), "{text}");
        }
        let others = [
            "(ls)",
            "{ ls; }",
            "if a; then b; fi",
            "for x in a; do b; done",
            "echo $(ls)",
            "echo `ls`",
            "echo ${x}",
            "cat <<E\nE",
            "cat <<< x",
            "a <44>|b",
            "a > 2>b",
            "ls # c",
            "a |& b",
            "! a",
            "time ls",
            "a ;; b",
            "a &&",
            "| a",
            "& a",
            "a; ; b",
            "a=(1)",
            "a[0]=1 ls",
            "f() { ls; }",
            "ls \\\n -l",
            "echo $'a'",
            "echo \"$(ls)\"",
            "done",
            "'a",
            "\"a",
            "a 10> b",
            "a > ",
            "a >& b",
            "",
        ];
        for text in others {
            let mut lower = Lower::default();
            assert_eq!(read(text, Place::At(0), &mut lower), None, "{text}");
            assert_eq!(lower.sites(), 0, "{text}");
        }
    }
}
