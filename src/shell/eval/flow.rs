//! The order of commands: which states each can be reached in.
//!
//! In: lists, pipelines and compound commands with the states before them. Out: the states after success and after
//! failure. A command may always do either, so nothing is thought unreachable but what follows `exit` and `break`.

use super::super::builtin;
use super::super::command::RedirectOp;
use super::super::refusal::Refusal;
use super::super::tree::{
    Arm, Connector, Item, List, Node, Piece, Pipeline, RedirectTarget, Redirection, Stage, Test, Word,
};
use super::expand::Use;
use super::world::{self, Value, World, Worlds, is_number};
use super::{Eval, Turns};
use crate::diag::Span;

/// The states after a command.
#[derive(Default)]
pub(super) struct Outcome {
    pub(super) ok: Worlds,
    pub(super) fail: Worlds,
}

impl Outcome {
    /// The same after success and failure.
    pub(super) fn both(worlds: Worlds) -> Self {
        Self { ok: worlds.clone(), fail: worlds }
    }

    /// All states.
    fn merge(self) -> Worlds {
        let mut all = self.ok;
        world::add(&mut all, self.fail);
        all
    }

    /// Adds another outcome.
    pub(super) fn add(&mut self, other: Self) {
        world::add(&mut self.ok, other.ok);
        world::add(&mut self.fail, other.fail);
    }
}

/// Does it replace the standard input? `<&-` and `</dev/null` do, with nothing to read.
fn feeds(redirect: &Redirection) -> bool {
    let input = matches!(redirect.op, RedirectOp::Read | RedirectOp::ReadWrite | RedirectOp::Text);
    let fd = redirect.fd.unwrap_or(u32::from(!input));
    let nothing = match &redirect.target {
        RedirectTarget::File(word) => matches!(
            word.pieces.as_slice(),
            [Piece::Literal { text, .. }] if text == "/dev/null"
        ),
        RedirectTarget::Close => true,
        RedirectTarget::Descriptor(_) | RedirectTarget::Text(_) => false,
    };
    fd == 0 && !nothing && (input || matches!(redirect.op, RedirectOp::Duplicate))
}

/// Rounds of a loop before its states are joined, and before all is taken as unknown.
const ROUNDS_APART: usize = 2;
const ROUNDS: usize = 6;

/// Values that a `for` loop is followed through one by one.
const MAX_VALUES: usize = 64;

impl Eval {
    pub(super) fn list(&mut self, list: &List, worlds: Worlds) -> Result<Outcome, Refusal> {
        let mut outcome = Outcome::both(worlds);
        for item in &list.0 {
            outcome = self.item(item, outcome.merge())?;
        }
        Ok(outcome)
    }

    fn item(&mut self, item: &Item, worlds: Worlds) -> Result<Outcome, Refusal> {
        let before = worlds.clone();
        let loops = item.background.then(|| std::mem::take(&mut self.loops));
        let mut outcome = self.pipeline(&item.first, worlds)?;
        for (connector, pipeline) in &item.rest {
            match connector {
                Connector::And => {
                    let next = self.pipeline(pipeline, std::mem::take(&mut outcome.ok))?;
                    outcome.add(next);
                }
                Connector::Or => {
                    let next = self.pipeline(pipeline, std::mem::take(&mut outcome.fail))?;
                    outcome.add(next);
                }
            }
        }
        if let Some(loops) = loops {
            self.loops = loops;
            return Ok(Outcome::both(before));
        }
        Ok(outcome)
    }

    fn pipeline(&mut self, pipeline: &Pipeline, worlds: Worlds) -> Result<Outcome, Refusal> {
        let before = worlds.clone();
        let mut outcome = if let [stage] = pipeline.stages.as_slice() {
            self.stage(stage, worlds)?
        } else {
            let fed = self.fed;
            for stage in &pipeline.stages {
                let loops = std::mem::take(&mut self.loops);
                let result = self.stage(stage, worlds.clone());
                self.loops = loops;
                // What a stage prints is the input of the next.
                self.fed = true;
                result?;
            }
            self.fed = fed;
            Outcome::both(worlds)
        };
        if pipeline.negated {
            std::mem::swap(&mut outcome.ok, &mut outcome.fail);
            if pipeline.stages.iter().any(|stage| !stage.redirects.is_empty()) {
                // bash does not negate the failure of a redirection of a compound command.
                outcome.add(Outcome::both(before));
            }
        }
        Ok(outcome)
    }

    fn stage(&mut self, stage: &Stage, worlds: Worlds) -> Result<Outcome, Refusal> {
        let fed = self.fed;
        self.fed |= stage.redirects.iter().any(feeds);
        let outcome = self.redirected(stage, worlds)?;
        // `exec <file` feeds all that follows.
        let stays = matches!(&stage.node, Node::Simple(simple) if simple.words.len() == 1);
        self.fed = fed || (self.fed && stays);
        Ok(outcome)
    }

    fn redirected(&mut self, stage: &Stage, worlds: Worlds) -> Result<Outcome, Refusal> {
        for world in self.live(&worlds) {
            for redirect in &stage.redirects {
                self.redirect(redirect, &world)?;
            }
        }
        let before = worlds.clone();
        let mut outcome = match &stage.node {
            Node::Simple(simple) => self.simple(simple, worlds)?,
            Node::Group(list) => self.list(list, worlds)?,
            Node::Subshell(list) => {
                self.apart(list, worlds.clone())?;
                Outcome::both(worlds)
            }
            Node::If { arms, otherwise } => self.conditional(arms, otherwise.as_ref(), worlds)?,
            Node::Loop { until, condition, body } => self.repeat(*until, condition, body, worlds)?,
            Node::For { name, span, words, body } => self.iterate((name, *span), words, body, worlds)?,
            Node::Case { word, arms } => self.choose(word, arms, worlds)?,
            Node::Test(test) => {
                for world in self.live(&worlds) {
                    self.test(test, &world)?;
                }
                Outcome::both(worlds)
            }
        };
        if !stage.redirects.is_empty() {
            // A redirection that fails leaves the command unrun.
            world::add(&mut outcome.fail, before);
        }
        Ok(outcome)
    }

    fn conditional(
        &mut self,
        arms: &[(List, List)],
        otherwise: Option<&List>,
        worlds: Worlds,
    ) -> Result<Outcome, Refusal> {
        let mut total = Outcome::default();
        let mut rest = worlds;
        for (condition, body) in arms {
            let tested = self.list(condition, rest)?;
            total.add(self.list(body, tested.ok)?);
            rest = tested.fail;
        }
        match otherwise {
            Some(body) => total.add(self.list(body, rest)?),
            None => world::add(&mut total.ok, rest),
        }
        Ok(total)
    }

    fn choose(&mut self, word: &Word, arms: &[Arm], worlds: Worlds) -> Result<Outcome, Refusal> {
        for world in self.live(&worlds) {
            self.word(word, &world, Use::Value)?;
            for pattern in arms.iter().flat_map(|arm| &arm.patterns) {
                self.pattern(pattern, &world)?;
            }
        }
        let mut total = Outcome::both(worlds.clone());
        for arm in arms {
            if let Some(body) = &arm.body {
                total.add(self.list(body, worlds.clone())?);
            }
        }
        Ok(total)
    }

    /// A word that is matched against text: its quoting counts, so it is always rendered from its pieces.
    fn pattern(&mut self, word: &Word, world: &World) -> Result<(), Refusal> {
        self.word(word, world, Use::Value)?;
        self.settle(word.site, None);
        Ok(())
    }

    fn repeat(&mut self, until: bool, condition: &List, body: &List, worlds: Worlds) -> Result<Outcome, Refusal> {
        let mut left = Worlds::new();
        self.rounds(worlds, &mut left, |eval, worlds, left| {
            let mut tested = eval.list(condition, worlds)?;
            if until {
                std::mem::swap(&mut tested.ok, &mut tested.fail);
            }
            world::add(left, tested.fail);
            Ok(eval.list(body, tested.ok)?.merge())
        })?;
        Ok(Outcome::both(left))
    }

    /// Runs a loop's turn in more and more states until no new one appears; `left` gets the states of `break`.
    fn rounds(
        &mut self,
        worlds: Worlds,
        left: &mut Worlds,
        mut turn: impl FnMut(&mut Self, Worlds, &mut Worlds) -> Result<Worlds, Refusal>,
    ) -> Result<Worlds, Refusal> {
        let mut all = worlds;
        for round in 0.. {
            self.loops.push(Turns::default());
            let after = turn(self, all.clone(), left)?;
            let turns = self.loops.pop().unwrap_or_default();
            world::add(left, turns.breaks);
            let mut next = all.clone();
            world::add(&mut next, after);
            world::add(&mut next, turns.continues);
            if round >= ROUNDS_APART {
                world::join(&mut next);
            }
            if next == all || round > ROUNDS {
                break;
            }
            if round == ROUNDS {
                next = next.iter().map(World::unknown).take(1).collect();
            }
            all = next;
        }
        Ok(all)
    }

    fn iterate(
        &mut self,
        (name, span): (&str, Span),
        words: &[Word],
        body: &List,
        worlds: Worlds,
    ) -> Result<Outcome, Refusal> {
        let mut left = Worlds::new();
        for world in self.live(&worlds) {
            let mut values = Vec::new();
            for word in words {
                values.extend(self.word(word, &world, Use::Argument)?);
            }
            let values = self.values((name, span), &values)?;
            let mut current = vec![world];
            for (value, repeats) in values {
                let enter = |worlds: Worlds| -> Worlds {
                    let set = |mut world: World| {
                        world.set(name, value.clone());
                        world
                    };
                    worlds.into_iter().map(set).collect()
                };
                if repeats {
                    let turn =
                        |eval: &mut Self, worlds: Worlds, _: &mut Worlds| Ok(eval.list(body, enter(worlds))?.merge());
                    current = self.rounds(current, &mut left, turn)?;
                } else {
                    self.loops.push(Turns::default());
                    let mut after = self.list(body, enter(current))?.merge();
                    let turns = self.loops.pop().unwrap_or_default();
                    world::add(&mut left, turns.breaks);
                    world::add(&mut after, turns.continues);
                    current = after;
                }
            }
            world::add(&mut left, current);
        }
        if words.is_empty() {
            self.list(body, Worlds::new())?;
        }
        Ok(Outcome::both(left))
    }

    /// The values of a loop in order, each with whether it stands for several turns.
    fn values(&mut self, (name, span): (&str, Span), words: &[super::Word]) -> Result<Vec<(Value, bool)>, Refusal> {
        let mut values = Vec::new();
        for word in words {
            self.shell_variable(name, word.clone(), span)?;
            values.push(match word {
                super::Word::Known(text) => (Value::Known(text.clone()), false),
                super::Word::Glob(glob) => (Value::Pattern(glob.pattern.clone()), true),
                super::Word::Unknown(unknown) if unknown.reason == "a number" => (Value::Number, true),
                super::Word::Unknown(_) => (Value::Unknown("a loop variable over unknown words"), true),
                super::Word::Pipe(_) => (Value::Unknown("a process substitution"), true),
            });
        }
        if values.len() > MAX_VALUES {
            let numbers = values.iter().all(|(value, _)| is_number(value));
            let unknown = Value::Unknown("a loop variable with more than 64 values");
            values = vec![(if numbers { Value::Number } else { unknown }, true)];
        }
        Ok(values)
    }

    fn test(&mut self, test: &Test, world: &World) -> Result<(), Refusal> {
        match test {
            Test::And(left, right) | Test::Or(left, right) => {
                self.test(left, world)?;
                self.test(right, world)
            }
            Test::Not(inner) | Test::Parenthesized(inner) => self.test(inner, world),
            Test::Unary(operator, word) => {
                let words = self.word(word, world, Use::Value)?;
                if builtin::looks_at_a_file(operator) {
                    words.into_iter().for_each(|file| self.probe(file, &world.cwd, word.span));
                }
                Ok(())
            }
            Test::Binary { operator, left, right, right_is_pattern, numbers } => {
                for word in [left, right] {
                    let numeric = || self.value(&word.pieces, world).map(|value| is_number(&value));
                    if *numbers && !numeric()? {
                        let message = "`[[ -eq ]]` evaluates its text; use `[ … -eq … ]`, which does not";
                        return Err(Refusal::new("arithmetic", word.span, message));
                    }
                }
                let files = self.word(left, world, Use::Value)?;
                if builtin::compares_files(operator) {
                    let files = files.into_iter().chain(self.word(right, world, Use::Value)?);
                    files.for_each(|file| self.probe(file, &world.cwd, left.span));
                    return Ok(());
                }
                if *right_is_pattern {
                    self.pattern(right, world)
                } else {
                    self.word(right, world, Use::Value).map(|_| ())
                }
            }
        }
    }
}
