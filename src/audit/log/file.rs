//! Opening a log that no one else can rewrite.
//!
//! In: a path. Out: a descriptor that only appends, to a regular file of this user that others cannot write, or the
//! reason why not.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::super::error::AuditError;
use crate::paths::AbsPath;

/// Group and others may write.
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// How long others may hold the lock. A writer holds it for a moment, but whoever can read the file can take it.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between two tries at first, and at most.
const PAUSES: (Duration, Duration) = (Duration::from_micros(20), Duration::from_millis(5));

/// Takes the file's lock.
pub(super) fn lock(file: &File) -> io::Result<()> {
    let begun = Instant::now();
    let mut pause = PAUSES.0;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) if begun.elapsed() < PATIENCE => sleep(pause),
            Err(TryLockError::WouldBlock) => {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "another process holds its lock and keeps it"));
            }
        }
        pause = (pause * 2).min(PAUSES.1);
    }
}

pub(super) fn open(path: &AbsPath) -> Result<File, AuditError> {
    let mut options = OpenOptions::new();
    // O_NONBLOCK: opening a named pipe in its place must fail, not wait.
    let flags = libc::O_NOFOLLOW | libc::O_CLOEXEC | libc::O_NONBLOCK;
    options.read(true).append(true).create(true).mode(0o600).custom_flags(flags);
    let file = match options.open(path.as_path()) {
        Ok(file) => file,
        Err(error) if error.raw_os_error() == Some(libc::ELOOP) => {
            return Err(untrusted(path, "it is a symbolic link; name the file itself"));
        }
        Err(source) => return Err(AuditError::Open { path: path.clone(), source }),
    };
    let about = file.metadata().map_err(|source| AuditError::Open { path: path.clone(), source })?;
    if !about.is_file() {
        return Err(untrusted(path, "it is no regular file; name another one"));
    }
    if about.uid() != nix::unistd::geteuid().as_raw() {
        return Err(untrusted(path, "it belongs to another user; name another one"));
    }
    if about.mode() & WRITABLE_BY_OTHERS != 0 {
        return Err(untrusted(path, "others may write it; run `chmod 600` on it"));
    }
    if about.nlink() != 1 {
        return Err(untrusted(path, "it has a second name (a hard link); remove that or name another file"));
    }
    Ok(file)
}

/// Does the path still lead to the open file? If not, records would go where no one looks.
pub(super) fn is_still_at(file: &File, path: &AbsPath) -> Result<bool, AuditError> {
    let io = |source: io::Error| AuditError::Io { action: "find", path: path.clone(), source };
    let open = file.metadata().map_err(io)?;
    match std::fs::symlink_metadata(path.as_path()) {
        Ok(named) => Ok((open.dev(), open.ino()) == (named.dev(), named.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(io(error)),
    }
}

fn untrusted(path: &AbsPath, why: &'static str) -> AuditError {
    AuditError::Untrusted { path: path.clone(), why }
}
