//! Wrappers with a grammar of their own: `xargs`, `find -exec`, `fd -x`, `sh -c`.
//!
//! In: the words of such a program. Out: the commands inside, judged like any other. Words that the input or the file
//! system decides are unknown.

use std::sync::Arc;

use super::super::command::{Cwd, Glob, Head, Unknown, Word};
use super::super::refusal::Refusal;
use super::super::tree::List;
use super::super::wrapper::{self, Kind, Wrapper};
use super::simple::{Argument, Call};
use super::start::{self, is_zsh};
use super::unwrap::{options, unknown};
use super::world::World;
use super::{Eval, Mark, pattern};

/// Most directories that the files of `find` are followed from.
const MAX_STARTS: usize = 8;

/// Most shells inside each other.
const MAX_SHELLS: usize = 4;

fn supplied(reason: &str, splits: bool) -> Argument {
    Argument {
        word: Word::Unknown(Unknown { reason: reason.to_owned(), splits, literal_prefix: String::new() }),
        position: None,
    }
}

/// Replaces each word that holds a placeholder; true when there was one.
fn fill(arguments: &mut [Argument], placeholder: &str, reason: &str, splits: bool) -> bool {
    let mut found = false;
    for argument in arguments {
        let splits = match &argument.word {
            Word::Known(text) if text.contains(placeholder) => splits,
            // A pattern may become several words, and any of them may hold the placeholder.
            Word::Glob(_) => true,
            Word::Unknown(unknown) => splits || unknown.splits,
            Word::Known(_) | Word::Pipe(_) => continue,
        };
        argument.word = supplied(reason, splits).word;
        argument.position = None;
        found = true;
    }
    found
}

/// The directories that `find` starts from, when they are all plain.
fn starts(arguments: &[Argument]) -> Option<Vec<String>> {
    let mut starts = Vec::new();
    let is_start = |text: &str| !text.starts_with(['-', '(', ')', '!', ',']) && !text.is_empty();
    for argument in arguments.iter().skip(1) {
        match argument.word.known() {
            None => return None,
            Some("-H" | "-L" | "-P") if starts.is_empty() => {}
            Some(text) if is_start(text) => starts.push(text.to_owned()),
            Some(_) => break,
        }
    }
    if starts.is_empty() {
        starts.push(".".to_owned());
    }
    let listed = arguments.iter().any(|argument| argument.word.known() == Some("-files0-from"));
    (starts.len() <= MAX_STARTS && !listed).then_some(starts)
}

/// The command of `find -exec`, once for each start: what is found has the start before it, so it is no option.
fn found(inner: &[Argument], starts: Option<&[String]>, several: bool) -> Vec<Vec<Argument>> {
    const FOUND: &str = "a file name that find supplies";
    let place = |argument: &Argument| argument.word.known().is_some_and(|text| text.starts_with("{}"));
    let simple = inner.iter().skip(1).all(|argument| match argument.word.known() {
        Some(text) => place(argument) || !text.contains("{}"),
        None => false,
    });
    let Some(starts) = starts.filter(|_| simple && !inner.first().is_some_and(place)) else {
        let mut inner = inner.to_vec();
        fill(&mut inner, "{}", FOUND, several);
        return vec![inner];
    };
    let below = |start: &String, argument: &Argument| {
        let rest = argument.word.known().and_then(|text| text.strip_prefix("{}")).unwrap_or_default();
        let prefix = format!("{}/", start.trim_end_matches('/'));
        let pattern = format!("{}**{}", pattern::escape(&prefix, true), pattern::escape(rest, true));
        Argument { word: Word::Glob(Glob { pattern, literal_prefix: prefix, splits: true }), position: None }
    };
    let filled = |starts: &[String]| {
        let words = inner.iter().flat_map(|argument| match place(argument) {
            true => starts.iter().map(|start| below(start, argument)).collect(),
            false => vec![argument.clone()],
        });
        words.collect::<Vec<Argument>>()
    };
    match several {
        true => vec![filled(starts)],
        false => starts.iter().map(|start| filled(std::slice::from_ref(start))).collect(),
    }
}

impl Eval {
    pub(super) fn xargs(
        &mut self,
        name: &str,
        wrapper: &Wrapper,
        arguments: &[Argument],
        call: &Call<'_>,
    ) -> Result<(), Refusal> {
        const INPUT: &str = "words that xargs reads";
        let options = options(name, wrapper, arguments, call)?;
        if options.alone {
            return Ok(());
        }
        let mut inner = arguments.get(options.rest..).unwrap_or_default().to_vec();
        if inner.is_empty() {
            let message = "xargs without a program runs `echo`; name the program";
            return Err(Refusal::new("wrapper", call.span, message));
        }
        let replaces = options.value(&["I", "i", "replace"]);
        if let Some(value) = replaces {
            let text = value.map_or(Some("{}"), Word::known).ok_or_else(|| unknown(name, call))?;
            fill(&mut inner, if text.is_empty() { "{}" } else { text }, INPUT, false);
        }
        // Of `-I` and these, the later one counts; both readings are covered.
        if replaces.is_none() || options.value(&["n", "L", "l", "max-args", "max-lines"]).is_some() {
            inner.push(supplied(INPUT, true));
        }
        self.inner(name, &inner, call)
    }

    pub(super) fn find(&mut self, name: &str, arguments: &[Argument], call: &Call<'_>) -> Result<(), Refusal> {
        let starts = starts(arguments);
        let mut at = 1;
        while let Some(argument) = arguments.get(at) {
            at += 1;
            let action = match argument.word.known() {
                Some(action @ ("-exec" | "-execdir" | "-ok" | "-okdir")) => action,
                // What follows is a pattern, whatever it looks like.
                Some("-name" | "-iname" | "-path" | "-ipath" | "-wholename" | "-iwholename" | "-regex" | "-iregex") => {
                    at += 1;
                    continue;
                }
                _ => continue,
            };
            let start = at;
            let is = |index: usize, text: &str| arguments.get(index).and_then(|next| next.word.known()) == Some(text);
            while at < arguments.len() && !is(at, ";") && !(is(at, "+") && is(at - 1, "{}")) {
                at += 1;
            }
            if at == arguments.len() {
                let message = format!("`{name} {action}` does not end with `\\;` or `{{}} +`; end it");
                return Err(Refusal::new("wrapper", call.span, message));
            }
            let inner = arguments.get(start..at).unwrap_or_default();
            let mut inner_call = call.clone();
            let dir = action.ends_with("dir");
            if dir {
                inner_call.cwd = Cwd::Unknown(format!("`{name} {action}` runs in the directory of each file"));
            }
            let starts = starts.as_deref().filter(|_| !dir);
            for words in found(inner, starts, is(at, "+")) {
                self.inner(name, &words, &inner_call)?;
            }
            at += 1;
        }
        Ok(())
    }

    pub(super) fn fd(&mut self, name: &str, arguments: &[Argument], call: &Call<'_>) -> Result<(), Refusal> {
        const FOUND: &str = "a file name that fd supplies";
        for (index, argument) in arguments.iter().enumerate().skip(1) {
            let Some(text) = argument.word.known() else { continue };
            let batch = match text {
                "-x" | "--exec" => false,
                "-X" | "--exec-batch" => true,
                "--" => return Ok(()),
                _ => {
                    let cluster = text.starts_with('-') && !text.starts_with("--") && text.contains(['x', 'X']);
                    if cluster || text.starts_with("--exec") {
                        let message = format!("`{name}`: write `-x` and its program as words of their own");
                        return Err(Refusal::new("wrapper-option", call.span, message));
                    }
                    continue;
                }
            };
            let rest = arguments.get(index + 1..).unwrap_or_default();
            let end = rest.iter().position(|next| next.word.known() == Some(";")).unwrap_or(rest.len());
            let mut inner = rest.get(..end).unwrap_or_default().to_vec();
            if !fill(&mut inner, "{", FOUND, batch) {
                inner.push(supplied(FOUND, batch));
            }
            self.inner(name, &inner, call)?;
            // fd takes several of them; what follows the `;` may hold another.
            let tail = rest.get(end + 1..).unwrap_or_default();
            let again: Vec<Argument> = arguments.iter().take(1).chain(tail).cloned().collect();
            return self.fd(name, &again, call);
        }
        Ok(())
    }

    /// `sh -c TEXT`; a script file or the input is the policy's to judge.
    pub(super) fn shell(&mut self, name: &str, arguments: &[Argument], call: &Call<'_>) -> Result<(), Refusal> {
        let start = start::read(name, arguments, call)?;
        if !start.runs_text {
            return Ok(());
        }
        self.without_login(name, &start, arguments, call)?;
        let text = arguments.get(start.at);
        let position = text.and_then(|argument| argument.position);
        let known = text.filter(|_| position.is_some() || self.elsewhere).and_then(|argument| argument.word.known());
        let Some(text) = known else {
            let message = format!("the text that `{name} -c` runs is not known; write it out");
            return Err(Refusal::new("script-unknown", call.span, message));
        };
        if self.shells >= MAX_SHELLS {
            return Err(Refusal::new("too-deep", call.span, "shells inside shells; run the commands apart"));
        }
        let list = match position.and_then(|position| self.marks.get(&position)) {
            Some(Mark::Script(list)) => Arc::clone(list),
            _ => Arc::new(self.lower.inner_script(text, !name.ends_with("bash"), call.span)?),
        };
        let before = (self.commands.len(), self.assignments.len());
        if let Some(position) = position.filter(|_| !self.elsewhere) {
            self.marks.insert(position, Mark::Script(Arc::clone(&list)));
        }
        self.nested(name, &list, call)?;
        if is_zsh(name) { self.only_programs(before, call) } else { Ok(()) }
    }

    /// Does a shell without a script read its input?
    pub(super) fn reads_commands(&self, arguments: &[Argument], call: &Call<'_>) -> bool {
        let name = arguments.first().and_then(|argument| argument.word.known()).unwrap_or_default();
        if !wrapper::find(name).is_some_and(|wrapper| wrapper.kind == Kind::Shell) {
            return false;
        }
        let is_input = |text: &str| text.starts_with("/dev/") || text.starts_with("/proc/");
        let reads = |at: usize| match arguments.get(at) {
            Some(script) => script.word.known().is_none_or(is_input),
            None => true,
        };
        // What cannot be read is refused anyway.
        start::read(name, arguments, call).is_ok_and(|start| !start.runs_text && start.at > 0 && reads(start.at))
    }

    /// What reads commands elsewhere is not followed.
    pub(super) fn not_fed(&self, name: &str, call: &Call<'_>) -> Result<(), Refusal> {
        if !self.fed {
            return Ok(());
        }
        let message = format!("the commands that `{name}` reads from its input are not known; run them themselves");
        Err(Refusal::new("script-unknown", call.span, message))
    }

    /// The commands of a text that a shell runs.
    pub(super) fn nested(&mut self, name: &str, list: &List, call: &Call<'_>) -> Result<(), Refusal> {
        let mut world = if call.changed { World::bare(call.world) } else { call.world.nested() };
        world.cwd = call.cwd.clone();
        self.shells += 1;
        let via = std::mem::replace(&mut self.outer, call.via.iter().cloned().chain([name.to_owned()]).collect());
        let result = self.apart(list, vec![world]);
        self.outer = via;
        self.shells -= 1;
        result
    }

    /// zsh reads numbers as arithmetic, which can run commands, in more builtins and variables than bash.
    fn only_programs(&self, (commands, assignments): (usize, usize), call: &Call<'_>) -> Result<(), Refusal> {
        let harmless = ["cd", "echo", "pwd", "true", "false", ":"];
        let builtin = self.commands.iter().skip(commands).find(|command| {
            command.head == Head::Builtin
                && command.words.first().and_then(Word::known).is_none_or(|name| !harmless.contains(&name))
        });
        if builtin.is_none() && self.assignments.len() == assignments {
            return Ok(());
        }
        let message = "in the text of zsh only programs, `cd`, `echo` and `pwd` are followed; use `bash -c`";
        Err(Refusal::new("zsh", call.span, message))
    }
}
