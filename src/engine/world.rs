//! The machine as decisions see it: programs, paths, directories.
//!
//! In: questions of the policy. Out: facts of the disk at this moment. Nothing here decides.

use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::unistd::{AccessFlags, access};

use crate::paths::AbsPath;
use crate::policy::{DirectoryFacts, ProgramFile, World, WorldError};

/// The real disk.
#[derive(Debug, Clone, Copy)]
pub(super) struct Disk;

fn error(path: &Path, reason: impl ToString) -> WorldError {
    WorldError { path: path.display().to_string(), reason: reason.to_string() }
}

/// What is at `path`, symlinks followed; nothing when there is nothing.
fn facts(path: &Path) -> Result<Option<Metadata>, WorldError> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(Some(metadata)),
        // Another user's directory on the way is as good as nothing there: nothing below it can be run or read.
        Err(missing) if is_absence(&missing) => Ok(None),
        Err(other) => Err(error(path, other)),
    }
}

fn is_absence(error: &io::Error) -> bool {
    use io::ErrorKind::{NotADirectory, NotFound, PermissionDenied};
    matches!(error.kind(), NotFound | NotADirectory | PermissionDenied)
}

impl World for Disk {
    fn find_program(&self, name: &str, dirs: &[AbsPath]) -> Result<Option<ProgramFile>, WorldError> {
        for dir in dirs {
            let path = dir.join(name).map_err(|reason| error(dir.as_path(), reason))?;
            if let Some(found) = self.program_file(&path)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    fn program_file(&self, path: &AbsPath) -> Result<Option<ProgramFile>, WorldError> {
        let found = facts(path.as_path())?.filter(Metadata::is_file);
        let runs = |_: &Metadata| access(path.as_path(), AccessFlags::X_OK).is_ok();
        Ok(found.filter(runs).map(|file| ProgramFile { path: path.clone(), device: file.dev(), inode: file.ino() }))
    }

    /// `..` was folded by text before, so a part behind the longest existing one cannot climb out again.
    fn resolve(&self, path: &AbsPath) -> Result<AbsPath, WorldError> {
        let mut rest: Vec<OsString> = Vec::new();
        let mut part = path.clone();
        let mut real: PathBuf = loop {
            match fs::canonicalize(part.as_path()) {
                Ok(real) => break real,
                Err(missing) if missing.kind() == io::ErrorKind::NotFound && !is_link(part.as_path()) => {}
                Err(other) => return Err(error(part.as_path(), other)),
            }
            match (part.file_name(), part.parent()) {
                (Some(name), Some(parent)) => {
                    rest.push(name.to_owned());
                    part = parent;
                }
                _ => return Err(error(path.as_path(), "no part of it exists")),
            }
        };
        real.extend(rest.iter().rev());
        AbsPath::new(&real).map_err(|reason| error(&real, reason))
    }

    fn directory(&self, path: &AbsPath) -> Result<DirectoryFacts, WorldError> {
        let real = fs::canonicalize(path.as_path()).map_err(|reason| error(path.as_path(), reason))?;
        let metadata = fs::metadata(&real).map_err(|reason| error(&real, reason))?;
        if !metadata.is_dir() {
            return Err(error(&real, "it is not a directory"));
        }
        let path = AbsPath::new(&real).map_err(|reason| error(&real, reason))?;
        Ok(DirectoryFacts { path, device: metadata.dev(), inode: metadata.ino() })
    }

    fn list(&self, path: &AbsPath) -> Result<Vec<String>, WorldError> {
        let entries = match fs::read_dir(path.as_path()) {
            Ok(entries) => entries,
            Err(missing) if missing.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(other) => return Err(error(path.as_path(), other)),
        };
        let name = |entry: io::Result<fs::DirEntry>| {
            let name = entry.map_err(|reason| error(path.as_path(), reason))?.file_name();
            name.into_string().map_err(|name| error(path.as_path(), format!("name {name:?} is not UTF-8")))
        };
        entries.map(name).collect()
    }
}

/// A link whose target is missing would be created where it points to.
fn is_link(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed assumption is a failed test")]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn abs(path: &Path) -> AbsPath {
        AbsPath::new(path).unwrap()
    }

    #[test]
    fn a_link_out_of_a_directory_is_followed_before_anything_is_judged() {
        let dir = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(dir.path()).unwrap();
        fs::create_dir(root.join("inside")).unwrap();
        symlink("/etc", root.join("inside/out")).unwrap();
        let seen = Disk.resolve(&abs(&root.join("inside/out/passwd"))).unwrap();
        assert_eq!(seen.to_string(), "/etc/passwd");
        let new = Disk.resolve(&abs(&root.join("inside/new/file"))).unwrap();
        assert_eq!(new, abs(&root.join("inside/new/file")), "what does not exist yet stays where it is written");
    }

    #[test]
    fn a_dangling_link_has_no_answer() {
        let dir = tempfile::tempdir().unwrap();
        symlink("/nonexistent/target", dir.path().join("link")).unwrap();
        assert!(Disk.resolve(&abs(&dir.path().join("link"))).is_err());
        assert!(Disk.resolve(&abs(&dir.path().join("link/below"))).is_err());
    }

    #[test]
    fn programs_are_executable_files() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("data"), "x").unwrap();
        fs::create_dir(dir.path().join("folder")).unwrap();
        assert_eq!(Disk.program_file(&abs(&dir.path().join("data"))), Ok(None));
        assert_eq!(Disk.program_file(&abs(&dir.path().join("folder"))), Ok(None));
        assert!(Disk.find_program("sh", &[abs(dir.path()), abs(Path::new("/bin"))]).unwrap().is_some());
    }
}
