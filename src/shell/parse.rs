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
    let tokens = catch_unwind(|| brush_parser::uncached_tokenize_str(text, &options.tokenizer_options()))
        .map_err(fault)?
        .map_err(|error| syntax(&error.to_string(), whole()))?;
    scan(&tokens, &place)?;
    let program = catch_unwind(|| brush_parser::parse_tokens(&tokens, &options)).map_err(fault)?;
    program.map_err(|error| match error {
        brush_parser::ParseError::ParsingNear(at) => syntax("syntax error", place(at.index, at.index + 1)),
        other => syntax(&other.to_string(), whole()),
    })
}

fn syntax(what: &str, span: Span) -> Refusal {
    Refusal::new("syntax", span, format!("{what}; write plain bash, with quotes and brackets closed"))
}

/// Bounds what the grammar will do with these tokens.
fn scan(tokens: &[Token], place: &impl Fn(usize, usize) -> Span) -> Result<(), Refusal> {
    let mut openers = 0;
    let mut open_cases = 0_usize;
    let mut previous = "";
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
            (Token::Operator(..), op) if op.starts_with(['<', '>']) && previous.len() > 9 => {
                // The parser takes digits before a redirection as a small number, whatever they are.
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
