//! Wrappers taken apart: which word of `env`, `nice`, `xargs` and their like is the program.
//!
//! In: the words of a program and its [`Wrapper`]. Out: the command inside, judged like any other. What cannot be taken
//! apart with certainty is refused.

use super::super::command::{Assignment, Cwd, Scope, Word};
use super::super::refusal::Refusal;
use super::super::wrapper::{self, Kind, Wrapper};
use super::Eval;
use super::simple::{Argument, Call};

/// Options of a wrapper, read up to its program.
pub(super) struct Options {
    /// Index of the first word after options and operands.
    pub(super) rest: usize,
    /// Options with their values, dashes left out.
    pub(super) values: Vec<(String, Option<Word>)>,
    /// It acts on something else than a program.
    pub(super) alone: bool,
}

impl Options {
    /// The value of an option, when it is given.
    pub(super) fn value(&self, names: &[&str]) -> Option<Option<&Word>> {
        self.values.iter().rev().find(|(name, _)| names.contains(&name.as_str())).map(|(_, value)| value.as_ref())
    }
}

impl Eval {
    /// Judges what a program carries, when it is a wrapper.
    pub(super) fn unwrap(&mut self, arguments: &[Argument], call: &Call<'_>) -> Result<(), Refusal> {
        let name = self.name(arguments, call.span)?;
        let Some(wrapper) = wrapper::find(&name) else { return Ok(()) };
        match wrapper.kind {
            Kind::Prefix | Kind::Environment => self.prefix_wrapper(&name, wrapper, arguments, call),
            Kind::Xargs => self.xargs(&name, wrapper, arguments, call),
            Kind::Shell => self.shell(&name, arguments, call),
            Kind::Find => self.find(&name, arguments, call),
            Kind::Fd => self.fd(&name, arguments, call),
            Kind::Applet => self.applet(&name, arguments, call),
            Kind::Watch => self.watch(&name, wrapper, arguments, call),
            Kind::Ripgrep => self.ripgrep(&name, arguments, call),
            Kind::Ssh => self.ssh(&name, wrapper, arguments, call),
            Kind::Container => self.container(&name, arguments, call),
            Kind::Su => self.su(&name, wrapper, arguments, call),
            Kind::Parallel => self.parallel(&name, wrapper, arguments, call),
            Kind::Refused => {
                let message =
                    format!("`{name}` runs other commands in a way that is not followed; run the command itself");
                Err(Refusal::new("wrapper", call.span, message))
            }
        }
    }

    /// Judges the command inside a wrapper.
    pub(super) fn inner(&mut self, name: &str, arguments: &[Argument], call: &Call<'_>) -> Result<(), Refusal> {
        let mut inner = call.clone();
        inner.via.push(name.to_owned());
        inner.shell = false;
        self.program(arguments, &inner)
    }

    pub(super) fn prefix_wrapper(
        &mut self,
        name: &str,
        wrapper: &Wrapper,
        arguments: &[Argument],
        call: &Call<'_>,
    ) -> Result<(), Refusal> {
        let options = options(name, wrapper, arguments, call)?;
        if options.alone {
            return Ok(());
        }
        let mut inner = call.clone();
        let mut rest = arguments.get(options.rest..).unwrap_or_default();
        if wrapper.kind == Kind::Environment {
            inner.changed = true;
            if name.ends_with("env")
                && let Some(target) = options.value(&["C", "chdir"])
            {
                inner.cwd = moved(&call.cwd, target);
            }
            if let Some(Some(text)) = options.value(&SPLITS) {
                let text = text.known().ok_or_else(|| unknown(name, call))?;
                return self.split_env(name, arguments, (options.rest - 1, text), &inner);
            }
            rest = self.variables(name, rest, call)?;
        }
        if matches!(name.rsplit('/').next(), Some("chroot" | "unshare")) {
            inner.cwd = Cwd::Unknown(format!("`{name}` changes what paths lead to"));
        }
        let Some(first) = rest.first() else { return Ok(()) };
        if let (true, Some("-c" | "--command")) = (name.ends_with("flock"), first.word.known()) {
            // With more words behind it, flock takes `-c` for a program.
            return match rest {
                [_, text] => self.joined(name, std::slice::from_ref(text), &inner),
                _ => Err(Refusal::new("wrapper", call.span, format!("`{name} -c` takes one text; quote it"))),
            };
        }
        if first.word.known().is_some_and(|text| text.starts_with('-')) {
            let message = format!("`{name}`: option `{}` where a program should stand; remove it", shown(&first.word));
            return Err(Refusal::new("wrapper-option", call.span, message));
        }
        self.inner(name, rest, &inner)
    }

    /// `NAME=value` words before the program.
    fn variables<'a>(
        &mut self,
        name: &str,
        mut rest: &'a [Argument],
        call: &Call<'_>,
    ) -> Result<&'a [Argument], Refusal> {
        while let Some((first, tail)) = rest.split_first() {
            let Some(text) = first.word.known() else { return Err(unknown(name, call)) };
            let Some((variable, value)) = text.split_once('=') else { break };
            let value = Word::Known(value.to_owned());
            let (name, scope, span) = (variable.to_owned(), Scope::Environment, call.span);
            self.push_assignment(Assignment { name, value, scope, span });
            rest = tail;
        }
        Ok(rest)
    }

    /// `busybox APPLET …`: the applet is judged as a program, but its name stays as it is.
    fn applet(&mut self, name: &str, arguments: &[Argument], call: &Call<'_>) -> Result<(), Refusal> {
        let rest = arguments.get(1..).unwrap_or_default();
        match rest.first().map(|argument| argument.word.known()) {
            None => Ok(()),
            Some(Some(text)) if text.starts_with('-') => Ok(()),
            Some(Some(_)) => {
                let mut inner = rest.to_vec();
                if let Some(first) = inner.first_mut() {
                    first.position = None;
                }
                self.inner(name, &inner, call)
            }
            Some(None) => Err(unknown(name, call)),
        }
    }
}

/// `env` goes on with the words of their value.
const SPLITS: [&str; 2] = ["S", "split-string"];

/// A directory after one more step.
fn moved(cwd: &Cwd, target: Option<&Word>) -> Cwd {
    let why = "a wrapper changes the directory to one that is not known";
    match (cwd, target.and_then(Word::known)) {
        (_, Some(target)) if target.starts_with('/') => Cwd::Moved(vec![target.to_owned()]),
        (Cwd::Moved(steps), Some(target)) => Cwd::Moved(steps.iter().cloned().chain([target.to_owned()]).collect()),
        _ => Cwd::Unknown(why.to_owned()),
    }
}

/// A word for a message.
pub(super) fn shown(word: &Word) -> &str {
    word.known().unwrap_or("…")
}

/// The refusal for a word that is not known where it decides what runs.
pub(super) fn unknown(name: &str, call: &Call<'_>) -> Refusal {
    let message = format!("`{name}`: a word before the program is not plain text; write it out");
    Refusal::new("wrapper-unknown", call.span, message)
}

/// Reads the options of a wrapper by its table; what the table does not have is refused.
pub(super) fn options(
    name: &str,
    wrapper: &Wrapper,
    arguments: &[Argument],
    call: &Call<'_>,
) -> Result<Options, Refusal> {
    let mut reader = OptionReader { name, wrapper, arguments, call, at: 1, values: Vec::new() };
    let alone = reader.run()?;
    let OptionReader { at, values, .. } = reader;
    if !alone {
        let operands = arguments.iter().skip(at).take(wrapper.operands);
        if operands.clone().count() < wrapper.operands && at < arguments.len() {
            return Ok(Options { rest: arguments.len(), values, alone: true });
        }
        for operand in operands {
            single(&operand.word).then_some(()).ok_or_else(|| unknown(name, call))?;
        }
    }
    Ok(Options { rest: (at + wrapper.operands).min(arguments.len()), values, alone })
}

fn attached(value: Option<&str>) -> Option<Word> {
    value.map(|text| Word::Known(text.to_owned()))
}

/// Is it exactly one word?
fn single(word: &Word) -> bool {
    match word {
        Word::Known(_) | Word::Pipe(_) => true,
        Word::Unknown(unknown) => !unknown.splits,
        Word::Glob(glob) => !glob.splits,
    }
}

struct OptionReader<'a> {
    name: &'a str,
    wrapper: &'a Wrapper,
    arguments: &'a [Argument],
    call: &'a Call<'a>,
    at: usize,
    values: Vec<(String, Option<Word>)>,
}

impl OptionReader<'_> {
    /// True when an option says that no program is run.
    fn run(&mut self) -> Result<bool, Refusal> {
        while let Some(argument) = self.arguments.get(self.at) {
            let Some(text) = argument.word.known() else { return Err(unknown(self.name, self.call)) };
            if self.wrapper.alone.contains(&text) {
                return Ok(true);
            }
            match text.as_bytes() {
                b"--" => {
                    self.at += 1;
                    return Ok(false);
                }
                b"-" if self.wrapper.kind == Kind::Environment => {}
                [b'-', b'-', ..] => self.long(text.get(2..).unwrap_or_default())?,
                [b'-', _, ..] => {
                    if self.short(text.get(1..).unwrap_or_default())? {
                        return Ok(true);
                    }
                }
                _ => return Ok(false),
            }
            self.at += 1;
            let splits = |(name, value): &(String, Option<Word>)| SPLITS.contains(&name.as_str()) && value.is_some();
            if self.wrapper.kind == Kind::Environment && self.values.last().is_some_and(splits) {
                return Ok(false);
            }
        }
        Ok(false)
    }

    fn long(&mut self, option: &str) -> Result<(), Refusal> {
        let (name, value) = option.split_once('=').map_or((option, None), |(name, value)| (name, Some(value)));
        let plain = self.wrapper.long_flags.contains(&name) || self.wrapper.long_attached.contains(&name);
        if value.is_none() && plain {
            self.values.push((name.to_owned(), None));
        } else if self.wrapper.long_valued.contains(&name) {
            match value {
                Some(_) => self.values.push((name.to_owned(), attached(value))),
                None => self.next(name)?,
            }
        } else if value.is_some() && self.wrapper.long_attached.contains(&name) {
            self.values.push((name.to_owned(), attached(value)));
        } else {
            return Err(self.refuse(&format!("--{name}")));
        }
        Ok(())
    }

    /// A cluster of short options; true when one of them says that no program is run.
    fn short(&mut self, cluster: &str) -> Result<bool, Refusal> {
        let digits = cluster.strip_prefix('-').unwrap_or(cluster);
        if self.name.ends_with("nice") && digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Ok(false);
        }
        for (index, c) in cluster.char_indices() {
            let rest = cluster.get(index + c.len_utf8()..).unwrap_or_default();
            let option = c.to_string();
            if self.wrapper.alone.contains(&format!("-{c}").as_str()) {
                return Ok(true);
            } else if self.wrapper.flags.contains(c) {
                self.values.push((option, None));
            } else if self.wrapper.attached.contains(c) || (self.wrapper.valued.contains(c) && !rest.is_empty()) {
                self.values.push((option, attached(Some(rest))));
                return Ok(false);
            } else if self.wrapper.valued.contains(c) {
                self.next(&option)?;
                return Ok(false);
            } else {
                return Err(self.refuse(&format!("-{c}")));
            }
        }
        Ok(false)
    }

    fn next(&mut self, option: &str) -> Result<(), Refusal> {
        self.at += 1;
        let value = self.arguments.get(self.at).filter(|argument| single(&argument.word));
        let value = value.ok_or_else(|| unknown(self.name, self.call))?;
        self.values.push((option.to_owned(), Some(value.word.clone())));
        Ok(())
    }

    fn refuse(&self, option: &str) -> Refusal {
        let message = format!("`{}`: option `{option}` is not known here; leave it out", self.name);
        Refusal::new("wrapper-option", self.call.span, message)
    }
}
