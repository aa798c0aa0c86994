//! The tree to the flat lists that policy judges.
//!
//! In: a [`List`], the environment. Out: each command, redirection and assignment that the tree can reach, in each state
//! it can be reached in, and what each word became. Whether any of it is allowed is decided in `policy`.
//!
//! INVARIANT: every word of the tree is visited, also where the line seems never to come, so nothing is rendered that
//! was not judged.

mod arithmetic;
mod carrier;
mod embedded;
mod expand;
mod flow;
mod pattern;
mod remote;
mod simple;
mod start;
mod unwrap;
mod world;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::Arc;

pub(super) use self::embedded::is_plain;
use self::expand::Use;
pub use self::start::leaves_login_out;
use self::world::{World, Worlds};
use super::command::{Assignment, Command, Cwd, PipeEnd, Probe, Redirect, Scope, Slot, Word};
use super::lower::Lower;
use super::refusal::Refusal;
use super::tree::{self, List, Piece, SiteId};
use crate::diag::Span;

/// Most commands judged for one line, a command in a loop counted once for each turn.
const MAX_STEPS: usize = 2000;

/// Most bytes in the words of all of them.
const MAX_WORD_BYTES: usize = 1 << 20;

/// A word of the rendered line: its site, and which of the words that the site became.
pub(super) type Position = (SiteId, usize);

/// What a word was in all visits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Site {
    Unvisited,
    /// The same known words each time.
    Fixed(Vec<String>),
    /// Something that only the shell can tell; it is rendered as it was written.
    Varies,
}

/// What rendering puts in place of a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Mark {
    Program(Slot),
    Builtin,
    Script(Arc<List>),
    Split(Arc<Split>),
    /// Nothing: its text went into a script that another word holds, or it is an option that is left out.
    Absent,
    /// This text: a cluster of options without one that is left out.
    Text(String),
}

/// A word that a program takes apart at its blanks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Split {
    /// What stands before them: `--split-string=`, or nothing.
    pub(super) prefix: String,
    /// The words inside, each with a position of its own.
    pub(super) words: Vec<(String, Position)>,
}

/// Where in their lists entries with the same hash stand, so that each is listed once without a search.
#[derive(Default)]
struct Seen {
    hasher: RandomState,
    places: HashMap<u64, Vec<usize>>,
}

impl Seen {
    /// Adds an entry to its list, unless it is there; entries of other lists do no harm.
    fn push<T: Hash + PartialEq>(&mut self, list: &mut Vec<T>, entry: T) {
        let places = self.places.entry(self.hasher.hash_one(&entry)).or_default();
        if !places.iter().any(|place| list.get(*place) == Some(&entry)) {
            places.push(list.len());
            list.push(entry);
        }
    }
}

/// Everything found out about a tree.
pub(super) struct Eval {
    pub(super) lower: Lower,
    pub(super) commands: Vec<Command>,
    pub(super) redirects: Vec<Redirect>,
    pub(super) assignments: Vec<Assignment>,
    pub(super) probes: Vec<Probe>,
    pub(super) sites: Vec<Site>,
    pub(super) marks: BTreeMap<Position, Mark>,
    seen: Seen,
    bytes: usize,
    environment: Arc<BTreeMap<String, String>>,
    slots: usize,
    steps: usize,
    shells: usize,
    loops: Vec<Turns>,
    /// Variables that some `export` of the line gives to programs.
    exported: BTreeSet<String>,
    /// Wrappers around the shell whose text is being judged.
    outer: Vec<String>,
    /// Standard input is not the job's own: a pipe, a file or text of the line.
    fed: bool,
    /// What is judged runs on another machine or in a container.
    elsewhere: bool,
}

/// The states in which a loop was left or went on early.
#[derive(Default)]
struct Turns {
    breaks: Worlds,
    continues: Worlds,
}

impl Eval {
    /// With the lowering state that numbered the tree.
    pub(super) fn new(lower: Lower, environment: Arc<BTreeMap<String, String>>) -> Self {
        Self {
            lower,
            commands: Vec::new(),
            redirects: Vec::new(),
            assignments: Vec::new(),
            probes: Vec::new(),
            sites: Vec::new(),
            marks: BTreeMap::new(),
            seen: Seen::default(),
            bytes: 0,
            environment,
            slots: 0,
            steps: 0,
            shells: 0,
            loops: Vec::new(),
            exported: BTreeSet::new(),
            outer: Vec::new(),
            fed: false,
            elsewhere: false,
        }
    }

    /// Judges a whole line.
    pub(super) fn line(&mut self, list: &List) -> Result<(), Refusal> {
        let start = World::new(Arc::clone(&self.environment));
        self.list(list, vec![start])?;
        self.settled()
    }

    /// Judges exact words: no shell reads them, so no builtin exists.
    pub(super) fn exact(&mut self, simple: &tree::Simple) -> Result<(), Refusal> {
        let start = World::new(Arc::clone(&self.environment));
        self.bare(simple, &start)?;
        self.settled()
    }

    /// A word that was replaced must have been the same in every visit.
    fn settled(&mut self) -> Result<(), Refusal> {
        // In a loop, what stands before an `export` runs behind it as well.
        for assignment in self.assignments.iter_mut().filter(|assignment| self.exported.contains(&assignment.name)) {
            assignment.scope = Scope::Environment;
        }
        for (site, _) in self.marks.keys() {
            if !matches!(self.sites.get(*site), Some(Site::Fixed(_))) {
                let message = "the name of a program varies; write each command out";
                return Err(Refusal::new("program-varies", Span::default(), message));
            }
        }
        Ok(())
    }

    /// States to judge a word in: where the line seems never to come, one of which nothing is known.
    fn live(&self, worlds: &Worlds) -> Worlds {
        if worlds.is_empty() { vec![World::new(Arc::clone(&self.environment)).unknown()] } else { worlds.clone() }
    }

    /// Expands a word in one state, its substitutions judged.
    fn word(&mut self, word: &tree::Word, world: &World, usage: Use) -> Result<Vec<Word>, Refusal> {
        self.substitutions(&word.pieces, world)?;
        let words = expand::expand(&word.pieces, world, usage)?;
        let known: Option<Vec<String>> = words.iter().map(|word| word.known().map(str::to_owned)).collect();
        self.settle(word.site, known);
        Ok(words)
    }

    /// Keeps what a word became, as long as it is always the same.
    fn settle(&mut self, site: SiteId, known: Option<Vec<String>>) {
        let needed = self.lower.sites().max(site + 1);
        self.sites.resize(needed, Site::Unvisited);
        let Some(slot) = self.sites.get_mut(site) else { return };
        let now = known.map_or(Site::Varies, Site::Fixed);
        if *slot == Site::Unvisited {
            *slot = now;
        } else if *slot != now {
            *slot = Site::Varies;
        }
    }

    /// The commands inside a word run in a shell of their own.
    fn substitutions(&mut self, pieces: &[Piece], world: &World) -> Result<(), Refusal> {
        for piece in pieces {
            match piece {
                Piece::Substitution { body, .. } => self.apart(body, vec![world.clone()])?,
                Piece::Process { body, end } => {
                    let fed = self.fed;
                    // What is written to the pipe is the input of these commands.
                    self.fed |= *end == PipeEnd::Write;
                    let judged = self.apart(body, vec![world.clone()]);
                    self.fed = fed;
                    judged?;
                }
                Piece::Literal { .. } | Piece::Parameter { .. } | Piece::Arithmetic { .. } => {}
            }
        }
        Ok(())
    }

    /// Commands whose effects end with them: a subshell, a stage of a pipeline, a background command.
    fn apart(&mut self, list: &List, worlds: Worlds) -> Result<(), Refusal> {
        let loops = std::mem::take(&mut self.loops);
        let result = self.list(list, worlds);
        self.loops = loops;
        result.map(|_| ())
    }

    fn push_command(&mut self, command: Command) -> Result<(), Refusal> {
        self.bytes += command.words.iter().map(size).sum::<usize>();
        if self.bytes > MAX_WORD_BYTES {
            return Err(too_many(command.span));
        }
        self.seen.push(&mut self.commands, command);
        Ok(())
    }

    fn push_redirect(&mut self, redirect: Redirect) {
        self.seen.push(&mut self.redirects, redirect);
    }

    fn push_assignment(&mut self, assignment: Assignment) {
        self.seen.push(&mut self.assignments, assignment);
    }

    /// A file that a test looks at; that one exists whose name nobody knows tells little.
    fn probe(&mut self, file: Word, cwd: &Cwd, span: Span) {
        if !matches!(file, Word::Unknown(_) | Word::Pipe(_)) {
            self.seen.push(&mut self.probes, Probe { file, cwd: cwd.clone(), span });
        }
    }

    fn step(&mut self, span: Span) -> Result<(), Refusal> {
        self.steps += 1;
        if self.steps > MAX_STEPS { Err(too_many(span)) } else { Ok(()) }
    }
}

fn too_many(span: Span) -> Refusal {
    let message = "the line can run in too many ways to judge them all; run parts of it apart";
    Refusal::new("too-many-cases", span, message)
}

/// Bytes that a word takes, at least one.
fn size(word: &Word) -> usize {
    1 + match word {
        Word::Known(text) => text.len(),
        Word::Glob(glob) => glob.pattern.len(),
        Word::Unknown(_) | Word::Pipe(_) => 0,
    }
}
