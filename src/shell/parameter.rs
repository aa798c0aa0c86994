//! `$name` and `${…}` to a [`Parameter`].
//!
//! In: a reader that stands before a `$`. Out: one more piece, or a [`Refusal`] for each form that runs text, assigns,
//! or names a variable indirectly. What the value is, is decided in `eval`.

use super::piece::{Mode, Reader};
use super::refusal::Refusal;
use super::tree::{Op, Parameter, Piece};

/// Characters that mean the same inside `${…}` whatever the quoting around it.
const PLAIN: &str = "_./:=@%+,-^ *?[]#";

impl Reader<'_, '_> {
    /// `$name`, `$1`, `$?`: the caller saw that one of them follows.
    pub(super) fn plain_parameter(&mut self, quoted: bool) -> Result<(), Refusal> {
        let start = self.at;
        let rest = self.text.get(start + 1..).unwrap_or_default();
        let name: String = match rest.chars().next() {
            Some(c) if c == '_' || c.is_ascii_alphabetic() => rest.chars().take_while(|c| is_name(*c)).collect(),
            first => first.into_iter().collect(),
        };
        self.at += 1 + name.len();
        if !quoted && self.peek() == Some('{') {
            // bash expands the braces first: `$x{a,b}` reads the variables `xa` and `xb`.
            return Err(self.refuse("parameter", start, "`$name{…}` joins the name to the braces; write `${name}{…}`"));
        }
        self.parameter(start, name, Op::Plain, quoted);
        Ok(())
    }

    fn parameter(&mut self, start: usize, name: String, op: Op, quoted: bool) {
        let span = self.span(start, self.at);
        self.pieces.push(Piece::Parameter { parameter: Parameter { name, op, span }, quoted });
    }

    /// `${…}`: the reader stands before it.
    pub(super) fn braces(&mut self, mode: Mode) -> Result<(), Refusal> {
        let start = self.at;
        self.at += 2;
        let quoted = mode != Mode::Bare;
        let first = self.peek();
        if first.is_none_or(|c| c.is_whitespace() || c == '|') {
            let message = "`${ command; }` runs a command; use `$(command)`";
            return Err(self.refuse("function-substitution", start, message));
        }
        let length = first == Some('#') && !self.rest().starts_with("#}");
        let indirect = first == Some('!') && !self.rest().starts_with("!}");
        if indirect {
            let message = "`${!name}` reads a variable whose name is data; name the variable";
            return Err(self.refuse("indirection", start, message));
        }
        self.at += usize::from(length);
        let name = self.name().ok_or_else(|| self.refuse("parameter", start, "`${…}` needs a plain variable name"))?;
        let op = if length { Op::Length } else { self.operator(start, mode)? };
        if self.peek() != Some('}') {
            return Err(self.refuse("parameter", start, "this form of `${…}` is not accepted; use plain `${name}`"));
        }
        self.at += 1;
        self.parameter(start, name, op, quoted);
        Ok(())
    }

    /// The name after `${`.
    fn name(&mut self) -> Option<String> {
        let rest = self.rest();
        let first = rest.chars().next()?;
        let name: String = match first {
            '_' | 'a'..='z' | 'A'..='Z' => rest.chars().take_while(|c| is_name(*c)).collect(),
            '0'..='9' => rest.chars().take_while(char::is_ascii_digit).collect(),
            '@' | '*' | '#' | '?' | '-' | '$' | '!' => first.to_string(),
            _ => return None,
        };
        self.at += name.len();
        Some(name)
    }

    fn operator(&mut self, start: usize, mode: Mode) -> Result<Op, Refusal> {
        let rest = self.rest();
        let starts = |operators: &[&'static str]| operators.iter().copied().find(|op| rest.starts_with(op));
        if let Some(op) = starts(&[":-", ":+", ":?", "-", "+", "?"]) {
            self.at += op.len();
            return Ok(Op::Test(op, self.operand(start, mode, &['}'])?));
        }
        if let Some(op) = starts(&["##", "#", "%%", "%"]) {
            self.at += op.len();
            return Ok(Op::Trim(op, self.operand(start, mode, &['}'])?));
        }
        if let Some(op) = starts(&["//", "/#", "/%", "/"]) {
            self.at += op.len();
            let pattern = self.operand(start, mode, &['/', '}'])?;
            let replaces = self.peek() == Some('/');
            self.at += usize::from(replaces);
            let replacement = if replaces { self.operand(start, mode, &['}'])? } else { Vec::new() };
            return Ok(Op::Replace(op, pattern, replacement));
        }
        if let Some(op) = starts(&["^^", "^", ",,", ","]) {
            self.at += op.len();
            return Ok(Op::Case(op));
        }
        match rest.chars().next() {
            Some('=') => Err(self.assigns(start)),
            Some(':') if rest.starts_with(":=") => Err(self.assigns(start)),
            Some(':') => self.substring(start),
            Some('@') => Err(self.refuse("transformation", start, "`${name@…}` can run text; use plain `${name}`")),
            Some('[') => Err(self.refuse("array", start, "arrays are not supported; use plain variables")),
            _ => Ok(Op::Plain),
        }
    }

    fn assigns(&self, start: usize) -> Refusal {
        self.refuse("assign-default", start, "`${name=…}` assigns; write `name=…` before the command")
    }

    /// `:offset` and `:offset:length`, which are arithmetic unless they are numbers.
    fn substring(&mut self, start: usize) -> Result<Op, Refusal> {
        let end = self.rest().find('}').unwrap_or(0);
        let inner = self.rest().get(1..end).unwrap_or_default();
        let (offset, length) = inner.split_once(':').map_or((inner, None), |(offset, length)| (offset, Some(length)));
        let number = |text: &str| {
            let digits = text.strip_prefix(' ').unwrap_or(text);
            let unsigned = digits.strip_prefix('-').unwrap_or(digits);
            let decimal = !unsigned.is_empty() && unsigned.bytes().all(|byte| byte.is_ascii_digit());
            (decimal && unsigned.len() < 10).then(|| digits.parse::<i64>().ok()).flatten()
        };
        let length = match length {
            None => Some(None),
            Some(text) => number(text).map(Some),
        };
        match (number(offset), length) {
            (Some(offset), Some(length)) => {
                self.at += end;
                Ok(Op::Substring(offset, length))
            }
            _ => Err(self.refuse("arithmetic", start, "offset and length of `${name:…}` must be plain numbers")),
        }
    }

    /// The word after an operator, kept to text that reads the same in every kind of quoting.
    fn operand(&mut self, start: usize, mode: Mode, ends: &[char]) -> Result<Vec<Piece>, Refusal> {
        let outer = std::mem::take(&mut self.pieces);
        let from = self.at;
        self.lower.enter(self.span(start, self.at))?;
        self.run(mode, Some(ends))?;
        self.lower.leave();
        let pieces = std::mem::replace(&mut self.pieces, outer);
        let raw = self.text.get(from..self.at).unwrap_or_default();
        let has_quotes = mode != Mode::Bare && raw.contains(['"', '\'', '\\']);
        let plain = pieces.iter().all(|piece| match piece {
            Piece::Literal { text, .. } => text.chars().all(|c| c.is_alphanumeric() || PLAIN.contains(c)),
            Piece::Parameter { .. } => true,
            Piece::Substitution { .. } | Piece::Process { .. } | Piece::Arithmetic { .. } => false,
        });
        if has_quotes || !plain {
            let message =
                "quotes, substitutions or special characters inside `${…}`; assign the text to a variable first";
            return Err(self.refuse("parameter", start, message));
        }
        Ok(pieces)
    }
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}
