//! Simple commands: assignments, redirections, builtins, programs.
//!
//! In: one command and the states before it. Out: entries of the flat lists and the states after it.

use super::super::builtin::{self, Effect};
use super::super::command::{
    Assignment, Command, Cwd, Head, PipeEnd, Redirect, RedirectOp, Scope, Slot, Target, Unknown, Word,
};
use super::super::refusal::Refusal;
use super::super::tree::{self, Assign, Piece, RedirectTarget, Redirection, Simple};
use super::expand::{self, Use};
use super::flow::Outcome;
use super::world::{self, Value, World, Worlds};
use super::{Eval, Mark, Position};
use crate::diag::Span;

/// A word of a command and where it is rendered; words that the input adds are rendered nowhere.
#[derive(Debug, Clone)]
pub(super) struct Argument {
    pub(super) word: Word,
    pub(super) position: Option<Position>,
}

/// How a command is called.
#[derive(Debug, Clone)]
pub(super) struct Call<'w> {
    pub(super) world: &'w World,
    pub(super) cwd: Cwd,
    pub(super) via: Vec<String>,
    pub(super) span: Span,
    /// Builtins exist here.
    pub(super) shell: bool,
    /// Its environment is not the policy's: variables were set for it.
    pub(super) changed: bool,
}

impl Eval {
    pub(super) fn simple(&mut self, simple: &Simple, worlds: Worlds) -> Result<Outcome, Refusal> {
        let mut total = Outcome::default();
        for world in self.live(&worlds) {
            self.step(simple.span)?;
            let arguments = self.arguments(simple, &world)?;
            if arguments.is_empty() {
                total.add(self.assign_alone(&simple.assignments, world)?);
                continue;
            }
            let name = self.name(&arguments, simple.span)?;
            self.prefix(&simple.assignments, &name, &world)?;
            let call = Call {
                world: &world,
                cwd: world.cwd.clone(),
                via: self.outer.clone(),
                span: simple.span,
                shell: true,
                changed: !simple.assignments.is_empty(),
            };
            total.add(self.command(&arguments, &call)?);
        }
        Ok(total)
    }

    /// Exact words, run without a shell.
    pub(super) fn bare(&mut self, simple: &Simple, world: &World) -> Result<(), Refusal> {
        let arguments = self.arguments(simple, world)?;
        let (cwd, span) = (world.cwd.clone(), simple.span);
        let call = Call { world, cwd, via: Vec::new(), span, shell: false, changed: false };
        self.program(&arguments, &call)
    }

    fn arguments(&mut self, simple: &Simple, world: &World) -> Result<Vec<Argument>, Refusal> {
        let mut arguments = Vec::new();
        let exports = simple.words.first().is_some_and(|word| is_plainly(word, "export"));
        for word in &simple.words {
            let words = self.word(word, world, Use::Argument)?;
            if exports && words.len() != 1 {
                // bash would not split the value, but the rendered word would be.
                let message = "`export`: a value that splits is refused; quote it";
                return Err(Refusal::new("builtin-option", word.span, message));
            }
            let words = words.into_iter().enumerate();
            arguments.extend(words.map(|(index, made)| Argument { word: made, position: Some((word.site, index)) }));
        }
        Ok(arguments)
    }

    /// The name of a command, which must be known.
    pub(super) fn name(&self, arguments: &[Argument], span: Span) -> Result<String, Refusal> {
        match arguments.first().map(|argument| &argument.word) {
            Some(Word::Known(name)) if name.starts_with('-') => {
                let message = format!("`{name}` is an option where a program should stand; name the program first");
                Err(Refusal::new("program-option", span, message))
            }
            Some(Word::Known(name)) if !name.is_empty() => Ok(name.clone()),
            Some(Word::Known(_)) | None => {
                Err(Refusal::new("program-empty", span, "the name of the program is empty; name it"))
            }
            Some(Word::Glob(_) | Word::Unknown(_) | Word::Pipe(_)) => {
                let message = "the name of the program is not plain text; write it out";
                Err(Refusal::new("program-unknown", span, message))
            }
        }
    }

    /// A command of the shell: a builtin or a program.
    pub(super) fn command(&mut self, arguments: &[Argument], call: &Call<'_>) -> Result<Outcome, Refusal> {
        let name = self.name(arguments, call.span)?;
        if call.shell && builtin::is_builtin(&name) {
            return self.builtin(&name, arguments, call);
        }
        self.program(arguments, call)?;
        Ok(Outcome::both(vec![call.world.clone()]))
    }

    fn builtin(&mut self, name: &str, arguments: &[Argument], call: &Call<'_>) -> Result<Outcome, Refusal> {
        if call.via.len() > self.outer.len() {
            let message = format!("a builtin that runs the builtin `{name}` is refused; leave it out");
            return Err(Refusal::new("builtin", call.span, message));
        }
        let words: Vec<&Word> = arguments.iter().map(|argument| &argument.word).collect();
        // Who starts a shell inside of the line may give it a PS4.
        let plain = self.shells == 0 && !self.elsewhere && !self.environment.contains_key("PS4");
        if builtin::traces(name, &words) && !plain {
            let message = "`set -x` expands PS4, which is not known here; leave it out";
            return Err(Refusal::new("builtin-option", call.span, message));
        }
        let effect = builtin::check(name, &words).map_err(|(code, message)| Refusal::new(code, call.span, message))?;
        if let Some(position) = arguments.first().and_then(|argument| argument.position).filter(|_| !self.elsewhere) {
            self.marks.insert(position, Mark::Builtin);
        }
        if matches!(name, "test" | "[") {
            // The closing bracket names no file.
            let operands = words.len() - usize::from(name == "[");
            for file in builtin::looked_at(words.get(1..operands).unwrap_or_default()) {
                self.probe(file.clone(), &call.cwd, call.span);
            }
        }
        let both = || Ok(Outcome::both(vec![call.world.clone()]));
        let Effect::Runs(start) = effect else {
            self.list_command(arguments, Head::Builtin, call)?;
            return match effect {
                Effect::Enter(target) => Ok(self.enter(words.get(target).copied(), call.world)),
                Effect::Exit => Ok(Outcome::default()),
                Effect::Break(levels) => Ok(self.jump(levels, call.world, true)),
                Effect::Continue(levels) => Ok(self.jump(levels, call.world, false)),
                Effect::Sets(names) => self.sets(&names, call),
                Effect::Exports(variables) => self.exports(variables, call),
                Effect::None | Effect::Runs(_) => both(),
            };
        };
        let mut inner = call.clone();
        inner.via.push(name.to_owned());
        let outcome = self.command(arguments.get(start..).unwrap_or_default(), &inner)?;
        Ok(if name == "exec" { Outcome::default() } else { outcome })
    }

    fn list_command(&mut self, arguments: &[Argument], head: Head, call: &Call<'_>) -> Result<(), Refusal> {
        let words = arguments.iter().map(|argument| argument.word.clone()).collect();
        let head = if self.elsewhere { Head::Elsewhere } else { head };
        let (via, cwd, span) = (call.via.clone(), call.cwd.clone(), call.span);
        let reads_commands = head != Head::Builtin && self.fed && self.reads_commands(arguments, call);
        self.push_command(Command { words, head, via, cwd, reads_commands, span })
    }

    /// A program, and whatever it carries.
    pub(super) fn program(&mut self, arguments: &[Argument], call: &Call<'_>) -> Result<(), Refusal> {
        self.step(call.span)?;
        self.name(arguments, call.span)?;
        let position = arguments.first().and_then(|argument| argument.position).filter(|_| !self.elsewhere);
        let slot = self.slot(position);
        self.list_command(arguments, Head::Program(slot), call)?;
        self.unwrap(arguments, call)
    }

    /// The slot of a word that names a program; one that is rendered nowhere has a slot of its own.
    fn slot(&mut self, position: Option<Position>) -> Slot {
        if let Some(Mark::Program(slot)) = position.and_then(|position| self.marks.get(&position)) {
            return *slot;
        }
        let slot = Slot(self.slots);
        self.slots += 1;
        if let Some(position) = position {
            self.marks.insert(position, Mark::Program(slot));
        }
        slot
    }

    fn enter(&mut self, target: Option<&Word>, world: &World) -> Outcome {
        let mut moved = world.clone();
        match target.and_then(Word::known) {
            Some(target) => moved.enter(target.to_owned()),
            None => moved.cwd = Cwd::Unknown("a `cd` whose target is not known".to_owned()),
        }
        Outcome { ok: vec![moved], fail: vec![world.clone()] }
    }

    /// `break` and `continue`; outside a loop they do nothing.
    fn jump(&mut self, levels: usize, world: &World, leaves: bool) -> Outcome {
        let at = self.loops.len().saturating_sub(levels.max(1));
        match self.loops.get_mut(at) {
            Some(turns) => {
                world::add(if leaves { &mut turns.breaks } else { &mut turns.continues }, vec![world.clone()]);
                Outcome::default()
            }
            None => Outcome::both(vec![world.clone()]),
        }
    }

    /// `read` and `unset`.
    fn sets(&mut self, names: &[String], call: &Call<'_>) -> Result<Outcome, Refusal> {
        let mut after = call.world.clone();
        for name in names {
            if name != "REPLY" {
                let value = unknown("what `read` or `unset` leaves in it".to_owned());
                self.shell_variable(name, value, call.span)?;
            }
            after.set(name, Value::Unknown("a variable that `read` or `unset` changed"));
        }
        let mut outcome = Outcome::both(vec![after]);
        world::add(&mut outcome.fail, vec![call.world.clone()]);
        Ok(outcome)
    }

    /// `export`: from here on, and in what was assigned before, the variable reaches programs.
    fn exports(&mut self, variables: Vec<(String, Option<Word>)>, call: &Call<'_>) -> Result<Outcome, Refusal> {
        let mut after = call.world.clone();
        for (name, value) in variables {
            settable(&name, call.span)?;
            if let Some(value) = &value {
                after.set(&name, assigned_value(value));
            }
            let value = value.unwrap_or_else(|| match after.value(&name) {
                Value::Known(text) => Word::Known(text),
                _ => unknown("the value of a variable".to_owned()),
            });
            self.exported.insert(name.clone());
            self.push_assignment(Assignment { name, value, scope: Scope::Environment, span: call.span });
        }
        let mut outcome = Outcome::both(vec![after]);
        world::add(&mut outcome.fail, vec![call.world.clone()]);
        Ok(outcome)
    }

    /// A variable of the shell is set: it reaches programs when the environment has the name already.
    pub(super) fn shell_variable(&mut self, name: &str, value: Word, span: Span) -> Result<(), Refusal> {
        settable(name, span)?;
        let scope = if self.environment.contains_key(name) { Scope::Environment } else { Scope::Shell };
        self.push_assignment(Assignment { name: name.to_owned(), value, scope, span });
        Ok(())
    }

    /// Assignments without a command.
    fn assign_alone(&mut self, assignments: &[Assign], world: World) -> Result<Outcome, Refusal> {
        let mut after = world;
        for assign in assignments {
            let value = self.assigned(assign, &after)?;
            self.shell_variable(&assign.name, value, assign.span)?;
            let value = self.value(&assign.value.pieces, &after)?;
            after.set(&assign.name, value);
        }
        Ok(Outcome::both(vec![after]))
    }

    fn assigned(&mut self, assign: &Assign, world: &World) -> Result<Word, Refusal> {
        let words = self.word(&assign.value, world, Use::Value)?;
        Ok(words.into_iter().next().unwrap_or(Word::Known(String::new())))
    }

    /// The value that a variable gets; numbers stay numbers.
    pub(super) fn value(&self, pieces: &[Piece], world: &World) -> Result<Value, Refusal> {
        let is_empty = |piece: &&Piece| matches!(piece, Piece::Literal { text, .. } if text.is_empty());
        let whole: Vec<&Piece> = pieces.iter().filter(|piece| !is_empty(piece)).collect();
        if let [Piece::Parameter { parameter, .. }] = whole.as_slice() {
            return expand::parameter_value(parameter, world);
        }
        let words = expand::expand(pieces, world, Use::Value)?;
        Ok(match (words.into_iter().next(), whole.as_slice()) {
            (None, _) => Value::Known(String::new()),
            (Some(Word::Known(text)), _) => Value::Known(text),
            (Some(Word::Glob(glob)), _) => Value::Pattern(glob.pattern),
            (Some(Word::Unknown(_)), [Piece::Arithmetic { .. }]) => Value::Number,
            (Some(Word::Unknown(_) | Word::Pipe(_)), _) => Value::Unknown("a variable set from something unknown"),
        })
    }

    /// Assignments before a command: they reach that command alone.
    fn prefix(&mut self, assignments: &[Assign], name: &str, world: &World) -> Result<(), Refusal> {
        for assign in assignments {
            let value = self.assigned(assign, world)?;
            // The usual `while IFS= read -r line`: only this one builtin sees it.
            if name == "read" && assign.name == "IFS" {
                continue;
            }
            settable(&assign.name, assign.span)?;
            if matches!(
                name,
                "cd" | "exec" | "command" | "exit" | "export" | "set" | "unset" | ":" | "break" | "continue" | "shift"
            ) {
                let message = format!("an assignment before the builtin `{name}` is refused; leave it out");
                return Err(Refusal::new("assignment", assign.span, message));
            }
            let (name, scope, span) = (assign.name.clone(), Scope::Environment, assign.span);
            self.push_assignment(Assignment { name, value, scope, span });
        }
        Ok(())
    }

    pub(super) fn redirect(&mut self, redirect: &Redirection, world: &World) -> Result<(), Refusal> {
        let input = matches!(redirect.op, RedirectOp::Read | RedirectOp::ReadWrite | RedirectOp::Text);
        let fd = redirect.fd.unwrap_or(u32::from(!input));
        let target = match &redirect.target {
            RedirectTarget::Descriptor(_) | RedirectTarget::Close => Target::Inside,
            RedirectTarget::Text(word) => {
                self.word(word, world, Use::Value)?;
                Target::Inside
            }
            RedirectTarget::File(word) => {
                let mut words = self.word(word, world, Use::Argument)?;
                let target = match (words.pop(), words.pop()) {
                    (Some(target), None) => target,
                    _ => {
                        let message = "a redirection needs exactly one file; quote its name";
                        return Err(Refusal::new("redirection", redirect.span, message));
                    }
                };
                network(&target, redirect.span)?;
                match target {
                    Word::Pipe(end) => pipe(end, redirect)?,
                    file => Target::File(file),
                }
            }
        };
        let (op, cwd, span) = (redirect.op, world.cwd.clone(), redirect.span);
        self.push_redirect(Redirect { op, fd, target, cwd, span });
        Ok(())
    }
}

/// Is the word this text, written without quotes or expansions?
fn is_plainly(word: &tree::Word, name: &str) -> bool {
    matches!(word.pieces.as_slice(), [Piece::Literal { text, quoted: false }] if text == name)
}

/// One word that nobody knows.
fn unknown(reason: String) -> Word {
    Word::Unknown(Unknown { reason, splits: false, literal_prefix: String::new() })
}

/// What a variable holds after this word was assigned to it.
fn assigned_value(word: &Word) -> Value {
    match word {
        Word::Known(text) => Value::Known(text.clone()),
        Word::Glob(_) | Word::Unknown(_) | Word::Pipe(_) => Value::Unknown("a variable set from something unknown"),
    }
}

/// The pipe of a process substitution as the target of a redirection that uses it as it is meant.
fn pipe(end: PipeEnd, redirect: &Redirection) -> Result<Target, Refusal> {
    let reads = redirect.op == RedirectOp::Read;
    if redirect.op == RedirectOp::ReadWrite || reads != (end == PipeEnd::Read) {
        let message = "a redirection reads from `<(…)` and writes to `>(…)`; write it so";
        return Err(Refusal::new("process-substitution", redirect.span, message));
    }
    Ok(Target::Inside)
}

/// bash opens a connection for these names, which are no files.
fn network(target: &Word, span: Span) -> Result<(), Refusal> {
    let start = match target {
        Word::Known(text) => text,
        Word::Glob(glob) => &glob.literal_prefix,
        Word::Unknown(_) | Word::Pipe(_) => return Ok(()),
    };
    if start.starts_with("/dev/tcp/") || start.starts_with("/dev/udp/") {
        return Err(Refusal::new("network-redirection", span, "`/dev/tcp` and `/dev/udp` are refused; use a program"));
    }
    Ok(())
}

fn settable(name: &str, span: Span) -> Result<(), Refusal> {
    if world::is_settable(name) {
        return Ok(());
    }
    let message = format!("setting `{name}` changes how the shell reads or finds commands; leave it out");
    Err(Refusal::new("assignment", span, message))
}
