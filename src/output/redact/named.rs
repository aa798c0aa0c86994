//! Values behind names that announce a secret: `DB_PASSWORD=…`, `"apiKey": "…"`, `--token …`.
//!
//! In: a value, the name, what joins them. Out: whether the value is taken for a secret. Names alone prove little and
//! values alone less, so each is asked how much it tells: a password may be any word, a key must look random.
//!
//! INVARIANT: nothing here looks further back than the window keeps.

use super::check::{Place, entropy};
use super::shape::{has_odd_words, is_jumble, is_strong, is_word};
use super::vocabulary::{KEY_OF, NO_KEY, NO_SECRET, NO_VALUE};
use super::words::{has, is_placeholder, is_reference, words};

/// A name is not followed further back than this.
const LONGEST_NAME: usize = 64;

/// What a name announces, from the one that may be any word to the one that must look random.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Password,
    Secret,
    Token,
    Key,
}

/// Keywords, the longest first.
const KEYWORDS: &[(&str, Kind)] = &[
    ("passphrase", Kind::Password),
    ("pass_phrase", Kind::Password),
    ("pass phrase", Kind::Password),
    ("passwort", Kind::Password),
    ("password", Kind::Password),
    ("passwd", Kind::Password),
    ("requirepass", Kind::Password),
    ("masterauth", Kind::Password),
    ("storepass", Kind::Password),
    ("keypass", Kind::Password),
    ("bindpw", Kind::Password),
    ("rootpw", Kind::Password),
    ("_pass", Kind::Password),
    ("-pass", Kind::Password),
    (".pass", Kind::Password),
    ("_pwd", Kind::Password),
    ("pwd", Kind::Password),
    ("pass =", Kind::Password),
    ("pass=", Kind::Password),
    ("pass:", Kind::Password),
    ("pass\"", Kind::Password),
    ("pass'", Kind::Password),
    ("psk", Kind::Password),
    ("credential", Kind::Token),
    ("secret key", Kind::Token),
    ("access key", Kind::Token),
    ("private key", Kind::Token),
    ("secret", Kind::Secret),
    ("token", Kind::Token),
    ("_session", Kind::Key),
    ("authkey", Kind::Token),
    ("apikey", Kind::Token),
    ("api key", Kind::Token),
    ("_auth", Kind::Token),
    ("_salt", Kind::Secret),
    ("_pat", Kind::Token),
    ("skey", Kind::Key),
    ("_key", Kind::Key),
    ("-key", Kind::Key),
    ("key", Kind::Key),
];

/// How a value is joined to its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Joint {
    /// `name = value`, `name: value`, `<name>value<`, `name="…" value="…"`.
    Assigned,
    /// `name value`.
    Spaced,
}

/// True when the value is taken for a secret.
pub(super) fn accepts(value: &[u8], place: Place<'_>) -> bool {
    // The old value of a change tells what both are.
    let value =
        value.windows(6).position(|part| part == b"\" -> \"").map_or(value, |at| value.get(..=at).unwrap_or(value));
    let quote = value.first().copied().filter(|first| b"\"'`".contains(first));
    let quoted = quote.is_some() || matches!(place.window.before(place.from), Some(b'"' | b'\'' | b'`' | b'>'));
    let inner = if quote.is_some() { value.get(1..).unwrap_or_default() } else { value };
    let inner = inner.strip_suffix(quote.as_slice()).unwrap_or(inner);
    let two = place.window.slice(place.from.saturating_sub(2), place.from);
    let element = matches!(two, [before, b'>'] if *before != b'=') && place.window.get(place.end) != Some(b'<');
    if inner.len() < 4 || element || is_reference(inner) {
        return false;
    }
    let lead = place.window.slice(place.lead, place.from);
    let Some((kind, plural, rest)) = keyword(lead) else { return false };
    let name = place.window.slice(place.lead.saturating_sub(LONGEST_NAME), place.lead);
    let start = name.iter().rposition(|byte| !(byte.is_ascii_alphanumeric() || b"_-.".contains(byte)));
    let head = name.get(start.map_or(0, |at| at + 1)..).unwrap_or(name);
    // In `\npassword` the name begins behind the escape.
    let escaped = start.and_then(|at| name.get(at)) == Some(&b'\\');
    let head = head.get(1..).filter(|_| escaped && matches!(head.first(), Some(b'n' | b'r' | b't'))).unwrap_or(head);
    let alone = lead.get(..4).is_some_and(|word| word.eq_ignore_ascii_case(b"pass"))
        && !lead.get(4).is_some_and(u8::is_ascii_alphabetic)
        && head
            .last()
            .is_some_and(|last| last.is_ascii_lowercase() == lead.first().is_some_and(u8::is_ascii_lowercase));
    if alone && head.last().is_some_and(u8::is_ascii_alphabetic) {
        return false;
    }
    let cut =
        rest.iter().position(|byte| !(byte.is_ascii_alphanumeric() || b"_-.".contains(byte))).unwrap_or(rest.len());
    let (tail, joint) = rest.split_at(cut);
    // In a list of names and values, what a colon follows is the next name.
    if joint.contains(&b',') && place.window.get(place.end) == Some(b':') {
        return false;
    }
    let Some(sure) = tail_tells(tail).filter(|_| head_tells(head, kind)) else { return false };
    let joint = if joint.iter().any(|byte| b":=>,(".contains(byte))
        || has(joint, b"||")
        || has(joint, b"??")
        || has(joint, b"value")
        || has(joint, b"%3d")
    {
        Joint::Assigned
    } else {
        Joint::Spaced
    };
    let seen = Seen { value: inner, kind, joint, quoted, head, sure: sure && !plural, env: is_env(head, lead) };
    seen.looks_secret()
        && (!is_placeholder(inner) || seen.is_weak_password())
        && (joint == Joint::Assigned || seen.is_given(place, start.is_some()))
        || seen.is_setting(place)
}

/// True when a lead begins with a keyword.
pub(super) fn announces(lead: &[u8]) -> bool {
    keyword(lead).is_some()
}

/// The keyword that a lead begins with, whether an `s` follows, and what comes after.
fn keyword(lead: &[u8]) -> Option<(Kind, bool, &[u8])> {
    // `_PASSWORD` begins with `_PASS`, too.
    let inner = lead.strip_prefix(b"_").or_else(|| lead.strip_prefix(b"-")).or_else(|| lead.strip_prefix(b"."));
    inner.and_then(plain_keyword).or_else(|| plain_keyword(lead))
}

fn plain_keyword(lead: &[u8]) -> Option<(Kind, bool, &[u8])> {
    let begins = |word: &str| lead.get(..word.len()).is_some_and(|part| part.eq_ignore_ascii_case(word.as_bytes()));
    let (word, kind) = KEYWORDS.iter().find(|(word, _)| begins(word))?;
    // A joint in the keyword only says that nothing else may follow.
    let word = word.trim_end_matches([' ', '=', ':', '"', '\'']);
    let rest = lead.get(word.len()..)?;
    match rest {
        [b's' | b'S', after @ ..] if after.first().is_none_or(|byte| !byte.is_ascii_alphabetic()) => {
            Some((*kind, true, after))
        }
        [first, ..] if first.is_ascii_lowercase() => None,
        // `TOKENIZER`, but not `TokenValue`.
        [first, ..] if first.is_ascii_uppercase() && lead.get(word.len() - 1).is_some_and(u8::is_ascii_uppercase) => {
            None
        }
        _ => Some((*kind, false, rest)),
    }
}

/// What follows the keyword in its name: none when it makes it something else, false when it is unknown.
fn tail_tells(tail: &[u8]) -> Option<bool> {
    const PLAIN: &[&str] =
        &["key", "base", "value", "val", "data", "plain", "raw", "prod", "production", "dev", "staging", "live"];
    let mut sure = true;
    for word in words(tail) {
        if NO_VALUE.has(word) {
            return None;
        }
        sure &= word.iter().all(u8::is_ascii_digit) || PLAIN.iter().any(|plain| plain.as_bytes() == word);
    }
    Some(sure)
}

fn head_tells(head: &[u8], kind: Kind) -> bool {
    let Some(last) = words(head).last() else { return true };
    // `primary_access_key` is one of two that are secret, `primary_key` is none.
    let plain = last.eq_ignore_ascii_case(b"access") || !words(head).any(|word| NO_KEY.has(word));
    !NO_SECRET.has(last) && (kind != Kind::Key || plain)
}

/// True for names as environments have them: `DB_PASSWORD`.
fn is_env(head: &[u8], lead: &[u8]) -> bool {
    let upper =
        |text: &[u8]| text.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_');
    let end = lead.iter().position(|byte| !(byte.is_ascii_alphanumeric() || *byte == b'_')).unwrap_or(lead.len());
    upper(head) && upper(lead.get(..end).unwrap_or_default()) && lead.get(end) == Some(&b'=')
}

/// True for what a form asks of a value: `required|string|min:8`.
fn is_rules(value: &[u8]) -> bool {
    let rule = |part: &[u8]| {
        part.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_:,".contains(byte))
    };
    value.contains(&b'|')
        && value.split(|byte| *byte == b'|').all(rule)
        && (has(value, b"min") || has(value, b"required") || has(value, b"string"))
}

/// Everything that a decision rests on.
#[derive(Debug)]
struct Seen<'a> {
    value: &'a [u8],
    kind: Kind,
    joint: Joint,
    quoted: bool,
    /// The name before the keyword.
    head: &'a [u8],
    /// The name says it plainly.
    sure: bool,
    /// The name is one of an environment.
    env: bool,
}

impl Seen<'_> {
    /// True when the value could be what the name announces.
    fn looks_secret(&self) -> bool {
        let value = self.value;
        if self.is_code() || value.len() < 6 && !(self.kind == Kind::Password && self.has_all_kinds()) {
            return false;
        }
        if value.contains(&b' ') {
            return self.is_phrase();
        }
        if self.quoted && is_rules(value) {
            return false;
        }
        let digits = value.iter().filter(|byte| byte.is_ascii_digit()).count();
        if digits == value.len() {
            return self.kind == Kind::Password && self.sure && (self.env || self.quoted);
        }
        match self.kind {
            Kind::Key => self.is_key(),
            _ if !self.sure => is_strong(value),
            Kind::Password => self.is_password(digits),
            Kind::Secret | Kind::Token => {
                let signs = value.iter().any(|byte| !byte.is_ascii_alphanumeric() && !b"_.-:/".contains(byte));
                entropy(value) >= 2.5
                    && (digits > 0 && !self.is_name(digits)
                        || self.quoted && !is_word(value)
                        || self.is_drawn()
                        || signs)
                    || self.env && self.kind == Kind::Secret && value.len() >= 8 && entropy(value) >= 2.5
            }
        }
    }

    /// `admin123`, where an environment gives it to somebody: elsewhere such a value stands for another one.
    fn is_weak_password(&self) -> bool {
        let letters = self.value.iter().take_while(|byte| byte.is_ascii_lowercase()).count();
        let digits = self.value.get(letters..).unwrap_or_default();
        self.env
            && self.kind == Kind::Password
            && letters >= 4
            && digits.len() >= 2
            && digits.iter().all(u8::is_ascii_digit)
    }

    fn is_password(&self, digits: usize) -> bool {
        let value = self.value;
        let signs = value.iter().any(|byte| !byte.is_ascii_alphanumeric() && !b"_.-:/".contains(byte));
        let plain = digits > 0 && !self.is_name(digits) || signs || self.is_drawn() || self.env;
        entropy(value) >= 2.0 && (plain || self.quoted && !is_word(value))
    }

    /// Letters as a generator draws them; variables speak of what they hold.
    fn is_drawn(&self) -> bool {
        let value = self.value;
        let variable = [b"pass".as_slice(), b"pwd", b"secret", b"key", b"token"].iter().any(|word| has(value, word));
        let path = value.len() < 24 && value.contains(&b'/');
        let long = !path && value.len() >= if self.kind == Kind::Password { 10 } else { 16 };
        is_jumble(value) && !path || long && !variable && has_odd_words(value, 1)
    }

    /// True for `Argon2PasswordHasher`, `v1.2.3`, `utf8_string`: words of a program with a number in them.
    fn is_name(&self, digits: usize) -> bool {
        let dotted = self.value.iter().filter(|byte| **byte == b'.').count();
        let lower =
            self.value.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_.-".contains(byte));
        !self.quoted && digits <= 3 && lower && self.value.iter().any(|byte| b"_.".contains(byte))
            || dotted > 0 && digits + dotted == self.value.len()
    }

    fn has_all_kinds(&self) -> bool {
        let any = |is: fn(&u8) -> bool| self.value.iter().any(is);
        any(u8::is_ascii_digit)
            && any(u8::is_ascii_alphabetic)
            && self.value.iter().any(|byte| byte.is_ascii_punctuation())
    }

    /// A call, a path, a type, an address, an expression of some language.
    fn is_code(&self) -> bool {
        let value = self.value;
        let has_pair = |pair: &[u8]| value.windows(pair.len()).any(|part| part == pair);
        if has_pair(b"://")
            || has_pair(b"::")
            || value.starts_with(b"process.env")
            || value.starts_with(b"import.meta")
            || has(value, b"environ")
        {
            return true;
        }
        let ident = |text: &[u8]| {
            !text.is_empty() && text.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_.$?!".contains(byte))
        };
        let call = value
            .iter()
            .position(|byte| b"([".contains(byte))
            .is_some_and(|at| at > 0 && ident(value.get(..at).unwrap_or_default()));
        let path = matches!(value, [b'/' | b'~', ..] | [b'.', b'/', ..]) && !is_strong(value)
            || value.starts_with(b"/") && value.iter().filter(|byte| **byte == b'/').count() > 1 && value.len() < 38;
        if path || self.quoted {
            return path;
        }
        let member = value.iter().filter(|byte| **byte == b'.').count() > 0
            && ident(value)
            && words(value).all(|word| word.iter().all(u8::is_ascii_alphabetic))
            && !value.split(|byte| *byte == b'.').any(is_jumble);
        let tag = matches!(value, [b'!', rest @ ..] if ident(rest))
            || matches!(value, [b'&' | b'*' | b'@' | b'(' | b'[' | b'{' | b'|' | b'>', ..]);
        call || member || tag || has_pair(b"()") || has_pair(b"->")
    }

    /// Several words: a passphrase, or salts with blanks in them.
    fn is_phrase(&self) -> bool {
        let signs = self.value.iter().filter(|byte| byte.is_ascii_punctuation()).count();
        self.quoted
            && self.joint == Joint::Assigned
            && self.value.len() >= 20
            && signs >= 4
            && entropy(self.value) >= 4.2
    }

    fn is_key(&self) -> bool {
        let value = self.value;
        let listed = words(self.head).last().is_some_and(|last| KEY_OF.has(last))
            || has(self.head, b"api")
            || has(self.head, b"access");
        let hash = value.iter().all(|byte| byte.is_ascii_hexdigit() || *byte == b'-');
        match (listed, hash) {
            (true, _) => value.len() >= 12 && (is_strong(value) || self.env && entropy(value) >= 3.0),
            (false, true) => self.env && self.head.len() > 1 && value.len() >= 32,
            (false, false) => value.len() >= 20 && is_strong(value) && !value.iter().any(|byte| b".:".contains(byte)),
        }
    }

    /// A value that stands behind its name with nothing but a blank between: options, settings, and what is random anyway.
    fn is_given(&self, place: Place<'_>, bounded: bool) -> bool {
        let first = self.head.first().copied().or_else(|| place.window.get(place.lead));
        let option = first == Some(b'-') && bounded;
        let value = self.value;
        let digits = value.iter().any(u8::is_ascii_digit);
        let letters = value.iter().any(u8::is_ascii_alphabetic);
        let signs = value.iter().any(|byte| byte.is_ascii_punctuation() && !b"._-:/".contains(byte));
        if option || self.quoted && self.kind == Kind::Password {
            return (signs || digits) && letters || self.is_drawn();
        }
        let setting = [b"requirepass".as_slice(), b"masterauth", b"bindpw", b"rootpw"]
            .iter()
            .any(|word| place.window.slice(place.lead, place.lead + word.len()).eq_ignore_ascii_case(word));
        let mixed =
            is_strong(value) && value.iter().any(u8::is_ascii_uppercase) && value.iter().any(u8::is_ascii_lowercase);
        let password = self.kind == Kind::Password && digits && letters && (signs || mixed) && value.len() >= 8;
        setting
            || password
            || value.len() >= 16
                && is_strong(value)
                && !value.iter().any(|byte| b":()".contains(byte) || *byte == b'/' && value.len() < 30)
    }

    /// A word that a line of its own gives to a password: what a configuration file looks like, and prose or code seldom
    /// does. Types begin with a capital, variables repeat the name.
    fn is_setting(&self, place: Place<'_>) -> bool {
        let value = self.value;
        let ends_line = place.window.get(place.from + value.len()).is_none_or(|byte| matches!(byte, b'\n' | b'\r'));
        let line = place.window.slice(place.from - place.window.column(place.from), place.from);
        let name = line.trim_ascii().strip_prefix(b"export ").unwrap_or(line.trim_ascii());
        let alone = name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_-.:=".contains(byte));
        let spaced = line.ends_with(b"= ");
        let variable = has(value, b"pass") || has(value, b"secret") || has(value, b"key");
        let several = value.split(|byte| *byte == b'-').filter(|word| word.len() >= 3).count() >= 4;
        let lower = |byte: &u8| byte.is_ascii_lowercase() || several && *byte == b'-';
        let word = value.len() >= 8 && value.iter().all(lower);
        let password = self.kind == Kind::Password && self.sure && self.joint == Joint::Assigned;
        password
            && word
            && ends_line
            && alone
            && !spaced
            && !variable
            && !is_placeholder(value)
            && entropy(value) >= 2.5
    }
}
