//! `serve --metrics-file`: the numbers of the process in a file, as node_exporter and its like read them.
//!
//! In: a path. Out: a whole file there, every time: readers never see half of one.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::metrics;

/// Between two writes.
const EVERY: Duration = Duration::from_secs(15);

/// Writes once, and then again and again for as long as the runtime lives.
pub(super) fn keep_writing(path: PathBuf) -> io::Result<()> {
    write(&path)?;
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(EVERY).await;
            let at = path.clone();
            let written = tokio::task::spawn_blocking(move || write(&at)).await;
            if let Ok(Err(error)) = written {
                tracing::warn!(%error, file = %path.display(), "the metrics file cannot be written");
            }
        }
    });
    Ok(())
}

/// Puts a new file in the place of the old one.
pub(super) fn write(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let file = tempfile::NamedTempFile::new_in(folder)?;
    fs::write(file.path(), metrics::global().text())?;
    // Readers are other accounts; nothing in it is secret.
    fs::set_permissions(file.path(), std::os::unix::fs::PermissionsExt::from_mode(0o644))?;
    file.persist(path).map(drop).map_err(|error| error.error)
}
