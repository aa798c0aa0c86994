//! Protected names that nothing holds here: what they were before a job, and what a job changed in them.
//!
//! In: paths. Out: those below them that are new, gone or different. Nothing is put back: whoever reads the record
//! decides. The kernel keeps the time of a change itself (ctime), which no job can set.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use crate::paths::AbsPath;

/// Most entries that are looked at; such names are a few files of configuration.
const MOST: usize = 4096;
/// Most changes that are named.
const NAMED: usize = 20;

/// What tells whether an entry is still the same.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mark {
    inode: (u64, u64),
    mode: u32,
    size: u64,
    changed: (i64, i64),
}

/// A picture of some paths.
#[derive(Debug)]
pub(super) struct Watched {
    paths: Vec<AbsPath>,
    seen: BTreeMap<PathBuf, Mark>,
}

/// Every entry at and below these paths, symlinks not followed.
fn look(paths: &[AbsPath]) -> BTreeMap<PathBuf, Mark> {
    let mut seen = BTreeMap::new();
    let mut pending: Vec<PathBuf> = paths.iter().map(|path| path.as_path().to_path_buf()).collect();
    while let Some(path) = pending.pop() {
        let Ok(found) = fs::symlink_metadata(&path) else { continue };
        if seen.len() >= MOST {
            break;
        }
        if found.is_dir() {
            let entries = fs::read_dir(&path).into_iter().flatten().flatten();
            pending.extend(entries.map(|entry| entry.path()));
        }
        // What is in a directory is looked at itself; its own times change with each name in it.
        let changed = if found.is_dir() { (0, 0) } else { (found.ctime(), found.ctime_nsec()) };
        let size = if found.is_dir() { 0 } else { found.size() };
        seen.insert(path, Mark { inode: (found.dev(), found.ino()), mode: found.mode(), size, changed });
    }
    seen
}

impl Watched {
    /// Looks at these paths now.
    pub(super) fn new(paths: Vec<AbsPath>) -> Self {
        Self { seen: look(&paths), paths }
    }

    /// Looks again, and names what differs.
    pub(super) fn changes(&self) -> Vec<String> {
        let now = look(&self.paths);
        let differs = |path: &&PathBuf| self.seen.get(*path) != now.get(*path);
        let mut all: Vec<&PathBuf> = self.seen.keys().chain(now.keys()).filter(differs).collect();
        all.sort_unstable();
        all.dedup();
        let more = all.len().saturating_sub(NAMED);
        let mut named: Vec<String> = all.iter().take(NAMED).map(|path| path.display().to_string()).collect();
        if more > 0 {
            named.push(format!("{more} more"));
        }
        named
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed assumption is a failed test")]
mod tests {
    use super::*;

    #[test]
    fn each_way_to_change_a_name_is_seen_and_looking_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let path = |name: &str| AbsPath::new(at(name)).unwrap();
        type Way<'a> = (&'a str, &'a dyn Fn(), &'a [&'a str]);
        let ways: [Way<'_>; 6] = [
            ("looking", &|| drop(fs::read(at("hooks/old")).unwrap()), &[]),
            ("writing", &|| fs::write(at("hooks/old"), "two").unwrap(), &["hooks/old"]),
            ("a new name", &|| fs::write(at("hooks/new"), "").unwrap(), &["hooks/new"]),
            ("one that was not there", &|| fs::write(at("envrc"), "").unwrap(), &["envrc"]),
            ("removing", &|| fs::remove_file(at("hooks/old")).unwrap(), &["hooks/old"]),
            (
                "another directory in its place",
                &|| {
                    fs::rename(at("hooks"), at("h2")).unwrap();
                    fs::create_dir(at("hooks")).unwrap();
                },
                &["hooks", "hooks/old"],
            ),
        ];
        for (why, change, want) in ways {
            for name in ["hooks", "h2"] {
                let _ = fs::remove_dir_all(at(name));
            }
            let _ = fs::remove_file(at("envrc"));
            fs::create_dir(at("hooks")).unwrap();
            fs::write(at("hooks/old"), "one").unwrap();
            let watched = Watched::new(vec![path("hooks"), path("envrc")]);
            change();
            let want: Vec<String> = want.iter().map(|name| at(name).display().to_string()).collect();
            assert_eq!(watched.changes(), want, "{why}");
        }
    }
}
