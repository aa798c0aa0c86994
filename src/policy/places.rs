//! Where a word leads, and whether a job may read or write there.
//!
//! In: words, the directory they are seen from, a profile and a [`World`]. Out: the place, or why not. A path is
//! followed as the kernel follows it: each `..` is taken from where the part before it really leads.

use std::path::{Component, Path};

use super::glob::Pattern;
use super::profile::Profile;
use super::world::World;
use crate::paths::AbsPath;
use crate::shell::{Glob, PipeEnd, Word};

/// Device files that every sandbox grants, and that lead nowhere.
const HARMLESS: [&str; 5] = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"];
/// Most directories that one pattern may pass through.
const MAX_DIRECTORIES: usize = 1000;

/// What a place is needed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    Write,
}

/// The places that one command sees.
#[derive(Clone)]
pub(super) struct Places<'a> {
    pub(super) world: &'a dyn World,
    pub(super) profile: &'a Profile,
    /// Where relative paths start, or why that is not known.
    pub(super) cwd: Result<AbsPath, String>,
}

impl Places<'_> {
    /// Follows a path to its end.
    pub(super) fn resolve(&self, text: &str) -> Result<AbsPath, String> {
        let path = Path::new(text);
        let mut at = if path.is_absolute() {
            AbsPath::new("/").map_err(|error| error.to_string())?
        } else {
            self.cwd.clone()?
        };
        let mut pending = at.clone();
        for part in path.components() {
            match part {
                Component::Normal(name) => pending = pending.join(name).map_err(|error| error.to_string())?,
                Component::ParentDir => {
                    at = self.world.resolve(&pending).map_err(|error| error.to_string())?;
                    pending = at.parent().unwrap_or(at);
                }
                Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
            }
        }
        self.world.resolve(&pending).map_err(|error| error.to_string())
    }

    /// May the job use this word as a path?
    pub(super) fn allow(&self, word: &Word, access: Access) -> Result<(), String> {
        match word {
            Word::Known(text) => self.allow_text(text, access),
            Word::Glob(glob) => self.allow_glob(glob, access),
            Word::Pipe(end) => match (end, access) {
                (PipeEnd::Read, Access::Read) | (PipeEnd::Write, Access::Write) => Ok(()),
                (PipeEnd::Read, Access::Write) => Err("what `<(…)` prints is read, not written".to_owned()),
                (PipeEnd::Write, Access::Read) => Err("what `>(…)` reads is written, not read".to_owned()),
            },
            Word::Unknown(unknown) => Err(format!("where it leads is not known: it is {}", unknown.reason)),
        }
    }

    fn allow_text(&self, text: &str, access: Access) -> Result<(), String> {
        if HARMLESS.contains(&text) {
            return Ok(());
        }
        if text.contains('\0') {
            return Err("a path cannot hold NUL".into());
        }
        let path = self.resolve(text)?;
        self.allow_path(text, &path, access)
    }

    fn allow_path(&self, text: &str, path: &AbsPath, access: Access) -> Result<(), String> {
        let (fine, verb) = match access {
            Access::Read => (self.profile.may_read(path), "readable"),
            Access::Write => (self.profile.may_write(path), "writable"),
        };
        match (fine, self.profile.kept(path)) {
            (true, _) => Ok(()),
            (false, Some(kept)) => Err(format!("`{text}` is {kept} by the policy")),
            (false, None) if path.to_string() == text => Err(format!("`{text}` lies under no {verb} root")),
            (false, None) => Err(format!("`{text}` leads to `{path}`, under no {verb} root")),
        }
    }

    /// Is a directory there?
    pub(super) fn is_directory(&self, text: &str) -> bool {
        self.resolve(text).is_ok_and(|path| self.world.directory(&path).is_ok())
    }

    /// What is moved or removed takes along what lies in it, also what the policy keeps.
    pub(super) fn holds_nothing_kept(&self, word: &Word) -> Result<(), String> {
        let found = match word {
            Word::Known(text) => vec![self.resolve(text)?],
            Word::Glob(glob) => self.found(glob)?,
            Word::Unknown(_) | Word::Pipe(_) => Vec::new(),
        };
        self.nothing_kept_below(&found)
    }

    fn nothing_kept_below(&self, dirs: &[AbsPath]) -> Result<(), String> {
        let mut kept = self.profile.protected_names().chain(&self.profile.guarded);
        match kept.find(|kept| dirs.iter().any(|path| kept.is_within(path))) {
            Some(kept) => Err(format!("`{kept}` would go with it, which is protected by the policy")),
            None => Ok(()),
        }
    }

    /// What a pattern finds now.
    fn found(&self, glob: &Glob) -> Result<Vec<AbsPath>, String> {
        let mut found = vec![self.resolve(if glob.pattern.starts_with('/') { "/" } else { "." })?];
        for part in glob.pattern.split('/').filter(|part| !part.is_empty()) {
            found = self.below(&found, part)?;
        }
        Ok(found)
    }

    /// Is the directory that patterns start from out of the reach of every job's writes?
    pub(super) fn cannot_write_here(&self) -> bool {
        self.cwd.as_ref().is_ok_and(|cwd| !self.profile.may_write(cwd))
    }

    /// A pattern is judged by each directory that it can pass through; and no name that it finds may look like an
    /// option.
    fn allow_glob(&self, glob: &Glob, access: Access) -> Result<(), String> {
        let shown = &glob.pattern;
        let fixed = glob.literal_prefix.rsplit_once('/').map_or("", |(dir, _)| dir);
        let start = if fixed.is_empty() && glob.literal_prefix.starts_with('/') { "/" } else { fixed };
        let open = shown.get(fixed.len()..).filter(|_| shown.starts_with(fixed));
        let Some(open) = open else { return Err(format!("`{shown}` has an escaped directory, which is not followed")) };
        let parts: Vec<&str> = open.split('/').filter(|part| !part.is_empty()).collect();
        if parts.contains(&"..") {
            return Err(format!("`{shown}` goes up behind a pattern"));
        }
        let mut dirs = vec![self.resolve(if start.is_empty() { "." } else { start })?];
        for (index, part) in parts.iter().enumerate() {
            for dir in &dirs {
                self.allow_path(shown, dir, access)?;
            }
            let last = index + 1 == parts.len();
            if index == 0 && glob.literal_prefix.is_empty() {
                self.refuse_dashes(part, &dirs)?;
            }
            if !last {
                dirs = self.below(&dirs, part)?;
            } else if access == Access::Write {
                // What is read through a link is held by the sandbox; a tree with one stray link stays usable.
                if part.contains("**") {
                    self.nothing_kept_below(&dirs)?;
                }
                self.allow_found(shown, &dirs, part, access)?;
            }
        }
        Ok(())
    }

    /// What the last component finds now may be a link to somewhere else, or a name that the policy keeps.
    fn allow_found(&self, shown: &str, dirs: &[AbsPath], part: &str, access: Access) -> Result<(), String> {
        for dir in dirs {
            for name in self.matches(dir, part)? {
                let path = dir.join(name).map_err(|error| error.to_string())?;
                let real = self.world.resolve(&path).map_err(|error| error.to_string())?;
                self.allow_path(shown, &real, access)?;
            }
        }
        Ok(())
    }

    /// The directories that a component of a pattern stands for, now.
    fn below(&self, dirs: &[AbsPath], part: &str) -> Result<Vec<AbsPath>, String> {
        let mut found = Vec::new();
        for dir in dirs {
            for name in self.matches(dir, part)? {
                let path = dir.join(name).map_err(|error| error.to_string())?;
                found.push(self.world.resolve(&path).map_err(|error| error.to_string())?);
            }
        }
        if found.len() > MAX_DIRECTORIES {
            return Err(format!("a pattern passes through more than {MAX_DIRECTORIES} directories"));
        }
        Ok(found)
    }

    fn refuse_dashes(&self, part: &str, dirs: &[AbsPath]) -> Result<(), String> {
        for dir in dirs {
            if let Some(name) = self.matches(dir, part)?.into_iter().find(|name| name.starts_with('-')) {
                return Err(format!("the pattern finds `{name}`, which would be read as an option; write `./{part}`"));
            }
        }
        Ok(())
    }

    fn matches(&self, dir: &AbsPath, part: &str) -> Result<Vec<String>, String> {
        // Where our reading of a pattern ends, bash's may go on: then every name counts.
        let matcher = Pattern::new(part).ok().filter(|_| !part.contains(['(', '{', '\\']) && !part.contains("[:"));
        let names = self.world.list(dir).map_err(|error| error.to_string())?;
        Ok(names.into_iter().filter(|name| matcher.as_ref().is_none_or(|matcher| matcher.is_match(name))).collect())
    }
}
