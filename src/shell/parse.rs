//! Text to the syntax tree of brush-parser, with its recursion bounded.
//!
//! In: text that passed the gate, or text nested in it. Out: brush's program, or a [`Refusal`]. What of it is accepted
//! is decided in `lower`.
//!
//! The parser recurses without a limit and backtracks; a stack overflow would kill the process and backtracking can
//! take exponential time. So the tokens are scanned first: openers are counted, and the few shapes that make it
//! backtrack exponentially are refused.

use std::panic::catch_unwind;

use brush_parser::{ParserOptions, Token, ast};

use super::refusal::Refusal;
use crate::diag::Span;

/// Most openers and keywords that open something, as whole tokens of one text.
pub(super) const MAX_OPENERS: usize = 200;

/// Most `case` that are open at once: the grammar reads the last arm of each twice.
const MAX_OPEN_CASES: usize = 5;

/// bash as it reads a script: no extended patterns.
fn options() -> ParserOptions {
    ParserOptions { enable_extended_globbing: false, ..ParserOptions::default() }
}

/// Parses one text; `place` turns a range of its characters into bytes of the received line.
pub(super) fn parse(text: &str, place: impl Fn(usize, usize) -> Span) -> Result<ast::Program, Refusal> {
    let options = options();
    let whole = || place(0, text.chars().count());
    let fault = |_| syntax("the parser cannot read this", whole());
    if let Some(at) = empty_delimiter(text) {
        let message =
            "a here-document whose delimiter is empty, an expansion or not right behind `<<`; name one, such as <<EOF";
        let start = text.get(..at).map_or(0, |before| before.chars().count());
        return Err(Refusal::new("here-document", place(start, start + 2), message));
    }
    let tokens = catch_unwind(|| brush_parser::uncached_tokenize_str(text, &options.tokenizer_options()))
        .map_err(fault)?
        .map_err(|error| syntax(&error.to_string(), whole()))?;
    scan(&tokens, &place)?;
    let program = catch_unwind(|| brush_parser::parse_tokens(&tokens, &options)).map_err(fault)?;
    program.map_err(|error| match error {
        _ if selects(&tokens).is_some() => {
            let at = selects(&tokens).unwrap_or_default();
            Refusal::new("compound", place(at.0, at.1), "`select` is refused; it waits for a person, use `for`")
        }
        brush_parser::ParseError::ParsingNear(at) => syntax("syntax error", place(at.index, at.index + 1)),
        other => syntax(&other.to_string(), whole()),
    })
}

/// Where a `select` stands at the start of a command, which the parser does not know.
fn selects(tokens: &[Token]) -> Option<(usize, usize)> {
    let mut starts = true;
    for token in tokens {
        let text = token.to_str();
        if starts && text == "select" {
            let at = token.location();
            return Some((at.start.index, at.end.index));
        }
        let opens =
            matches!(text, "{" | "(" | "!" | "if" | "then" | "elif" | "else" | "while" | "until" | "do" | "time");
        starts = opens || matches!(token, Token::Operator(..));
    }
    None
}

fn syntax(what: &str, span: Span) -> Refusal {
    Refusal::new("syntax", span, format!("{what}; write plain bash, with quotes and brackets closed"))
}

/// Where a `<<` stands before quotes with nothing in them, quoted itself or not: where the text ends before the body
/// begins, the tokenizer would find that delimiter without end, and take all memory.
fn empty_delimiter(text: &str) -> Option<usize> {
    let mut at = plainly_quoted(text);
    loop {
        at += text.get(at..)?.find("<<")?;
        let length = text.get(at..)?.bytes().take_while(|byte| *byte == b'<').count();
        let behind = text.get(at + length..)?;
        // Three are a here-string, which may be empty.
        if length != 3 && (starts_with_nothing(behind) || expands(behind)) {
            return Some(at);
        }
        at += length;
    }
}

/// How far the text is words and quotes whose ends are certain, without a here-document, a comment or an expansion.
fn plainly_quoted(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let rest = bytes.get(at + 1..).unwrap_or_default();
        let inside = match byte {
            b'\'' => rest.iter().position(|byte| *byte == b'\''),
            b'"' => rest.iter().position(|byte| matches!(byte, b'"' | b'$' | b'`' | b'\\')),
            b'$' | b'`' | b'\\' | b'#' => return at,
            b'<' if rest.first() == Some(&b'<') => return at,
            _ => {
                at += 1;
                continue;
            }
        };
        // A quote stays open, or something other than its like comes first.
        let Some(inside) = inside.filter(|inside| rest.get(*inside) == Some(byte)) else { return at };
        at += inside + 2;
    }
    at
}

/// Is the word that starts here quotes alone, or is there none? The tokenizer leaves them all out, those inside of others as well.
fn starts_with_nothing(text: &str) -> bool {
    let mut rest = text.strip_prefix('-').unwrap_or(text);
    let (mut quoted, mut blanks) = (false, 0);
    loop {
        let blank = if quoted { None } else { rest.strip_prefix([' ', '\t']) };
        blanks += usize::from(blank.is_some());
        let quote = rest.strip_prefix(['"', '\'']);
        quoted |= quote.is_some();
        let Some(next) = blank.or(quote).or_else(|| rest.strip_prefix("\\\n")) else { break };
        rest = next;
    }
    let ends = rest.chars().next().is_none_or(|c| c == '\n' || ";&|<>()`".contains(c));
    // Without a word at all, it would find the next operator; in a substitution, the second blank.
    ends || blanks > 1 || (quoted && rest.starts_with(char::is_whitespace))
}

/// Does the delimiter that starts here hold an expansion? The tokenizer takes its parts for delimiters of their own, and
/// may look for an empty one.
fn expands(text: &str) -> bool {
    let word = text.strip_prefix('-').unwrap_or(text).trim_start_matches([' ', '\t']);
    let end = word.find([' ', '\t', '\n', ';', '&', '|', '<', '>']).unwrap_or(word.len());
    word.get(..end).is_some_and(|word| word.contains("$(") || word.contains('`'))
}

/// Bounds what the grammar will do with these tokens.
fn scan(tokens: &[Token], place: &impl Fn(usize, usize) -> Span) -> Result<(), Refusal> {
    let mut openers = 0;
    let mut open_cases = 0_usize;
    let (mut previous, mut end) = ("", 0);
    for token in tokens {
        let text = token.to_str();
        let at = token.location();
        let span = || place(at.start.index, at.end.index);
        match (token, text) {
            (Token::Operator(..), "(") if previous == "(" => {
                let message = "two opening parentheses in a row (`((`); use `$(( ))` with numbers, or one parenthesis";
                return Err(Refusal::new("double-parenthesis", span(), message));
            }
            (Token::Operator(..), "(") => openers += 1,
            (Token::Operator(..), op) if op.starts_with(['<', '>']) && previous.len() > 9 && end == at.start.index => {
                // The parser takes digits right before a redirection as a small number, whatever they are.
                return Err(Refusal::new("descriptor", span(), "descriptors above 9 are refused; use 0 to 9"));
            }
            (Token::Operator(..), _) => {}
            (Token::Word(..), "esac") => open_cases = open_cases.saturating_sub(1),
            (Token::Word(..), "{" | "if" | "while" | "until" | "for" | "[[" | "!" | "elif") => openers += 1,
            (Token::Word(..), "case" | "coproc" | "function" | "select") => {
                openers += 1;
                open_cases += 1;
            }
            (Token::Word(..), word) => subscript(word).map_err(|message| Refusal::new("subscript", span(), message))?,
        }
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        previous = if matches!(token, Token::Operator(..)) || digits { text } else { "" };
        end = at.end.index;
        if openers > MAX_OPENERS || open_cases > MAX_OPEN_CASES {
            let message = "commands are nested too deep or hold too many compound commands; run them apart";
            return Err(Refusal::new("too-deep", span(), message));
        }
    }
    Ok(())
}

/// `name[…` makes the parser look for an array element, by the rules of arithmetic, recursively.
pub(super) fn subscript(word: &str) -> Result<(), &'static str> {
    let Some((name, rest)) = word.split_once('[') else { return Ok(()) };
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let plain = !rest.contains(['[', '$', '`', '"', '\'', '\\', '(']);
    let harmless = !is_name || name.starts_with(|c: char| c.is_ascii_digit()) || plain;
    harmless.then_some(()).ok_or("subscript that holds quotes or expansions; arrays are not supported, quote the word")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_a_descriptor_only_right_before_a_redirection() {
        let read = |text: &str| parse(text, |start, end| Span { start, end }).map(drop).map_err(|refusal| refusal.code);
        assert_eq!(read("echo 99999999999 >a"), Ok(()));
        assert_eq!(read("echo 99999999999>a"), Err("descriptor"));
        assert_eq!(read("echo é 99999999999<a"), Err("descriptor"));
    }

    #[test]
    fn an_empty_delimiter_is_refused_before_the_tokenizer_looks_for_it() {
        let empty = [
            "p <<\"\"<E O \"=\nx\nF\"=\nx\nF\t\t",
            "cat <<''",
            "cat <<- \"\"''\nx",
            "cat <<\\\n\"\" x",
            "cat <<\"\"\\\n'';ls",
            "cat <<<<<\"\"",
            "echo $(cat <<\"\")",
            "cat <<\"'\" x",
            "$(<<\t\tr ",
            "echo $(cat <<  EOF\nx\nEOF\n)",
            "p \"$(cat <<- \\\n EOF",
            "cat <<'\"'",
            "re ''a[$(touc cat'' <<  ''a[$(",
            "cat <<$(",
            "cat <<-a`b`",
            "cat << <<< x",
            "cat <<",
            "x $(cat << ; y",
        ];
        for text in empty {
            let refused = parse(text, |start, end| Span { start, end }).err();
            assert_eq!(refused.map(|refusal| refusal.code), Some("here-document"), "{text:?}");
        }
        for text in ["cat <<\"\"E\nx\nE\n", "cat <<< \"\"", "cat <<E\n\"\"\nE\n", "echo $((1 << 2))", "cat <<'' x''"] {
            let named = empty_delimiter(text);
            assert_eq!(named.is_some(), text.ends_with("x''"), "{text:?}");
        }
    }
}
