//! Absolute paths in normal form.
//!
//! In: text or a path. Out: an [`AbsPath`] without `.`, `..`, doubled slashes or NUL. Nothing here touches the disk:
//! where a symlink leads is asked of a `World`.
#![forbid(unsafe_code)]

use std::cmp::Ordering;
use std::ffi::OsStr;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::path::{Component, Path, PathBuf};

/// An absolute path in lexical normal form.
///
/// In normal form, two paths are the same when their bytes are, which is quicker than to compare components.
#[derive(Debug, Clone)]
pub struct AbsPath(PathBuf);

impl PartialEq for AbsPath {
    fn eq(&self, other: &Self) -> bool {
        self.bytes() == other.bytes()
    }
}

impl Eq for AbsPath {}

impl PartialOrd for AbsPath {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for AbsPath {
    fn cmp(&self, other: &Self) -> Ordering {
        self.bytes().cmp(other.bytes())
    }
}

impl Hash for AbsPath {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.bytes().hash(state);
    }
}

/// Why a path is not an [`AbsPath`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// It does not start at `/`.
    #[error("`{0}` is not an absolute path; start it with `/`")]
    Relative(String),
    /// It holds a NUL byte, which the kernel would cut it at.
    #[error("the path holds a NUL byte; remove it")]
    Nul,
}

impl AbsPath {
    /// Takes an absolute path and removes `.`, `..` and doubled slashes by text alone.
    ///
    /// # Errors
    /// [`PathError::Relative`] and [`PathError::Nul`].
    pub fn new(path: impl AsRef<Path>) -> Result<Self, PathError> {
        let path = path.as_ref();
        if path.as_os_str().as_encoded_bytes().contains(&0) {
            return Err(PathError::Nul);
        }
        if !path.is_absolute() {
            return Err(PathError::Relative(path.display().to_string()));
        }
        if is_normal(path.as_os_str().as_encoded_bytes()) {
            return Ok(Self(path.to_path_buf()));
        }
        let mut normal = PathBuf::from("/");
        for part in path.components() {
            match part {
                Component::Normal(name) => normal.push(name),
                Component::ParentDir => {
                    normal.pop();
                }
                Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
            }
        }
        Ok(Self(normal))
    }

    /// `path` as seen from `self`: an absolute one stands alone, a relative one is appended.
    ///
    /// # Errors
    /// [`PathError::Nul`].
    pub fn join(&self, path: impl AsRef<Path>) -> Result<Self, PathError> {
        Self::new(self.0.join(path))
    }

    /// The path itself.
    pub fn as_path(&self) -> &Path {
        &self.0
    }

    /// The path as the kernel takes it.
    pub fn as_os_str(&self) -> &OsStr {
        self.0.as_os_str()
    }

    /// True when `self` is `root` or lies below it; whole components are compared.
    pub fn is_within(&self, root: &AbsPath) -> bool {
        match self.bytes().strip_prefix(root.bytes()) {
            None => false,
            Some(rest) => rest.is_empty() || rest.starts_with(b"/") || root.bytes() == b"/",
        }
    }

    fn bytes(&self) -> &[u8] {
        self.as_os_str().as_encoded_bytes()
    }

    /// The directory that holds it; none for `/`.
    pub fn parent(&self) -> Option<Self> {
        self.0.parent().map(|parent| Self(parent.to_path_buf()))
    }

    /// Its last component; none for `/`.
    pub fn file_name(&self) -> Option<&OsStr> {
        self.0.file_name()
    }
}

/// Has an absolute path neither `.`, `..`, a doubled slash nor one at its end?
fn is_normal(path: &[u8]) -> bool {
    let mut parts = path.split(|byte| *byte == b'/').skip(1);
    path == b"/" || parts.all(|part| !matches!(part, b"" | b"." | b".."))
}

impl fmt::Display for AbsPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.display().fmt(f)
    }
}

impl AsRef<Path> for AbsPath {
    fn as_ref(&self) -> &Path {
        &self.0
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed assumption is a failed test")]
mod tests {
    use super::*;

    #[test]
    fn new_brings_a_path_into_normal_form_or_refuses_it() {
        let cases = [
            ("dots go", "/a/./b/../c", Ok("/a/c")),
            ("the root has no parent", "/../../etc", Ok("/etc")),
            ("slashes fold", "//a///b/", Ok("/a/b")),
            ("relative", "a/b", Err(PathError::Relative("a/b".into()))),
            ("NUL", "/a\0b", Err(PathError::Nul)),
        ];
        for (why, input, want) in cases {
            let got = AbsPath::new(input).map(|path| path.to_string());
            assert_eq!(got, want.map(str::to_owned), "{why}: {input:?}");
        }
    }

    #[test]
    fn is_within_compares_components_not_characters() {
        let root = AbsPath::new("/srv/work").unwrap();
        assert!(AbsPath::new("/srv/work/a").unwrap().is_within(&root));
        assert!(!AbsPath::new("/srv/work-evil").unwrap().is_within(&root));
    }
}
