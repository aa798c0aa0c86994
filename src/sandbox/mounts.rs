//! What a job sees of the file system, where mounts are permitted.
//!
//! In: the grants of its profile, its own temporary directory. Out: this process's mount namespace, in which everything
//! outside the write roots is read-only, protected names cannot be changed or moved, and hidden ones are empty.
//!
//! Landlock decides what may be opened; mounts hold what it does not see: modes, times, attributes, and names below a
//! granted tree.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use nix::mount::{MsFlags, mount};

use super::confinement::Grants;
use super::step::{Failure, Step};
use crate::paths::AbsPath;
use crate::sys::{clone_tree, mount_attribute as attribute, place_tree, restrict_mounts, restrict_tree};
use crate::units::ByteSize;

/// What a place in the tree becomes. A later variant wins where two fall on one path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// Can be written; nothing in it can be executed.
    Writable,
    /// Can be written and executed.
    Buildable,
    /// A directory on the way to a protected name: as its tree is, but it cannot be renamed away.
    Pinned,
    /// Cannot be changed.
    Protected,
    /// Empty.
    Hidden,
}

/// Attributes of a tree that can be written.
const WRITABLE: u64 = attribute::NO_SET_ID | attribute::NO_DEVICES | attribute::NO_EXECUTE;
const BUILDABLE: u64 = attribute::NO_SET_ID | attribute::NO_DEVICES;

/// Every place that differs from the read-only rest, parents before what is below them.
fn plan(grants: &Grants, tmp: Option<&AbsPath>) -> BTreeMap<AbsPath, Kind> {
    let mut places: BTreeMap<AbsPath, Kind> = BTreeMap::new();
    let mut put = |path: &AbsPath, kind: Kind| {
        let place = places.entry(path.clone()).or_insert(kind);
        *place = kind.max(*place);
    };
    for root in grants.write.iter().chain(tmp) {
        let executable = grants.execute.iter().any(|granted| root.is_within(granted));
        put(root, if executable { Kind::Buildable } else { Kind::Writable });
        for below in grants.execute.iter().filter(|granted| granted.is_within(root)) {
            put(below, Kind::Buildable);
        }
        for name in grants.protect.iter().chain(&grants.hide).filter(|name| name.is_within(root)) {
            let ancestors = std::iter::successors(name.parent(), AbsPath::parent);
            for ancestor in ancestors.take_while(|ancestor| ancestor != root && ancestor.is_within(root)) {
                put(&ancestor, Kind::Pinned);
            }
        }
    }
    grants.protect.iter().for_each(|name| put(name, Kind::Protected));
    grants.hide.iter().for_each(|name| put(name, Kind::Hidden));
    places
}

/// A tree that was taken before the rest became read-only, and where it goes.
struct Placed<'a> {
    path: &'a Path,
    tree: OwnedFd,
}

fn failed(path: &Path) -> impl Fn(io::Error) -> Failure + '_ {
    move |error| Failure::new(Step::Mounts, &error).about(path.display())
}

/// Attributes of the writable tree that a pinned directory lies in.
fn attributes_around(path: &AbsPath, places: &BTreeMap<AbsPath, Kind>) -> u64 {
    let around = places.iter().rev().find(|(root, kind)| **kind <= Kind::Buildable && path.is_within(root));
    if around.is_some_and(|(_, kind)| *kind == Kind::Buildable) { BUILDABLE } else { WRITABLE }
}

/// The job's own temporary directory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tmp<'a> {
    pub(crate) path: &'a AbsPath,
    /// What fits into it; without it, what the file system around has room for.
    pub(crate) size: Option<ByteSize>,
    /// Whom it belongs to.
    pub(crate) owner: (u32, u32),
}

impl Tmp<'_> {
    /// Puts a file system in memory on the directory, when its size is bounded.
    fn bound(&self) -> Result<(), Failure> {
        /// Room for a file of this size on average; each takes a kilobyte of the kernel's memory even when empty.
        const PER_FILE: u64 = 16 << 10;
        const LEAST_FILES: u64 = 16 << 10;
        let Some(size) = self.size else { return Ok(()) };
        let ((uid, gid), files) = (self.owner, (size.get() / PER_FILE).max(LEAST_FILES));
        let options = format!("size={},nr_inodes={files},mode=0700,uid={uid},gid={gid}", size.get());
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
        let path = self.path.as_path();
        let made = mount(Some("tmpfs"), path, Some("tmpfs"), flags, Some(options.as_str()));
        made.map_err(|errno| failed(path)(errno.into()))
    }
}

/// Makes the view. The calling process has a mount namespace of its own, and nobody else in it.
///
/// # Errors
/// The place that could not be made.
pub(crate) fn apply(grants: &Grants, own: Option<Tmp<'_>>) -> Result<(), Failure> {
    let root = Path::new("/");
    let alone = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(None::<&str>, root, None::<&str>, alone, None::<&str>).map_err(|errno| failed(root)(errno.into()))?;
    own.map_or(Ok(()), |own| own.bound())?;
    let tmp = own.map(|own| own.path);
    let places = plan(grants, tmp);
    let mut placed = Vec::new();
    for (path, kind) in &places {
        let path_there = path.as_path();
        // The helper has put something at names that a job could make; others cannot come to be.
        let Ok(found) = fs::metadata(path_there) else { continue };
        let source = match kind {
            Kind::Hidden if found.is_dir() => continue,
            Kind::Hidden => Path::new("/dev/null"),
            _ => path_there,
        };
        let tree = clone_tree(source).map_err(failed(path_there))?;
        let attributes = match kind {
            Kind::Writable => WRITABLE,
            Kind::Buildable => BUILDABLE,
            Kind::Pinned => attributes_around(path, &places),
            Kind::Protected => BUILDABLE | attribute::READ_ONLY,
            Kind::Hidden => attribute::NO_SET_ID | attribute::NO_EXECUTE,
        };
        restrict_tree(tree.as_fd(), attributes).map_err(failed(path_there))?;
        placed.push(Placed { path: path_there, tree });
    }
    let shared = tmp.map(|tmp| shared_directories(grants, tmp)).transpose()?.unwrap_or_default();
    restrict_mounts(root, attribute::READ_ONLY | attribute::NO_SET_ID).map_err(failed(root))?;
    for Placed { path, tree } in placed.iter().chain(&shared) {
        place_tree(tree.as_fd(), path).map_err(failed(path))?;
    }
    hide_directories(&places)
}

/// Directories that all programs share get replaced by the job's own, unless something in them is granted.
fn shared_directories(grants: &Grants, tmp: &AbsPath) -> Result<Vec<Placed<'static>>, Failure> {
    let mut placed = Vec::new();
    for path in ["/tmp", "/dev/shm"] {
        let path = Path::new(path);
        let mut granted = grants.read.iter().chain(&grants.write).chain(&grants.execute).chain([tmp]);
        if !path.is_dir() || granted.any(|granted| granted.as_path().starts_with(path)) {
            continue;
        }
        let tree = clone_tree(tmp.as_path()).map_err(failed(path))?;
        restrict_tree(tree.as_fd(), WRITABLE).map_err(failed(path))?;
        placed.push(Placed { path, tree });
    }
    Ok(placed)
}

/// Puts an empty file system on each hidden directory.
fn hide_directories(places: &BTreeMap<AbsPath, Kind>) -> Result<(), Failure> {
    let hidden = places.iter().filter(|(path, kind)| **kind == Kind::Hidden && path.as_path().is_dir());
    for (path, _) in hidden {
        let flags = MsFlags::MS_RDONLY | MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
        let made = mount(Some("tmpfs"), path.as_path(), Some("tmpfs"), flags, Some("mode=555,nr_inodes=2,size=4k"));
        made.map_err(|errno| failed(path.as_path())(errno.into()))?;
    }
    Ok(())
}

/// A `/proc` of the PID namespace that this process is in, so that no other process is seen.
///
/// # Errors
/// `EPERM` where the `/proc` around has masked parts, as in most containers.
pub(crate) fn fresh_proc() -> io::Result<()> {
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    Ok(mount(Some("proc"), "/proc", Some("proc"), flags, None::<&str>)?)
}

/// The kernel keeps the first 300 numbers for itself and refuses less.
const LEAST_PIDS: u64 = 301;

/// The highest pid that leaves room for so many processes; the supervisor is number 1.
fn highest_pid(processes: u64) -> u64 {
    processes.saturating_add(2)
}

/// Can the highest pid hold this limit? Smaller ones need somebody who counts.
pub(crate) fn pids_can_bound(processes: u64) -> bool {
    highest_pid(processes) >= LEAST_PIDS
}

/// Bounds the pids of this PID namespace, and thereby its processes and threads. Needs a fresh `/proc` and Linux 6.14.
///
/// # Errors
/// What the kernel answers to the write.
pub(crate) fn bound_pids(processes: u64) -> io::Result<()> {
    fs::write("/proc/sys/kernel/pid_max", highest_pid(processes).clamp(LEAST_PIDS, 1 << 22).to_string())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed assumption is a failed test")]
mod tests {
    use super::*;

    fn paths(list: &[&str]) -> Vec<AbsPath> {
        list.iter().map(|path| AbsPath::new(path).unwrap()).collect()
    }

    #[test]
    fn every_directory_between_a_grant_and_a_protected_name_is_pinned() {
        let grants = Grants {
            write: paths(&["/w"]),
            execute: paths(&["/usr", "/w/target"]),
            protect: paths(&["/w/.git/hooks", "/w/.envrc"]),
            hide: paths(&["/w/a/b/secret", "/etc/keys"]),
            ..Grants::default()
        };
        let tmp = AbsPath::new("/t").unwrap();
        let plan = plan(&grants, Some(&tmp));
        let shown: Vec<String> = plan.iter().map(|(path, kind)| format!("{path} {kind:?}")).collect();
        let want = [
            "/etc/keys Hidden",
            "/t Writable",
            "/w Writable",
            "/w/.envrc Protected",
            "/w/.git Pinned",
            "/w/.git/hooks Protected",
            "/w/a Pinned",
            "/w/a/b Pinned",
            "/w/a/b/secret Hidden",
            "/w/target Buildable",
        ];
        assert_eq!(shown, want);
        let pinned = AbsPath::new("/w/.git").unwrap();
        assert_eq!(attributes_around(&pinned, &plan), WRITABLE);
    }

    #[test]
    fn a_write_root_that_is_executable_stays_so() {
        let grants = Grants { write: paths(&["/w/a"]), execute: paths(&["/w"]), ..Grants::default() };
        assert_eq!(plan(&grants, None).into_values().collect::<Vec<_>>(), [Kind::Buildable]);
    }
}
