//! The tree to the text that runs.
//!
//! In: an [`Analysis`] and the path of each program. Out: a plain argument list, or bash text in which every known word
//! stands in single quotes and every program is its absolute path. Reading that text again gives the same tree.

use std::collections::BTreeMap;

use super::analysis::Analysis;
use super::command::{RedirectOp, Slot};
use super::eval::{Mark, Position, Site, Split, is_plain};
use super::quoting::{Spelling, is_quoted, is_searched, parameter};
use super::refusal::Refusal;
use super::text::quote_in_script;
use super::tree::{
    Assign, Connector, Item, List, Node, Piece, Pipeline, RedirectTarget, Redirection, Simple, Stage, Test, Timed, Word,
};
use crate::diag::Span;

/// The kernel's limit for one argument, its closing NUL included.
const MAX_TEXT: usize = 128 * 1024 - 1;

/// What to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rendered {
    /// Path of the program and its arguments, for exec without a shell.
    Exec(Vec<String>),
    /// Text for `bash --norc --noprofile -p -c`; bash takes long options only before short ones.
    Bash(String),
}

/// Renders; a program without a path, or too long a text, is a refusal.
pub(super) fn render(analysis: &Analysis, programs: &BTreeMap<Slot, String>) -> Result<Rendered, Refusal> {
    let mut renderer = Renderer { analysis, programs, out: String::new() };
    if let Some(words) = renderer.plain()? {
        return Ok(Rendered::Exec(words));
    }
    renderer.list(&analysis.tree)?;
    let text = renderer.out.trim_end().trim_end_matches(';').to_owned();
    if text.len() > MAX_TEXT {
        let message = "the line is longer than 128 KiB when it is written out; run parts of it apart";
        return Err(Refusal::new("too-long", Span::default(), message));
    }
    Ok(Rendered::Bash(text))
}

struct Renderer<'a> {
    analysis: &'a Analysis,
    programs: &'a BTreeMap<Slot, String>,
    out: String,
}

/// One word of a simple command, its known text beside what is written for it.
struct Shown {
    text: String,
    known: Option<String>,
    builtin: bool,
}

impl Renderer<'_> {
    fn push(&mut self, text: &str) {
        self.out.push_str(text);
    }

    /// The argument list of a line that is one program with known words.
    fn plain(&self) -> Result<Option<Vec<String>>, Refusal> {
        let [Item { first: Pipeline { timed: None, negated: false, stages }, rest, background: false }] =
            self.analysis.tree.0.as_slice()
        else {
            return Ok(None);
        };
        let [Stage { node: Node::Simple(simple), redirects }] = stages.as_slice() else { return Ok(None) };
        if !rest.is_empty() || !redirects.is_empty() || !simple.assignments.is_empty() {
            return Ok(None);
        }
        let mut arguments = Vec::new();
        for word in &simple.words {
            let Some(Site::Fixed(texts)) = self.analysis.sites.get(word.site) else { return Ok(None) };
            for (index, text) in texts.iter().enumerate() {
                if let Some(Mark::Builtin) = self.analysis.marks.get(&(word.site, index)) {
                    return Ok(None);
                }
                arguments.extend(self.marked((word.site, index), text)?);
            }
        }
        Ok(Some(arguments))
    }

    fn path(&self, slot: Slot) -> Result<&str, Refusal> {
        let path = self.programs.get(&slot).map(String::as_str).filter(|path| path.starts_with('/'));
        let message = "a program of the line has no path";
        path.ok_or_else(|| Refusal::new("program-unresolved", Span::default(), message))
    }

    /// What stands in place of a known word; nothing when it went into another.
    fn marked(&self, position: Position, text: &str) -> Result<Option<String>, Refusal> {
        Ok(Some(match self.analysis.marks.get(&position) {
            None | Some(Mark::Builtin) => text.to_owned(),
            Some(Mark::Program(slot)) => self.path(*slot)?.to_owned(),
            Some(Mark::Script(list)) => self.script(list)?,
            Some(Mark::Split(split)) => self.split(split)?,
            Some(Mark::Absent) => return Ok(None),
            Some(Mark::Text(text)) => text.clone(),
        }))
    }

    /// The words that a program will take apart at their blanks.
    fn split(&self, split: &Split) -> Result<String, Refusal> {
        let mut words = Vec::new();
        for (word, position) in &split.words {
            let written = self.marked(*position, word)?.filter(|word| is_plain(word) && !word.contains(' '));
            let message = "the path of a program inside a word holds signs that would be read; call it apart";
            words.push(written.ok_or_else(|| Refusal::new("wrapper-split", Span::default(), message))?);
        }
        Ok(format!("{}{}", split.prefix, words.join(" ")))
    }

    /// The text for `sh -c`.
    fn script(&self, list: &List) -> Result<String, Refusal> {
        let mut inner = Renderer { analysis: self.analysis, programs: self.programs, out: String::new() };
        inner.list(list)?;
        Ok(inner.out.trim_end().trim_end_matches(';').to_owned())
    }

    /// Each command with what ends it.
    fn list(&mut self, list: &List) -> Result<(), Refusal> {
        for item in &list.0 {
            self.pipeline(&item.first)?;
            for (connector, pipeline) in &item.rest {
                self.push(if *connector == Connector::And { " && " } else { " || " });
                self.pipeline(pipeline)?;
            }
            self.push(if item.background { " & " } else { "; " });
        }
        Ok(())
    }

    fn pipeline(&mut self, pipeline: &Pipeline) -> Result<(), Refusal> {
        match pipeline.timed {
            None => {}
            Some(Timed::Bash) => self.push("time "),
            Some(Timed::Posix) => self.push("time -p "),
        }
        if pipeline.negated {
            self.push("! ");
        }
        for (index, stage) in pipeline.stages.iter().enumerate() {
            if index > 0 {
                self.push(" | ");
            }
            self.node(&stage.node)?;
            for redirect in &stage.redirects {
                self.redirect(redirect)?;
            }
        }
        Ok(())
    }

    fn node(&mut self, node: &Node) -> Result<(), Refusal> {
        match node {
            Node::Simple(simple) => self.simple(simple),
            Node::Group(list) => self.between("{ ", list, "}"),
            Node::Subshell(list) => self.between("( ", list, ")"),
            Node::If { arms, otherwise } => {
                for (index, (condition, body)) in arms.iter().enumerate() {
                    self.between(if index == 0 { "if " } else { "elif " }, condition, "then ")?;
                    self.list(body)?;
                }
                if let Some(body) = otherwise {
                    self.between("else ", body, "")?;
                }
                self.push("fi");
                Ok(())
            }
            Node::Loop { until, condition, body } => {
                self.between(if *until { "until " } else { "while " }, condition, "do ")?;
                self.between("", body, "done")
            }
            Node::For { name, words, body, .. } => {
                self.push(&format!("for {name} in"));
                for word in words {
                    self.spaced(word)?;
                }
                self.between("; do ", body, "done")
            }
            Node::Case { word, arms } => {
                self.push("case");
                self.spaced(word)?;
                self.push(" in ");
                for arm in arms {
                    self.push("(");
                    for (index, pattern) in arm.patterns.iter().enumerate() {
                        self.push(if index > 0 { "|" } else { "" });
                        self.one(pattern)?;
                    }
                    self.push(") ");
                    if let Some(body) = &arm.body {
                        self.list(body)?;
                    }
                    self.push(";; ");
                }
                self.push("esac");
                Ok(())
            }
            Node::Test(test) => {
                self.push("[[ ");
                self.test(test)?;
                self.push(" ]]");
                Ok(())
            }
        }
    }

    fn between(&mut self, before: &str, list: &List, after: &str) -> Result<(), Refusal> {
        self.push(before);
        self.list(list)?;
        self.push(after);
        Ok(())
    }

    fn test(&mut self, test: &Test) -> Result<(), Refusal> {
        match test {
            Test::And(left, right) | Test::Or(left, right) => {
                self.test(left)?;
                self.push(if matches!(test, Test::And(..)) { " && " } else { " || " });
                self.test(right)
            }
            Test::Not(inner) => {
                self.push("! ");
                self.test(inner)
            }
            Test::Parenthesized(inner) => {
                self.push("( ");
                self.test(inner)?;
                self.push(" )");
                Ok(())
            }
            Test::Unary(operator, word) => {
                self.push(operator);
                self.spaced(word)
            }
            Test::Binary { operator, left, right, .. } => {
                self.one(left)?;
                self.push(" ");
                self.push(operator);
                self.spaced(right)
            }
        }
    }

    fn simple(&mut self, simple: &Simple) -> Result<(), Refusal> {
        let mut parts = Vec::new();
        for Assign { name, value, .. } in &simple.assignments {
            let values: Vec<String> = self.shown(value)?.into_iter().map(|shown| shown.text).collect();
            parts.push(format!("{name}={}", values.concat()));
        }
        let mut words = Vec::new();
        for word in &simple.words {
            words.extend(self.shown(word)?);
        }
        if words.first().is_some_and(|word| word.builtin && word.known.as_deref() == Some("cd")) {
            parts.push(directory(&words));
        } else {
            parts.extend(words.into_iter().map(|word| word.text));
        }
        self.push(&parts.join(" "));
        Ok(())
    }

    /// What a word is written as; nothing when it became no word.
    fn shown(&self, word: &Word) -> Result<Vec<Shown>, Refusal> {
        match self.analysis.sites.get(word.site) {
            Some(Site::Fixed(texts)) => {
                let mut shown = Vec::new();
                for (index, text) in texts.iter().enumerate() {
                    let builtin = matches!(self.analysis.marks.get(&(word.site, index)), Some(Mark::Builtin));
                    let Some(written) = self.marked((word.site, index), text)? else { continue };
                    let written = if builtin { written } else { quote_in_script(&written) };
                    shown.push(Shown { text: written, known: Some(text.clone()), builtin });
                }
                Ok(shown)
            }
            Some(Site::Varies) => Ok(vec![Shown { text: self.pieces(&word.pieces)?, known: None, builtin: false }]),
            Some(Site::Unvisited) | None => {
                let message = "a word of the line was not judged; run the commands apart";
                Err(Refusal::new("analysis", word.span, message))
            }
        }
    }

    fn one(&mut self, word: &Word) -> Result<(), Refusal> {
        let texts: Vec<String> = self.shown(word)?.into_iter().map(|shown| shown.text).collect();
        self.push(&texts.join(" "));
        Ok(())
    }

    fn spaced(&mut self, word: &Word) -> Result<(), Refusal> {
        self.push(" ");
        self.one(word)
    }

    fn redirect(&mut self, redirect: &Redirection) -> Result<(), Refusal> {
        self.push(" ");
        if let Some(fd) = redirect.fd {
            self.push(&fd.to_string());
        }
        self.push(match redirect.op {
            RedirectOp::Read => "<",
            RedirectOp::Write => ">",
            RedirectOp::Append => ">>",
            RedirectOp::ReadWrite => "<>",
            RedirectOp::WriteBoth => "&>",
            RedirectOp::AppendBoth => "&>>",
            RedirectOp::Duplicate => ">&",
            RedirectOp::Text => "<<<",
        });
        match &redirect.target {
            RedirectTarget::File(word) | RedirectTarget::Text(word) => self.spaced(word),
            RedirectTarget::Descriptor(fd) => {
                self.push(&fd.to_string());
                Ok(())
            }
            RedirectTarget::Close => {
                self.push("-");
                Ok(())
            }
        }
    }

    /// A word that only the shell can expand, its literal parts quoted.
    fn pieces(&self, pieces: &[Piece]) -> Result<String, Refusal> {
        let mut word = Spelling::default();
        let is_empty = |piece: &Piece| matches!(piece, Piece::Literal { text, .. } if text.is_empty());
        let is_sure = |piece: &Piece| is_quoted(piece) || matches!(piece, Piece::Literal { .. });
        let has_text = pieces.iter().any(|piece| is_sure(piece) && !is_empty(piece));
        for piece in pieces {
            match piece {
                // Empty quotes only matter where the rest of the word may vanish.
                Piece::Literal { quoted: true, .. } if is_empty(piece) && has_text => {}
                Piece::Literal { text, quoted } => word.literal(text, *quoted),
                Piece::Parameter { parameter: value, quoted } => word.expansion(&parameter(value, *quoted), *quoted),
                Piece::Substitution { body, quoted } => {
                    word.expansion(&format!("$( {})", self.body(body)?), *quoted);
                }
                Piece::Process { body, end } => {
                    word.expansion(&format!("{}( {})", end.operator(), self.body(body)?), false);
                }
                Piece::Arithmetic { expression, .. } => word.expansion(&format!("$(({expression}))"), true),
            }
        }
        Ok(word.finish())
    }

    fn body(&self, list: &List) -> Result<String, Refusal> {
        let mut inner = Renderer { analysis: self.analysis, programs: self.programs, out: String::new() };
        inner.list(list)?;
        Ok(inner.out)
    }
}

/// `cd -P` follows the links of the file system as the policy does; `./` keeps CDPATH out of it.
fn directory(words: &[Shown]) -> String {
    let is_option = |word: &&Shown| matches!(word.known.as_deref(), Some("-P" | "-L" | "--"));
    let operand = words.iter().skip(1).find(|word| !is_option(word));
    let text = match operand.map(|word| (&word.text, word.known.as_deref())) {
        Some((_, Some(known))) if is_searched(known) => quote_in_script(&format!("./{known}")),
        Some((text, _)) => text.clone(),
        None => String::new(),
    };
    format!("cd -P -- {text}")
}
