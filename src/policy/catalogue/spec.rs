//! One option, from the text in which manuals write it.
//!
//! In: `-f, --file=FILE`. Out: an [`OptionSpec`]. The name of a value says what it is: `FILE`, `DIR` and `PATH` are
//! read, `ARCHIVE` as well unless it names a host, `OUT` is written, `CWD` is where the program goes first, `SED`, `AWK`
//! and `JQ` are scripts, `OUT-` is written unless it is `-`, `LITERAL` is no `@FILE`, `PRETTY` is a format of git, `COMMAND;` is all words up to `;` or `+`, `a|b` is one of these
//! words, the rest is text. `-D*` stands for every word that starts so, the longest start first.

/// What an option does beside changing what is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::policy) enum Effect {
    Safe,
    Run,
    Write,
    Outside,
    Load,
    Network,
}

/// What the value of an option is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::policy) enum Kind {
    Text,
    Read,
    Write,
    Cwd,
    Sed,
    Awk,
    Jq,
    /// Read, and no `host:path`.
    Archive,
    /// A format of git, where `%G` starts gpg.
    Pretty,
    /// Text of its own: no `@FILE`, and no `%output{FILE}`.
    Literal,
    /// One of the words that the pattern lists.
    OneOf,
    /// A command with its words; analysis of the line has made it a command of its own.
    Command,
}

/// How an option takes its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::policy) enum Takes {
    Nothing,
    /// Attached or in the next word.
    Required,
    /// Attached only.
    Optional,
}

/// One way to write an option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::policy) struct Alias {
    pub(in crate::policy) name: String,
    pub(in crate::policy) takes: Takes,
}

/// One option with all its names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::policy) struct OptionSpec {
    pub(in crate::policy) aliases: Vec<Alias>,
    /// One for each value; nearly always none or one.
    pub(in crate::policy) values: Vec<Kind>,
    /// The values as written, which a rule may have made literal: `--color=never`.
    pub(in crate::policy) patterns: Vec<String>,
    pub(in crate::policy) effect: Effect,
}

impl OptionSpec {
    /// Reads one option as manuals write it.
    ///
    /// # Errors
    /// What is not understood, in words.
    pub(in crate::policy) fn parse(text: &str, effect: Effect) -> Result<Self, String> {
        let mut spec = Self { aliases: Vec::new(), values: Vec::new(), patterns: Vec::new(), effect };
        for part in text.split(", ") {
            let (name, takes, values) = split(part.trim())?;
            if !name.starts_with(['-', '+', '@']) || name.len() < 2 {
                return Err(format!("`{part}` does not start like an option; write `-x`, `--long` or `-n N`"));
            }
            spec.aliases.push(Alias { name: name.to_owned(), takes });
            if !values.is_empty() {
                spec.values = values.iter().map(|value| kind(value)).collect();
                spec.patterns = values.into_iter().map(str::to_owned).collect();
            }
        }
        // `-f, --file=FILE` gives the short form the same value.
        let last = spec.aliases.last().map_or(Takes::Nothing, |alias| alias.takes);
        for alias in &mut spec.aliases {
            if alias.takes == Takes::Nothing {
                alias.takes = last;
            }
        }
        Ok(spec)
    }

    /// Does it go by this name?
    pub(in crate::policy) fn is(&self, name: &str) -> bool {
        self.aliases.iter().any(|alias| alias.name == name)
    }

    /// The name to show to people: the last, which is the long one.
    pub(in crate::policy) fn name(&self) -> &str {
        self.aliases.last().map_or("", |alias| &alias.name)
    }
}

/// Name, how the value comes, and the names of the values.
fn split(part: &str) -> Result<(&str, Takes, Vec<&str>), String> {
    if let Some((name, rest)) = part.split_once("[=") {
        let value = rest.strip_suffix(']').ok_or_else(|| format!("`{part}` lacks a closing `]`"))?;
        return Ok((name, Takes::Optional, vec![value]));
    }
    if let Some((name, values)) = part.split_once(' ') {
        return Ok((name, Takes::Required, values.split_whitespace().collect()));
    }
    if let Some((name, value)) = part.split_once('=') {
        return Ok((name, Takes::Required, vec![value]));
    }
    if let Some((name, rest)) = part.split_once('[') {
        let value = rest.strip_suffix(']').ok_or_else(|| format!("`{part}` lacks a closing `]`"))?;
        return Ok((name, Takes::Optional, vec![value]));
    }
    Ok((part, Takes::Nothing, Vec::new()))
}

fn kind(value: &str) -> Kind {
    match value {
        "FILE" | "DIR" | "PATH" => Kind::Read,
        "OUT" | "OUT-" => Kind::Write,
        "CWD" => Kind::Cwd,
        "SED" => Kind::Sed,
        "AWK" => Kind::Awk,
        "JQ" => Kind::Jq,
        "ARCHIVE" => Kind::Archive,
        "PRETTY" => Kind::Pretty,
        "LITERAL" => Kind::Literal,
        _ if value.contains('|') => Kind::OneOf,
        "COMMAND;" => Kind::Command,
        _ => Kind::Text,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed assumption is a failed test")]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_as_manuals_write_them() {
        let cases = [
            ("-i, --ignore-case", "-i Nothing, --ignore-case Nothing", vec![]),
            ("-f, --file=FILE", "-f Required, --file Required", vec![Kind::Read]),
            ("--color[=WHEN]", "--color Optional", vec![Kind::Text]),
            ("-i[SUFFIX]", "-i Optional", vec![Kind::Text]),
            ("--rawfile NAME FILE", "--rawfile Required", vec![Kind::Text, Kind::Read]),
            ("-C CWD", "-C Required", vec![Kind::Cwd]),
            ("--format=tar|zip", "--format Required", vec![Kind::OneOf]),
        ];
        for (text, names, values) in cases {
            let spec = OptionSpec::parse(text, Effect::Safe).unwrap();
            let got: Vec<_> = spec.aliases.iter().map(|alias| format!("{} {:?}", alias.name, alias.takes)).collect();
            assert_eq!((got.join(", ").as_str(), spec.values), (names, values), "{text}");
        }
        for text in ["", "lines", "--color[=WHEN", "-"] {
            assert!(OptionSpec::parse(text, Effect::Safe).is_err(), "{text}");
        }
    }
}
