//! What a decision must know of the machine.
//!
//! In: questions about names and paths. Out: facts, or why they cannot be had. The engine answers from the disk, tests
//! from a map; `policy` itself looks at nothing.

use crate::paths::AbsPath;

/// A program file as it was when it was judged.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProgramFile {
    /// Where it is called; a symlink in it is kept, for programs look at their own name.
    pub path: AbsPath,
    /// Device of the file at its end.
    pub device: u64,
    /// Inode of the file at its end.
    pub inode: u64,
}

impl ProgramFile {
    /// Do both names lead to one file?
    pub fn same_file(&self, other: &Self) -> bool {
        (self.device, self.inode) == (other.device, other.inode)
    }
}

/// A directory as it was when it was judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryFacts {
    /// Its path without symlinks.
    pub path: AbsPath,
    /// Its device.
    pub device: u64,
    /// Its inode.
    pub inode: u64,
}

/// Why a question has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot look at `{path}`: {reason}")]
pub struct WorldError {
    /// What was asked about.
    pub path: String,
    /// Why, in the words of a message.
    pub reason: String,
}

/// The machine, as far as a decision asks.
pub trait World {
    /// The first executable file of this name in these directories, none when there is none.
    ///
    /// # Errors
    /// A directory could not be searched.
    fn find_program(&self, name: &str, dirs: &[AbsPath]) -> Result<Option<ProgramFile>, WorldError>;

    /// The executable file at `path`, none when there is none.
    ///
    /// # Errors
    /// It could not be looked at.
    fn program_file(&self, path: &AbsPath) -> Result<Option<ProgramFile>, WorldError>;

    /// `path` with the symlinks of its longest existing part followed and the rest appended.
    ///
    /// # Errors
    /// A loop of links, or a part that may not be searched.
    fn resolve(&self, path: &AbsPath) -> Result<AbsPath, WorldError>;

    /// Facts of a directory.
    ///
    /// # Errors
    /// There is none at `path`, or it could not be looked at.
    fn directory(&self, path: &AbsPath) -> Result<DirectoryFacts, WorldError>;

    /// The names in a directory, in any order; none when it does not exist.
    ///
    /// # Errors
    /// It could not be read.
    fn list(&self, path: &AbsPath) -> Result<Vec<String>, WorldError>;
}

/// The machine of a policy's own tests: each program is `/usr/bin/NAME`, each path leads to itself, nothing is listed.
#[derive(Debug, Clone, Copy)]
pub(super) struct TestWorld;

impl World for TestWorld {
    fn find_program(&self, name: &str, _dirs: &[AbsPath]) -> Result<Option<ProgramFile>, WorldError> {
        let path = AbsPath::new(format!("/usr/bin/{name}"));
        self.program_file(&path.map_err(|error| WorldError { path: name.to_owned(), reason: error.to_string() })?)
    }

    fn program_file(&self, path: &AbsPath) -> Result<Option<ProgramFile>, WorldError> {
        Ok(Some(ProgramFile { path: path.clone(), device: 0, inode: number(path) }))
    }

    fn resolve(&self, path: &AbsPath) -> Result<AbsPath, WorldError> {
        Ok(path.clone())
    }

    fn directory(&self, path: &AbsPath) -> Result<DirectoryFacts, WorldError> {
        Ok(DirectoryFacts { path: path.clone(), device: 0, inode: number(path) })
    }

    fn list(&self, _path: &AbsPath) -> Result<Vec<String>, WorldError> {
        Ok(Vec::new())
    }
}

/// A number that differs where paths differ.
fn number(path: &AbsPath) -> u64 {
    path.as_os_str()
        .as_encoded_bytes()
        .iter()
        .fold(0, |sum: u64, byte| sum.wrapping_mul(257).wrapping_add(u64::from(*byte)))
}
