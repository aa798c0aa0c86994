//! Folders that a policy lists under `create`.
//!
//! In: a path inside the workspace. Out: a directory there, made if it was missing. Each step is taken from the opened
//! directory before it and follows no symlink: a job may have put one in its way.

use std::io;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, open, openat};
use nix::sys::stat::{Mode, mkdirat};
use nix::unistd::{Gid, Uid, fchownat};

use crate::paths::AbsPath;

/// Makes what is missing of `path`, which belongs to `owner` where that is somebody else.
///
/// # Errors
/// What the kernel answers; `ELOOP` or `ENOTDIR` for a symlink on the way.
pub(super) fn folder(path: &AbsPath, owner: Option<(u32, u32)>) -> io::Result<()> {
    if std::fs::canonicalize(path).is_ok_and(|real| real == path.as_path() && real.is_dir()) {
        return Ok(());
    }
    make(path, owner)
}

fn make(path: &AbsPath, owner: Option<(u32, u32)>) -> io::Result<()> {
    let flags = OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_PATH | OFlag::O_CLOEXEC;
    let mut at = open("/", flags, Mode::empty())?;
    for part in path.as_path().components().skip(1) {
        at = match openat(&at, part.as_os_str(), flags, Mode::empty()) {
            Ok(next) => next,
            Err(Errno::ENOENT) => {
                mkdirat(&at, part.as_os_str(), Mode::from_bits_truncate(0o755))?;
                if let Some((uid, gid)) = owner {
                    let (uid, gid) = (Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)));
                    fchownat(&at, part.as_os_str(), uid, gid, AtFlags::AT_SYMLINK_NOFOLLOW)?;
                }
                openat(&at, part.as_os_str(), flags, Mode::empty())?
            }
            Err(errno) => return Err(errno.into()),
        };
    }
    Ok(())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed assumption is a failed test")]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_folder_is_made_and_never_behind_a_link() {
        let dir = tempfile::tempdir().unwrap();
        let base = fs::canonicalize(dir.path()).unwrap();
        fs::create_dir(base.join("outside")).unwrap();
        symlink(base.join("outside"), base.join("link")).unwrap();
        fs::write(base.join("file"), "").unwrap();
        let made = |below: &str| folder(&AbsPath::new(base.join(below)).unwrap(), None).is_ok();
        assert!(made("a/b/c") && base.join("a/b/c").is_dir());
        assert!(made("a/b/c"), "again");
        assert!(!made("link/new") && !made("link") && !made("file"));
        assert_eq!(fs::read_dir(base.join("outside")).unwrap().count(), 0);
    }
}
