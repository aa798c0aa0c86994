//! Granting a readable tree without some names in it, where nothing can be mounted over them.
//!
//! In: granted roots, and hidden names that no job can make or move. Out: roots that grant everything beside these
//! names. Landlock has no refusal below a grant, so each directory on the way to a hidden name gives way to its entries:
//! it cannot be listed itself, and what is put there later is not granted before the next job.

use std::fs;
use std::path::Path;

use crate::paths::AbsPath;

/// Most entries that may stand for one root; each is a rule of the ruleset.
const MOST: usize = 4096;

/// The roots without the hidden names; none when that takes too many, or a directory cannot be read.
pub(super) fn without(roots: &[AbsPath], hidden: &[AbsPath]) -> Option<Vec<AbsPath>> {
    let mut kept = Vec::new();
    let mut pending = roots.to_vec();
    while let Some(root) = pending.pop() {
        if hidden.iter().any(|name| root.is_within(name)) {
            continue;
        }
        if hidden.iter().any(|name| name.is_within(&root)) {
            pending.extend(entries(root.as_path())?);
        } else {
            kept.push(root);
        }
        if kept.len() + pending.len() > MOST {
            return None;
        }
    }
    kept.sort();
    Some(kept)
}

/// What a directory holds, but for symlinks: a grant of one would be a grant of where it leads.
fn entries(dir: &Path) -> Option<Vec<AbsPath>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).ok()? {
        let entry = entry.ok()?;
        if !entry.file_type().ok()?.is_symlink() {
            found.push(AbsPath::new(entry.path()).ok()?);
        }
    }
    Some(found)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed assumption is a failed test")]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn everything_beside_a_hidden_name_stays_granted() {
        let dir = tempfile::tempdir().unwrap();
        let base = fs::canonicalize(dir.path()).unwrap();
        fs::create_dir_all(base.join("a/b")).unwrap();
        for file in ["a/key", "a/one", "a/b/two", "three"] {
            fs::write(base.join(file), "").unwrap();
        }
        symlink("/etc", base.join("a/link")).unwrap();
        let path = |below: &str| AbsPath::new(base.join(below)).unwrap();
        let kept = |roots: &[&str], hidden: &[&str]| {
            let list = |names: &[&str]| names.iter().map(|name| path(name)).collect::<Vec<_>>();
            let kept = without(&list(roots), &list(hidden)).unwrap();
            let short = |path: &AbsPath| path.as_path().strip_prefix(&base).unwrap().display().to_string();
            kept.iter().map(short).collect::<Vec<_>>()
        };
        assert_eq!(kept(&["a"], &["a/key"]), ["a/b", "a/one"], "and not where the link leads");
        assert_eq!(kept(&[""], &["a/key"]), ["a/b", "a/one", "three"]);
        assert_eq!(kept(&["a", "three"], &["elsewhere"]), ["a", "three"]);
        assert_eq!(kept(&["a/b", "a"], &["a"]), [""; 0], "a root below a hidden name goes");
        assert_eq!(without(&[path("three")], &[path("three/x")]), None, "no directory to take apart");
    }
}
