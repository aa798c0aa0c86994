//! A rule: where to look, what a secret looks like there, what takes its place.
//!
//! In: a built-in format, a policy's regex, a value's encoding. Out: a [`Rule`]. The search itself is `stream`'s.

use std::sync::{Arc, OnceLock};

use regex::bytes::{Captures, Regex, RegexBuilder};
use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, Hir, HirKind, literal};

use super::check::{Check, Place};
use super::encoded::Encoded;
use super::pattern::Pattern;

/// Literals shorter than this are everywhere.
const SHORTEST_LITERAL: usize = 3;
/// The group that holds the secret part.
const SECRET_GROUP: &str = "secret";

/// Why a rule of a policy cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// The regex does not parse, uses what a stream cannot hold, or grows too large.
    #[error("redaction rule `{id}`: {why}; note that classes are ASCII here, and that large counts multiply")]
    Regex {
        /// The rule.
        id: String,
        /// What is wrong.
        why: String,
    },
    /// It would match between all characters.
    #[error("redaction rule `{id}` matches the empty text; make some part of it mandatory")]
    Empty {
        /// The rule.
        id: String,
    },
    /// The replacement would print the secret, or names a group that is not there.
    #[error(
        "redaction rule `{id}`: the replacement may not use `{group}`; name groups of the regex other than the secret one"
    )]
    Template {
        /// The rule.
        id: String,
        /// The group.
        group: String,
    },
}

/// What may stand right before a secret, and what does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Edge {
    /// Anything.
    Any,
    /// No letter, digit or underscore.
    Word,
    /// No dash or dot either.
    Token,
}

/// What may follow a literal that is too short to be rare by itself. The greater one allows more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Follows {
    /// Hexadecimal digits, or a line break.
    Hex,
    /// What tokens are made of, or a line break.
    Token,
    /// Anything.
    Any,
}

impl Follows {
    /// These bytes.
    pub(super) fn bytes(self) -> impl Iterator<Item = u8> {
        (0..=u8::MAX).filter(move |byte| match self {
            Self::Any => true,
            _ if b"\n\r \\".contains(byte) => true,
            Self::Token => byte.is_ascii_alphanumeric() || b"-_%".contains(byte),
            Self::Hex => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        })
    }
}

/// Whether a line break inside a value is looked past.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wrap {
    /// The pattern crosses lines itself, or its value must not.
    No,
    /// Where a full line was broken.
    FullLines,
    /// Also where the value is too short without what follows.
    Anywhere,
}

/// One way to recognise secrets.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) id: Arc<str>,
    /// Each occurrence is a place to look; none means every place.
    pub(super) literals: Vec<Vec<u8>>,
    /// What follows each literal.
    pub(super) follows: Follows,
    pub(super) edge: Edge,
    /// What stands before the secret and stays.
    pub(super) lead: Option<Pattern>,
    pub(super) secret: Pattern,
    pub(super) wrap: Wrap,
    pub(super) check: Check,
    /// So many bytes at the end of a match are no part of the secret.
    pub(super) trail: usize,
    pub(super) replace: Replace,
    /// Bytes of a literal that stay to be seen, where a secret begins inside it.
    pub(super) shown: Option<usize>,
    /// Set where values are judged by what they decode to.
    pub(super) encoded: Option<Encoded>,
}

/// What takes the place of a secret.
#[derive(Debug)]
pub(super) enum Replace {
    /// The same text each time.
    Fixed(Vec<u8>),
    /// Only one group of the match goes, or the new text is made of others.
    Groups {
        /// The rule's regex, built when first needed.
        regex: OnceLock<Option<Regex>>,
        /// Its text.
        text: String,
        /// The group that goes; zero for the whole match.
        group: usize,
        /// The new text with `$name`.
        template: Vec<u8>,
    },
}

impl Rule {
    /// True when whatever matches is secret and goes as a whole.
    pub(super) fn is_sure(&self) -> bool {
        self.check == Check::None
            && self.encoded.is_none()
            && self.trail == 0
            && matches!(self.replace, Replace::Fixed(_))
    }

    /// Judges a value that the pattern took.
    pub(super) fn accepts(&self, value: &[u8], place: Place<'_>) -> bool {
        match &self.encoded {
            Some(encoded) => encoded.accepts(place.window.slice(place.lead, place.from), value),
            None => self.check.accepts(value, place),
        }
    }

    /// A rule as an operator writes it. `replace` may name groups (`$user`); the group called `secret`, else the first
    /// one when the replacement names none, is the only part that goes.
    ///
    /// # Errors
    /// [`RuleError`].
    pub(super) fn from_policy(id: &str, regex: &str, replace: &str) -> Result<Self, RuleError> {
        let broken = |why: String| RuleError::Regex { id: id.to_owned(), why };
        let mut parser = ParserBuilder::new().unicode(false).utf8(false).multi_line(true).build();
        let hir = parser.parse(regex).map_err(|error| broken(error.to_string()))?;
        if hir.properties().minimum_len() == Some(0) {
            return Err(RuleError::Empty { id: id.to_owned() });
        }
        Ok(Self {
            id: id.into(),
            literals: literals(&hir),
            follows: Follows::Any,
            edge: Edge::Any,
            lead: None,
            secret: Pattern::eager(regex).map_err(broken)?,
            wrap: if crosses_lines(&hir) { Wrap::No } else { Wrap::Anywhere },
            check: Check::None,
            trail: 0,
            replace: replacement(id, regex, replace)?,
            shown: None,
            encoded: None,
        })
    }
}

fn replacement(id: &str, text: &str, replace: &str) -> Result<Replace, RuleError> {
    let regex = compile(text).map_err(|error| RuleError::Regex { id: id.to_owned(), why: error.to_string() })?;
    let named = groups_in(replace);
    let named_secret = regex.capture_names().position(|name| name == Some(SECRET_GROUP));
    let group = named_secret.unwrap_or(usize::from(named.is_empty() && regex.captures_len() > 1));
    for name in named {
        let index = name.parse().ok().filter(|index| *index < regex.captures_len());
        let index = index.or_else(|| regex.capture_names().position(|known| known == Some(name.as_str())));
        if index.is_none_or(|index| index == 0 || index == group) {
            return Err(RuleError::Template { id: id.to_owned(), group: format!("${name}") });
        }
    }
    if group == 0 && groups_in(replace).is_empty() {
        return Ok(Replace::Fixed(replace.replace("$$", "$").into_bytes()));
    }
    let (text, template) = (text.to_owned(), replace.as_bytes().to_vec());
    Ok(Replace::Groups { regex: OnceLock::from(Some(regex)), text, group, template })
}

fn compile(text: &str) -> Result<Regex, regex::Error> {
    // Anchored: the match to take apart is known already.
    RegexBuilder::new(&format!("^(?:{text})")).unicode(false).multi_line(true).build()
}

/// Names of the groups that a template uses, as the `regex` crate reads it: `$name`, `${name}`, `$$` for a dollar.
fn groups_in(template: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut rest = template;
    while let Some((_, after)) = rest.split_once('$') {
        if let Some(after) = after.strip_prefix('$') {
            rest = after;
            continue;
        }
        let name = match after.strip_prefix('{').and_then(|braced| braced.split_once('}')) {
            Some((name, _)) => name.to_owned(),
            None => after.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect(),
        };
        if !name.is_empty() {
            names.push(name);
        }
        rest = after;
    }
    names
}

/// Literals of which one begins every match; none when there are no good ones.
fn literals(hir: &Hir) -> Vec<Vec<u8>> {
    let mut prefixes = literal::Extractor::new().extract(hir);
    prefixes.optimize_for_prefix_by_preference();
    let literals = prefixes.literals().unwrap_or_default();
    if literals.iter().any(|literal| literal.len() < SHORTEST_LITERAL) {
        return Vec::new();
    }
    literals.iter().map(|literal| literal.as_bytes().to_vec()).collect()
}

/// True when a match may hold a line end.
fn crosses_lines(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Literal(literal) => literal.0.iter().any(|byte| matches!(byte, b'\n' | b'\r')),
        HirKind::Class(Class::Bytes(class)) => {
            class.ranges().iter().any(|range| (range.start()..=range.end()).any(|byte| matches!(byte, b'\n' | b'\r')))
        }
        HirKind::Class(Class::Unicode(class)) => {
            class.ranges().iter().any(|range| (range.start()..=range.end()).any(|c| matches!(c, '\n' | '\r')))
        }
        HirKind::Repetition(repetition) => crosses_lines(&repetition.sub),
        HirKind::Capture(capture) => crosses_lines(&capture.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().any(crosses_lines),
        HirKind::Empty | HirKind::Look(_) => false,
    }
}

impl Replace {
    /// `[redacted:ID]`, for everything built in.
    pub(super) fn by_id(id: &str) -> Self {
        Self::Fixed(format!("[redacted:{id}]").into_bytes())
    }

    /// What is printed for a match.
    pub(super) fn render(&self, matched: &[u8]) -> Vec<u8> {
        let (regex, text, group, template) = match self {
            Self::Fixed(text) => return text.clone(),
            Self::Groups { regex, text, group, template } => (regex, text, *group, template),
        };
        let captures = regex.get_or_init(|| compile(text).ok()).as_ref().and_then(|regex| regex.captures(matched));
        // A match that was put together over line breaks does not match as it stands: all of it goes.
        captures.map_or_else(|| template.clone(), |captures| assemble(&captures, group, template, matched))
    }
}

/// The match with one group replaced.
fn assemble(captures: &Captures<'_>, group: usize, template: &[u8], matched: &[u8]) -> Vec<u8> {
    let mut new = Vec::new();
    captures.expand(template, &mut new);
    // A group that took no part leaves nothing that could stay.
    let Some(secret) = captures.get(group) else { return new };
    let before = matched.get(..secret.start()).unwrap_or_default();
    let after = matched.get(secret.end()..).unwrap_or_default();
    [before, &new, after].concat()
}
