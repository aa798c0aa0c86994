//! The parser's tree to ours: a whitelist of nodes, everything else refused by name.
//!
//! In: text. Out: a [`List`] whose words are taken apart into pieces, or a [`Refusal`]. What a word amounts to and what
//! a command may do is decided in `eval`.

mod compound;
mod redirect;
mod word;

pub(super) use word::{argument, assigned, single};

use brush_parser::{SourceSpan, ast};

use super::place::{Place, Positions};
use super::refusal::Refusal;
use super::tree::{Assign, Connector, Item, List, Node, Pipeline, Simple, SiteId, Stage, Timed};
use super::{parse, plain};
use crate::diag::Span;

/// Most levels of compound commands and substitutions inside each other.
const MAX_DEPTH: usize = 24;

/// What lowering keeps over all texts that are nested in one line.
#[derive(Debug, Default)]
pub(super) struct Lower {
    sites: SiteId,
    depth: usize,
    /// The text will be read by a POSIX shell: what only bash knows is refused.
    pub(super) portable: bool,
    /// Bytes of texts for other shells that may still be read.
    inner: usize,
}

/// A line may make so many bytes of texts for other shells out of a few words and braces.
const INNER_BYTES: usize = 32 << 10;

impl Lower {
    /// For a line of so many bytes.
    pub(super) fn of(bytes: usize) -> Self {
        // What stands in the line itself may pass through two shells.
        Self { inner: INNER_BYTES + 2 * bytes, ..Self::default() }
    }

    /// The text of another shell, which a program of the line is given.
    pub(super) fn inner_script(&mut self, text: &str, portable: bool, span: Span) -> Result<List, Refusal> {
        let message = "the texts for other shells are too long together; run them apart";
        let left = self.inner.checked_sub(text.len());
        self.inner = left.ok_or_else(|| Refusal::new("too-long", span, message))?;
        let portable = std::mem::replace(&mut self.portable, portable);
        let list = self.script(text, Place::Within(span));
        self.portable = portable;
        list
    }

    /// The next free site.
    pub(super) fn site(&mut self) -> SiteId {
        self.sites += 1;
        self.sites - 1
    }

    /// How many sites there are.
    pub(super) fn sites(&self) -> usize {
        self.sites
    }

    /// Gives back the sites from this one on.
    pub(super) fn rewind(&mut self, sites: usize) {
        self.sites = sites;
    }

    /// One level deeper, or a refusal; each success is followed by `leave`.
    pub(super) fn enter(&mut self, span: Span) -> Result<(), Refusal> {
        if self.depth >= MAX_DEPTH {
            let message = "commands are nested more than 24 deep; run them apart";
            return Err(Refusal::new("too-deep", span, message));
        }
        self.depth += 1;
        Ok(())
    }

    /// One level up again.
    pub(super) fn leave(&mut self) {
        self.depth -= 1;
    }

    /// A whole text: the line, the inside of a substitution, the argument of `sh -c`.
    pub(super) fn script(&mut self, text: &str, place: Place) -> Result<List, Refusal> {
        let mark = self.sites;
        let list = if self.depth < MAX_DEPTH { plain::read(text, place, self) } else { None };
        let Some(list) = list else { return self.parsed(text, place) };
        if cfg!(debug_assertions) {
            let after = self.sites;
            self.rewind(mark);
            let other = self.parsed(text, place);
            // What guards the tokenizer takes quoted text for a here-document as well.
            if other.as_ref().is_err_and(|refusal| refusal.code == "here-document") {
                self.rewind(after);
                return Ok(list);
            }
            assert_eq!(other.as_ref(), Ok(&list), "both readings of {text:?}");
            assert_eq!(self.sites, after, "words in both readings of {text:?}");
        }
        Ok(list)
    }

    /// The same by the general parser.
    fn parsed(&mut self, text: &str, place: Place) -> Result<List, Refusal> {
        let positions = Positions::new(text);
        let span = place.span(0, text.len());
        let program = parse::parse(text, |start, end| place.span(positions.byte(start), positions.byte(end)))?;
        self.enter(span)?;
        let mut walker = Walker { lower: self, text, positions, place };
        let mut items = Vec::new();
        for list in &program.complete_commands {
            items.extend(walker.list(list)?.0);
        }
        self.leave();
        if items.is_empty() {
            return Err(Refusal::new("empty", span, "there is no command here; leave it out"));
        }
        Ok(List(items))
    }
}

/// Walks the parser's tree of one text.
struct Walker<'l, 't> {
    lower: &'l mut Lower,
    text: &'t str,
    positions: Positions,
    place: Place,
}

impl Walker<'_, '_> {
    fn span(&self, location: Option<&SourceSpan>) -> Span {
        match location {
            Some(at) => self.place.span(self.positions.byte(at.start.index), self.positions.byte(at.end.index)),
            None => self.place.span(0, self.text.len()),
        }
    }

    fn list(&mut self, list: &ast::CompoundList) -> Result<List, Refusal> {
        let mut items = Vec::new();
        for ast::CompoundListItem(and_or, separator) in &list.0 {
            let mut rest = Vec::new();
            let first = self.pipeline(&and_or.first)?;
            for next in &and_or.additional {
                rest.push(match next {
                    ast::AndOr::And(pipeline) => (Connector::And, self.pipeline(pipeline)?),
                    ast::AndOr::Or(pipeline) => (Connector::Or, self.pipeline(pipeline)?),
                });
            }
            let background = matches!(separator, ast::SeparatorOperator::Async);
            items.push(Item { first, rest, background });
        }
        Ok(List(items))
    }

    fn pipeline(&mut self, pipeline: &ast::Pipeline) -> Result<Pipeline, Refusal> {
        let timed =
            pipeline.timed.as_ref().map(|timed| if timed.is_posix_output() { Timed::Posix } else { Timed::Bash });
        if pipeline.seq.is_empty() || (timed.is_some() && self.lower.portable) {
            let message = "`time` and `!` need a command, and `sh` has no keyword `time`; leave them out";
            return Err(Refusal::new("pipeline", self.span(None), message));
        }
        let stages = pipeline.seq.iter().map(|command| self.stage(command)).collect::<Result<_, _>>()?;
        Ok(Pipeline { timed, negated: pipeline.bang, stages })
    }

    fn stage(&mut self, command: &ast::Command) -> Result<Stage, Refusal> {
        match command {
            ast::Command::Simple(simple) => self.simple(simple),
            ast::Command::Compound(compound, redirects) => {
                let node = self.compound(compound)?;
                Ok(Stage { node, redirects: self.redirects(redirects.as_ref())? })
            }
            ast::Command::ExtendedTest(test, redirects) => {
                if self.lower.portable {
                    let message = "`[[ ]]` is unknown to `sh`; use `[ ]`";
                    return Err(Refusal::new("bash-only", self.span(Some(&test.loc)), message));
                }
                let node = Node::Test(self.test(&test.expr)?);
                Ok(Stage { node, redirects: self.redirects(redirects.as_ref())? })
            }
            ast::Command::Function(function) => {
                let message = "functions are refused; write the commands out";
                Err(Refusal::new("function", self.span(function.fname.loc.as_ref()), message))
            }
        }
    }

    fn simple(&mut self, simple: &ast::SimpleCommand) -> Result<Stage, Refusal> {
        let mut parts = Parts::default();
        for item in simple.prefix.iter().flat_map(|prefix| &prefix.0) {
            match item {
                ast::CommandPrefixOrSuffixItem::AssignmentWord(assignment, word) => {
                    parts.assignments.push(self.assignment(assignment, word)?);
                }
                other => self.item(other, &mut parts)?,
            }
        }
        if let Some(word) = &simple.word_or_name {
            parts.words.extend(self.argument(word)?);
        }
        for item in simple.suffix.iter().flat_map(|suffix| &suffix.0) {
            self.item(item, &mut parts)?;
        }
        let spans = || {
            let words = parts.words.iter().map(|word| word.span);
            words
                .chain(parts.assignments.iter().map(|assign| assign.span))
                .chain(parts.redirects.iter().map(|r| r.span))
        };
        let start = spans().map(|span| span.start).min().unwrap_or(0);
        let end = spans().map(|span| span.end).max().unwrap_or(start);
        let Parts { assignments, words, redirects } = parts;
        Ok(Stage { node: Node::Simple(Simple { assignments, words, span: Span { start, end } }), redirects })
    }

    fn item(&mut self, item: &ast::CommandPrefixOrSuffixItem, parts: &mut Parts) -> Result<(), Refusal> {
        match item {
            ast::CommandPrefixOrSuffixItem::IoRedirect(redirect) => parts.redirects.push(self.redirect(redirect)?),
            ast::CommandPrefixOrSuffixItem::Word(word) => parts.words.extend(self.argument(word)?),
            ast::CommandPrefixOrSuffixItem::AssignmentWord(assignment, word) => {
                if matches!(assignment.value, ast::AssignmentValue::Array(_)) {
                    return Err(self.array(&assignment.loc));
                }
                parts.words.extend(self.argument(word)?);
            }
            ast::CommandPrefixOrSuffixItem::ProcessSubstitution(kind, inner) => {
                parts.words.push(self.process(kind, inner)?);
            }
        }
        Ok(())
    }

    fn array(&self, location: &SourceSpan) -> Refusal {
        Refusal::new("array", self.span(Some(location)), "arrays are not supported; use plain variables")
    }
}

/// What a simple command is made of.
#[derive(Default)]
struct Parts {
    assignments: Vec<Assign>,
    words: Vec<super::tree::Word>,
    redirects: Vec<super::tree::Redirection>,
}
