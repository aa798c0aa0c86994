//! Names below the roots that a policy protects or hides.
//!
//! In: texts such as `.git/hooks` and `**/.env`, relative to the workspace. Out: the names that are there, and patterns
//! for those that come later. The sandbox holds what was found when the policy was loaded; a file that is made later and
//! matches a pattern is refused where a command line names it, and not hidden from programs.

use std::ffi::OsString;
use std::io;

use super::glob::Pattern;
use super::variables::{Disk, Variables, is_pattern, unescape};
use crate::paths::AbsPath;

/// Most names that a pattern may look at.
const MAX_LOOKED_AT: usize = 500_000;
/// Deepest directory that a pattern looks into; a deeper one is taken as found itself.
const MAX_DEPTH: usize = 100;
/// Most names that one list may hold: each is a mount of every job.
const MAX_FOUND: usize = 512;

/// Names that a policy protects or hides.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    found: Vec<AbsPath>,
    /// Those of them that were not there when the policy was loaded.
    absent: Vec<AbsPath>,
    patterns: Vec<Pattern>,
}

/// What one text added.
#[derive(Debug, Default)]
pub(super) struct Added {
    /// The places as written of names that lead elsewhere through a symlink: whoever may write there can replace it.
    pub(super) linked: Vec<AbsPath>,
}

impl Names {
    /// Names that were there when the policy was loaded, and literal ones that were not; symlinks followed.
    pub fn found(&self) -> &[AbsPath] {
        &self.found
    }

    /// Was this name not there when the policy was loaded?
    pub fn is_absent(&self, name: &AbsPath) -> bool {
        self.absent.contains(name)
    }

    /// Takes up a path as it is.
    pub(super) fn add_path(&mut self, path: &AbsPath, disk: &dyn Disk) {
        self.put(path.clone(), disk, &mut Added::default());
    }

    /// Is this resolved path one of them, or below one?
    pub fn hold(&self, path: &AbsPath) -> bool {
        let matches = |part: &std::path::Path| self.patterns.iter().any(|pattern| pattern.is_match(part));
        self.found.iter().any(|name| path.is_within(name))
            || (!self.patterns.is_empty() && path.as_path().ancestors().any(matches))
    }

    /// Takes up what `text` names.
    ///
    /// # Errors
    /// The text is no path or pattern, or its pattern looks at or finds too much.
    pub(super) fn add(&mut self, text: &str, variables: &Variables, disk: &dyn Disk) -> Result<Added, String> {
        // Without a home there is nothing below it to name.
        if variables.home.is_none() && text.starts_with("{home}") {
            return Ok(Added::default());
        }
        let pattern = match variables.pattern(text)? {
            absolute if absolute.starts_with('/') => absolute,
            relative if relative.split('/').any(|part| part == "..") => {
                return Err(format!("`{text}` leads out of the workspace; write an absolute path"));
            }
            relative => format!("{}/{relative}", globset::escape(&variables.workspace.to_string())),
        };
        let mut added = Added::default();
        if is_pattern(&pattern) {
            let matcher = Pattern::new(&pattern)?;
            for path in search(&pattern, &matcher, disk).map_err(|why| format!("`{text}`: {why}"))? {
                self.put(path, disk, &mut added);
            }
            self.patterns.push(matcher);
        } else {
            let path = AbsPath::new(unescape(&pattern)).map_err(|error| error.to_string())?;
            self.put(path, disk, &mut added);
        }
        if self.found.len() > MAX_FOUND {
            return Err(format!("`{text}`: more than {MAX_FOUND} names; name a directory above them"));
        }
        Ok(added)
    }

    fn put(&mut self, path: AbsPath, disk: &dyn Disk, added: &mut Added) {
        let real = real(&path, disk);
        if real != path {
            added.linked.push(path);
        }
        if !self.found.contains(&real) {
            if disk.canonical(&real).is_none() {
                self.absent.push(real.clone());
            }
            self.found.push(real);
        }
    }
}

/// The path with the symlinks of its longest existing part followed.
fn real(path: &AbsPath, disk: &dyn Disk) -> AbsPath {
    if let Some(real) = disk.canonical(path) {
        return real;
    }
    let above = path.parent().map(|parent| real(&parent, disk));
    let joined = above.zip(path.file_name()).and_then(|(above, name)| above.join(name).ok());
    joined.unwrap_or_else(|| path.clone())
}

/// A directory that is still to be looked into.
struct Pending {
    dir: AbsPath,
    depth: usize,
}

/// Every name that matches, without following symlinks; what lies below a match is covered by it.
fn search(pattern: &str, matcher: &Pattern, disk: &dyn Disk) -> Result<Vec<AbsPath>, String> {
    let parts: Vec<&str> = pattern.split('/').filter(|part| !part.is_empty()).collect();
    let fixed = parts.iter().take_while(|part| !is_pattern(part)).map(|part| unescape(part));
    let start = AbsPath::new(format!("/{}", fixed.collect::<Vec<_>>().join("/"))).map_err(|error| error.to_string())?;
    let deepest = if pattern.contains("**") { MAX_DEPTH } else { parts.len() };
    let depth = start.as_path().components().count();
    let mut pending = vec![Pending { dir: start, depth }];
    let mut found = Vec::new();
    let mut looked_at = 0;
    while let Some(Pending { dir, depth }) = pending.pop() {
        for Entry { name, is_dir } in entries(&dir, disk)? {
            looked_at += 1;
            if looked_at > MAX_LOOKED_AT {
                return Err(format!("there are more than {MAX_LOOKED_AT} names to look at; start it in a folder"));
            }
            let path = dir.join(name).map_err(|error| error.to_string())?;
            if matcher.is_match(&path) {
                found.push(path);
            } else if is_dir && depth >= deepest && deepest == MAX_DEPTH {
                // Nobody works that deep; whoever made it may have put a name there that must not be seen.
                found.push(path);
            } else if is_dir && depth < deepest {
                pending.push(Pending { dir: path, depth: depth + 1 });
            }
        }
        if found.len() > MAX_FOUND {
            return Err(format!("it finds more than {MAX_FOUND} names; name a directory above them"));
        }
    }
    Ok(found)
}

/// A name in a directory.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: OsString,
    /// It is a directory itself, no symlink to one.
    pub(super) is_dir: bool,
}

/// What is absent, and what this account may not list, has no names that a job could read.
fn entries(dir: &AbsPath, disk: &dyn Disk) -> Result<Vec<Entry>, String> {
    use io::ErrorKind::{NotADirectory, NotFound, PermissionDenied};
    match disk.entries(dir) {
        Ok(entries) => Ok(entries),
        Err(error) if matches!(error.kind(), NotADirectory | NotFound | PermissionDenied) => Ok(Vec::new()),
        Err(error) => Err(format!("cannot look into `{dir}`: {error}")),
    }
}
