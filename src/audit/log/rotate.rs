//! Closing one file of a log and beginning the next.
//!
//! In: a file that is full or old. Out: the file `NAME` with a number behind it, and a new one that continues its chain.
//! Every step may be the last before a crash: the next writer goes on from there.
//!
//! The last record of a closed file is `rotated`, the first of the next `continued`. The number is that of the last
//! record, so names sort as the chain runs.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::SignedDuration;
use serde_json::json;

use super::super::chain::{self, Head};
use super::super::error::AuditError;
use super::super::read;
use super::super::verify::vouches;
use super::tail::{Tail, event};
use super::{Shared, file};
use crate::paths::AbsPath;

/// The kind of a file's last record.
pub(in crate::audit) const CLOSED: &str = "rotated";

/// Digits of the number behind a closed file's name.
const DIGITS: usize = 12;

/// Looks at files that others change meanwhile, and the pause between two of them.
const RETRIES: usize = 100;
const PAUSE: Duration = Duration::from_millis(2);

/// The closed files of a log, oldest first, with the number of the last record of each.
pub(in crate::audit) fn closed(log: &Path) -> Vec<(u64, PathBuf)> {
    let (Some(folder), Some(name)) = (log.parent(), log.file_name().and_then(|name| name.to_str())) else {
        return Vec::new();
    };
    let number = |entry: &Path| -> Option<u64> {
        let digits = entry.file_name()?.to_str()?.strip_prefix(name)?.strip_prefix('.')?;
        let plain = digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| digits.parse().ok()).flatten()
    };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut found: Vec<_> = entries.filter_map(|path| Some((number(&path)?, path))).collect();
    found.sort();
    found
}

/// The end of the newest closed file.
pub(super) fn last_head(shared: &Shared) -> Result<Option<Head>, AuditError> {
    match closed(shared.path.as_path()).pop() {
        None => Ok(None),
        Some((_, path)) => end_of(&path, shared).map(|tail| Some(tail.head)),
    }
}

/// A closed file with its end known.
fn end_of(path: &Path, shared: &Shared) -> Result<Tail, AuditError> {
    let path = AbsPath::new(path).map_err(|error| shared.io("read", std::io::Error::other(error)))?;
    let mut tail = Tail::open(&path)?;
    tail.catch_up(shared)?;
    Ok(tail)
}

/// Is it time for another file?
pub(super) fn is_due(tail: &Tail, shared: &Shared) -> bool {
    let rotate = shared.options.rotate;
    let full = rotate.size.is_some_and(|size| tail.length >= size);
    let old = rotate.age.zip(tail.begun).is_some_and(|(age, begun)| {
        let age = SignedDuration::try_from(age).unwrap_or(SignedDuration::MAX);
        (shared.options.now)().duration_since(begun) >= age
    });
    tail.length > 0 && (full || old)
}

/// Writes the last record of this file.
pub(super) fn close(tail: &mut Tail, shared: &Shared) -> Result<(), AuditError> {
    tail.append_here(shared, &event(shared, CLOSED, ())?)?;
    tail.closed = true;
    Ok(())
}

/// Puts a closed file aside and begins the next one, which is locked as this one was.
pub(super) fn begin_next(tail: &mut Tail, shared: &Shared) -> Result<(), AuditError> {
    // The next file's records count as on disk only with all before them.
    tail.sync(shared)?;
    let aside = format!("{}.{:0DIGITS$}", shared.path, tail.head.seq);
    fs::rename(shared.path.as_path(), &aside).map_err(|error| shared.io("rotate", error))?;
    let mut next = Tail { head: tail.head.clone(), ..Tail::open(&shared.path)? };
    file::lock(&next.file).map_err(|error| shared.io("lock", error))?;
    sync_folder(shared)?;
    // Another process may have found the new file before this one had its lock.
    next.catch_up(shared)?;
    if next.length == 0 {
        next.append_here(shared, &event(shared, "continued", json!({ "after_seq": tail.head.seq }))?)?;
    }
    let old = std::mem::replace(tail, next);
    old.file.unlock().map_err(|error| shared.io("unlock", error))?;
    prune(tail, shared)
}

/// Brings the new names to the disk.
fn sync_folder(shared: &Shared) -> Result<(), AuditError> {
    let Some(folder) = shared.path.parent() else { return Ok(()) };
    let synced = fs::File::open(folder.as_path()).and_then(|folder| folder.sync_all());
    synced.map_err(|error| shared.io("sync the folder of", error))
}

/// Removes closed files above the number that is kept. The record of it comes first: it lets a reader tell a file that
/// was removed by rule from one that somebody took away.
fn prune(tail: &mut Tail, shared: &Shared) -> Result<(), AuditError> {
    let Some(keep) = shared.options.rotate.keep else { return Ok(()) };
    let files = closed(shared.path.as_path());
    let surplus = files.len().saturating_sub(keep);
    for (_, path) in files.into_iter().take(surplus) {
        let head = end_of(&path, shared)?.head;
        let fields = json!({ "through_seq": head.seq, "through_hash": head.hash });
        tail.append_here(shared, &event(shared, "pruned", fields)?)?;
        fs::remove_file(&path).map_err(|error| shared.io("remove a closed file of", error))?;
    }
    Ok(())
}

/// Where the log begins now, when that is behind `head` and a record says that what was before was removed by rule: a
/// writer that slept may find its own place gone.
fn removed_through(files: &[(u64, PathBuf)], head: &Head, shared: &Shared) -> Result<Option<Head>, AuditError> {
    let oldest = files.first().map_or(shared.path.as_path(), |(_, path)| path.as_path());
    if !oldest.exists() {
        return Ok(None);
    }
    let first = end_of(oldest, shared)?.first(shared)?;
    let Some(start) = first.and_then(|line| line.before()).filter(|start| start.seq > head.seq) else {
        return Ok(None);
    };
    let records = read::read(shared.path.as_path(), shared.options.key.as_ref());
    let mut records = records.map_err(|error| shared.io("read", error))?.flatten();
    Ok(records.any(|record| vouches(&record, &start)).then_some(start))
}

/// The file that continues the chain of `tail`, which was closed by another process. Everything between is checked.
pub(super) fn follow(tail: &Tail, shared: &Shared) -> Result<Tail, AuditError> {
    let here = || fs::symlink_metadata(shared.path.as_path()).ok().map(|about| (about.dev(), about.ino()));
    for _ in 0..RETRIES {
        let before = here();
        let found = follow_once(tail, shared);
        // Whoever looks while others close a file may miss it, and would go on from the one before.
        if before.is_some() && here() == before {
            return found;
        }
        std::thread::sleep(PAUSE);
    }
    // A crash came between closing one file and beginning the next.
    follow_once(tail, shared)
}

/// Looks once, at files that others may close meanwhile.
fn follow_once(tail: &Tail, shared: &Shared) -> Result<Tail, AuditError> {
    let why = match shared.path.as_path().symlink_metadata() {
        Ok(_) => "it was replaced while in use; put it back, or restart to go on with the new one",
        Err(_) => "it was taken away while in use; put it back, or restart to begin a new one",
    };
    let untrusted = || AuditError::Untrusted { path: shared.path.clone(), why };
    let files = closed(shared.path.as_path());
    let mut head = removed_through(&files, &tail.head, shared)?.unwrap_or_else(|| tail.head.clone());
    for (number, path) in files {
        if number < head.seq {
            continue;
        }
        let next = end_of(&path, shared)?;
        let same = next.head == head;
        let goes_on = next.first(shared)?.is_some_and(|line| chain::follows(&head, &line).is_ok());
        if !same && !goes_on {
            return Err(untrusted());
        }
        head = next.head;
    }
    if !tail.closed && head == tail.head {
        // It was taken away, not closed: nothing says where the chain goes on.
        return Err(untrusted());
    }
    let next = match file::open(&shared.path) {
        Ok(file) => Tail::of(file),
        Err(AuditError::Open { source, .. }) if source.kind() == ErrorKind::NotFound => return Err(untrusted()),
        Err(other) => return Err(other),
    };
    match next.first(shared)? {
        Some(line) if chain::follows(&head, &line).is_err() => Err(untrusted()),
        // The end of the last file is what its first record has to follow.
        _ => Ok(Tail { head, ..next }),
    }
}
