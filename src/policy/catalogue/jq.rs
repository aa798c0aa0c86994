//! Does a jq program only work on its input?
//!
//! In: the text of a program. Out: nothing, or the first thing that is not certain to be harmless. Source: jq manual,
//! "Modules", "$ENV, env", "input_filename" and "String interpolation".
//!
//! Words are read as jq reads them: strings hold programs only inside of `\(…)`, a name behind a dot or before the
//! colon of an object is a key, and `#` starts a comment.

/// Names that reach beyond the input, with what they do.
const REFUSED: [(&str, &str); 8] = [
    ("import", "loads other files"),
    ("include", "loads other files"),
    ("modulemeta", "reads other files"),
    ("get_search_list", "tells where modules are searched"),
    ("env", "shows the environment"),
    ("$ENV", "shows the environment"),
    ("$__prog_args", "is internal"),
    ("$", "lacks its name, which may stand behind a blank"),
];

/// Reads a whole program.
///
/// # Errors
/// What is refused, in words.
pub(in crate::policy) fn only_filters(program: &str) -> Result<(), String> {
    let mut reader = Reader { rest: program, open: Vec::new(), before: ' ' };
    while reader.token()? {}
    Ok(())
}

struct Reader<'a> {
    rest: &'a str,
    /// Brackets that are open; `"` for a string with an interpolation inside.
    open: Vec<char>,
    /// The last sign that was no blank.
    before: char,
}

impl<'a> Reader<'a> {
    fn take(&mut self) -> Option<char> {
        let first = self.rest.chars().next()?;
        self.rest = self.rest.get(first.len_utf8()..).unwrap_or("");
        Some(first)
    }

    /// The text as long as `part` holds.
    fn while_true(&mut self, part: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !part(c)).unwrap_or(self.rest.len());
        let (text, rest) = self.rest.split_at(end);
        self.rest = rest;
        text
    }

    /// Reads one token; false at the end.
    fn token(&mut self) -> Result<bool, String> {
        self.while_true(char::is_whitespace);
        let Some(first) = self.rest.chars().next() else { return Ok(false) };
        match first {
            '"' => {
                self.take();
                self.string()?;
            }
            '#' => {
                // Newer versions let a backslash continue a comment, older ones do not.
                if self.while_true(|c| c != '\n').ends_with('\\') {
                    return Err("a comment that ends with a backslash".into());
                }
                return Ok(true);
            }
            '$' | 'a'..='z' | 'A'..='Z' | '_' => return self.name().map(|()| true),
            '(' | '[' | '{' => {
                self.take();
                self.open.push(first);
            }
            ')' | ']' | '}' => {
                self.take();
                self.open.pop();
                if first == ')' && self.open.last() == Some(&'"') {
                    self.open.pop();
                    self.string()?;
                    self.before = '"';
                    return Ok(true);
                }
            }
            _ => {
                self.take();
            }
        }
        self.before = first;
        Ok(true)
    }

    fn name(&mut self) -> Result<(), String> {
        let dollar = usize::from(self.rest.starts_with('$'));
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let length = self.rest.get(dollar..).map_or(0, |rest| rest.find(|c| !word(c)).unwrap_or(rest.len()));
        let (text, rest) = self.rest.split_at_checked(dollar + length).unwrap_or((self.rest, ""));
        self.rest = rest;
        let in_object = self.open.last() == Some(&'{') && matches!(self.before, '{' | ',');
        let is_key = length > 0 && dollar == 0 && (in_object || self.before == '.');
        self.before = 'a';
        match REFUSED.iter().find(|(name, _)| *name == text).filter(|_| !is_key) {
            Some((name, why)) => Err(format!("`{name}` in the program {why}")),
            None => Ok(()),
        }
    }

    /// Up to the end of a string, or into its next interpolation.
    fn string(&mut self) -> Result<(), String> {
        loop {
            match self.take() {
                None => return Err("a string of the program does not end".into()),
                Some('"') => return Ok(()),
                Some('\\') => {
                    if self.take() == Some('(') {
                        self.open.push('"');
                        self.open.push('(');
                        self.before = '(';
                        return Ok(());
                    }
                }
                Some(_) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::only_filters;

    #[test]
    fn programs_that_only_filter_pass_and_others_do_not() {
        let harmless = [
            ".",
            ".scripts | keys[]",
            ".env.PATH",
            ".a | .env",
            "{env: 1, include: .import}",
            "{env}",
            ".[\"import\"]",
            "\"env \\(.a) import\"",
            "map(select(.name | test(\"env\")))",
            "# env\n.a",
            ".environment",
            "$env.x",
            "[.[] | {import, b: .c}]",
            ".a as $include | $include",
            "\"\\(\"\\(.env)\")\"",
            ".a?.env",
            "..",
            "@base64 \"\\(.env)\"",
        ];
        for program in harmless {
            assert_eq!(only_filters(program), Ok(()), "{program:?}");
        }
        let refused = [
            ("the environment", "env"),
            ("the environment", "$ENV.PATH"),
            ("in a pipe", ".a | env | keys"),
            ("as a value", "{a: env}"),
            ("as a key that is computed", "{(env.x): 1}"),
            ("in a slice", ".[1,env:3]"),
            ("in an interpolation", "\"\\(env)\""),
            ("deep in interpolations", "\"\\(\"\\(env)\")\""),
            ("behind an interpolation", "\"\\(.a)\" + env.x"),
            ("behind a string", "\"a\\\"b\" | env"),
            ("a module", "import \"a\" as a; a::f"),
            ("data", "import \"/etc/x\" as $d; $d"),
            ("a file", "include \"a\"; ."),
            ("behind a comment", "# x\nenv"),
            ("a comment that may go on", "# x\\\nenv"),
            ("a name behind a blank", "$ ENV"),
            ("no end", "\"env"),
        ];
        for (why, program) in refused {
            assert!(only_filters(program).is_err(), "{why}: {program:?}");
        }
    }
}
