//! Where the private temporary directories of jobs are made.
//!
//! In: the server's own temporary directory. Out: a directory per job, readable by nobody else, removed with its job. A
//! server that was killed cannot clean up; the next one that starts does it.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use tempfile::{Builder, TempDir};

use crate::jobs;
use crate::paths::AbsPath;

const PREFIX: &str = "shellwarden-jobs-";
/// Held open and locked by the server that made the folder, for as long as it lives.
const LOCK: &str = ".lock";

/// The folder that holds those of all jobs; it goes with the server.
#[derive(Debug)]
pub(super) struct TmpBase {
    dir: TempDir,
    /// Its path without symlinks.
    real: AbsPath,
    _lock: File,
}

impl TmpBase {
    pub(super) fn make() -> io::Result<Self> {
        remove_left_over(&std::env::temp_dir());
        // A job that runs as another user has to pass through; the names below cannot be guessed, nor be listed.
        let mode = if nix::unistd::geteuid().is_root() { 0o711 } else { 0o700 };
        let dir = Builder::new().prefix(PREFIX).permissions(Permissions::from_mode(mode)).tempdir()?;
        // Locked before it has its name: whoever finds an unlocked one takes the server for gone.
        let unnamed = dir.path().join(".lock-unnamed");
        let lock = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unnamed)?;
        lock.lock()?;
        fs::rename(&unnamed, dir.path().join(LOCK))?;
        let real = AbsPath::new(fs::canonicalize(dir.path())?).map_err(io::Error::other)?;
        Ok(Self { dir, real, _lock: lock })
    }

    /// A fresh directory for one job.
    pub(super) fn for_job(&self) -> io::Result<JobTmp> {
        let dir =
            Builder::new().prefix("job-").permissions(Permissions::from_mode(0o700)).tempdir_in(self.dir.path())?;
        let name = dir.path().file_name().unwrap_or_default();
        let path = self.real.join(name).map_err(io::Error::other)?;
        Ok(JobTmp { dir, path })
    }
}

/// Removes the folders of servers that are gone. What cannot be removed stays; it is no reason not to start.
fn remove_left_over(temporary: &Path) {
    for entry in fs::read_dir(temporary).into_iter().flatten().flatten() {
        let path = entry.path();
        if entry.file_name().as_encoded_bytes().starts_with(PREFIX.as_bytes()) && is_abandoned(&path) {
            jobs::remove_tree(&path);
        }
    }
}

/// Is this a folder of this user whose server no longer holds its lock?
fn is_abandoned(path: &Path) -> bool {
    let ours = |found: fs::Metadata| found.is_dir() && found.uid() == nix::unistd::geteuid().as_raw();
    if !fs::symlink_metadata(path).is_ok_and(ours) {
        return false;
    }
    let lock = OpenOptions::new().write(true).custom_flags(libc::O_NOFOLLOW).open(path.join(LOCK));
    // The lock goes with this descriptor; by then the folder has gone, too.
    lock.is_ok_and(|lock| lock.try_lock().is_ok())
}

/// The directory of one job, removed when this is dropped.
#[derive(Debug)]
pub(super) struct JobTmp {
    dir: TempDir,
    path: AbsPath,
}

impl JobTmp {
    /// Its path without symlinks.
    pub(super) fn path(&self) -> &AbsPath {
        &self.path
    }

    /// The directory itself, for whoever removes it.
    pub(super) fn into_dir(self) -> TempDir {
        self.dir
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed assumption is a failed test")]
mod tests {
    use super::*;

    #[test]
    fn only_folders_of_servers_that_are_gone_are_removed() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = |name: &str, lock: bool| {
            let path = temporary.path().join(name);
            fs::create_dir_all(path.join("job-1")).unwrap();
            lock.then(|| File::create(path.join(LOCK)).unwrap())
        };
        let (_, held) = (folder("shellwarden-jobs-gone", true), folder("shellwarden-jobs-alive", true).unwrap());
        held.lock().unwrap();
        folder("shellwarden-jobs-starting", false);
        folder("somebody-else", true);
        remove_left_over(temporary.path());
        let mut left: Vec<_> =
            fs::read_dir(temporary.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["shellwarden-jobs-alive", "shellwarden-jobs-starting", "somebody-else"]);
    }
}
