//! Keys that are no text: control keys, arrows and their like.
//!
//! In: names as a model writes them. Out: the bytes that a terminal sends, or, without a terminal, what such a key means to
//! a program that reads a pipe.

use crate::diag;

/// Names, and the bytes of each on an `xterm`, see `infocmp xterm`.
const KEYS: &[(&str, &str)] = &[
    ("enter", "\r"),
    ("tab", "\t"),
    ("esc", "\x1b"),
    ("backspace", "\x7f"),
    ("space", " "),
    ("up", "\x1b[A"),
    ("down", "\x1b[B"),
    ("right", "\x1b[C"),
    ("left", "\x1b[D"),
    ("home", "\x1b[H"),
    ("end", "\x1b[F"),
    ("insert", "\x1b[2~"),
    ("delete", "\x1b[3~"),
    ("page-up", "\x1b[5~"),
    ("page-down", "\x1b[6~"),
];

/// What keys come to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Pressed {
    /// Bytes to write.
    pub(super) text: String,
    /// The end of the input.
    pub(super) close: bool,
    /// Signals to send, by name.
    pub(super) signals: Vec<&'static str>,
}

/// The bytes of `ctrl-a` to `ctrl-z`, `ctrl-\` and so on: the key's own with the upper bits gone (ASCII).
fn control(name: &str) -> Option<char> {
    let mut rest = name.strip_prefix("ctrl-")?.chars();
    match (rest.next()?.to_ascii_uppercase(), rest.next()) {
        (key @ '@'..='_', None) => char::from_u32(u32::from(key) & 0x1f),
        _ => None,
    }
}

/// Presses keys one after the other.
///
/// # Errors
/// The text names the key and what there is.
pub(super) fn press(names: &[String], terminal: bool) -> Result<Pressed, String> {
    let mut pressed = Pressed::default();
    for name in names {
        let name = name.to_ascii_lowercase();
        let key = KEYS.iter().find(|(known, _)| *known == name).map(|(_, bytes)| (*bytes).to_owned());
        let key = key.or_else(|| control(&name).map(String::from)).ok_or_else(|| unknown(&name))?;
        match (terminal, name.as_str()) {
            (true, _) => pressed.text.push_str(&key),
            (false, "ctrl-d") => pressed.close = true,
            (false, "ctrl-c") => pressed.signals.push("INT"),
            (false, "ctrl-\\") => pressed.signals.push("QUIT"),
            (false, "enter") => pressed.text.push('\n'),
            (false, "tab" | "space") => pressed.text.push_str(&key),
            (false, _) => {
                return Err(format!(
                    "key `{name}` needs a job with `pty: true`; without one there are ctrl-c, ctrl-d, ctrl-\\, enter, tab, space"
                ));
            }
        }
    }
    Ok(pressed)
}

fn unknown(name: &str) -> String {
    let known: Vec<_> = KEYS.iter().map(|(known, _)| *known).collect();
    format!("there is no key `{}`; there are ctrl-a to ctrl-z, {}", diag::echo(name).escape_debug(), known.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(names: &[&str], terminal: bool) -> Result<Pressed, String> {
        press(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>(), terminal)
    }

    #[test]
    fn a_terminal_gets_bytes_and_a_pipe_what_they_mean() {
        let bytes = |names| keys(names, true).map(|pressed| pressed.text);
        assert_eq!(bytes(&["down", "ctrl-c", "CTRL-D", "enter"]).as_deref(), Ok("\x1b[B\x03\x04\r"));
        assert_eq!(bytes(&["ctrl-[", "ctrl-\\"]).as_deref(), Ok("\x1b\x1c"));
        let want = Pressed { text: "\n".into(), close: true, signals: vec!["INT"] };
        assert_eq!(keys(&["ctrl-c", "enter", "ctrl-d"], false), Ok(want));
    }

    #[test]
    fn what_is_no_key_is_named() {
        for wrong in ["ctrl-", "ctrl-ab", "ctrl-1", "f99", ""] {
            assert!(keys(&[wrong], true).is_err_and(|text| text.contains("there is no key")), "{wrong}");
        }
        assert!(keys(&["up"], false).is_err_and(|text| text.contains("pty: true")));
    }
}
