//! The key that seals records.
//!
//! In: a file. Out: a [`Key`], or the reason why it protects nothing. Who may read the file is checked here; that no job
//! can is the policy's matter.

use std::fmt;
use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::chain::hexadecimal;
use super::error::AuditError;
use crate::paths::AbsPath;

/// Shorter keys can be guessed.
const SHORTEST: u64 = 32;
/// Longer files are no keys.
const LONGEST: u64 = 4096;
/// Group and others may do something with it.
const OPEN_TO_OTHERS: u32 = 0o077;

/// A secret that whoever rewrites the log does not have.
#[derive(Clone)]
pub struct Key(Hmac<Sha256>);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

impl Key {
    /// Takes the bytes of a file as the key, whatever they are; a line end is part of it.
    ///
    /// # Errors
    /// [`AuditError::Key`]: it cannot be read, others may read it, or it is too short to be a secret.
    pub fn read(path: &AbsPath) -> Result<Self, AuditError> {
        let wrong = |why: String| AuditError::Key { path: path.clone(), why };
        let flags = libc::O_CLOEXEC | libc::O_NONBLOCK;
        let file = OpenOptions::new().read(true).custom_flags(flags).open(path.as_path());
        let advice = "make one with `(umask 077; head -c 32 /dev/urandom > FILE)`";
        let file = file.map_err(|error| wrong(format!("{error}; {advice}")))?;
        let about = file.metadata().map_err(|error| wrong(error.to_string()))?;
        let owner = about.uid();
        if !about.is_file() {
            return Err(wrong(format!("it is no regular file; {advice}")));
        }
        if owner != nix::unistd::geteuid().as_raw() && owner != 0 {
            return Err(wrong("it belongs to another user; name one of your own".into()));
        }
        if about.mode() & OPEN_TO_OTHERS != 0 {
            return Err(wrong("others may read or write it; run `chmod 600` on it".into()));
        }
        if about.len() < SHORTEST || about.len() > LONGEST {
            return Err(wrong(format!(
                "it holds {} bytes, and a key has {SHORTEST} to {LONGEST}; {advice}",
                about.len()
            )));
        }
        let mut bytes = Vec::new();
        file.take(LONGEST).read_to_end(&mut bytes).map_err(|error| wrong(error.to_string()))?;
        Self::new(&bytes).ok_or_else(|| wrong(advice.into()))
    }

    /// A key of these bytes; none when they are too few.
    pub fn new(bytes: &[u8]) -> Option<Self> {
        let enough = u64::try_from(bytes.len()).is_ok_and(|length| length >= SHORTEST);
        Hmac::new_from_slice(bytes).ok().filter(|_| enough).map(Self)
    }

    /// The seal over a line, in hexadecimal.
    pub(super) fn seal(&self, bytes: &[u8]) -> String {
        let mut mac = self.0.clone();
        mac.update(bytes);
        hexadecimal(&mac.finalize().into_bytes())
    }

    /// Is this the seal over the line? Compared in constant time.
    pub(super) fn fits(&self, bytes: &[u8], seal: &str) -> bool {
        // Comparing the seals of two seals tells nothing about where they differ.
        self.seal(self.seal(bytes).as_bytes()) == self.seal(seal.as_bytes())
    }
}
