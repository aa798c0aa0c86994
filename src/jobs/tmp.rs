//! Removes a job's temporary directory, whatever the job did to its modes.
//!
//! In: a directory whose last user is gone. Out: nothing left, or a warning in the log that names what stayed.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::TempDir;

/// Removes it; a directory that the job made unreadable is opened up first.
pub(super) fn remove(tmp: TempDir) {
    let path = tmp.keep();
    let removed = fs::remove_dir_all(&path).or_else(|error| match error.kind() {
        io::ErrorKind::PermissionDenied => open_up(&path).and_then(|()| fs::remove_dir_all(&path)),
        _ => Err(error),
    });
    if let Err(error) = removed {
        tracing::warn!(directory = %path.display(), %error, "a job's temporary directory could not be removed");
    }
}

/// Gives the owner all rights on each directory below. No process of the job is left to swap one for a symlink, and
/// `symlink_metadata` does not follow those it left.
fn open_up(directory: &Path) -> io::Result<()> {
    fs::set_permissions(directory, fs::Permissions::from_mode(0o700))?;
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if fs::symlink_metadata(&path)?.is_dir() {
            open_up(&path)?;
        }
    }
    Ok(())
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
        fs::set_permissions(path.join("closed"), fs::Permissions::from_mode(0o000)).unwrap();
        remove(tmp);
        assert!(!path.exists());
    }
}
