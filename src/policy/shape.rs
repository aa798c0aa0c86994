//! What a YAML value may look like, as data: one table checks a file, and writes the JSON Schema.
//!
//! In: a [`Node`] and a [`Shape`]. Out: every place where they differ. What a value means is decided by its reader,
//! which may then rely on its shape.

use serde_json::{Map, Value as Json, json};

use super::yaml::{Entry, Node, Value};
use crate::diag::{Problem, Problems, nearest};
use crate::units::{ByteSize, Period};

/// What a value may look like.
#[derive(Debug)]
pub(super) enum Shape {
    /// Any scalar, taken as text.
    Text,
    /// `true` or `false`.
    Bool,
    /// A whole number in this range, ends included.
    Count(u64, u64),
    /// `2 GiB`
    Size,
    /// `10m`
    Period,
    /// A regular expression.
    Regex,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// A list of such values.
    List(&'static Shape),
    /// One such value or a list of them.
    OneOrMore(&'static Shape),
    /// A map with free keys.
    Map(&'static Shape),
    /// A map with these keys.
    Record(&'static [Field]),
    /// The same, where some keys are of use beside others alone: the first of a pair needs the second.
    Together(&'static [Field], &'static [(&'static str, &'static str)]),
    /// The first of these that is a scalar, a list or a map as the value is.
    AnyOf(&'static [Shape]),
}

/// One key of a record.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    pub(super) doc: &'static str,
    pub(super) required: bool,
}

/// An optional key.
pub(super) const fn field(name: &'static str, shape: Shape, doc: &'static str) -> Field {
    Field { name, shape, doc, required: false }
}

/// A key that must be there.
pub(super) const fn required(name: &'static str, shape: Shape, doc: &'static str) -> Field {
    Field { name, shape, doc, required: true }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Scalar,
    List,
    Map,
}

impl Shape {
    fn fits(&self, kind: Kind) -> bool {
        match self {
            Self::List(_) => kind == Kind::List,
            Self::OneOrMore(inner) => kind == Kind::List || inner.fits(kind),
            Self::Map(_) | Self::Record(_) | Self::Together(..) => kind == Kind::Map,
            Self::AnyOf(shapes) => shapes.iter().any(|shape| shape.fits(kind)),
            _ => kind == Kind::Scalar,
        }
    }

    /// What would be right, in words.
    fn wanted(&self) -> String {
        match self {
            Self::Text => "text".into(),
            Self::Bool => "`true` or `false`".into(),
            Self::Count(low, high) => format!("a whole number from {low} to {high}"),
            Self::Size => "a size such as `512 MiB`".into(),
            Self::Period => "a time such as `10m`".into(),
            Self::Regex => "a regular expression".into(),
            Self::OneOf(words) => format!("one of `{}`", words.join("`, `")),
            Self::List(inner) => format!("a list, each {}", inner.wanted()),
            Self::OneOrMore(inner) => format!("{}, or a list of such", inner.wanted()),
            Self::Map(_) => "a map".into(),
            Self::Record(fields) | Self::Together(fields, _) => {
                let names: Vec<_> = fields.iter().map(|field| field.name).collect();
                format!("a map with `{}`", names.join("`, `"))
            }
            Self::AnyOf(shapes) => shapes.iter().map(Shape::wanted).collect::<Vec<_>>().join(", or "),
        }
    }

    /// Adds every difference between `node` and this shape.
    pub(super) fn check(&self, node: &Node, path: &str, problems: &mut Problems) {
        let kind = match &node.value {
            Value::Scalar { .. } => Kind::Scalar,
            Value::List(_) => Kind::List,
            Value::Map(_) => Kind::Map,
        };
        if !self.fits(kind) {
            return problems.push(self.wrong(node, path));
        }
        match self {
            Self::AnyOf(shapes) => {
                if let Some(shape) = shapes.iter().find(|shape| shape.fits(kind)) {
                    shape.check(node, path, problems);
                }
            }
            Self::List(inner) | Self::OneOrMore(inner) => {
                node.items().iter().for_each(|item| inner.check(item, path, problems));
            }
            Self::Map(inner) => {
                for entry in node.entries() {
                    inner.check(&entry.node, &join(path, &entry.key), problems);
                }
            }
            Self::Record(fields) => check_record(fields, node, path, problems),
            Self::Together(fields, pairs) => {
                check_record(fields, node, path, problems);
                check_pairs(pairs, node, path, problems);
            }
            _ => self.check_scalar(node, path, problems),
        }
    }

    fn check_scalar(&self, node: &Node, path: &str, problems: &mut Problems) {
        let Value::Scalar { text, plain } = &node.value else { return };
        if node.is_null() {
            return problems.push(self.wrong(node, path));
        }
        let right = match self {
            Self::Bool => *plain && matches!(text.as_str(), "true" | "false"),
            Self::Count(low, high) => text.parse().is_ok_and(|number: u64| (*low..=*high).contains(&number)),
            Self::OneOf(words) => return check_word(words, node, text, problems),
            Self::Size => return check_unit(text.parse::<ByteSize>().err(), node, path, problems),
            Self::Period => return check_unit(text.parse::<Period>().err(), node, path, problems),
            Self::Regex => return check_regex(node, text, problems),
            _ => true,
        };
        if !right {
            problems.push(self.wrong(node, path));
        }
    }

    fn wrong(&self, node: &Node, path: &str) -> Problem {
        let found = match &node.value {
            _ if node.is_null() => "nothing".to_owned(),
            Value::Scalar { text, .. } => format!("`{text}`"),
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a map".to_owned(),
        };
        let name = if path.is_empty() { "the file" } else { path };
        node.error("wrong-type", format!("`{name}` is {found}")).advise(format!("write {}", self.wanted()))
    }

    /// The JSON Schema of this shape.
    pub(super) fn schema(&self) -> Json {
        match self {
            Self::Text => json!({"type": ["string", "number", "boolean"]}),
            Self::Bool => json!({"type": "boolean"}),
            Self::Count(low, high) => {
                json!({"type": ["integer", "string"], "minimum": low, "maximum": high, "pattern": "^[0-9]+$"})
            }
            Self::Size => json!({"type": ["string", "integer"], "pattern": "^[0-9]+ ?(B|KiB|MiB|GiB|TiB)?$"}),
            Self::Period => json!({"type": "string", "pattern": "^[0-9]+ ?(ms|s|m|h|d)$"}),
            Self::Regex => json!({"type": "string"}),
            Self::OneOf(words) => {
                // YAML reads `1` as a number, and a file may say `"1"` as well.
                let numbers = words.iter().filter_map(|word| word.parse::<u64>().ok().map(Json::from));
                json!({"enum": words.iter().map(|word| Json::from(*word)).chain(numbers).collect::<Vec<_>>()})
            }
            Self::List(inner) => json!({"type": "array", "items": inner.schema()}),
            Self::OneOrMore(inner) => {
                json!({"anyOf": [inner.schema(), {"type": "array", "items": inner.schema()}]})
            }
            Self::Map(inner) => json!({"type": "object", "additionalProperties": inner.schema()}),
            Self::AnyOf(shapes) => json!({"anyOf": shapes.iter().map(Shape::schema).collect::<Vec<_>>()}),
            Self::Record(fields) => record_schema(fields),
            Self::Together(fields, pairs) => {
                let mut schema = record_schema(fields);
                let needs: Map<_, _> = pairs.iter().map(|(key, needed)| ((*key).to_owned(), json!([needed]))).collect();
                schema.as_object_mut().map(|schema| schema.insert("dependentRequired".into(), needs.into()));
                schema
            }
        }
    }
}

fn record_schema(fields: &[Field]) -> Json {
    let mut properties = Map::new();
    for field in fields {
        let mut schema = field.shape.schema();
        if let Some(object) = schema.as_object_mut() {
            object.insert("description".into(), field.doc.into());
        }
        properties.insert(field.name.into(), schema);
    }
    let needed: Vec<_> = fields.iter().filter(|field| field.required).map(|field| field.name).collect();
    let mut record = json!({"type": "object", "properties": properties, "additionalProperties": false});
    if let (false, Some(object)) = (needed.is_empty(), record.as_object_mut()) {
        object.insert("required".into(), needed.into());
    }
    record
}

/// `path.key`, as problems name it.
pub(super) fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

fn check_record(fields: &[Field], node: &Node, path: &str, problems: &mut Problems) {
    for entry in node.entries() {
        match fields.iter().find(|field| field.name == entry.key) {
            Some(field) => field.shape.check(&entry.node, &join(path, &entry.key), problems),
            None => problems.push(unknown_key(fields, node, entry, path)),
        }
    }
    for field in fields.iter().filter(|field| field.required) {
        if node.get(field.name).is_none() {
            let message = format!("`{}` is missing", join(path, field.name));
            problems.push(node.error("missing-key", message).advise(field.doc));
        }
    }
}

fn check_pairs(pairs: &[(&str, &str)], node: &Node, path: &str, problems: &mut Problems) {
    let lacking = pairs.iter().filter(|(key, needed)| node.get(key).is_some() && node.get(needed).is_none());
    for (key, needed) in lacking {
        let message = format!("`{}` is missing beside `{key}`", join(path, needed));
        problems.push(node.error("missing-key", message).advise(format!("write `{needed}`, or remove `{key}`")));
    }
}

fn unknown_key(fields: &[Field], node: &Node, entry: &Entry, path: &str) -> Problem {
    let names = || fields.iter().map(|field| field.name);
    let problem = Problem::error("unknown-key", format!("unknown key `{}`", join(path, &entry.key)));
    let problem = problem.at(&node.source, entry.key_span);
    match nearest(&entry.key, names()) {
        Some(name) => problem.advise(format!("did you mean `{name}`?")),
        None => problem.advise(format!("known here: `{}`", names().collect::<Vec<_>>().join("`, `"))),
    }
}

fn check_word(words: &[&str], node: &Node, text: &str, problems: &mut Problems) {
    if words.contains(&text) {
        return;
    }
    let problem = node.error("unknown-value", format!("unknown value `{text}`"));
    problems.push(match nearest(text, words.iter().copied()) {
        Some(name) => problem.advise(format!("did you mean `{name}`?")),
        None => problem.advise(format!("write one of `{}`", words.join("`, `"))),
    });
}

fn check_unit(error: Option<crate::units::UnitError>, node: &Node, path: &str, problems: &mut Problems) {
    if let Some(error) = error {
        problems.push(node.error("wrong-unit", format!("`{path}`: {error}")));
    }
}

/// Parses, and leaves building the automaton to the first line that needs it.
fn check_regex(node: &Node, text: &str, problems: &mut Problems) {
    if let Err(error) = regex_syntax::ast::parse::Parser::new().parse(text) {
        let message = format!("`{text}` is no regular expression: {}", error.kind());
        problems.push(node.error("bad-regex", message).advise("see https://docs.rs/regex for the syntax"));
    }
}
