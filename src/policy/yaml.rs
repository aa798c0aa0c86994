//! YAML text to a tree whose every node knows its place.
//!
//! In: a [`Source`]. Out: a [`Node`], or the problem that makes the text unreadable. Duplicate keys are reported here,
//! all of them; what the keys mean is decided in `shape`.
//!
//! A policy is data for people to review, so what hides its meaning is refused: anchors and aliases, tags, merge keys,
//! more than one document, and nesting or length beyond what any policy needs.

use serde_yaml::granit_parser::{Event, Parser, ScalarStyle, Span as YamlSpan};

use crate::diag::{Problem, Problems, Source, Span};

/// Longest policy text in bytes.
const MAX_BYTES: usize = 1 << 20;
/// Deepest nesting of lists and maps.
const MAX_DEPTH: usize = 16;

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) source: Source,
    pub(super) span: Span,
    pub(super) value: Value,
}

/// A value as written; what kind of scalar it is depends on who reads it.
#[derive(Debug, Clone)]
pub(super) enum Value {
    /// `plain` is true without quotes: only then can it be a number, a bool or null.
    Scalar { text: String, plain: bool },
    /// `[a, b]`
    List(Vec<Node>),
    /// `{a: b}`, in order.
    Map(Vec<Entry>),
}

/// One key of a map with its value.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_span: Span,
    pub(super) node: Node,
}

impl Node {
    /// A node that stands for something made up, at the start of `source`.
    pub(super) fn empty_map(source: &Source) -> Self {
        Self { source: source.clone(), span: Span::default(), value: Value::Map(Vec::new()) }
    }

    /// The text of a scalar.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } => Some(text),
            Value::List(_) | Value::Map(_) => None,
        }
    }

    /// The entries of a map; none for anything else.
    pub(super) fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Map(entries) => entries,
            Value::Scalar { .. } | Value::List(_) => &[],
        }
    }

    /// The items of a list; anything else is a list of itself.
    pub(super) fn items(&self) -> &[Node] {
        match &self.value {
            Value::List(items) => items,
            Value::Scalar { .. } | Value::Map(_) => std::slice::from_ref(self),
        }
    }

    /// The value under `key`.
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        self.entries().iter().find(|entry| entry.key == key).map(|entry| &entry.node)
    }

    /// The value under a dotted path of keys.
    pub(super) fn at(&self, path: &str) -> Option<&Node> {
        path.split('.').try_fold(self, |node, key| node.get(key))
    }

    /// True for `~`, `null` and nothing at all.
    pub(super) fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar { text, plain: true } if matches!(text.as_str(), "" | "~" | "null"))
    }

    /// True for a plain `true`, false for everything else; `shape` has refused what is neither true nor false.
    pub(super) fn is_true(&self) -> bool {
        matches!(&self.value, Value::Scalar { text, plain: true } if text == "true")
    }

    /// An error at this node.
    pub(super) fn error(&self, code: &'static str, message: impl Into<String>) -> Problem {
        Problem::error(code, message).at(&self.source, self.span)
    }

    /// A warning at this node.
    pub(super) fn warning(&self, code: &'static str, message: impl Into<String>) -> Problem {
        Problem::warning(code, message).at(&self.source, self.span)
    }
}

/// Reads a whole text.
///
/// # Errors
/// Syntax, what the module refuses, and every duplicate key.
pub(super) fn parse(source: &Source) -> Result<Node, Problems> {
    let (node, problems) = read(source)?;
    if problems.is_empty() { Ok(node) } else { Err(problems) }
}

/// The same with the duplicate keys beside the tree, which holds the entries of both.
///
/// # Errors
/// What leaves no tree at all.
pub(super) fn read(source: &Source) -> Result<(Node, Problems), Problem> {
    if source.text().len() > MAX_BYTES {
        let message = format!("the file has {} bytes, more than {MAX_BYTES}", source.text().len());
        return Err(Problem::error("too-long", message).at(source, Span::default()));
    }
    let mut reader = Reader { source, events: Parser::new_from_str(source.text()), problems: Problems::default() };
    let node = reader.document()?;
    Ok((node, reader.problems))
}

type Events<'a> = Parser<'a, serde_yaml::granit_parser::StrInput<'a>>;

struct Reader<'a> {
    source: &'a Source,
    events: Events<'a>,
    problems: Problems,
}

impl<'a> Reader<'a> {
    /// The next event that carries data.
    fn next(&mut self) -> Result<(Event<'a>, Span), Problem> {
        loop {
            match self.events.next() {
                None => return Err(self.error("yaml", "the text ends too early", Span::default())),
                Some(Err(error)) => {
                    let at = error.marker().byte_offset().unwrap_or(0);
                    return Err(self.error("yaml", error.info().to_owned(), Span { start: at, end: at + 1 }));
                }
                Some(Ok((Event::Comment(..), _))) => {}
                Some(Ok((event, span))) => return Ok((event, place(&span))),
            }
        }
    }

    fn error(&self, code: &'static str, message: impl Into<String>, span: Span) -> Problem {
        Problem::error(code, message).at(self.source, span)
    }

    fn document(&mut self) -> Result<Node, Problem> {
        let mut root = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamStart | Event::DocumentEnd => {}
                Event::StreamEnd => return Ok(root.unwrap_or_else(|| Node::empty_map(self.source))),
                Event::DocumentStart(..) if root.is_some() => {
                    let advice = "keep one document; put the rest into a file of its own and name it under `extends`";
                    return Err(self.error("yaml", "a second document starts here", span).advise(advice));
                }
                Event::DocumentStart(..) => {
                    let first = self.next()?;
                    root = Some(self.node(first, 0)?);
                }
                _ => return Err(self.error("yaml", "a document was expected here", span)),
            }
        }
    }

    fn node(&mut self, (event, span): (Event<'a>, Span), depth: usize) -> Result<Node, Problem> {
        if depth > MAX_DEPTH {
            return Err(self.error("yaml", format!("nested deeper than {MAX_DEPTH} levels"), span));
        }
        let (anchor, tagged) = match &event {
            Event::Scalar(_, _, anchor, tag) => (*anchor, tag.is_some()),
            Event::SequenceStart(_, anchor, tag) | Event::MappingStart(_, anchor, tag) => (*anchor, tag.is_some()),
            _ => (0, false),
        };
        if anchor != 0 || tagged {
            return Err(self.error("yaml", "anchors and tags are not read; write the value out", span));
        }
        let value = match event {
            Event::Scalar(text, style, ..) => {
                Value::Scalar { text: text.into_owned(), plain: style == ScalarStyle::Plain }
            }
            Event::SequenceStart(..) => Value::List(self.list(depth)?),
            Event::MappingStart(..) => Value::Map(self.map(depth)?),
            _ => return Err(self.error("yaml", "aliases are not read; write the value out", span)),
        };
        Ok(Node { source: self.source.clone(), span, value })
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Node>, Problem> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(items),
                event => items.push(self.node(event, depth + 1)?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Vec<Entry>, Problem> {
        let mut entries: Vec<Entry> = Vec::new();
        loop {
            let (event, key_span) = self.next()?;
            let key = match event {
                Event::MappingEnd => return Ok(entries),
                Event::Scalar(text, _, 0, None) => text.into_owned(),
                _ => return Err(self.error("yaml", "a key must be plain text", key_span)),
            };
            if let Some(first) = entries.iter().find(|entry| entry.key == key) {
                let (line, _) = self.source.line_column(first.key_span.start);
                let message = format!("duplicate key `{key}`, first on line {line}");
                let problem = self.error("duplicate-key", message, key_span);
                self.problems.push(problem.advise("keep one of them, or join their values"));
            }
            let value = self.next()?;
            let node = self.node(value, depth + 1)?;
            entries.push(Entry { key, key_span, node });
        }
    }
}

/// The span in bytes; the parser counts them for text that is in memory.
fn place(span: &YamlSpan) -> Span {
    span.byte_range().map_or_else(Span::default, |range| Span { start: range.start, end: range.end })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed assumption is a failed test")]
mod tests {
    use super::*;

    fn source(text: &str) -> Source {
        Source::new("p.yaml", text)
    }

    #[test]
    fn values_keep_their_text_and_their_place() {
        let node = parse(&source("a: {b: [1, 'true']}\n")).unwrap();
        let list = node.at("a.b").unwrap();
        assert_eq!(list.items().iter().filter_map(Node::text).collect::<Vec<_>>(), ["1", "true"]);
        assert_eq!(list.items()[1].span, Span { start: 11, end: 17 });
        assert!(!list.items()[1].is_true(), "quoted text is no bool");
    }

    #[test]
    fn what_hides_meaning_is_refused_with_its_place() {
        let cases = [
            ("duplicate keys, all of them", "a: 1\nb: 2\na: 3\nb: 4\n", "3:1 duplicate-key, 4:1 duplicate-key"),
            ("an anchor", "a: &x 1\n", "1:7 yaml"),
            ("a tag", "a: !!str 1\n", "1:10 yaml"),
            ("two documents", "a: 1\n---\nb: 1\n", "2:1 yaml"),
            ("a list as key", "[a]: 1\n", "1:1 yaml"),
            ("bad syntax", "a: [1\n", "1:4 yaml"),
            ("deep nesting", &("[".repeat(40) + &"]".repeat(40)), "1:18 yaml"),
        ];
        for (why, text, want) in cases {
            let problems = parse(&source(text)).unwrap_err();
            let got: Vec<_> = problems.iter().map(|p| p.position().unwrap() + " " + p.code).collect();
            assert_eq!(got.join(", ").replace("p.yaml:", ""), want, "{why}");
        }
    }
}
