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
//!
//! Other helpers may work in the same tree, and removing a directory takes away what others have mounted on it. So each
//! helper holds a shared lock on the placeholders that its jobs need, its own and those it found, and only who gets the
//! lock alone removes one. They are told from other directories by the sticky bit, which they have from their first moment;
//! what a helper left that was shot is taken away after the next job.

use std::collections::HashMap;
use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::path::Component;
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, Flock, FlockArg, OFlag, open, openat};
use nix::sys::stat::{FileStat, Mode, fstat, fstatat, mkdirat};
use nix::unistd::{UnlinkatFlags, unlinkat};

use crate::paths::AbsPath;
use crate::sandbox::{Failure, Grants, Step};

/// A placeholder that stays as long as this does.
#[derive(Debug)]
struct Made {
    parent: OwnedFd,
    name: OsString,
    itself: Flock<OwnedFd>,
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
    /// Removes it when nobody else needs it, and it still is what was made, with nothing in it.
    fn remove(&self) {
        let alone = self.itself.relock(FlockArg::LockExclusiveNonblock).is_ok();
        if alone && is_at(&self.itself, &self.parent, &self.name) == Ok(true) {
            // One that somebody uses by now stays.
            let _ = unlinkat(&self.parent, self.name.as_os_str(), UnlinkatFlags::RemoveDir);
        }
    }
}

/// Is this open directory the one at the name?
fn is_at(directory: &OwnedFd, parent: &OwnedFd, name: &OsString) -> Result<bool, Errno> {
    let same = |one: FileStat, other: FileStat| (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino);
    match fstatat(parent, name.as_os_str(), AtFlags::AT_SYMLINK_NOFOLLOW) {
        Ok(found) => Ok(same(fstat(directory)?, found)),
        Err(Errno::ENOENT) => Ok(false),
        Err(errno) => Err(errno),
    }
}

/// How often a name is tried that others make and remove at the same time, or lock.
const ATTEMPTS: usize = 500;
const BETWEEN: Duration = Duration::from_millis(2);

/// Makes a placeholder, or takes part in one that is there; none when something else is at the name.
fn hold(parent: &OwnedFd, name: &OsString) -> Result<Option<Made>, Errno> {
    let mode = Mode::from_bits_truncate(0o755) | Mode::S_ISVTX;
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            std::thread::sleep(BETWEEN);
        }
        let enter = || openat(parent, name.as_os_str(), OFlag::O_DIRECTORY | NOT_FOLLOWED, Mode::empty());
        let itself = match enter() {
            Ok(found) if fstat(&found)?.st_mode & Mode::S_ISVTX.bits() == 0 => return Ok(None),
            Ok(found) => found,
            Err(Errno::ENOENT) => {
                match mkdirat(parent, name.as_os_str(), mode) {
                    Ok(()) => {}
                    Err(Errno::EEXIST) => continue,
                    Err(errno) => return Err(errno),
                }
                match enter() {
                    Ok(made) => made,
                    Err(Errno::ENOENT) => continue,
                    Err(errno) => return Err(errno),
                }
            }
            // A file, a symlink, or a directory that jobs of this user cannot read either.
            Err(_) => return Ok(None),
        };
        let itself = match Flock::lock(itself, FlockArg::LockSharedNonblock) {
            Ok(itself) => itself,
            // Somebody is about to remove it.
            Err((_, Errno::EWOULDBLOCK)) => continue,
            Err((_, errno)) => return Err(errno),
        };
        if is_at(&itself, parent, name)? {
            let parent =
                parent.try_clone().map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO)))?;
            return Ok(Some(Made { parent, name: name.clone(), itself }));
        }
    }
    Err(Errno::EBUSY)
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
        match hold(&here, &part) {
            Ok(held) => made.extend(held),
            Err(errno) => return mine(errno),
        }
        here = match openat(&here, part.as_os_str(), directory, Mode::empty()) {
            Ok(next) => next,
            Err(errno) => return mine(errno),
        };
    }
    match hold(&here, &last) {
        Ok(held) => {
            made.extend(held);
            Ok(())
        }
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
    fn two_helpers_in_one_tree_remove_what_neither_needs() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        let names = [".git/config", ".git/hooks", ".git/info/exclude"].map(|name| absolute(root.join(name)));
        let grants = |protect: &[AbsPath]| Grants {
            write: vec![absolute(&root)],
            protect: protect.to_vec(),
            ..Grants::default()
        };
        let (mut one, mut other) = (Placeholders::default(), Placeholders::default());
        let (long, short) = (one.claim(&grants(&names)).unwrap(), other.claim(&grants(&names[..2])).unwrap());
        other.release(short);
        assert!(names.iter().all(|name| name.as_path().is_dir()), "the first helper's job still runs");
        let short = other.claim(&grants(&names)).unwrap();
        one.release(long);
        assert!(names.iter().all(|name| name.as_path().is_dir()), "now the other's");
        other.release(short);
        assert_eq!(fs::read_dir(&root).unwrap().count(), 0);
    }

    #[test]
    fn what_a_dead_helper_left_goes_after_the_next_job() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        fs::create_dir(root.join("own")).unwrap();
        let names = [".git/config", ".git/hooks", "own"].map(|name| absolute(root.join(name)));
        let grants = Grants { write: vec![absolute(&root)], hide: names.to_vec(), ..Grants::default() };
        let mut dead = Placeholders::default();
        dead.claim(&grants).unwrap();
        drop(dead);
        assert!(root.join(".git/hooks").is_dir());
        let mut next = Placeholders::default();
        let claim = next.claim(&grants).unwrap();
        next.release(claim);
        let left: Vec<_> = fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["own"], "an empty directory of the user's stays");
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
