//! Changes to the file of tokens: new ones, and those that are worth nothing any more.
//!
//! In: what the operator wants. Out: the changed file and, once, the new token. The file is replaced as a whole, so a
//! server that reads it meanwhile sees the old one or the new one.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::DirBuilderExt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;

use super::tokens::{Digest, Entry, Proof, TokensError, Written, is_name, read, written};
use crate::paths::AbsPath;

/// What every token starts with, so that people and scanners know one when they see it.
const PREFIX: &str = "shellwarden_";

/// What a new entry shall be.
#[derive(Debug)]
pub struct Wish {
    /// Whose it is.
    pub client: String,
    /// The client's certificate in DER; a token is made when absent.
    pub certificate: Option<Vec<u8>>,
    /// The client's own policy.
    pub policy: Option<String>,
    /// When it ends.
    pub expires: Option<Timestamp>,
}

/// Adds an entry. The token, which is nowhere else, or none for a certificate.
///
/// # Errors
/// [`TokensError`].
pub fn add(path: &AbsPath, wish: Wish) -> Result<Option<String>, TokensError> {
    if !is_name(&wish.client) {
        return Err(TokensError::Name(wish.client.chars().take(80).collect()));
    }
    let failed = |source| TokensError::Io { path: path.clone(), source };
    let token = match wish.certificate {
        Some(_) => None,
        None => Some(fresh_token().map_err(failed)?),
    };
    let proof = match (&wish.certificate, &token) {
        (Some(der), _) => Proof::Certificate(Digest::of(der)),
        (None, token) => Proof::Token(Digest::of(token.as_deref().unwrap_or_default().as_bytes())),
    };
    let created = Timestamp::now();
    let entry = Entry { client: wish.client, proof, policy: wish.policy, created, expires: wish.expires };
    change(path, |entries| {
        if entries.iter().any(|known| known.client == entry.client && known.policy != entry.policy) {
            return Err(TokensError::OtherPolicy(entry.client.clone()));
        }
        entries.push(entry);
        Ok(())
    })?;
    Ok(token)
}

/// Takes away every entry of a client, or the one with this id. How many there were.
///
/// # Errors
/// [`TokensError`].
pub fn revoke(path: &AbsPath, name_or_id: &str) -> Result<usize, TokensError> {
    let mut gone = 0;
    change(path, |entries| {
        let before = entries.len();
        let named = entries.iter().any(|entry| entry.client == name_or_id);
        entries.retain(|entry| if named { entry.client != name_or_id } else { entry.id() != name_or_id });
        gone = before - entries.len();
        if gone == 0 { Err(TokensError::Unknown(name_or_id.chars().take(80).collect())) } else { Ok(()) }
    })?;
    Ok(gone)
}

/// 256 bits that nobody can guess.
fn fresh_token() -> io::Result<String> {
    let mut bytes = [0; 32];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes)))
}

/// Replaces the file as a whole, so that no reader ever sees half of it, while nobody else changes it.
fn change(path: &AbsPath, work: impl FnOnce(&mut Vec<Entry>) -> Result<(), TokensError>) -> Result<(), TokensError> {
    let failed = |source| TokensError::Io { path: path.clone(), source };
    let real = fs::canonicalize(path).ok().and_then(|real| AbsPath::new(real).ok());
    let path = real.as_ref().unwrap_or(path);
    let folder = path.parent().ok_or_else(|| failed(io::Error::other("it is a directory")))?;
    DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(failed)?;
    let lock = File::open(&folder).map_err(failed)?;
    lock.lock().map_err(failed)?;
    let mut entries = if path.as_path().exists() { read(path)? } else { Vec::new() };
    work(&mut entries)?;
    let tokens = entries.into_iter().map(written).collect();
    let mut text = serde_json::to_string_pretty(&Written { version: 1, tokens }).map_err(|e| failed(e.into()))?;
    text.push('\n');
    // Made with mode 0600.
    let mut file = tempfile::NamedTempFile::new_in(&folder).map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.as_file().sync_all()).map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    lock.sync_all().map_err(failed)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed assumption is a failed test")]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn a_token_is_known_by_its_hash_alone_until_it_is_revoked() {
        let folder = tempfile::tempdir().unwrap();
        let path = AbsPath::new(folder.path().canonicalize().unwrap().join("new/tokens.json")).unwrap();
        let wish = |client: &str, policy: Option<&str>| Wish {
            client: client.into(),
            certificate: None,
            policy: policy.map(str::to_owned),
            expires: None,
        };
        let first = add(&path, wish("ci", None)).unwrap().unwrap();
        let second = add(&path, wish("ci", None)).unwrap().unwrap();
        assert!(first.len() == PREFIX.len() + 43 && first != second);
        let text = fs::read_to_string(&path).unwrap();
        assert!(!text.contains(&first) && !text.contains(first.trim_start_matches(PREFIX)));
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert!(matches!(add(&path, wish("ci", Some("builtin:ci"))), Err(TokensError::OtherPolicy(_))));
        assert!(matches!(add(&path, wish("../x", None)), Err(TokensError::Name(_))));

        let entries = read(&path).unwrap();
        let knows = |token: &str| {
            let sent = Digest::of(token.as_bytes());
            entries.iter().filter(|entry| matches!(&entry.proof, Proof::Token(known) if known.same(&sent))).count()
        };
        assert_eq!((knows(&first), knows(&second), knows(&first.to_lowercase()), knows("")), (1, 1, 0, 0));
        let id = entries.first().unwrap().id();
        assert_eq!(revoke(&path, &id).unwrap(), 1);
        assert_eq!(read(&path).unwrap().len(), 1);
        assert_eq!(revoke(&path, "ci").unwrap(), 1);
        assert!(matches!(revoke(&path, "ci"), Err(TokensError::Unknown(_))));
    }
}
