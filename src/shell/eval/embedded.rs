//! Programs that stand inside of another word, or are spread over several: `env -S`, `rg --pre=`, `watch`, `flock -c`.
//!
//! In: the words of such a program. Out: the commands inside, judged like any other. What is not plain text is refused.

use std::sync::Arc;

use super::super::command::{Unknown, Word};
use super::super::refusal::Refusal;
use super::super::wrapper::{self, Wrapper};
use super::simple::{Argument, Call};
use super::unwrap::{options, unknown};
use super::world::Value;
use super::{Eval, Mark, Split};

impl Eval {
    /// The words inside of one: `prefix` is what stands before them in it.
    pub(super) fn split(
        &mut self,
        name: &str,
        whole: &Argument,
        text: &str,
        call: &Call<'_>,
    ) -> Result<Vec<Argument>, Refusal> {
        let position = whole.position.ok_or_else(|| unknown(name, call))?;
        let prefix = whole.word.known().and_then(|word| word.strip_suffix(text)).ok_or_else(|| unknown(name, call))?;
        if !is_plain(text) {
            let message = format!("`{name}` reads quotes and signs in `{text}` its own way; write plain words");
            return Err(Refusal::new("wrapper-split", call.span, message));
        }
        let split = match self.marks.get(&position) {
            Some(Mark::Split(split)) => Arc::clone(split),
            _ => {
                let words = text.split(' ').filter(|word| !word.is_empty());
                let words = words.map(|word| (word.to_owned(), (self.lower.site(), 0))).collect();
                Arc::new(Split { prefix: prefix.to_owned(), words })
            }
        };
        self.marks.insert(position, Mark::Split(Arc::clone(&split)));
        for (word, (site, _)) in &split.words {
            self.settle(*site, Some(vec![word.clone()]));
        }
        let argument =
            |(word, position): &(String, _)| Argument { word: Word::Known(word.clone()), position: Some(*position) };
        Ok(split.words.iter().map(argument).collect())
    }

    /// `sh -c` with these words, joined by blanks, as its text; what is rendered has them in the first.
    pub(super) fn joined(&mut self, name: &str, words: &[Argument], call: &Call<'_>) -> Result<(), Refusal> {
        let texts: Option<Vec<&str>> = words.iter().map(|argument| argument.word.known()).collect();
        let positions: Option<Vec<_>> = words.iter().map(|argument| argument.position).collect();
        let (Some(texts), Some(positions)) = (texts, positions) else {
            let message = format!("the text that `{name}` gives to a shell is not known; write it out");
            return Err(Refusal::new("script-unknown", call.span, message));
        };
        for position in positions.iter().skip(1) {
            self.marks.insert(*position, Mark::Absent);
        }
        let shell = self.login_shell(name, call)?;
        let added = |text: String| Argument { word: Word::Known(text), position: None };
        let script = Argument { word: Word::Known(texts.join(" ")), position: positions.first().copied() };
        self.inner(name, &[added(shell), added("-c".to_owned()), script], call)
    }

    /// The shell that such programs start: SHELL for `flock`, always `/bin/sh` for `watch`.
    fn login_shell(&self, name: &str, call: &Call<'_>) -> Result<String, Refusal> {
        let default = "/bin/sh".to_owned();
        if !name.ends_with("flock") || !self.environment.contains_key("SHELL") {
            return Ok(default);
        }
        match call.world.value("SHELL") {
            Value::Known(shell) => Ok(shell),
            _ => Err(unknown(name, call)),
        }
    }

    /// `watch TEXT…`; with `-x` the words are the program.
    pub(super) fn watch(
        &mut self,
        name: &str,
        wrapper: &Wrapper,
        arguments: &[Argument],
        call: &Call<'_>,
    ) -> Result<(), Refusal> {
        let options = options(name, wrapper, arguments, call)?;
        let rest = arguments.get(options.rest..).unwrap_or_default();
        if options.alone || rest.is_empty() {
            return Ok(());
        }
        match options.value(&["x", "exec"]) {
            Some(_) => self.inner(name, rest, call),
            None => self.joined(name, rest, call),
        }
    }

    /// `rg --pre PROGRAM`: it runs for each file.
    pub(super) fn ripgrep(&mut self, name: &str, arguments: &[Argument], call: &Call<'_>) -> Result<(), Refusal> {
        let mut at = 1;
        while let Some(argument) = arguments.get(at) {
            at += 1;
            let Some(text) = argument.word.known() else { continue };
            let inner = match text.split_once('=') {
                _ if text == "--" => return Ok(()),
                // What follows is a pattern, whatever it looks like.
                _ if matches!(text, "-e" | "--regexp") => {
                    at += 1;
                    continue;
                }
                Some(("--pre" | "--hostname-bin", "")) => continue,
                Some(("--pre" | "--hostname-bin", program)) => {
                    let words = self.split(name, argument, program, call)?;
                    if words.len() != 1 {
                        return Err(unknown(name, call));
                    }
                    words
                }
                _ if matches!(text, "--pre" | "--hostname-bin") => {
                    at += 1;
                    arguments.get(at - 1).cloned().into_iter().collect()
                }
                _ => continue,
            };
            let reason = "a file that rg supplies".to_owned();
            let file = Unknown { reason, splits: false, literal_prefix: String::new() };
            let file = Argument { word: Word::Unknown(file), position: None };
            let inner: Vec<Argument> = inner.into_iter().chain([file]).collect();
            self.inner(name, &inner, call)?;
        }
        Ok(())
    }

    /// `env -S TEXT`, once: the words of the text and those behind it, as if they had been written so.
    pub(super) fn split_env(
        &mut self,
        name: &str,
        arguments: &[Argument],
        (at, text): (usize, &str),
        call: &Call<'_>,
    ) -> Result<(), Refusal> {
        let (Some(first), Some(whole)) = (arguments.first(), arguments.get(at)) else {
            return Err(unknown(name, call));
        };
        let words = self.split(name, whole, text, call)?;
        let behind = arguments.get(at + 1..).unwrap_or_default();
        let spliced: Vec<Argument> = [first.clone()].into_iter().chain(words).chain(behind.iter().cloned()).collect();
        self.prefix_wrapper(name, &wrapper::ENV_SPLIT, &spliced, call)
    }
}

/// Text in which no shell and no `env -S` sees anything but words.
pub(in super::super) fn is_plain(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() || " _@%+=:,./-".contains(c))
}
