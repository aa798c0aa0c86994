//! Where the private temporary directories of jobs are made.
//!
//! In: the server's own temporary directory. Out: a directory per job, readable by nobody else, removed with its job.

use std::io;
use std::os::unix::fs::PermissionsExt;

use tempfile::{Builder, TempDir};

use crate::paths::AbsPath;

/// The folder that holds those of all jobs; it goes with the server.
#[derive(Debug)]
pub(super) struct TmpBase(TempDir);

impl TmpBase {
    pub(super) fn make() -> io::Result<Self> {
        let private = std::fs::Permissions::from_mode(0o700);
        Builder::new().prefix("shellwarden-").permissions(private).tempdir().map(Self)
    }

    /// A fresh directory for one job.
    pub(super) fn for_job(&self) -> io::Result<JobTmp> {
        let dir = Builder::new().prefix("job-").tempdir_in(self.0.path())?;
        let path = AbsPath::new(std::fs::canonicalize(dir.path())?).map_err(io::Error::other)?;
        Ok(JobTmp { dir, path })
    }
}

/// The directory of one job, removed when this is dropped.
#[derive(Debug)]
pub(super) struct JobTmp {
    dir: TempDir,
    path: AbsPath,
}

impl JobTmp {
    /// Its path without symlinks.
    pub(super) fn path(&self) -> &AbsPath {
        &self.path
    }

    /// The directory itself, for whoever removes it.
    pub(super) fn into_dir(self) -> TempDir {
        self.dir
    }
}
