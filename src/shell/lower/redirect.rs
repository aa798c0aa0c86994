//! Redirections.
//!
//! In: redirections of the parser. Out: ours. Here-documents become text that rendering writes as a here-string, so that
//! no delimiter decides where they end.

use brush_parser::ast;

use super::super::command::RedirectOp;
use super::super::refusal::Refusal;
use super::super::tree::{Piece, RedirectTarget, Redirection, Word};
use super::Walker;
use crate::diag::Span;

impl Walker<'_, '_> {
    pub(super) fn redirects(&mut self, list: Option<&ast::RedirectList>) -> Result<Vec<Redirection>, Refusal> {
        list.iter().flat_map(|list| &list.0).map(|redirect| self.redirect(redirect)).collect()
    }

    pub(super) fn redirect(&mut self, redirect: &ast::IoRedirect) -> Result<Redirection, Refusal> {
        match redirect {
            ast::IoRedirect::File(fd, kind, target) => self.file(*fd, kind, target),
            ast::IoRedirect::OutputAndError(word, append) => {
                let op = if *append { RedirectOp::AppendBoth } else { RedirectOp::WriteBoth };
                self.both(op, word)
            }
            ast::IoRedirect::HereString(fd, word) => {
                let span = self.span(word.loc.as_ref());
                let fd = self.descriptor(*fd, span)?;
                let target = RedirectTarget::Text(self.single(word)?);
                self.text(fd, target, span)
            }
            ast::IoRedirect::HereDocument(fd, document) => {
                let span = self.span(document.here_end.loc.as_ref());
                let fd = self.descriptor(*fd, span)?;
                if document.doc.value.is_empty() {
                    let null = vec![Piece::Literal { text: "/dev/null".to_owned(), quoted: true }];
                    let word = Word { pieces: null, site: self.lower.site(), span };
                    return Ok(Redirection { op: RedirectOp::Read, fd, target: RedirectTarget::File(word), span });
                }
                let mut word = self.document(&document.doc.value, document.requires_expansion, span)?;
                strip_last_newline(&mut word, span)?;
                self.text(fd, RedirectTarget::Text(word), span)
            }
        }
    }

    /// `&> file`, which a POSIX shell reads as `&` and `> file`.
    fn both(&mut self, op: RedirectOp, word: &ast::Word) -> Result<Redirection, Refusal> {
        let target = self.single(word)?;
        let span = target.span;
        if self.lower.portable {
            return Err(Refusal::new("bash-only", span, "`&>` inside `sh -c` is refused; write `> file 2>&1`"));
        }
        Ok(Redirection { op, fd: None, target: RedirectTarget::File(target), span })
    }

    fn text(&self, fd: Option<u32>, target: RedirectTarget, span: Span) -> Result<Redirection, Refusal> {
        if self.lower.portable {
            let message = "here-documents and here-strings inside `sh -c` are refused; use `printf` and a pipe";
            return Err(Refusal::new("bash-only", span, message));
        }
        Ok(Redirection { op: RedirectOp::Text, fd, target, span })
    }

    fn descriptor(&self, fd: Option<i32>, span: Span) -> Result<Option<u32>, Refusal> {
        let refuse = || Refusal::new("descriptor", span, "descriptors above 9 are refused; use 0 to 9");
        fd.map(|fd| u32::try_from(fd).ok().filter(|fd| *fd <= 9).ok_or_else(refuse)).transpose()
    }

    fn file(
        &mut self,
        fd: Option<i32>,
        kind: &ast::IoFileRedirectKind,
        target: &ast::IoFileRedirectTarget,
    ) -> Result<Redirection, Refusal> {
        use ast::IoFileRedirectKind as Kind;
        let op = match kind {
            Kind::Read => RedirectOp::Read,
            Kind::Write | Kind::Clobber => RedirectOp::Write,
            Kind::Append => RedirectOp::Append,
            Kind::ReadAndWrite => RedirectOp::ReadWrite,
            Kind::DuplicateInput | Kind::DuplicateOutput => RedirectOp::Duplicate,
        };
        match target {
            ast::IoFileRedirectTarget::Filename(word) => {
                let target = self.single(word)?;
                let span = target.span;
                Ok(Redirection { op, fd: self.descriptor(fd, span)?, target: RedirectTarget::File(target), span })
            }
            ast::IoFileRedirectTarget::Fd(number) => {
                let span = self.span(None);
                let to = self.descriptor(Some(*number), span)?.unwrap_or(1);
                let target = RedirectTarget::Descriptor(to);
                Ok(Redirection {
                    op,
                    fd: self.descriptor(fd, span)?,
                    target,
                    span: Span { start: span.end, end: span.end },
                })
            }
            ast::IoFileRedirectTarget::Duplicate(word) => self.duplicate(fd, kind, word),
            ast::IoFileRedirectTarget::ProcessSubstitution(kind, inner) => {
                let target = self.process(kind, inner)?;
                let span = target.span;
                Ok(Redirection { op, fd: self.descriptor(fd, span)?, target: RedirectTarget::File(target), span })
            }
        }
    }

    /// `>&2`, `<&-`, and `>& file`, which is `&> file`.
    fn duplicate(
        &mut self,
        fd: Option<i32>,
        kind: &ast::IoFileRedirectKind,
        word: &ast::Word,
    ) -> Result<Redirection, Refusal> {
        let span = self.span(word.loc.as_ref());
        let input = matches!(kind, ast::IoFileRedirectKind::DuplicateInput);
        let from = self.descriptor(fd, span)?.or(Some(u32::from(!input)));
        let done = |target| Ok(Redirection { op: RedirectOp::Duplicate, fd: from, target, span });
        match word.value.as_bytes() {
            [digit @ b'0'..=b'9'] => done(RedirectTarget::Descriptor(u32::from(digit - b'0'))),
            b"-" => done(RedirectTarget::Close),
            [first, ..] if !input && fd.is_none() && !first.is_ascii_digit() && *first != b'$' => {
                self.both(RedirectOp::WriteBoth, word)
            }
            _ => {
                let message = "`<&` and `>&` take one descriptor, 0 to 9, or `-`";
                Err(Refusal::new("descriptor", span, message))
            }
        }
    }
}

/// A here-string ends with a newline of its own.
fn strip_last_newline(word: &mut Word, span: Span) -> Result<(), Refusal> {
    if let Some(Piece::Literal { text, .. }) = word.pieces.last_mut()
        && text.ends_with('\n')
    {
        text.pop();
        return Ok(());
    }
    Err(Refusal::new("here-document", span, "the here-document does not end with a line of its own; close it"))
}
