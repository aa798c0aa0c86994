//! Does an awk program only select and print?
//!
//! In: the text of a program. Out: nothing, or the first thing that is not certain to be harmless. Source: POSIX awk,
//! "Lexical Conventions", "Input Functions and getline" and "Output Statements"; gawk manual, "Indirect Calls",
//! "Dynamic Extensions" and "Using getline from a Pipe".
//!
//! Words are read as awk reads them. Whether `/` divides or starts a regex is told by what stands before it; where that
//! does not tell, and where implementations differ, the program is refused.

/// Names that reach beyond input and output, with what they do.
const REFUSED: [(&str, &str); 6] = [
    ("system", "runs programs"),
    ("getline", "reads other files and programs"),
    ("ARGV", "changes which files are read"),
    ("ARGC", "changes which files are read"),
    ("ENVIRON", "shows the environment"),
    ("PROCINFO", "changes how files and programs are read"),
];

/// Words behind which `/` starts a regex.
const BEFORE_REGEX: [&str; 8] = ["print", "printf", "return", "in", "do", "else", "exit", "case"];

/// Words behind which it may do either.
const BEFORE_EITHER: [&str; 9] =
    ["length", "next", "nextfile", "break", "continue", "default", "delete", "function", "func"];

/// Reads a whole program.
///
/// # Errors
/// What is refused, in words.
pub(in crate::policy) fn only_prints(program: &str) -> Result<(), String> {
    let mut reader = Reader { rest: program, before: Before::Start, printing: None, depth: 0 };
    while reader.token()? {}
    Ok(())
}

/// What stands before the next token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    /// Nothing that could be divided.
    Start,
    /// A value: `/` divides it.
    Value,
    /// A bracket or a sign that may end a value or not.
    Either,
}

struct Reader<'a> {
    rest: &'a str,
    before: Before,
    /// The depth of brackets at which a `print` stands that has not ended.
    printing: Option<usize>,
    depth: usize,
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

impl<'a> Reader<'a> {
    fn skip(&mut self, bytes: usize) -> &'a str {
        let (text, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        self.rest = rest;
        text
    }

    /// Reads one token; false at the end.
    fn token(&mut self) -> Result<bool, String> {
        let Some(first) = self.rest.chars().next() else { return Ok(false) };
        match first {
            ' ' | '\t' => {
                self.skip(1);
            }
            // Behind a value it ends the statement; elsewhere nothing stands before it anyway.
            '\n' => self.operator(1),
            '#' => {
                self.skip(self.rest.find('\n').unwrap_or(self.rest.len()));
            }
            '\\' | '@' => return Err(format!("`{first}` in the program continues a line, loads code or hides a call")),
            '"' => {
                self.string()?;
                self.before = Before::Value;
            }
            '/' => self.slash()?,
            '|' if self.rest.starts_with("||") => self.operator(2),
            '|' => return Err("`|` in the program runs a program".into()),
            '>' if self.printing == Some(self.depth) => return Err("`>` after `print` writes a file".into()),
            '(' | '[' | '{' => {
                self.skip(1);
                self.depth += 1;
                self.before = Before::Start;
            }
            ')' | ']' | '}' => {
                self.skip(1);
                self.depth = self.depth.saturating_sub(1);
                if self.printing.is_some_and(|depth| depth > self.depth) {
                    self.printing = None;
                }
                self.before = match first {
                    ']' => Before::Value,
                    ')' => Before::Either,
                    _ => Before::Start,
                };
            }
            ';' => {
                self.operator(1);
                self.printing = None;
            }
            '+' | '-' if self.rest.starts_with("++") || self.rest.starts_with("--") => {
                self.skip(2);
                self.before = Before::Either;
            }
            _ if first == '.' || first.is_ascii_digit() => {
                let end = self.rest.find(|c| !is_word(c) && c != '.').unwrap_or(self.rest.len());
                self.skip(end);
                self.before = Before::Value;
            }
            _ if is_word(first) => return self.word().map(|()| true),
            _ => self.operator(first.len_utf8()),
        }
        Ok(true)
    }

    fn operator(&mut self, bytes: usize) {
        self.skip(bytes);
        self.before = Before::Start;
    }

    fn word(&mut self) -> Result<(), String> {
        let end = self.rest.find(|c| !is_word(c)).unwrap_or(self.rest.len());
        let word = self.skip(end);
        if let Some((name, why)) = REFUSED.iter().find(|(name, _)| *name == word) {
            return Err(format!("`{name}` in the program {why}"));
        }
        if matches!(word, "print" | "printf") {
            self.printing = Some(self.depth);
        }
        self.before = match word {
            _ if BEFORE_REGEX.contains(&word) => Before::Start,
            _ if BEFORE_EITHER.contains(&word) => Before::Either,
            _ => Before::Value,
        };
        Ok(())
    }

    /// A division, or a regex up to its end.
    fn slash(&mut self) -> Result<(), String> {
        match self.before {
            Before::Value => self.operator(1),
            Before::Either => return Err("whether `/` divides here or starts a regex is not told".into()),
            Before::Start => {
                self.regex()?;
                self.before = Before::Value;
            }
        }
        Ok(())
    }

    /// Up to the slash that ends a regex. Some let a bracket hold a slash, others end the regex at it.
    fn regex(&mut self) -> Result<(), String> {
        let unclear = || Err("a regex with a bracket that awks read differently; escape what is in it".to_owned());
        let mut in_bracket = false;
        let mut characters = self.rest.char_indices().skip(1).peekable();
        while let Some((at, c)) = characters.next() {
            match c {
                '\n' => break,
                '\\' => {
                    characters.next();
                }
                '/' if in_bracket => return unclear(),
                '/' => {
                    self.skip(at + 1);
                    return Ok(());
                }
                '[' if !in_bracket => {
                    in_bracket = true;
                    characters.next_if(|(_, c)| *c == '^');
                    if characters.peek().is_some_and(|(_, c)| *c == ']') {
                        return unclear();
                    }
                }
                '[' if characters.peek().is_some_and(|(_, c)| matches!(c, '.' | '=')) => return unclear(),
                // `[:alpha:]`
                '[' if characters.next_if(|(_, c)| *c == ':').is_some() => {
                    while characters.next_if(|(_, c)| c.is_ascii_alphabetic()).is_some() {}
                    let closed = characters.next().is_some_and(|(_, c)| c == ':')
                        && characters.next().is_some_and(|(_, c)| c == ']');
                    if !closed {
                        return unclear();
                    }
                }
                ']' => in_bracket = false,
                _ => {}
            }
        }
        Err("a regex does not end on its line".into())
    }

    /// Up to the quote that ends a string.
    fn string(&mut self) -> Result<(), String> {
        let mut escaped = false;
        for (at, c) in self.rest.char_indices().skip(1) {
            match c {
                '\n' => break,
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => {
                    self.skip(at + 1);
                    return Ok(());
                }
                _ => {}
            }
        }
        Err("a string does not end on its line".into())
    }
}

#[cfg(test)]
mod tests {
    use super::only_prints;

    #[test]
    fn programs_that_only_print_pass_and_others_do_not() {
        let harmless = [
            "{print $1}",
            "$3 > 10 {print $1 \";\" $2}",
            "/a|b/ {n++} END {print n}",
            "NR>=5||/x/{print}",
            "{print ($1 > 2) ? \"x\" : \"y\"}",
            "{print \"a|b > c\"}",
            "{ system_time = $1; print system_time }",
            "{if ($1 > 3) print $2; else if ($2 > 1) print}",
            "{print $1/2, n / 3}",
            "/a\\/b/ && !/[|>]/ {print}",
            "{gsub(/[|]/, \"b\"); print}",
            "{print}\n$1 > 3 {print $2} # > |",
            "BEGIN{for (i = 0; i < 3; i++) print i}",
            "/a/ {x++} /b[[:digit:]]+/ {y++} END {print x, y}",
            "/^[^a-z]*$/",
            "$1 ~ /x|y/ && /[.]rs/",
        ];
        for program in harmless {
            assert_eq!(only_prints(program), Ok(()), "{program:?}");
        }
        let refused = [
            ("a file", "{print > \"/tmp/x\"}"),
            ("a string that holds a semicolon", "{print \"a;b\" > \"/tmp/x\"}"),
            ("brackets around what is printed", "{print(\"a\") > \"/tmp/x\"}"),
            ("a line that goes on", "{print \"a\",\n\"b\" > \"x\"}"),
            ("appending", "{print >> \"x\"}"),
            ("a pipe", "{print | \"sh\"}"),
            ("a coprocess", "{print |& \"sh\"}"),
            ("two pipes and one more", "{print ||| \"sh\"}"),
            ("a call behind a quote in a regex", "/\"/ {system(\"id\")}"),
            ("a regex that looks like a division", "BEGIN {x = 1} /\"/ {system(\"id\")} /\"/"),
            ("a division that looks like a regex", "BEGIN {print 1 /2 > \"x\" /3}"),
            ("a quote behind a bracket", "{if (1) /\"/; system(\"id\") /\"/}"),
            ("a slash in a bracket", "/[/]/ {print \"/\" > \"x\"}"),
            ("another file", "BEGIN {while ((getline x < \"/etc/shadow\") > 0) n++}"),
            ("an indirect call", "BEGIN {f = \"sys\" \"tem\"; @f(\"id\")}"),
            ("a list of files", "BEGIN {ARGV[1] = \"/etc/shadow\"}"),
            ("appending that looks like a comparison", "{print >= \"x\" >\"y\"}"),
            ("a hidden name", "BEGIN {sys\\\ntem(\"id\")}"),
            ("a name in its space", "BEGIN {awk::system(\"id\")}"),
            ("the environment", "BEGIN {print ENVIRON[\"X\"]}"),
            ("a printed block that goes on", "{if (1) {print 1} print 2 > \"x\"}"),
            ("a bracket that starts with its end", "/[^]/\"]/ {system(\"x\")} /\"/"),
            ("a class in a bracket", "/[[:alpha:]/\"]/ {system(\"x\")} /\"/"),
            ("a number that ends in a dot", "BEGIN {x = 1. / system(\"id\") / 1}"),
            ("a function without brackets", "{length /\"/; system(\"id\") #\"/}"),
            ("a pattern on the next line", "{x = 1}\nx\n/\"/ {system(\"id\")} /\"/"),
            ("a string over two lines", "BEGIN {print \"a\n\" > \"x\"}"),
        ];
        for (why, program) in refused {
            assert!(only_prints(program).is_err(), "{why}: {program:?}");
        }
    }
}
