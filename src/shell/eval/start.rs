//! How a shell is started: which of its words are options, which is its text or its script.
//!
//! In: the words of a shell. Out: its [`Start`], or why it is refused. What the text does is judged elsewhere.
//!
//! INVARIANT: no shell that runs judged text reads a start-up file first: what stands there was judged by nobody, and
//! could give the names of that text another meaning.

use super::super::command::Word;
use super::super::refusal::Refusal;
use super::super::wrapper::{self, Kind};
use super::simple::{Argument, Call};
use super::unwrap::unknown;
use super::{Eval, Mark};

/// The words of a shell, read up to its text or script.
pub(super) struct Start {
    /// There is a `-c`.
    pub(super) runs_text: bool,
    /// Index of its text, or of the script; 0 where it only tells of itself.
    pub(super) at: usize,
    /// Words that make it a login shell, each with what is left of it.
    login: Vec<(usize, Mark)>,
}

/// Is it a shell with the start-up files of zsh?
pub(super) fn is_zsh(name: &str) -> bool {
    name.ends_with("zsh")
}

/// Is it a shell with text that was asked to be a login shell, and will not be one?
pub fn leaves_login_out(words: &[Word]) -> bool {
    let shell = words.first().and_then(Word::known).and_then(wrapper::find).map(|wrapper| wrapper.kind);
    let options = words.iter().skip(1).map_while(Word::known);
    let cluster = |text: &str, letter: char| text.starts_with('-') && !text.starts_with("--") && text.contains(letter);
    let mut before_text = true;
    shell == Some(Kind::Shell)
        && options
            .take_while(|text| std::mem::replace(&mut before_text, !cluster(text, 'c')))
            .any(|text| text == "--login" || cluster(text, 'l'))
}

/// A cluster of short options without `l`, which makes a login shell.
fn without_l(text: &str) -> Mark {
    let rest = text.replace('l', "");
    if rest == "-" { Mark::Absent } else { Mark::Text(rest) }
}

/// Reads the options of a shell; what is not known here is refused.
pub(super) fn read(name: &str, arguments: &[Argument], call: &Call<'_>) -> Result<Start, Refusal> {
    let mut start = Start { runs_text: false, at: 1, login: Vec::new() };
    // zsh reads start-up files for `-c` as well, unless it is told not to.
    let mut plain_start = !is_zsh(name);
    while let Some(argument) = arguments.get(start.at) {
        let Some(text) = argument.word.known() else {
            if start.runs_text {
                break;
            }
            return Err(unknown(name, call));
        };
        let letters = text.strip_prefix(['-', '+']).unwrap_or_default();
        let after = arguments.get(start.at + 1).and_then(|next| next.word.known());
        let accepted = |c: char| {
            "ceun".contains(c) || (c == 'f' && is_zsh(name)) || (c == 'l' && !is_zsh(name) && text.starts_with('-'))
        };
        match text {
            "--" => {
                start.at += 1;
                break;
            }
            "--version" | "--help" => return Ok(Start { runs_text: false, at: 0, login: Vec::new() }),
            "--norc" | "--noprofile" => {}
            "--login" if name.ends_with("bash") => start.login.push((start.at, Mark::Absent)),
            "-o" | "+o" if matches!(after, Some("pipefail" | "errexit" | "nounset")) => start.at += 1,
            _ if letters.is_empty() && !text.starts_with('-') => break,
            _ if !letters.is_empty() && letters.chars().all(accepted) => {
                plain_start |= letters.contains('f') && text.starts_with('-');
                start.runs_text |= letters.contains('c') && text.starts_with('-');
                if letters.contains('l') {
                    start.login.push((start.at, without_l(text)));
                }
            }
            _ => {
                let message = format!(
                    "`{name}`: option `{text}` is refused; only -c, -e, -u, -n, -l and -o pipefail are followed"
                );
                return Err(Refusal::new("wrapper-option", call.span, message));
            }
        }
        start.at += 1;
    }
    if start.runs_text && !plain_start {
        let message = format!("`{name} -c` reads start-up files first; write `{name} -fc`");
        return Err(Refusal::new("wrapper-option", call.span, message));
    }
    if !start.runs_text && !start.login.is_empty() {
        let message = format!("`{name} -l` reads start-up files first; leave out `-l`");
        return Err(Refusal::new("wrapper-option", call.span, message));
    }
    Ok(start)
}

impl Eval {
    /// Leaves `-l` out of what is rendered: the same text runs, and no start-up file is read before it.
    pub(super) fn without_login(
        &mut self,
        name: &str,
        start: &Start,
        arguments: &[Argument],
        call: &Call<'_>,
    ) -> Result<(), Refusal> {
        for (at, mark) in &start.login {
            let position = arguments.get(*at).and_then(|argument| argument.position).filter(|_| !self.elsewhere);
            let message = format!("`{name} -l` reads start-up files first, and here it cannot be left out; remove it");
            let position = position.ok_or_else(|| Refusal::new("wrapper-option", call.span, message))?;
            self.marks.insert(position, mark.clone());
        }
        Ok(())
    }
}
