//! The tree of an accepted line.
//!
//! In: nothing, these are plain data that `lower` builds. Out: the same, for `eval` to judge and `render` to write.
//! Each word has a number, its site; what the word turned out to be is kept beside the tree, by that number.

use super::command::{PipeEnd, RedirectOp};
use crate::diag::Span;

/// Number of a word in the tree.
pub(super) type SiteId = usize;

/// Commands one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct List(pub(super) Vec<Item>);

/// One member of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) first: Pipeline,
    pub(super) rest: Vec<(Connector, Pipeline)>,
    pub(super) background: bool,
}

/// What stands between two pipelines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Connector {
    And,
    Or,
}

/// Commands joined by `|`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pipeline {
    pub(super) timed: Option<Timed>,
    pub(super) negated: bool,
    pub(super) stages: Vec<Stage>,
}

/// The keyword `time`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Timed {
    Bash,
    Posix,
}

/// One command of a pipeline with its redirections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stage {
    pub(super) node: Node,
    pub(super) redirects: Vec<Redirection>,
}

/// The kinds of command that are accepted; every other kind is refused by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    Simple(Simple),
    Group(List),
    Subshell(List),
    If { arms: Vec<(List, List)>, otherwise: Option<List> },
    Loop { until: bool, condition: List, body: List },
    For { name: String, span: Span, words: Vec<Word>, body: List },
    Case { word: Word, arms: Vec<Arm> },
    Test(Test),
}

/// One arm of `case`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Arm {
    pub(super) patterns: Vec<Word>,
    pub(super) body: Option<List>,
}

/// An expression in `[[ ]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Test {
    And(Box<Test>, Box<Test>),
    Or(Box<Test>, Box<Test>),
    Not(Box<Test>),
    Parenthesized(Box<Test>),
    Unary(&'static str, Word),
    Binary { operator: &'static str, left: Word, right: Word, right_is_pattern: bool, numbers: bool },
}

/// Assignments and words of one command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Simple {
    pub(super) assignments: Vec<Assign>,
    pub(super) words: Vec<Word>,
    pub(super) span: Span,
}

/// `NAME=value`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Assign {
    pub(super) name: String,
    pub(super) value: Word,
    pub(super) span: Span,
}

/// One redirection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Redirection {
    pub(super) op: RedirectOp,
    pub(super) fd: Option<u32>,
    pub(super) target: RedirectTarget,
    pub(super) span: Span,
}

/// What stands after the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RedirectTarget {
    File(Word),
    Descriptor(u32),
    Close,
    Text(Word),
}

/// A word as pieces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) pieces: Vec<Piece>,
    pub(super) site: SiteId,
    pub(super) span: Span,
}

/// A part of a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// Text of the line; unquoted text may hold pattern characters.
    Literal { text: String, quoted: bool },
    /// `$name`, `${name…}`, `$1`, `$?` and their like.
    Parameter { parameter: Parameter, quoted: bool },
    /// `$( )` and backquotes.
    Substitution { body: List, quoted: bool },
    /// `<( )` and `>( )`, always a word of their own.
    Process { body: List, end: PipeEnd },
    /// `$(( ))`, already checked to hold numbers, operators and plain names only.
    Arithmetic { expression: String, names: Vec<String>, quoted: bool, span: Span },
}

/// A parameter and what is done to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parameter {
    pub(super) name: String,
    pub(super) op: Op,
    pub(super) span: Span,
}

/// What `${…}` does to its parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Op {
    Plain,
    Length,
    /// `:-`, `-`, `:+`, `+`, `:?`, `?`
    Test(&'static str, Vec<Piece>),
    /// `#`, `##`, `%`, `%%`
    Trim(&'static str, Vec<Piece>),
    /// `/`, `//`, `/#`, `/%` with pattern and replacement
    Replace(&'static str, Vec<Piece>, Vec<Piece>),
    /// `:offset` and `:offset:length`, whole numbers
    Substring(i64, Option<i64>),
    /// `^`, `^^`, `,`, `,,`
    Case(&'static str),
}
