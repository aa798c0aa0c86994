//! Closing one file of a log and beginning the next.
//!
//! In: a file that is full or old. Out: the file `NAME` with a number behind it, and a new one that continues its chain.
//! Every step may be the last before a crash: the next writer goes on from there.
//!
//! The last record of a closed file is `rotated`, the first of the next `continued`. The number is that of the last
//! record, so names sort as the chain runs.

use std::fs;
use std::path::{Path, PathBuf};

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

/// Puts a closed file aside. Under its lock: nobody else does so meanwhile.
pub(super) fn set_aside(tail: &Tail, shared: &Shared) -> Result<(), AuditError> {
    // The next file's records count as on disk only with all before them.
    tail.sync(shared)?;
    let aside = format!("{}.{:0DIGITS$}", shared.path, tail.head.seq);
    fs::rename(shared.path.as_path(), &aside).map_err(|error| shared.io("rotate", error))
}

/// Brings the new names to the disk.
fn sync_folder(shared: &Shared) -> Result<(), AuditError> {
    let Some(folder) = shared.path.parent() else { return Ok(()) };
    let synced = fs::File::open(folder.as_path()).and_then(|folder| folder.sync_all());
    synced.map_err(|error| shared.io("sync the folder of", error))
}

/// Removes closed files above the number that is kept. The record of it comes first: it lets a reader tell a file that
/// was removed by rule from one that somebody took away.
pub(super) fn prune(tail: &mut Tail, shared: &Shared) -> Result<(), AuditError> {
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

/// The file that continues the chain of `tail`, which is no longer the last one; locked, and made when a crash came
/// before that. Everything between is checked.
pub(super) fn follow(tail: &Tail, shared: &Shared) -> Result<Tail, AuditError> {
    loop {
        let found = shared.path.as_path().symlink_metadata().is_ok();
        let next = Tail::open(&shared.path)?;
        file::lock(&next.file).map_err(|error| shared.io("lock", error))?;
        // Others may have closed it before this process had its lock. From here on nobody closes or removes a file.
        if !file::is_still_at(&next.file, &shared.path)? {
            continue;
        }
        if let Some(head) = end_before(&next, tail, shared)? {
            sync_folder(shared)?;
            return Ok(Tail { head, ..next });
        }
        let why = if found {
            "it was replaced while in use; put it back, or restart to go on with the new one"
        } else {
            // Made here, empty, and nothing that a record could follow.
            fs::remove_file(shared.path.as_path()).map_err(|error| shared.io("remove", error))?;
            "it was taken away while in use; put it back, or restart to begin a new one"
        };
        return Err(AuditError::Untrusted { path: shared.path.clone(), why });
    }
}

/// The end of the chain that leads from `tail` to the file `next`; none when something is missing between them.
fn end_before(next: &Tail, tail: &Tail, shared: &Shared) -> Result<Option<Head>, AuditError> {
    let files = closed(shared.path.as_path());
    let mut head = removed_through(&files, &tail.head, shared)?.unwrap_or_else(|| tail.head.clone());
    for (number, path) in files {
        if number < head.seq {
            continue;
        }
        let closed = end_of(&path, shared)?;
        let same = closed.head == head;
        let goes_on = closed.first(shared)?.is_some_and(|line| chain::follows(&head, &line).is_ok());
        if !same && !goes_on {
            return Ok(None);
        }
        head = closed.head;
    }
    if !tail.closed && head == tail.head {
        // It was taken away, not closed: nothing says where the chain goes on.
        return Ok(None);
    }
    // The end of the last closed file is what the first record of the next has to follow.
    let follows = next.first(shared)?.is_none_or(|line| chain::follows(&head, &line).is_ok());
    Ok(follows.then_some(head))
}
