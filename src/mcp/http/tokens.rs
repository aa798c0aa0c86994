//! Who may ask: names of clients, with the hashes of their tokens and certificates.
//!
//! In: the text of the file that the policy names. Out: entries, or what is wrong with the file. A token itself is shown once, when it is made; the file holds its SHA-256, which is enough to know it again
//! and useless to ask with. Which policy a client has is said here; what that policy allows is not.

use std::fmt::Write as _;
use std::fs::File;
use std::hint::black_box;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::paths::AbsPath;

/// Longest file of tokens.
const MOST_BYTES: u64 = 4 << 20;

/// Longest name of a client.
const LONGEST_NAME: usize = 64;

/// SHA-256 of a token or of a certificate.
#[derive(Debug, Clone, Copy)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Are they the same? Takes as long whether they differ early, late or not at all.
    pub fn same(&self, other: &Self) -> bool {
        let difference = self.0.iter().zip(&other.0).fold(0, |seen, (one, other)| black_box(seen | (one ^ other)));
        black_box(difference) == 0
    }

    fn hex(&self) -> String {
        self.0.iter().fold(String::with_capacity(64), |mut hex, byte| {
            // Writing to a string cannot fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }

    fn from_hex(hex: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        if hex.len() != 64 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(hex.get(2 * index..2 * index + 2)?, 16).ok()?;
        }
        Some(Self(bytes))
    }
}

/// How a client proves who it is.
#[derive(Debug, Clone)]
pub enum Proof {
    /// It sends a token with this hash.
    Token(Digest),
    /// It has the key to the certificate with this hash.
    Certificate(Digest),
}

/// One way in.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Whose it is. Several entries may have one name: then they are one client, with one set of jobs.
    pub client: String,
    /// How it is recognised.
    pub proof: Proof,
    /// The client's own policy: a file, or `builtin:NAME`; the server's when absent.
    pub policy: Option<String>,
    /// When it was made.
    pub created: Timestamp,
    /// After this it is worth nothing.
    pub expires: Option<Timestamp>,
}

impl Entry {
    /// A short name for it, of which the token cannot be guessed.
    pub fn id(&self) -> String {
        let (Proof::Token(digest) | Proof::Certificate(digest)) = &self.proof;
        digest.hex().chars().take(8).collect()
    }

    /// Is it still worth something at this time?
    pub fn valid_at(&self, now: Timestamp) -> bool {
        self.expires.is_none_or(|end| now < end)
    }
}

/// Why the file of tokens cannot be used. Nobody is let in then.
#[derive(Debug, thiserror::Error)]
pub enum TokensError {
    /// It is not there, or cannot be opened, read or written.
    #[error("the token file `{path}`: {source}; make one with `shellwarden token add NAME`")]
    Io {
        /// The file.
        path: AbsPath,
        /// The cause.
        source: io::Error,
    },
    /// Somebody else could let himself in.
    #[error(
        "the token file `{path}` cannot be trusted: it must belong to this user or to root, and nobody else may write \
         it; `chmod go-w` it and its folder"
    )]
    Untrusted {
        /// The file.
        path: AbsPath,
    },
    /// It is none of ours.
    #[error("the token file `{path}` is damaged: {why}")]
    Damaged {
        /// The file.
        path: AbsPath,
        /// What is wrong.
        why: String,
    },
    /// A client cannot be called this.
    #[error(
        "`{0}` is no name for a client; use up to {LONGEST_NAME} letters, digits, dots, dashes and underscores, the first a \
         letter or digit"
    )]
    Name(String),
    /// One client cannot have two policies.
    #[error("`{0}` has another policy already; revoke it first, or add the token with the same policy")]
    OtherPolicy(String),
    /// Nothing to revoke.
    #[error("nobody is called `{0}` and no token has that id; `shellwarden token list` shows those there are")]
    Unknown(String),
}

/// The file as written.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    pub(super) version: u32,
    pub(super) tokens: Vec<WrittenEntry>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenEntry {
    client: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_sha256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate_sha256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<String>,
    created: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<Timestamp>,
}

/// Reads the entries of a file that nobody else may write.
///
/// # Errors
/// [`TokensError`].
pub fn read(path: &AbsPath) -> Result<Vec<Entry>, TokensError> {
    let failed = |source| TokensError::Io { path: path.clone(), source };
    let file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    let owner = metadata.uid();
    let trusted =
        metadata.is_file() && (owner == 0 || owner == nix::unistd::geteuid().as_raw()) && metadata.mode() & 0o022 == 0;
    if !trusted {
        return Err(TokensError::Untrusted { path: path.clone() });
    }
    let mut text = String::new();
    file.take(MOST_BYTES).read_to_string(&mut text).map_err(failed)?;
    parse(&text).map_err(|why| TokensError::Damaged { path: path.clone(), why })
}

fn parse(text: &str) -> Result<Vec<Entry>, String> {
    let written: Written = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if written.version != 1 {
        return Err(format!("version {} is not known to this program", written.version));
    }
    let entries = written.tokens.into_iter().map(checked).collect::<Result<Vec<_>, _>>()?;
    for (index, entry) in entries.iter().enumerate() {
        let earlier = entries.iter().take(index).find(|earlier| earlier.client == entry.client);
        if earlier.is_some_and(|earlier| earlier.policy != entry.policy) {
            return Err(format!("`{}` has two different policies", entry.client));
        }
    }
    Ok(entries)
}

fn checked(written: WrittenEntry) -> Result<Entry, String> {
    let WrittenEntry { client, token_sha256, certificate_sha256, policy, created, expires } = written;
    if !is_name(&client) {
        return Err(format!("`{}` is no name for a client", client.escape_default()));
    }
    let digest = |hex: String| Digest::from_hex(&hex).ok_or_else(|| format!("`{client}`: no SHA-256 in hex"));
    let proof = match (token_sha256, certificate_sha256) {
        (Some(hex), None) => Proof::Token(digest(hex)?),
        (None, Some(hex)) => Proof::Certificate(digest(hex)?),
        _ => return Err(format!("`{client}`: one of `token_sha256` and `certificate_sha256` is needed")),
    };
    Ok(Entry { client, proof, policy, created, expires })
}

/// May a client be called this?
pub(super) fn is_name(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    text.len() <= LONGEST_NAME && text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(plain)
}

/// An entry as the file has it.
pub(super) fn written(entry: Entry) -> WrittenEntry {
    let (token_sha256, certificate_sha256) = match entry.proof {
        Proof::Token(digest) => (Some(digest.hex()), None),
        Proof::Certificate(digest) => (None, Some(digest.hex())),
    };
    let Entry { client, policy, created, expires, .. } = entry;
    WrittenEntry { client, token_sha256, certificate_sha256, policy, created, expires }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_says_something_else_lets_nobody_in() {
        let hash = "0".repeat(64);
        let one = |fields: &str| format!(r#"{{"version":1,"tokens":[{{{fields},"created":"2026-01-01T00:00:00Z"}}]}}"#);
        let cases = [
            ("right", one(&format!(r#""client":"a","token_sha256":"{hash}""#)), true),
            (
                "both proofs",
                one(&format!(r#""client":"a","token_sha256":"{hash}","certificate_sha256":"{hash}""#)),
                false,
            ),
            ("no proof", one(r#""client":"a""#), false),
            ("short hash", one(r#""client":"a","token_sha256":"00""#), false),
            ("not hex", one(&format!(r#""client":"a","token_sha256":"{}""#, "+1".repeat(32))), false),
            ("odd name", one(&format!(r#""client":"a b","token_sha256":"{hash}""#)), false),
            ("unknown key", one(&format!(r#""client":"a","token_sha256":"{hash}","admin":true"#)), false),
            ("other version", r#"{"version":2,"tokens":[]}"#.to_owned(), false),
            ("empty", String::new(), false),
        ];
        for (why, text, want) in cases {
            assert_eq!(parse(&text).is_ok(), want, "{why}: {text}");
        }
    }
}
