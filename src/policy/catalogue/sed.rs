//! Does a sed script only edit what passes through?
//!
//! In: the text of a script. Out: nothing, or the first thing that is not certain to be harmless: `e` and the `e` flag
//! run programs, `w`, `W` and the `w` flag write files, `r` and `R` read them. Source: GNU sed manual, sections 3 to 6.
//!
//! A script is accepted when each command in it is one of the known harmless ones; what is not understood is refused.
//! Most let a bracket hold the delimiter, some end at it: the second reading has to be harmless too, or no script at all.

/// Reads a whole script.
///
/// # Errors
/// What is refused, in words.
pub(in crate::policy) fn only_edits(script: &str) -> Result<(), String> {
    let read = |brackets| {
        let mut reader = Reader { rest: script, brackets };
        while reader.command()? {}
        Ok(())
    };
    match (read(true), read(false)) {
        (Ok(()), Ok(()) | Err(Wrong::Broken(_))) => Ok(()),
        (Err(Wrong::Broken(why) | Wrong::Refused(why)), _) | (_, Err(Wrong::Refused(why))) => Err(why),
    }
}

/// Why a script is not accepted.
enum Wrong {
    /// No sed runs any of it.
    Broken(String),
    Refused(String),
}

impl From<&str> for Wrong {
    fn from(why: &str) -> Self {
        Self::Refused(why.to_owned())
    }
}

type Read<T> = Result<T, Wrong>;

struct Reader<'a> {
    rest: &'a str,
    /// A bracket may hold the delimiter.
    brackets: bool,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn take(&mut self) -> Option<char> {
        let first = self.peek()?;
        self.rest = self.rest.get(first.len_utf8()..).unwrap_or("");
        Some(first)
    }

    fn skip(&mut self, skipped: impl Fn(char) -> bool) {
        self.rest = self.rest.trim_start_matches(skipped);
    }

    /// One command with its addresses; false at the end of the script.
    fn command(&mut self) -> Read<bool> {
        self.skip(|c| c.is_ascii_whitespace() || c == ';');
        if self.address()? {
            self.skip(|c| c == ' ');
            if self.peek() == Some(',') {
                self.take();
                self.skip(|c| c == ' ');
                if matches!(self.peek(), Some('+' | '~')) {
                    self.take();
                }
                if !self.address()? {
                    return Err("an address is missing after `,`".into());
                }
            }
        }
        self.skip(|c| c == ' ' || c == '!');
        match self.take() {
            None => return Ok(false),
            // A command may follow the brace at once.
            Some('{') => return Ok(true),
            Some('}' | '=' | 'd' | 'D' | 'g' | 'G' | 'h' | 'H' | 'n' | 'N' | 'p' | 'P' | 'x' | 'z' | 'F') => {}
            Some('l' | 'q' | 'Q' | 'L') => {
                self.skip(|c| c == ' ');
                self.skip(|c| c.is_ascii_digit());
            }
            Some('b' | 't' | 'T' | ':') => {
                self.skip(|c| c == ' ');
                self.skip(|c| c.is_ascii_alphanumeric() || c == '_');
            }
            Some('#') => self.skip(|c| c != '\n'),
            Some('s') => self.substitution()?,
            Some('y') => {
                let end = self.take().ok_or("`y` lacks its delimiter")?;
                self.delimited(end, false)?;
                self.delimited(end, false)?;
            }
            Some('a' | 'i' | 'c') if !self.rest.contains('\n') => self.rest = "",
            Some(other) if other.is_ascii_alphabetic() => {
                return Err(Wrong::Refused(format!("the command `{other}` of the script may reach beyond its input")));
            }
            Some(other) => return Err(Wrong::Broken(format!("there is no command `{other}`"))),
        }
        self.skip(|c| c == ' ' || c == '\t');
        match self.peek() {
            None | Some(';' | '\n' | '}' | '{' | '#') => Ok(true),
            Some(_) => Err(Wrong::Refused(format!("`{}` in the script is not understood", self.rest))),
        }
    }

    /// A number, `$`, or a regular expression; false when there is none.
    fn address(&mut self) -> Read<bool> {
        match self.peek() {
            Some('0'..='9') => {
                self.skip(|c| c.is_ascii_digit() || c == '~');
                return Ok(true);
            }
            Some('$') => {
                self.take();
                return Ok(true);
            }
            Some('/') => {
                self.take();
                self.delimited('/', true)?;
            }
            Some('\\') => {
                self.take();
                let end = self.take().ok_or("an address lacks its delimiter")?;
                self.delimited(end, true)?;
            }
            _ => return Ok(false),
        }
        self.skip(|c| c == 'I' || c == 'M');
        Ok(true)
    }

    /// `/regex/replacement/flags`. The flags that are letters of commands are `e`, which runs, and `w`, which writes.
    fn substitution(&mut self) -> Read<()> {
        let end = self.take().ok_or("`s` lacks its delimiter")?;
        self.delimited(end, true)?;
        self.delimited(end, false)?;
        self.skip(|c| matches!(c, 'g' | 'p' | 'i' | 'I' | 'm' | 'M' | '0'..='9'));
        match self.peek() {
            Some(flag @ ('e' | 'w')) => {
                Err(Wrong::Refused(format!("the flag `{flag}` of `s` reaches beyond the input")))
            }
            None | Some(' ' | '\t' | ';' | '\n' | '}' | '#') => Ok(()),
            Some(flag) => Err(Wrong::Broken(format!("`s` has no flag `{flag}`"))),
        }
    }

    /// Up to the next `end` that no backslash stands before, nor a bracket of a regex around.
    fn delimited(&mut self, end: char, regex: bool) -> Read<()> {
        if end == '\n' || end == '\\' || end.is_ascii_whitespace() {
            return Err("an unusual delimiter is not read".into());
        }
        loop {
            match self.take() {
                None => return Err(Wrong::Broken("a part of the script does not end".into())),
                Some('\n') => return Err("a part of the script does not end on its line".into()),
                Some('\\') => {
                    self.take();
                }
                Some(found) if found == end => return Ok(()),
                Some('[') if regex && self.brackets => self.bracket()?,
                Some(_) => {}
            }
        }
    }

    /// Up to the end of `[…]`.
    fn bracket(&mut self) -> Read<()> {
        self.rest = self.rest.strip_prefix('^').unwrap_or(self.rest);
        self.rest = self.rest.strip_prefix(']').unwrap_or(self.rest);
        loop {
            match self.take() {
                None | Some('\n') => return Err("a bracket of the script does not end".into()),
                Some(']') => return Ok(()),
                Some('\\') if self.peek() == Some(']') => {
                    return Err("`\\]` in a bracket is read in two ways".into());
                }
                Some('[') if matches!(self.peek(), Some(':' | '.' | '=')) => {
                    let kind = self.take().unwrap_or(':');
                    let close = format!("{kind}]");
                    let at = self.rest.find(&close).ok_or("a class in a bracket does not end")?;
                    self.rest = self.rest.get(at + close.len()..).unwrap_or("");
                }
                Some(_) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::only_edits;

    #[test]
    fn scripts_that_only_edit_pass_and_others_do_not() {
        let harmless = [
            "s/a/b/g",
            "1,20p",
            "$d",
            "/x/,/y/{s/a\\/b/c/;p}",
            ":a;N;$!ba;s/\\n/ /g",
            "s|a|b|2",
            "y/abc/xyz/",
            "5q",
            "1~2d",
            "/^#/!p",
            "$a last line",
            "2,+3d",
            "s/we/ew/",
            "/e/p",
            "# comment\np",
            "/a/I,$p",
            "\\,x,p",
            "s/[^/]*$//",
            "s|[[:space:]|]*$||",
            "/[/]/p",
            "s/[^]/]x/y/",
        ];
        for script in harmless {
            assert_eq!(only_edits(script), Ok(()), "{script:?}");
        }
        let refused = [
            ("writes", "w out"),
            ("writes", "s/a/b/w out"),
            ("writes", "p;W out"),
            ("runs", "e"),
            ("runs", "1e touch x"),
            ("runs", "s/a/b/e"),
            ("runs", "s/a/b/ge"),
            ("reads", "r /etc/shadow"),
            ("reads", "R /etc/shadow"),
            ("hidden behind an escaped delimiter", "s/a/b\\//;e"),
            ("hidden behind a label", ":a;e id"),
            ("text of `a` ends at the line", "a x\ne id"),
            ("comment ends at the line", "# x\ne id"),
            ("bracket that holds no delimiter for some", "s/[/]/e id/"),
            ("bracket that holds the delimiter for others", "s/[/]/x/w out"),
            ("address whose bracket does", "/[/]/w out"),
            ("bracket whose end is escaped for some", "s/[\\]/]/w out/"),
            ("bracket that starts with its end", "s/[]/]/w out/e"),
            ("another delimiter", "s,a,b,w out"),
            ("unfinished", "s/a/b"),
            ("in a block", "/a/{e id\n}"),
            ("label and block", "b}e id"),
            ("address with comma", "1,2e id"),
        ];
        for (why, script) in refused {
            assert!(only_edits(script).is_err(), "{why}: {script:?}");
        }
    }
}
