//! One job as plain data.
//!
//! In: a resolved program, its words, its directory, and what it may touch. Out: a [`SandboxSpec`] that the launcher
//! takes. Whether the command is allowed was settled in the policy.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::confinement::Confinement;
use super::limits::{Limits, as_text};
use super::mounts::Tmp;
use super::run_as::RunAs;
use super::wire;
use crate::paths::AbsPath;
use crate::units::ByteSize;

/// A directory as it was when it was checked; the job enters it only if it still is that one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Where.
    #[serde(with = "wire::path")]
    pub path: AbsPath,
    /// Its file system.
    pub device: u64,
    /// Its number there.
    pub inode: u64,
}

/// A program as it was when it was checked; it runs only if the path still leads to that file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgramFile {
    /// Where, symlinks resolved by whoever checked it.
    #[serde(with = "wire::path")]
    pub path: AbsPath,
    /// Its file system.
    pub device: u64,
    /// Its number there.
    pub inode: u64,
}

impl Place {
    /// The directory at `path` as it is now.
    ///
    /// # Errors
    /// What `stat(2)` answers.
    pub fn of(path: AbsPath) -> io::Result<Self> {
        let found = fs::metadata(&path)?;
        Ok(Self { path, device: found.dev(), inode: found.ino() })
    }
}

impl ProgramFile {
    /// The file at `path` as it is now.
    ///
    /// # Errors
    /// What `stat(2)` answers.
    pub fn of(path: AbsPath) -> io::Result<Self> {
        let found = fs::metadata(&path)?;
        Ok(Self { path, device: found.dev(), inode: found.ino() })
    }
}

/// What exists only for this job; the part of a spec that travels each time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Job {
    pub(crate) program: ProgramFile,
    pub(crate) argv: Vec<String>,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) cwd: Place,
    pub(crate) limits: Limits,
    #[serde(with = "wire::maybe_path")]
    pub(crate) tmp: Option<AbsPath>,
    /// Bytes that fit into `tmp`, where it can be a file system of its own.
    #[serde(with = "as_text")]
    pub(crate) tmp_size: Option<ByteSize>,
    pub(crate) run_as: Option<RunAs>,
    /// The execute layer: files that may be executed, and nothing else.
    #[serde(with = "wire::maybe_paths")]
    pub(crate) execute_only: Option<Vec<AbsPath>>,
    /// Its standard input is a terminal, which becomes the controlling one of its session.
    pub(crate) terminal: bool,
}

impl Job {
    /// Its temporary directory, with what bounds it, for a supervisor of this user and group.
    pub(crate) fn own_tmp(&self, uid: u32, gid: u32) -> Option<Tmp<'_>> {
        let owner = self.run_as.as_ref().map_or((uid, gid), |user| (user.uid, user.gid));
        self.tmp.as_ref().map(|path| Tmp { path, size: self.tmp_size, owner })
    }
}

/// One job, complete and checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SandboxSpec {
    job: Job,
    confinement: Arc<Confinement>,
}

/// Collects a [`SandboxSpec`].
#[derive(Debug)]
pub struct SpecBuilder {
    job: Job,
    confinement: Option<Arc<Confinement>>,
}

/// Why a spec was refused.
#[derive(Debug, thiserror::Error)]
pub enum SpecError {
    /// No argv, not even the program's own name.
    #[error("the command has no words; give at least the program's name")]
    NoWords,
    /// A word or variable that exec would cut.
    #[error("{what} `{shown}` holds a NUL byte; remove it")]
    Nul {
        /// Which kind of text.
        what: &'static str,
        /// The text, NUL shown as `\0`.
        shown: String,
    },
    /// A variable name that no program could read.
    #[error("environment variable name `{0}` is empty or holds `=`; rename it")]
    VariableName(String),
    /// No grants were given.
    #[error("the job has no confinement; give one, even an empty one")]
    NoConfinement,
    /// The grants cannot be sent to the helper.
    #[error("the grants cannot be encoded for the helper")]
    Encode(#[source] postcard::Error),
}

impl SandboxSpec {
    /// A job that runs `program` with `argv` (its first word is the name the program sees) in `cwd`.
    pub fn builder(program: ProgramFile, argv: Vec<String>, cwd: Place) -> SpecBuilder {
        let job = Job {
            program,
            argv,
            env: Vec::new(),
            cwd,
            limits: Limits::default(),
            tmp: None,
            tmp_size: None,
            run_as: None,
            execute_only: None,
            terminal: false,
        };
        SpecBuilder { job, confinement: None }
    }

    /// The program.
    pub fn program(&self) -> &ProgramFile {
        &self.job.program
    }

    /// Its words.
    pub fn argv(&self) -> &[String] {
        &self.job.argv
    }

    /// The whole environment.
    pub fn env(&self) -> &[(String, String)] {
        &self.job.env
    }

    /// Where it starts.
    pub fn cwd(&self) -> &Place {
        &self.job.cwd
    }

    /// Its limits.
    pub fn limits(&self) -> &Limits {
        &self.job.limits
    }

    /// Its private temporary directory.
    pub fn tmp(&self) -> Option<&AbsPath> {
        self.job.tmp.as_ref()
    }

    /// How much fits into that directory.
    pub fn tmp_size(&self) -> Option<ByteSize> {
        self.job.tmp_size
    }

    /// Who it runs as, when that is not the server's own user.
    pub fn run_as(&self) -> Option<&RunAs> {
        self.job.run_as.as_ref()
    }

    /// The only files that it may execute, when there is such a list.
    pub fn execute_only(&self) -> Option<&[AbsPath]> {
        self.job.execute_only.as_deref()
    }

    /// What it shares with the other jobs of its profile.
    pub fn confinement(&self) -> &Arc<Confinement> {
        &self.confinement
    }

    /// The part that travels to the helper each time.
    pub(crate) fn job(&self) -> &Job {
        &self.job
    }
}

impl SpecBuilder {
    /// The whole environment; nothing is inherited.
    #[must_use]
    pub fn env(mut self, env: Vec<(String, String)>) -> Self {
        self.job.env = env;
        self
    }

    /// What the job may touch.
    #[must_use]
    pub fn confinement(mut self, confinement: Arc<Confinement>) -> Self {
        self.confinement = Some(confinement);
        self
    }

    /// How much it may use.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.job.limits = limits;
        self
    }

    /// A directory that this job alone may read and write; nothing in it may be executed.
    #[must_use]
    pub fn tmp(mut self, tmp: AbsPath) -> Self {
        self.job.tmp = Some(tmp);
        self
    }

    /// Bounds what fits into the directory of [`tmp`](Self::tmp): where the job may mount, a file system in memory of this
    /// size lies on it and goes with the job; elsewhere nothing holds it, and the job's status says so.
    #[must_use]
    pub fn tmp_size(mut self, size: ByteSize) -> Self {
        self.job.tmp_size = Some(size);
        self
    }

    /// Runs the job as another user, which takes a server with the capabilities of root. The directory of
    /// [`tmp`](Self::tmp) is given to that user; every directory above it must let others through (mode 0711).
    #[must_use]
    pub fn run_as(mut self, user: RunAs) -> Self {
        self.job.run_as = Some(user);
        self
    }

    /// Lets this job execute these files and nothing else, whatever the confinement grants. Loaders and interpreters must
    /// be among them: see [`with_interpreters`](super::with_interpreters).
    #[must_use]
    pub fn execute_only(mut self, mut files: Vec<AbsPath>) -> Self {
        files.sort();
        files.dedup();
        self.job.execute_only = Some(files);
        self
    }

    /// Checks the whole.
    ///
    /// # Errors
    /// What exec would cut or misread, and a missing confinement.
    pub fn build(self) -> Result<SandboxSpec, SpecError> {
        let nul = |what, text: &str| SpecError::Nul { what, shown: text.replace('\0', "\\0") };
        if self.job.argv.is_empty() {
            return Err(SpecError::NoWords);
        }
        for word in &self.job.argv {
            if word.contains('\0') {
                return Err(nul("word", word));
            }
        }
        for (name, value) in &self.job.env {
            if name.is_empty() || name.contains('=') {
                return Err(SpecError::VariableName(name.clone()));
            }
            if name.contains('\0') || value.contains('\0') {
                return Err(nul("environment variable", name));
            }
        }
        let confinement = self.confinement.ok_or(SpecError::NoConfinement)?;
        Ok(SandboxSpec { job: self.job, confinement })
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed assumption is a failed test")]
mod tests {
    use super::*;

    fn builder(argv: &[&str], env: &[(&str, &str)]) -> SpecBuilder {
        let root = AbsPath::new("/").unwrap();
        let place = Place { path: root.clone(), device: 0, inode: 0 };
        let program = ProgramFile { path: root, device: 0, inode: 0 };
        let argv = argv.iter().map(|word| (*word).to_owned()).collect();
        let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        SandboxSpec::builder(program, argv, place).env(env).confinement(Confinement::builder().build().unwrap())
    }

    #[test]
    fn a_spec_that_exec_would_misread_is_refused() {
        let cases = [
            ("no words", builder(&[], &[]), "the command has no words; give at least the program's name"),
            ("a NUL cuts a word", builder(&["a\0b"], &[]), "word `a\\0b` holds a NUL byte; remove it"),
            (
                "= moves the border of name and value",
                builder(&["a"], &[("A=B", "c")]),
                "environment variable name `A=B` is empty or holds `=`; rename it",
            ),
            ("NUL in a value", builder(&["a"], &[("A", "\0")]), "environment variable `A` holds a NUL byte; remove it"),
        ];
        for (why, builder, want) in cases {
            assert_eq!(builder.build().map_err(|error| error.to_string()), Err(want.to_owned()), "{why}");
        }
    }

    #[test]
    fn a_job_survives_the_wire_with_bytes_that_are_no_text() {
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt;
        let mut job = builder(&["a"], &[("B", "c")]).build().unwrap().job().clone();
        job.tmp = Some(AbsPath::new(OsStr::from_bytes(b"/tmp/\xff")).unwrap());
        let bytes = postcard::to_stdvec(&job).unwrap();
        assert_eq!(postcard::from_bytes::<Job>(&bytes).unwrap(), job);
    }
}
