//! Landlock: grants become rulesets.
//!
//! In: the grants of a profile, and what this kernel's Landlock has. Out: a ruleset that children put in force, with the
//! descriptors it was made from. Which paths are granted was decided by the policy.
//!
//! INVARIANT: a ruleset that jobs share is never extended, for a rule added later would reach all of them; what only
//! one job may touch goes into a ruleset made again from the kept descriptors, which nobody else gets.

use std::fs::{File, Metadata};
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, NetPort, PathBeneath, Ruleset, RulesetAttr,
    RulesetCreated, RulesetCreatedAttr, Scope,
};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, OpenHow, ResolveFlag, open, openat2};
use nix::sys::stat::Mode;

use super::confinement::{Grants, Network};
use super::step::{Failure, Step};
use crate::paths::AbsPath;
use crate::sys;

/// Devices without which hardly any program starts; none of them stores or reveals anything.
const DEVICES: [&str; 5] = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"];

/// Which file a path led to when a ruleset was made; the rule binds to the file, not to its name.
#[derive(Debug)]
struct Seen {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl Seen {
    fn of(path: &Path, found: &Metadata) -> Self {
        Self { path: path.to_path_buf(), device: found.dev(), inode: found.ino() }
    }

    /// Does the path still lead to that file?
    fn is_current(&self) -> bool {
        let found = std::fs::metadata(&self.path);
        found.is_ok_and(|found| (found.dev(), found.ino()) == (self.device, self.inode))
    }
}

/// Where name servers answer over TCP.
const DNS: u16 = 53;

/// A granted file or tree, opened once.
#[derive(Debug)]
struct Root {
    seen: Seen,
    handle: OwnedFd,
    rights: BitFlags<AccessFs>,
}

impl Root {
    /// Adds its rule. What kind of file it is was asked when it was opened; the crate would ask for each rule again.
    fn allow_in(&self, ruleset: &OwnedFd) -> Result<(), Failure> {
        let failed = |error: io::Error| Failure::new(Step::Ruleset, &error).about(self.seen.path.display());
        sys::allow_beneath(ruleset.as_fd(), self.rights.bits(), self.handle.as_fd()).map_err(failed)
    }
}

/// The policy layer of one profile.
#[derive(Debug)]
pub(crate) struct Layer {
    roots: Vec<Root>,
    /// Those in `/proc`, where each job has one of its own.
    in_proc: Vec<Root>,
    network: Network,
    abi: ABI,
    ruleset: OwnedFd,
}

/// The kernel's error number somewhere below an error of the crate.
fn errno_of(error: &(dyn std::error::Error + 'static)) -> io::Error {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(number) = error.downcast_ref::<io::Error>().and_then(io::Error::raw_os_error) {
            return io::Error::from_raw_os_error(number);
        }
        cause = error.source();
    }
    io::Error::from_raw_os_error(libc::EINVAL)
}

fn ruleset_failed(error: impl std::error::Error + 'static) -> Failure {
    Failure::new(Step::Ruleset, &errno_of(&error))
}

/// Opens a path that holds no symlink. Grants were resolved when the policy was loaded; a link in one now was put there
/// later, perhaps by a job, to be granted what it leads to.
fn open_without_links(path: &Path) -> io::Result<File> {
    let flags = OFlag::O_PATH | OFlag::O_CLOEXEC;
    let how = OpenHow::new().flags(flags).resolve(ResolveFlag::RESOLVE_NO_SYMLINKS);
    match openat2(AT_FDCWD, path, how) {
        Ok(handle) => Ok(handle.into()),
        // Some filters around containers do not know the call; then the name of what was opened must be this one.
        Err(Errno::ENOSYS | Errno::EPERM) => {
            let handle = File::from(open(path, flags, Mode::empty())?);
            let name = std::fs::read_link(format!("/proc/self/fd/{}", handle.as_raw_fd()))?;
            if name == path { Ok(handle) } else { Err(io::Error::from_raw_os_error(libc::ELOOP)) }
        }
        Err(errno) => Err(errno.into()),
    }
}

/// Opens a root; rights that only directories have are left out for a file, the kernel refuses them there.
fn open_root(path: &Path, rights: BitFlags<AccessFs>, abi: ABI) -> Result<Root, Failure> {
    let failed = |error: &io::Error| Failure::new(Step::Grant, error).about(path.display());
    let handle = open_without_links(path).map_err(|error| failed(&error))?;
    let found = handle.metadata().map_err(|error| failed(&error))?;
    let handle = OwnedFd::from(handle);
    let rights = if found.is_dir() { rights } else { rights & AccessFs::from_file(abi) };
    Ok(Root { seen: Seen::of(path, &found), handle, rights })
}

/// Leaves out roots that one above gives all their rights already: each rule costs every job that needs a ruleset of its own.
fn without_covered(mut roots: Vec<Root>) -> Vec<Root> {
    // Parents first; of two for one path, the one with more rights.
    roots.sort_by(|a, b| a.seen.path.cmp(&b.seen.path).then(b.rights.bits().cmp(&a.rights.bits())));
    let mut kept: Vec<Root> = Vec::with_capacity(roots.len());
    for root in roots {
        let covers = |above: &Root| root.seen.path.starts_with(&above.seen.path) && above.rights.contains(root.rights);
        if !kept.iter().any(covers) {
            kept.push(root);
        }
    }
    kept
}

/// What a write root gives: all but executing, making devices, driving devices, and reaching sockets.
fn write_rights(abi: ABI) -> BitFlags<AccessFs> {
    let never =
        AccessFs::Execute | AccessFs::MakeChar | AccessFs::MakeBlock | AccessFs::IoctlDev | AccessFs::ResolveUnix;
    AccessFs::from_all(abi) & !never
}

impl Layer {
    /// Opens every granted path and makes the ruleset that the jobs of this profile share. With `fresh_proc` each of them
    /// has a `/proc` of its own.
    ///
    /// # Errors
    /// A path that cannot be opened, or a kernel that refuses a right of its own ABI.
    pub(crate) fn prepare(grants: &Grants, abi: u32, fresh_proc: bool) -> Result<Self, Failure> {
        let abi = ABI::from(i32::try_from(abi).unwrap_or(i32::MAX));
        let read = AccessFs::ReadFile | AccessFs::ReadDir;
        let mut roots = Vec::new();
        let lists: [(&[AbsPath], BitFlags<AccessFs>); 3] =
            [(&grants.read, read), (&grants.execute, read | AccessFs::Execute), (&grants.write, write_rights(abi))];
        for (paths, rights) in lists {
            for path in paths {
                roots.push(open_root(path.as_path(), rights, abi)?);
            }
        }
        for path in DEVICES {
            roots.push(open_root(Path::new(path), device_rights(abi), abi)?);
        }
        let of_job = |root: &Root| fresh_proc && root.seen.path.starts_with("/proc");
        let (in_proc, roots): (Vec<_>, Vec<_>) = without_covered(roots).into_iter().partition(of_job);
        let network = grants.network.clone();
        let ruleset = make(&roots, &network, abi)?;
        Ok(Self { roots, in_proc, network, abi, ruleset })
    }

    /// Do all granted paths still lead to what they led to? A tool that replaces a tree leaves rules for the old one.
    pub(crate) fn is_current(&self) -> bool {
        self.roots.iter().chain(&self.in_proc).all(|root| root.seen.is_current())
    }

    /// The same rules in a ruleset that one job may extend.
    ///
    /// # Errors
    /// What the kernel answers.
    pub(crate) fn blank(&self) -> Result<OwnedFd, Failure> {
        make(&self.roots, &self.network, self.abi)
    }

    /// The shared ruleset, or one of its own for a job that may also write below `tmp`, sits at a terminal or has a
    /// `/proc` of its own: a file system that was mounted after the roots were opened is not what the rules bind to.
    /// `blank` is what [`Layer::blank`] made earlier, for this job alone.
    ///
    /// # Errors
    /// `tmp` or a root in `/proc` cannot be opened.
    pub(crate) fn for_job(&self, job: OwnPlaces<'_>, blank: Option<OwnedFd>) -> Result<OwnedFd, Failure> {
        let OwnPlaces { tmp, terminal } = job;
        let mut own = Vec::new();
        for root in &self.in_proc {
            own.push(open_root(&root.seen.path, root.rights, self.abi)?);
        }
        if terminal {
            // Whoever opens it gets the terminal of its own session.
            own.push(open_root(Path::new("/dev/tty"), device_rights(self.abi), self.abi)?);
        }
        if let Some(tmp) = tmp {
            own.push(open_root(tmp.as_path(), write_rights(self.abi), self.abi)?);
        }
        if own.is_empty() {
            return self.ruleset.try_clone().map_err(|error| Failure::new(Step::Ruleset, &error));
        }
        let ruleset = blank.map_or_else(|| self.blank(), Ok)?;
        own.iter().try_for_each(|root| root.allow_in(&ruleset))?;
        Ok(ruleset)
    }
}

/// What a job may reach beside the places of its profile.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct OwnPlaces<'a> {
    /// A directory that it may write.
    pub(crate) tmp: Option<&'a AbsPath>,
    /// It sits at a terminal of its own.
    pub(crate) terminal: bool,
}

fn device_rights(abi: ABI) -> BitFlags<AccessFs> {
    (AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::Truncate | AccessFs::IoctlDev) & AccessFs::from_all(abi)
}

/// The kernel's side of a ruleset. A ruleset without one would restrict nothing.
fn descriptor(ruleset: RulesetCreated) -> Result<OwnedFd, Failure> {
    let nothing = Failure { step: Step::Ruleset, subject: None, errno: libc::EOPNOTSUPP };
    Option::<OwnedFd>::from(ruleset).ok_or(nothing)
}

/// A ruleset that handles everything this kernel's ABI knows and allows the roots.
fn make(roots: &[Root], network: &Network, abi: ABI) -> Result<OwnedFd, Failure> {
    let mut ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(abi))
        .map_err(ruleset_failed)?;
    let sockets = AccessNet::from_all(abi);
    if !sockets.is_empty() && !matches!(network, Network::Full | Network::Loopback) {
        ruleset = ruleset.handle_access(sockets).map_err(ruleset_failed)?;
    }
    let scopes = Scope::from_all(abi);
    if !scopes.is_empty() {
        ruleset = ruleset.scope(scopes).map_err(ruleset_failed)?;
    }
    let mut created = ruleset.create().map_err(ruleset_failed)?;
    if let Network::Ports { connect, dns } = network {
        for port in connect.iter().chain(dns.then_some(&DNS)) {
            created = created.add_rule(NetPort::new(*port, AccessNet::ConnectTcp)).map_err(ruleset_failed)?;
        }
    }
    let ruleset = descriptor(created)?;
    roots.iter().try_for_each(|root| root.allow_in(&ruleset))?;
    Ok(ruleset)
}

/// Allows moving files between directories, which every layer refuses that does not say otherwise, whatever else it is
/// about. Where a job may do so is said by the policy layer.
fn refer_everywhere(ruleset: RulesetCreated) -> Result<RulesetCreated, Failure> {
    let root = open_without_links(Path::new("/")).map_err(|error| Failure::new(Step::Ruleset, &error))?;
    ruleset.add_rule(PathBeneath::new(root, AccessFs::Refer)).map_err(ruleset_failed)
}

/// The execute layer: a ruleset that is about executing alone.
#[derive(Debug)]
pub(crate) struct ExecuteLayer {
    files: Vec<Seen>,
    ruleset: OwnedFd,
}

impl ExecuteLayer {
    /// Allows these files.
    ///
    /// # Errors
    /// A file that cannot be opened; a directory, which would allow all below it.
    pub(crate) fn prepare(files: &[AbsPath]) -> Result<Self, Failure> {
        let ruleset = Ruleset::default().set_compatibility(CompatLevel::HardRequirement);
        let ruleset = ruleset.handle_access(AccessFs::Execute | AccessFs::Refer).map_err(ruleset_failed)?;
        let mut created = refer_everywhere(ruleset.create().map_err(ruleset_failed)?)?;
        let mut seen = Vec::with_capacity(files.len());
        for file in files {
            let failed = |error: &io::Error| Failure::new(Step::Grant, error).about(file);
            let found = std::fs::metadata(file).map_err(|error| failed(&error))?;
            if found.is_dir() {
                return Err(failed(&io::Error::from_raw_os_error(libc::EISDIR)));
            }
            let handle = open_without_links(file.as_path()).map_err(|error| failed(&error))?;
            created = created.add_rule(PathBeneath::new(handle, AccessFs::Execute)).map_err(ruleset_failed)?;
            seen.push(Seen::of(file.as_path(), &found));
        }
        Ok(Self { files: seen, ruleset: descriptor(created)? })
    }

    /// Do all paths still lead to the files that were allowed?
    pub(crate) fn is_current(&self) -> bool {
        self.files.iter().all(Seen::is_current)
    }

    /// The ruleset, for one job.
    ///
    /// # Errors
    /// No descriptor is left.
    pub(crate) fn for_job(&self) -> Result<OwnedFd, Failure> {
        self.ruleset.try_clone().map_err(|error| Failure::new(Step::ExecuteLayer, &error))
    }
}

/// A ruleset that only scopes signals: whoever enters it can signal what it starts, and nothing else.
///
/// # Errors
/// A kernel before ABI 6.
pub(crate) fn signal_scope() -> Result<OwnedFd, Failure> {
    let failed = |error: &(dyn std::error::Error + 'static)| Failure::new(Step::SignalScope, &errno_of(error));
    let ruleset = Ruleset::default().set_compatibility(CompatLevel::HardRequirement);
    let ruleset = ruleset.handle_access(AccessFs::Refer).map_err(|error| failed(&error))?;
    let ruleset = ruleset.scope(Scope::Signal).map_err(|error| failed(&error))?;
    descriptor(refer_everywhere(ruleset.create().map_err(|error| failed(&error))?)?)
}

/// Which denials the kernel's audit log is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Log {
    /// Those of the process itself, until it executes something: the kernel's own choice.
    Own,
    /// Those of the program that it will become as well, where this ABI can tell the kernel so.
    Program {
        /// The Landlock ABI.
        abi: u32,
    },
}

impl Log {
    fn flags(self) -> u32 {
        /// `LANDLOCK_RESTRICT_SELF_LOG_NEW_EXEC_ON` of linux/landlock.h.
        const NEW_EXEC_ON: u32 = 1 << 1;
        match self {
            Self::Program { abi } if abi >= 7 => NEW_EXEC_ON,
            Self::Program { .. } | Self::Own => 0,
        }
    }
}

/// Puts a ruleset in force for the calling process and all it will start. The whole ruleset is in force or none of it:
/// each of its rights was a hard requirement when it was made.
///
/// # Errors
/// What `prctl(2)` or `landlock_restrict_self(2)` answers.
pub(crate) fn enforce(ruleset: &OwnedFd, log: Log, step: Step) -> Result<(), Failure> {
    nix::sys::prctl::set_no_new_privs().map_err(|error| Failure::new(Step::NoNewPrivileges, &error.into()))?;
    sys::restrict_self(ruleset.as_fd(), log.flags()).map_err(|error| Failure::new(step, &error))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed assumption is a failed test")]
mod tests {
    use super::*;

    #[test]
    fn only_a_root_that_gives_nothing_new_is_left_out() {
        let read = AccessFs::ReadFile | AccessFs::ReadDir;
        let open = |path: &str, rights| open_root(Path::new(path), rights, ABI::V5).unwrap();
        let roots = vec![
            open("/usr/bin", read),
            open("/usr/share", write_rights(ABI::V5)),
            open("/usr", read | AccessFs::Execute),
            open("/usr", read),
            open("/etc", read),
            open("/etc/passwd", read),
        ];
        let kept = without_covered(roots);
        let paths: Vec<_> = kept.iter().map(|root| root.seen.path.to_str().unwrap()).collect();
        assert_eq!(paths, ["/etc", "/usr", "/usr/share"]);
        assert!(kept.iter().any(|root| root.rights == read | AccessFs::Execute));
    }
}
