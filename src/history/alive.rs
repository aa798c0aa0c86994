//! Which servers are there?
//!
//! In: a folder that all servers of one workspace share. Out: a name for this one, and whether another lives. Each server
//! holds the lock of a file of its own for as long as it lives, however it ends.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use uuid::Uuid;

/// This server's sign of life.
#[derive(Debug)]
pub(super) struct Alive {
    folder: PathBuf,
    name: Uuid,
    _lock: File,
}

impl Alive {
    /// Gives a sign of life in `folder`, which is made when it is missing.
    pub(super) fn here(folder: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let name = Uuid::new_v4();
        let mut options = OpenOptions::new();
        let lock = options.write(true).create_new(true).mode(0o600).open(folder.join(name.to_string()))?;
        lock.lock()?;
        Ok(Self { folder: folder.to_path_buf(), name, _lock: lock })
    }

    /// Its name.
    pub(super) fn name(&self) -> Uuid {
        self.name
    }

    /// Does the server of this name live? The file of one that does not is removed.
    pub(super) fn lives(&self, server: Uuid) -> io::Result<bool> {
        let path = self.folder.join(server.to_string());
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        match file.try_lock() {
            // Names are never used twice, so nobody can take this one again.
            Ok(()) => fs::remove_file(&path).map(|()| false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        // Others find the lock free in any case.
        let _ = fs::remove_file(self.folder.join(self.name.to_string()));
    }
}
