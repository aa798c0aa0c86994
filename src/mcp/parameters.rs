//! The parameters of a tool as one table: the schema that clients see and the check that calls meet come from it.
//!
//! In: what a client sent. Out: the same object with nulls dropped and every value in its range, or a message that a
//! model can act on. The schema is flat by construction: no `anyOf`, no `$ref`, no lists of types, which several hosts
//! reject. What a value means is decided by the tool.

use rmcp::model::JsonObject;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::diag;

/// One parameter.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parameter {
    /// Its name on the wire.
    pub(super) name: &'static str,
    /// What may be in it.
    pub(super) kind: Kind,
    /// Must it be there?
    pub(super) required: bool,
    /// One line for the model.
    pub(super) about: &'static str,
}

/// What may be in a parameter.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// Any text.
    Text,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// True or false.
    Flag,
    /// A whole number in this range, ends included.
    Whole(u64, u64),
    /// Seconds with fractions in this range, ends included.
    Seconds(f64, f64),
    /// Names with text values.
    TextMap,
    /// Texts, from one to this many.
    TextList(usize),
}

impl Parameter {
    /// A parameter that must be there.
    pub(super) const fn required(name: &'static str, kind: Kind, about: &'static str) -> Self {
        Self { name, kind, required: true, about }
    }

    /// A parameter that may be left out.
    pub(super) const fn optional(name: &'static str, kind: Kind, about: &'static str) -> Self {
        Self { name, kind, required: false, about }
    }

    /// What a client may send in it, as JSON Schema.
    fn schema(&self) -> Value {
        let mut schema = match self.kind {
            Kind::Text => json!({"type": "string"}),
            Kind::Choice(words) => json!({"type": "string", "enum": words}),
            Kind::Flag => json!({"type": "boolean"}),
            Kind::Whole(low, high) => json!({"type": "integer", "minimum": low, "maximum": high}),
            Kind::Seconds(low, _) => json!({"type": "number", "minimum": low}),
            Kind::TextMap => json!({"type": "object", "additionalProperties": {"type": "string"}}),
            Kind::TextList(most) => {
                json!({"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": most})
            }
        };
        if let Some(object) = schema.as_object_mut()
            && !self.about.is_empty()
        {
            object.insert("description".to_owned(), self.about.into());
        }
        schema
    }

    /// Is the value what this parameter takes?
    fn check(&self, value: &Value) -> Result<(), BadArguments> {
        let fits = match self.kind {
            Kind::Text => value.is_string(),
            Kind::Choice(words) => value.as_str().is_some_and(|word| words.contains(&word)),
            Kind::Flag => value.is_boolean(),
            Kind::Whole(low, high) => value.as_u64().is_some_and(|number| (low..=high).contains(&number)),
            Kind::Seconds(low, high) => value.as_f64().is_some_and(|number| (low..=high).contains(&number)),
            Kind::TextMap => value.as_object().is_some_and(|map| map.values().all(Value::is_string)),
            Kind::TextList(most) => value
                .as_array()
                .is_some_and(|list| (1..=most).contains(&list.len()) && list.iter().all(Value::is_string)),
        };
        if fits {
            Ok(())
        } else {
            Err(BadArguments::Value { name: self.name, wants: self.kind.wants(), got: shown(value) })
        }
    }
}

impl Kind {
    /// What it takes, in words.
    fn wants(self) -> String {
        match self {
            Self::Text => "text".to_owned(),
            Self::Choice(words) => format!("one of {}", words.join(", ")),
            Self::Flag => "true or false".to_owned(),
            Self::Whole(low, high) => format!("a whole number from {low} to {high}"),
            Self::Seconds(low, high) => format!("a number of seconds from {low} to {high}"),
            Self::TextMap => "an object whose values are all text".to_owned(),
            Self::TextList(most) => format!("a list of 1 to {most} texts"),
        }
    }
}

/// Why a call's arguments were refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadArguments {
    /// A name that the tool does not have.
    #[error("unknown parameter `{name}`{}; this tool takes {known}", nearest.map(|near| format!(", did you mean `{near}`?")).unwrap_or_default())]
    Unknown {
        /// What was written.
        name: String,
        /// A known name that is close.
        nearest: Option<&'static str>,
        /// All there are.
        known: String,
    },
    /// A required one is not there.
    #[error("parameter `{0}` is missing; this tool needs it")]
    Missing(&'static str),
    /// A value of another type, or out of range.
    #[error("parameter `{name}` takes {wants}, not {got}")]
    Value {
        /// The parameter.
        name: &'static str,
        /// What it takes.
        wants: String,
        /// What was sent, as far as it is repeated.
        got: String,
    },
    /// The table and the tool disagree, which a test rules out.
    #[error("the arguments cannot be read: {0}")]
    Unreadable(String),
}

/// A value as a message shows it: short, whatever was sent.
fn shown(value: &Value) -> String {
    format!("`{}`", diag::echo(&value.to_string()))
}

/// The input schema of a tool.
pub(super) fn schema(parameters: &[Parameter]) -> JsonObject {
    let properties: JsonObject = parameters.iter().map(|one| (one.name.to_owned(), one.schema())).collect();
    let required: Vec<_> = parameters.iter().filter(|one| one.required).map(|one| one.name).collect();
    let mut schema = JsonObject::new();
    schema.insert("type".to_owned(), "object".into());
    schema.insert("properties".to_owned(), properties.into());
    if !required.is_empty() {
        schema.insert("required".to_owned(), required.into());
    }
    schema.insert("additionalProperties".to_owned(), false.into());
    schema
}

/// Checks a call's arguments against the table and reads them into the tool's own type. A null counts as left out:
/// some hosts send it for every optional parameter.
pub(super) fn read<T: DeserializeOwned>(parameters: &[Parameter], sent: JsonObject) -> Result<T, BadArguments> {
    let mut kept = JsonObject::new();
    for (name, value) in sent {
        let Some(parameter) = parameters.iter().find(|one| one.name == name) else {
            let known: Vec<_> = parameters.iter().map(|one| one.name).collect();
            let nearest = diag::nearest(&name, known.iter().copied());
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            return Err(BadArguments::Unknown { name: diag::echo(&name), nearest, known });
        };
        if !value.is_null() {
            parameter.check(&value)?;
            kept.insert(name, value);
        }
    }
    if let Some(absent) = parameters.iter().find(|one| one.required && !kept.contains_key(one.name)) {
        return Err(BadArguments::Missing(absent.name));
    }
    serde_json::from_value(Value::Object(kept)).map_err(|error| BadArguments::Unreadable(error.to_string()))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed assumption is a failed test")]
mod tests {
    use super::*;

    const TABLE: &[Parameter] = &[
        Parameter::required("job_id", Kind::Text, "the job"),
        Parameter::optional("lines", Kind::Whole(1, 1000), ""),
        Parameter::optional("wait_seconds", Kind::Seconds(0.0, 86_400.0), ""),
        Parameter::optional("stream", Kind::Choice(&["both", "stdout"]), ""),
        Parameter::optional("env", Kind::TextMap, ""),
    ];

    fn answer(sent: Value) -> Result<Value, String> {
        read(TABLE, sent.as_object().unwrap().clone()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_wrong_call_is_told_what_would_be_right() {
        let cases = [
            (
                "a slip in a name",
                json!({"job_id": "x", "line": 1}),
                "unknown parameter `line`, did you mean `lines`?; this tool takes job_id, lines, wait_seconds, stream, env",
            ),
            ("a required one left out", json!({"lines": 1}), "parameter `job_id` is missing; this tool needs it"),
            ("null is left out", json!({"job_id": null}), "parameter `job_id` is missing; this tool needs it"),
            (
                "below the range",
                json!({"job_id": "x", "lines": 0}),
                "parameter `lines` takes a whole number from 1 to 1000, not `0`",
            ),
            (
                "no whole number",
                json!({"job_id": "x", "lines": 1.5}),
                "parameter `lines` takes a whole number from 1 to 1000, not `1.5`",
            ),
            (
                "a number as text",
                json!({"job_id": "x", "lines": "5"}),
                "parameter `lines` takes a whole number from 1 to 1000, not `\"5\"`",
            ),
            (
                "negative time",
                json!({"job_id": "x", "wait_seconds": -1}),
                "parameter `wait_seconds` takes a number of seconds from 0 to 86400, not `-1`",
            ),
            (
                "a word that is none",
                json!({"job_id": "x", "stream": "all"}),
                "parameter `stream` takes one of both, stdout, not `\"all\"`",
            ),
            (
                "a map of other things",
                json!({"job_id": "x", "env": {"A": 1}}),
                "parameter `env` takes an object whose values are all text, not `{\"A\":1}`",
            ),
            (
                "a long value is not repeated",
                json!({"job_id": vec!["0123456789"; 20]}),
                "parameter `job_id` takes text, not `(261 characters)`",
            ),
        ];
        for (why, sent, want) in cases {
            assert_eq!(answer(sent), Err(want.to_owned()), "{why}");
        }
    }

    #[test]
    fn a_right_call_comes_back_without_its_nulls() {
        let sent = json!({"job_id": "x", "lines": null, "wait_seconds": 2, "env": {"A": "b"}});
        assert_eq!(answer(sent), Ok(json!({"job_id": "x", "wait_seconds": 2, "env": {"A": "b"}})));
    }

    #[test]
    fn the_schema_is_flat_and_closed() {
        let schema = Value::Object(schema(TABLE));
        let cases = [
            ("/required", json!(["job_id"])),
            ("/additionalProperties", json!(false)),
            ("/properties/lines", json!({"type": "integer", "minimum": 1, "maximum": 1000})),
            ("/properties/job_id", json!({"type": "string", "description": "the job"})),
        ];
        for (place, want) in cases {
            assert_eq!(schema.pointer(place), Some(&want), "{place}");
        }
    }
}
