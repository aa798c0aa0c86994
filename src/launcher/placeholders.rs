//! Names that do not exist yet, kept from being made by jobs.
//!
//! In: the grants of a profile. Out: an empty directory at every protected or hidden name below a write root that nothing
//! is at, so that the job's view has something to mount on; counted over jobs, and removed with the last of them when
//! nobody has put anything into it. What is mounted there is the sandbox's plan.
//!
//! A directory, whatever the name is for: git and other tools take an empty one for nothing, and would put an empty file
//! into a commit or a package.
//!
//! Jobs write around these names at any time, so no path is walked twice: each step starts from an open directory and
//! follows no symlink.

use std::collections::HashMap;
use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::path::Component;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, open, openat};
use nix::sys::stat::{FileStat, Mode, fstatat, mkdirat};
use nix::unistd::{UnlinkatFlags, unlinkat};

use crate::paths::AbsPath;
use crate::sandbox::{Failure, Grants, Step};

/// Something that was made here.
#[derive(Debug)]
struct Made {
    parent: OwnedFd,
    name: OsString,
    device: u64,
    inode: u64,
}

/// A name that running jobs must not make.
#[derive(Debug)]
struct Held {
    jobs: usize,
    /// Directories on the way first.
    made: Vec<Made>,
}

/// All placeholders of a helper.
#[derive(Debug, Default)]
pub(super) struct Placeholders(HashMap<AbsPath, Held>);

/// What one job needs to stay.
#[derive(Debug, Default)]
pub(super) struct Claim(Vec<AbsPath>);

const NOT_FOLLOWED: OFlag = OFlag::O_NOFOLLOW.union(OFlag::O_CLOEXEC);

impl Placeholders {
    /// Makes what is missing for a job with these grants.
    ///
    /// # Errors
    /// A name that the job could make and this process cannot.
    pub(super) fn claim(&mut self, grants: &Grants) -> Result<Claim, Failure> {
        let mut claim = Claim::default();
        for name in grants.protect.iter().chain(&grants.hide) {
            // The innermost root: what lies above it is not the job's to write.
            let roots = grants.write.iter().filter(|root| name.is_within(root) && *root != name);
            let Some(root) = roots.max_by_key(|root| root.as_path().components().count()) else { continue };
            if let Some(held) = self.0.get_mut(name) {
                held.jobs += 1;
                claim.0.push(name.clone());
                continue;
            }
            let mut made = Vec::new();
            let outcome = make(root, name, &mut made);
            if !made.is_empty() {
                self.0.insert(name.clone(), Held { jobs: 1, made });
                claim.0.push(name.clone());
            }
            if let Err(errno) = outcome {
                self.release(claim);
                return Err(Failure::new(Step::Mounts, &errno.into()).about(name));
            }
        }
        Ok(claim)
    }

    /// Gives up what a job held; the last one takes the placeholders away.
    pub(super) fn release(&mut self, claim: Claim) {
        for name in claim.0 {
            let Some(held) = self.0.get_mut(&name) else { continue };
            held.jobs -= 1;
            if held.jobs == 0
                && let Some(held) = self.0.remove(&name)
            {
                held.made.iter().rev().for_each(Made::remove);
            }
        }
    }

    /// Takes all away.
    pub(super) fn release_all(&mut self) {
        for (_, held) in self.0.drain() {
            held.made.iter().rev().for_each(Made::remove);
        }
    }
}

impl Made {
    /// Removes it when it still is what was made, with nothing in it.
    fn remove(&self) {
        let unchanged = |found: FileStat| (found.st_dev, found.st_ino) == (self.device, self.inode);
        if fstatat(&self.parent, self.name.as_os_str(), AtFlags::AT_SYMLINK_NOFOLLOW).is_ok_and(unchanged) {
            // One that somebody uses by now stays.
            let _ = unlinkat(&self.parent, self.name.as_os_str(), UnlinkatFlags::RemoveDir);
        }
    }
}

/// An entry that was just made in an open directory.
fn note(parent: &OwnedFd, name: &OsString) -> Result<Made, Errno> {
    let found = fstatat(parent, name.as_os_str(), AtFlags::AT_SYMLINK_NOFOLLOW)?;
    let parent = parent.try_clone().map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO)))?;
    Ok(Made { parent, name: name.clone(), device: found.st_dev, inode: found.st_ino })
}

/// Walks from `root` to `name` and makes the directories that are not there.
fn make(root: &AbsPath, name: &AbsPath, made: &mut Vec<Made>) -> Result<(), Errno> {
    let below = name.as_path().strip_prefix(root.as_path()).map_err(|_| Errno::EINVAL)?;
    let mut parts: Vec<OsString> = Vec::new();
    for part in below.components() {
        match part {
            Component::Normal(part) => parts.push(part.to_owned()),
            _ => return Err(Errno::EINVAL),
        }
    }
    let Some(last) = parts.pop() else { return Ok(()) };
    let directory = OFlag::O_PATH | OFlag::O_DIRECTORY | NOT_FOLLOWED;
    // What this user may not enter or change, its jobs may not either.
    let mine = |errno: Errno| match errno {
        Errno::EACCES | Errno::EROFS | Errno::EPERM | Errno::ELOOP | Errno::ENOTDIR => Ok(()),
        other => Err(other),
    };
    let mut here = match open(root.as_path(), directory, Mode::empty()) {
        Ok(here) => here,
        // A root that is a file, or gone, is the ruleset's matter.
        Err(Errno::ENOENT) => return Ok(()),
        Err(errno) => return mine(errno),
    };
    for part in parts {
        let next = match openat(&here, part.as_os_str(), directory, Mode::empty()) {
            Err(Errno::ENOENT) => {
                match mkdirat(&here, part.as_os_str(), Mode::from_bits_truncate(0o755)) {
                    Ok(()) => made.push(note(&here, &part)?),
                    Err(Errno::EEXIST) => {}
                    Err(errno) => return mine(errno),
                }
                openat(&here, part.as_os_str(), directory, Mode::empty())
            }
            other => other,
        };
        here = match next {
            Ok(next) => next,
            Err(errno) => return mine(errno),
        };
    }
    match mkdirat(&here, last.as_os_str(), Mode::from_bits_truncate(0o755)) {
        Ok(()) => {
            made.push(note(&here, &last)?);
            Ok(())
        }
        Err(Errno::EEXIST) => Ok(()),
        Err(errno) => mine(errno),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed assumption is a failed test")]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    fn absolute(path: impl AsRef<std::path::Path>) -> AbsPath {
        AbsPath::new(path).unwrap()
    }

    #[test]
    fn placeholders_stay_as_long_as_a_job_needs_them() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        let names = [absolute(root.join(".git/hooks")), absolute(root.join(".envrc"))];
        let write = vec![absolute(&root)];
        let grants = Grants { write, protect: names.to_vec(), ..Grants::default() };
        let mut all = Placeholders::default();
        let (one, other) = (all.claim(&grants).unwrap(), all.claim(&grants).unwrap());
        assert!(root.join(".git/hooks").is_dir() && root.join(".envrc").is_dir());
        all.release(one);
        assert!(root.join(".git/hooks").is_dir() && root.join(".envrc").is_dir(), "another job still runs");
        all.release(other);
        assert_eq!(fs::read_dir(&root).unwrap().count(), 0);
    }

    #[test]
    fn what_somebody_changed_meanwhile_stays() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        let names = ["a/kept", "b/c/written", "existing", "replaced"].map(|name| absolute(root.join(name)));
        fs::write(root.join("existing"), "").unwrap();
        let grants = Grants { write: vec![absolute(&root)], hide: names.to_vec(), ..Grants::default() };
        let mut all = Placeholders::default();
        let claim = all.claim(&grants).unwrap();
        fs::write(root.join("a/other"), "x").unwrap();
        fs::write(root.join("b/c/written/file"), "x").unwrap();
        fs::remove_dir(root.join("replaced")).unwrap();
        fs::write(root.join("replaced"), "").unwrap();
        all.release(claim);
        let left = ["a/other", "b/c/written", "existing", "replaced"];
        assert!(left.iter().all(|name| root.join(name).exists()));
        assert!(!root.join("a/kept").exists());
    }

    #[test]
    fn no_symlink_is_followed_out_of_the_root() {
        let dir = tempfile::tempdir().unwrap();
        let base = dir.path().canonicalize().unwrap();
        let (root, outside) = (base.join("root"), base.join("outside"));
        fs::create_dir(&root).unwrap();
        fs::create_dir(&outside).unwrap();
        symlink(&outside, root.join("way")).unwrap();
        symlink(outside.join("file"), root.join("leaf")).unwrap();
        let names = ["way/file", "leaf", "way/deep/file"].map(|name| absolute(root.join(name)));
        let grants = Grants { write: vec![absolute(&root)], protect: names.to_vec(), ..Grants::default() };
        let mut all = Placeholders::default();
        let claim = all.claim(&grants).unwrap();
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
        all.release(claim);
        assert!(root.join("leaf").symlink_metadata().is_ok());
    }
}
