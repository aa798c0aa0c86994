//! What a regex of the policy sees of a command.
//!
//! In: a command. Out: its words as one text. Nothing that runs is made from it.

use super::command::{Command, Word};

/// Stands for a word that is not known; a rule that looks at words asks [`Command::has_unknown`] first.
const MARKER: &str = "\u{fffc}";

/// Stands for the pipe of a process substitution; bash counts down from here.
const PIPE: &str = "/dev/fd/63";

/// The two texts of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandText {
    /// The program as typed, words joined by one space and quoted only where needed.
    pub rendered: String,
    /// The same without any quotes.
    pub joined: String,
}

/// Both texts.
pub fn command_text(command: &Command) -> CommandText {
    let mut text = CommandText { rendered: String::new(), joined: String::new() };
    for (index, word) in command.words.iter().enumerate() {
        if index > 0 {
            text.rendered.push(' ');
            text.joined.push(' ');
        }
        match word {
            Word::Known(known) if needs_quotes(known) => {
                text.rendered.push_str(&quote(known));
                text.joined.push_str(known);
            }
            Word::Known(known) => {
                text.rendered.push_str(known);
                text.joined.push_str(known);
            }
            Word::Glob(glob) => {
                text.rendered.push_str(&glob.pattern);
                text.joined.push_str(&glob.pattern);
            }
            Word::Pipe(_) => {
                text.rendered.push_str(PIPE);
                text.joined.push_str(PIPE);
            }
            Word::Unknown(_) => {
                text.rendered.push_str(MARKER);
                text.joined.push_str(MARKER);
            }
        }
    }
    text
}

/// A word in single quotes, whatever it holds.
pub(super) fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// The same in a script, where no control character may stand as it is: bash has uses of its own for some, and what is
/// rendered must be text that is accepted.
pub(super) fn quote_in_script(text: &str) -> String {
    let control = |c: char| c.is_control() && !matches!(c, '\t' | '\n');
    if !text.contains(control) {
        return quote(text);
    }
    let mut out = String::from("$'");
    for c in text.chars() {
        match c {
            '\'' | '\\' => out.extend(['\\', c]),
            c if control(c) => {
                c.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| out.push_str(&format!("\\{byte:03o}")));
            }
            c => out.push(c),
        }
    }
    out.push('\'');
    out
}

/// Would the shell read this text as anything else than itself?
fn needs_quotes(text: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || "_@%+=:,./-^!~#{}".contains(c);
    let braces = text.contains('{') && (text.contains(',') || text.contains(".."));
    let bracket = matches!(text, "[" | "]");
    !bracket && (text.is_empty() || text.starts_with(['~', '#']) || braces || !text.chars().all(plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_holds_no_control_character() {
        let cases = [
            ("plain", "a b", "'a b'"),
            ("tab", "a\tb", "'a\tb'"),
            ("bell", "a\u{7}'\\b", r"$'a\007\'\\b'"),
            ("C1", "\u{85}", r"$'\302\205'"),
        ];
        for (why, text, want) in cases {
            assert_eq!(quote_in_script(text), want, "{why}");
        }
    }

    #[test]
    fn words_are_quoted_only_where_needed() {
        let cases = [
            ("plain", "HEAD~1", "HEAD~1"),
            ("empty", "", "''"),
            ("blank", "a b", "'a b'"),
            ("quote", "O'Brien", r"'O'\''Brien'"),
            ("home", "~/x", "'~/x'"),
            ("braces of find", "{}", "{}"),
            ("braces that expand", "{a,b}", "'{a,b}'"),
            ("bracket of test", "[", "["),
        ];
        for (why, text, want) in cases {
            let got = if needs_quotes(text) { quote(text) } else { text.to_owned() };
            assert_eq!(got, want, "{why}");
        }
    }
}
