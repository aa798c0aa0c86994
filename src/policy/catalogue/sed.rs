//! Does a sed script only edit what passes through?
//!
//! In: the text of a script. Out: nothing, or the first thing that is not certain to be harmless: `e` and the `e` flag
//! run programs, `w`, `W` and the `w` flag write files, `r` and `R` read them. Source: GNU sed manual, sections 3 to 6.
//!
//! A script is accepted when each command in it is one of the known harmless ones; what is not understood is refused.

/// Reads a whole script.
///
/// # Errors
/// What is refused, in words.
pub(in crate::policy) fn only_edits(script: &str) -> Result<(), String> {
    let mut reader = Reader { rest: script };
    while reader.command()? {}
    Ok(())
}

struct Reader<'a> {
    rest: &'a str,
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
    fn command(&mut self) -> Result<bool, String> {
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
                self.delimited(end)?;
                self.delimited(end)?;
            }
            Some('a' | 'i' | 'c') if !self.rest.contains('\n') => self.rest = "",
            Some(other) => return Err(format!("the command `{other}` of the script may reach beyond its input")),
        }
        self.skip(|c| c == ' ' || c == '\t');
        match self.peek() {
            None | Some(';' | '\n' | '}' | '{' | '#') => Ok(true),
            Some(_) => Err(format!("`{}` in the script is not understood", self.rest)),
        }
    }

    /// A number, `$`, or a regular expression; false when there is none.
    fn address(&mut self) -> Result<bool, String> {
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
                self.delimited('/')?;
            }
            Some('\\') => {
                self.take();
                let end = self.take().ok_or("an address lacks its delimiter")?;
                self.delimited(end)?;
            }
            _ => return Ok(false),
        }
        self.skip(|c| c == 'I' || c == 'M');
        Ok(true)
    }

    /// `/regex/replacement/flags`. The flags that are letters of commands are `e`, which runs, and `w`, which writes.
    fn substitution(&mut self) -> Result<(), String> {
        let end = self.take().ok_or("`s` lacks its delimiter")?;
        self.delimited(end)?;
        self.delimited(end)?;
        self.skip(|c| matches!(c, 'g' | 'p' | 'i' | 'I' | 'm' | 'M' | '0'..='9'));
        match self.peek() {
            Some(flag @ ('e' | 'w')) => Err(format!("the flag `{flag}` of `s` reaches beyond the input")),
            _ => Ok(()),
        }
    }

    /// Up to the next `end` that no backslash stands before; GNU sed gives brackets no say here.
    fn delimited(&mut self, end: char) -> Result<(), String> {
        if end == '\n' || end == '\\' || end.is_ascii_whitespace() {
            return Err("an unusual delimiter is not read".into());
        }
        loop {
            match self.take() {
                None | Some('\n') => return Err("a part of the script does not end".into()),
                Some('\\') => {
                    self.take();
                }
                Some(found) if found == end => return Ok(()),
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
            ("bracket holds no delimiter", "s/[/]/e id/"),
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
