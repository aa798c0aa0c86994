//! Where an expansion ends.
//!
//! In: the text after its opener. Out: how long it is. Nothing here decides what may run: a wrong end makes another
//! tree, and that tree is what is judged and rendered.

/// Length of the text before the `)` that closes a command substitution.
pub(super) fn closing_parenthesis(text: &str) -> Option<usize> {
    let mut scanner = Scanner { bytes: text.as_bytes(), at: 0, documents: Vec::new() };
    scanner.commands()
}

/// Steps over quotes, nested parentheses, comments and here-documents.
struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    documents: Vec<(Vec<u8>, bool)>,
}

impl Scanner<'_> {
    fn peek(&self, ahead: usize) -> u8 {
        self.bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn commands(&mut self) -> Option<usize> {
        let mut depth = 0_usize;
        let mut word_start = true;
        while let Some(&byte) = self.bytes.get(self.at) {
            match byte {
                b'\\' => self.at += 1,
                b'\'' => self.at += 1 + self.bytes.get(self.at + 1..)?.iter().position(|b| *b == b'\'')?,
                b'"' => self.double()?,
                b'`' => self.backquote()?,
                b'#' if word_start => self.comment(),
                b'(' => depth += 1,
                b')' if depth == 0 => return Some(self.at),
                b')' => depth -= 1,
                b'<' if self.peek(1) == b'<' => self.document()?,
                b'\n' => self.bodies(),
                _ => {}
            }
            word_start = matches!(byte, b' ' | b'\t' | b'\n' | b';' | b'&' | b'|' | b'(' | b')' | b'<' | b'>');
            self.at += 1;
        }
        None
    }

    /// From an opening double quote to the closing one.
    fn double(&mut self) -> Option<()> {
        self.at += 1;
        loop {
            match *self.bytes.get(self.at)? {
                b'\\' => self.at += 1,
                b'"' => return Some(()),
                b'`' => self.backquote()?,
                b'$' if self.peek(1) == b'(' => {
                    let inner = std::str::from_utf8(self.bytes.get(self.at + 2..)?).ok()?;
                    self.at += 2 + closing_parenthesis(inner)?;
                }
                _ => {}
            }
            self.at += 1;
        }
    }

    fn backquote(&mut self) -> Option<()> {
        self.at += 1;
        loop {
            match *self.bytes.get(self.at)? {
                b'\\' => self.at += 2,
                b'`' => return Some(()),
                _ => self.at += 1,
            }
        }
    }

    /// Up to the byte before the newline.
    fn comment(&mut self) {
        while !matches!(self.peek(1), b'\n' | 0) {
            self.at += 1;
        }
    }

    /// Remembers the delimiter after `<<` or `<<-`; `<<<` is no here-document.
    fn document(&mut self) -> Option<()> {
        if self.peek(2) == b'<' {
            self.at += 2;
            return Some(());
        }
        let strip = self.peek(2) == b'-';
        self.at += if strip { 3 } else { 2 };
        while matches!(self.peek(0), b' ' | b'\t') {
            self.at += 1;
        }
        let mut delimiter = Vec::new();
        let mut quote = 0;
        loop {
            match self.peek(0) {
                0 => return None,
                b'\\' if quote == 0 => {
                    delimiter.push(self.peek(1));
                    self.at += 1;
                }
                byte if quote != 0 && byte == quote => quote = 0,
                byte @ (b'\'' | b'"') if quote == 0 => quote = byte,
                b' ' | b'\t' | b'\n' | b';' | b'&' | b'|' | b'(' | b')' | b'<' | b'>' if quote == 0 => break,
                byte => delimiter.push(byte),
            }
            self.at += 1;
        }
        self.documents.push((delimiter, strip));
        self.at -= 1;
        Some(())
    }

    /// At a newline: steps over the bodies that are due, to the newline after the last delimiter.
    fn bodies(&mut self) {
        for (delimiter, strip) in std::mem::take(&mut self.documents) {
            loop {
                let start = self.at + 1;
                let rest = self.bytes.get(start..).unwrap_or_default();
                if rest.is_empty() {
                    return;
                }
                let length = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
                let line = rest.get(..length).unwrap_or_default();
                let tabs = if strip { line.iter().take_while(|byte| **byte == b'\t').count() } else { 0 };
                self.at = start + length;
                if line.get(tabs..) == Some(delimiter.as_slice()) {
                    break;
                }
            }
        }
    }
}

/// The expression of `$((…))` at the start of a text and the length of it all; nothing when this is no arithmetic.
pub(super) fn arithmetic(text: &str) -> Option<(&str, usize)> {
    let inner = text.strip_prefix("$((")?;
    let mut depth = 0_usize;
    for (at, byte) in inner.bytes().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' if depth > 0 => depth -= 1,
            b')' => {
                let closed = inner.get(at + 1..)?.starts_with(')');
                return closed.then_some((inner.get(..at)?, at + 5));
            }
            b'\'' | b'"' | b'\\' | b'`' | b';' | b'\n' => return None,
            _ => {}
        }
    }
    None
}

/// The variables of an arithmetic expression; anything but numbers, operators without effect and plain names is refused.
pub(super) fn arithmetic_names(expression: &str) -> Result<Vec<String>, &'static str> {
    const ADVICE: &str =
        "arithmetic over anything but numbers, plain variables and operators without effect is refused";
    let mut names = Vec::new();
    let mut rest = expression.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = |test: fn(char) -> bool| rest.chars().take_while(|c| test(*c)).count();
        let taken = match first {
            '0'..='9' => {
                let digits = length(|c| c.is_ascii_alphanumeric() || c == '_' || c == '#' || c == '@');
                let decimal = rest.get(..digits).is_some_and(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
                if decimal { digits } else { return Err(ADVICE) }
            }
            'a'..='z' | 'A'..='Z' | '_' => {
                let name = length(|c| c.is_ascii_alphanumeric() || c == '_');
                names.push(rest.get(..name).unwrap_or_default().to_owned());
                name
            }
            '$' => {
                let after = rest.get(1..).unwrap_or_default();
                let braced = after.starts_with('{');
                let name: String = after.chars().skip(usize::from(braced)).take_while(|c| is_name(*c)).collect();
                let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
                let closed = !braced || after.get(name.len() + 1..).is_some_and(|tail| tail.starts_with('}'));
                if !starts || !closed {
                    return Err(ADVICE);
                }
                let taken = 1 + name.len() + if braced { 2 } else { 0 };
                names.push(name);
                taken
            }
            _ => operator(rest).ok_or(ADVICE)?,
        };
        rest = rest.get(taken..).unwrap_or_default().trim_start();
    }
    Ok(names)
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// Length of the operator at the start; `=` with a left side, `++`, `--` and `[` change or look up something.
fn operator(text: &str) -> Option<usize> {
    let assigns = ["+=", "-=", "*=", "/=", "%=", "<<=", ">>=", "&=", "^=", "|=", "++", "--"];
    if assigns.iter().any(|operator| text.starts_with(operator)) {
        return None;
    }
    let known = [
        "**", "<<", ">>", "<=", ">=", "==", "!=", "&&", "||", "+", "-", "*", "/", "%", "<", ">", "!", "~", "&", "^",
        "|", "?", ":", "(", ")",
    ];
    known.iter().find(|operator| text.starts_with(**operator)).map(|operator| operator.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_substitution_ends_where_bash_ends_it() {
        let cases = [
            ("plain", "ls) x", Some(2)),
            ("nested", "a (b) $(c)) x", Some(10)),
            ("quotes hide it", "echo ')' \")\" \\)) x", Some(15)),
            ("a comment hides it", "ls # )\n) x", Some(7)),
            ("a here-document with an apostrophe", "cat <<'EOF'\nit's ) here\nEOF\n) x", Some(28)),
            ("a here-string is no document", "cat <<<x) y", Some(8)),
            ("double quotes nest", "echo \"$(echo \")\")\") x", Some(18)),
            ("open", "ls", None),
        ];
        for (why, text, want) in cases {
            assert_eq!(closing_parenthesis(text), want, "{why}");
        }
    }

    #[test]
    fn arithmetic_takes_numbers_and_names_and_nothing_with_an_effect() {
        let names = |text| arithmetic_names(text).ok();
        assert_eq!(names("1 + 2*(3 - 4)"), Some(vec![]));
        assert_eq!(names("i + $j % ${k}"), Some(vec!["i".to_owned(), "j".to_owned(), "k".to_owned()]));
        for effect in ["x=1", "x++", "--x", "a[0]", "x+=1", "16#ff", "0x1f", "$(ls)", "${x:-1}", "$1", "1,2"] {
            assert_eq!(names(effect), None, "{effect}");
        }
    }
}
