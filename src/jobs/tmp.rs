//! Removes a job's temporary directory, whatever the job did to it.
//!
//! In: a directory whose last user is gone. Out: nothing left, or a warning in the log that names what stayed.
//!
//! A job may nest directories deeper than any stack and any table of descriptors: nothing here recurses. Directories are
//! moved up until none holds another.

use std::fs::{self, DirEntry, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// Removes it and tells in the log when it cannot be.
pub(super) fn remove(tmp: TempDir) {
    remove_tree(&tmp.keep());
}

/// The same for a path. One that is gone already needs no word: whoever removed the folder above it was faster.
pub fn remove_tree(path: &Path) {
    if let Err(error) = try_remove(path) {
        tracing::warn!(directory = %path.display(), %error, "a job's temporary directory could not be removed");
    }
}

fn try_remove(path: &Path) -> io::Result<()> {
    // Most jobs leave nothing.
    if fs::remove_dir(path).is_ok() {
        return Ok(());
    }
    let removed = flatten(path).and_then(|()| fs::remove_dir(path));
    // What is inside may go at the same time, so the directory itself must be looked for.
    match fs::symlink_metadata(path) {
        Err(gone) if gone.kind() == io::ErrorKind::NotFound => Ok(()),
        _ => removed,
    }
}

/// What a directory holds, opened up first: the job may have closed it. No process of the job is left to swap one for
/// a symlink, and the type of an entry does not follow those it left.
fn entries(directory: &Path) -> io::Result<Vec<DirEntry>> {
    fs::set_permissions(directory, Permissions::from_mode(0o700))?;
    fs::read_dir(directory)?.collect()
}

/// Empties `top`.
fn flatten(top: &Path) -> io::Result<()> {
    let mut free = Free { top, next: 0 };
    loop {
        let found = entries(top)?;
        if found.is_empty() {
            return Ok(());
        }
        for entry in found {
            if !entry.file_type()?.is_dir() {
                fs::remove_file(entry.path())?;
                continue;
            }
            let directory = entry.path();
            for inner in entries(&directory)? {
                match inner.file_type()?.is_dir() {
                    true => free.take(&inner.path())?,
                    false => fs::remove_file(inner.path())?,
                }
            }
            fs::remove_dir(directory)?;
        }
    }
}

/// Names in the top directory that nobody uses.
struct Free<'a> {
    top: &'a Path,
    next: u64,
}

impl Free<'_> {
    /// Moves a directory to the top.
    fn take(&mut self, directory: &Path) -> io::Result<()> {
        // Moving changes where `..` leads, which takes the right to write the directory itself.
        fs::set_permissions(directory, Permissions::from_mode(0o700))?;
        loop {
            let name: PathBuf = self.top.join(format!("moved-{}", self.next));
            self.next += 1;
            match fs::rename(directory, name) {
                Err(taken)
                    if matches!(
                        taken.kind(),
                        io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory
                    ) => {}
                other => return other,
            }
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed assumption is a failed test")]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_the_job_closed_is_removed_too() {
        let tmp = TempDir::new().unwrap();
        let path = tmp.path().to_path_buf();
        let closed = path.join("closed/inner");
        fs::create_dir_all(&closed).unwrap();
        fs::write(closed.join("file"), "x").unwrap();
        std::os::unix::fs::symlink("/etc", closed.join("link")).unwrap();
        for name in ["closed/inner", "closed"] {
            fs::set_permissions(path.join(name), Permissions::from_mode(0o000)).unwrap();
        }
        remove(tmp);
        assert!(!path.exists());
        assert!(Path::new("/etc/passwd").exists());
    }

    #[test]
    fn a_directory_that_is_gone_is_no_failure_and_one_that_stays_is() {
        let tmp = TempDir::new().unwrap();
        assert!(try_remove(&tmp.path().join("gone/job")).is_ok());
        let file = tmp.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(try_remove(&file).is_err());
    }

    #[test]
    fn a_tree_deeper_than_paths_and_descriptors_go_is_removed() {
        use nix::fcntl::{OFlag, open, openat};
        use nix::sys::stat::{Mode, mkdirat};
        let tmp = TempDir::new().unwrap();
        let path = tmp.path().to_path_buf();
        let flags = OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let mut at = open(&path, flags, Mode::empty()).unwrap();
        for _ in 0..5000 {
            for name in ["moved-0", "d"] {
                mkdirat(&at, name, Mode::S_IRWXU).unwrap();
            }
            at = openat(&at, "d", flags, Mode::empty()).unwrap();
        }
        drop(at);
        fs::write(path.join("moved-3"), "a name that is taken").unwrap();
        remove(tmp);
        assert!(!path.exists());
    }
}
