//! The two ways in: a line of bash, or exact words.
//!
//! In: text and what the policy's environment fixes. Out: an [`Analysis`], or a [`Refusal`]. Nothing is decided here.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::command::{Assignment, Command, Probe, Redirect, Slot};
use super::eval::{Eval, Mark, Position, Site};
use super::gate;
use super::lower::Lower;
use super::place::Place;
use super::refusal::Refusal;
use super::render::{self, Rendered};
use super::tree::{Item, List, Node, Piece, Pipeline, Simple, Stage, Word};
use crate::diag::Span;

/// What a line can rely on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Context {
    /// Variables that the policy's environment fixes, with their values.
    pub variables: Arc<BTreeMap<String, String>>,
    /// The home directory, when it is known; a `HOME` among the variables wins.
    pub home: Option<String>,
}

/// Everything that a line can run, open and set, and the tree to run instead of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Analysis {
    /// Each command, with those that a wrapper carries; one in a loop stands here once for each value.
    pub commands: Vec<Command>,
    /// Each redirection.
    pub redirects: Vec<Redirect>,
    /// Each assignment.
    pub assignments: Vec<Assignment>,
    /// Each file that a test looks at, unless its name is not known.
    pub probes: Vec<Probe>,
    pub(super) tree: List,
    pub(super) sites: Vec<Site>,
    pub(super) marks: BTreeMap<Position, Mark>,
}

impl Analysis {
    /// What to run: the tree with each program as its absolute path, or a plain argument list when no shell is needed.
    pub fn render(&self, programs: &BTreeMap<Slot, String>) -> Result<Rendered, Refusal> {
        render::render(self, programs)
    }

    /// Is any word of any command, redirection or assignment not known before it runs?
    pub fn has_unknown(&self) -> bool {
        self.commands.iter().any(Command::has_unknown)
    }

    fn new(tree: List, eval: Eval) -> Self {
        let Eval { commands, redirects, assignments, probes, sites, marks, .. } = eval;
        Self { commands, redirects, assignments, probes, tree, sites, marks }
    }
}

/// Most openers of a text that is parsed on the caller's stack: 16 frames of the parser take less than 512 KiB.
const INLINE_OPENERS: usize = 16;

/// Stack of the thread that reads any other text. Measured in debug builds, where frames are largest, the parser takes
/// 19 KiB for one level of a compound command (the gate allows 200), 13 KiB for one expansion (512), and analysis less
/// than 64 KiB for one of its 24 levels, for each of 4 shells inside each other: 17 MiB.
const STACK: usize = 64 << 20;

/// Reads one line of bash.
pub fn analyze(text: &str, context: &Context) -> Result<Analysis, Refusal> {
    let openers = gate::check(text)?;
    if openers <= INLINE_OPENERS {
        return read(text, context);
    }
    on_large_stack(Span { start: 0, end: text.len() }, || read(text, context))
}

/// Runs on a thread whose stack the worst text that passes the gate cannot overflow.
fn on_large_stack(whole: Span, read: impl FnOnce() -> Result<Analysis, Refusal> + Send) -> Result<Analysis, Refusal> {
    let failed = || Refusal::new("analysis", whole, "the line cannot be analysed; run parts of it apart");
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("shell-analysis".to_owned()).stack_size(STACK);
        let reader = thread.spawn_scoped(scope, read).map_err(|_| failed())?;
        reader.join().map_err(|_| failed())?
    })
}

fn read(text: &str, context: &Context) -> Result<Analysis, Refusal> {
    let mut lower = Lower::of(text.len());
    let tree = lower.script(text, Place::At(0))?;
    let mut eval = Eval::new(lower, environment(context));
    eval.line(&tree)?;
    Ok(Analysis::new(tree, eval))
}

fn environment(context: &Context) -> Arc<BTreeMap<String, String>> {
    let mut variables = Arc::clone(&context.variables);
    if let Some(home) = context.home.as_ref().filter(|_| !variables.contains_key("HOME")) {
        Arc::make_mut(&mut variables).insert("HOME".to_owned(), home.clone());
    }
    variables
}

/// Exact words, run without a shell: the first is a program, never a builtin. Wrappers are still taken apart.
pub fn exact(words: Vec<String>) -> Result<Analysis, Refusal> {
    let whole = Span { start: 0, end: words.iter().map(|word| word.len() + 1).sum::<usize>().saturating_sub(1) };
    if words.iter().any(|word| word.contains('\0')) {
        return Err(Refusal::new("control-character", whole, "a word holds NUL, which ends it early; leave it out"));
    }
    let mut openers = 0;
    for word in words.iter().filter(|word| !word.trim().is_empty()) {
        openers = openers.max(gate::size(word)?);
    }
    let mut lower = Lower::of(whole.end);
    let mut start = 0;
    let mut place = |text: String| {
        let span = Span { start, end: start + text.len() };
        start = span.end + 1;
        Word { pieces: vec![Piece::Literal { text, quoted: true }], site: lower.site(), span }
    };
    let words = words.into_iter().map(&mut place).collect();
    let simple = Simple { assignments: Vec::new(), words, span: whole };
    let read = move || {
        let mut eval = Eval::new(lower, Arc::default());
        eval.exact(&simple)?;
        let stage = Stage { node: Node::Simple(simple), redirects: Vec::new() };
        let first = Pipeline { timed: None, negated: false, stages: vec![stage] };
        Ok(Analysis::new(List(vec![Item { first, rest: Vec::new(), background: false }]), eval))
    };
    if openers <= INLINE_OPENERS { read() } else { on_large_stack(whole, read) }
}
