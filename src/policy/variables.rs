//! Variables of a policy, and the places it names with them.
//!
//! In: text such as `{home}/.cargo/{bin,registry}`. Out: [`Root`]s that exist, or what is wrong. A variable's own value
//! is never read as a pattern. What is done with a root is decided elsewhere.

use std::collections::BTreeMap;
use std::io;

use super::glob::Pattern;
use super::names::Entry;
use super::profile::Root;
use crate::diag::nearest;
use crate::paths::AbsPath;

/// What a policy's `{…}` stand for, and the environment that it may take from.
#[derive(Debug, Clone)]
pub struct Variables {
    /// `{workspace}`
    pub workspace: AbsPath,
    /// `{home}`, when the account has one.
    pub home: Option<AbsPath>,
    /// `{state}`
    pub state: AbsPath,
    /// The server's own environment.
    pub environment: BTreeMap<String, String>,
}

/// What reading a policy asks of the disk.
pub(super) trait Disk {
    /// Names in a directory; none when it cannot be read.
    fn names(&self, dir: &AbsPath) -> Vec<String>;
    /// Everything in a directory, symlinks not followed.
    fn entries(&self, dir: &AbsPath) -> io::Result<Vec<Entry>>;
    /// The path without symlinks; none when nothing is there.
    fn canonical(&self, path: &AbsPath) -> Option<AbsPath>;
    /// The text of a file of ordinary size; none when there is none.
    fn text(&self, path: &AbsPath) -> Option<String>;
}

/// Most places that one pattern may stand for.
const MAX_MATCHES: usize = 4096;
const NAMES: [&str; 4] = ["workspace", "home", "state", "tmp"];

impl Variables {
    /// Replaces variables. What they stand for is escaped, so that it means itself in a pattern.
    pub(super) fn pattern(&self, text: &str) -> Result<String, String> {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            out.push_str(before);
            let Some((name, behind)) = after.split_once('}') else {
                return Err(format!("`{text}` lacks a closing `}}`"));
            };
            rest = behind;
            match self.value(name)? {
                Some(value) => out.push_str(&globset::escape(&value)),
                None => out.push_str(&format!("{{{name}}}")),
            }
        }
        out.push_str(rest);
        Ok(out)
    }

    /// The value of a variable; none when this is no variable but a choice, `{a,b}`.
    fn value(&self, name: &str) -> Result<Option<String>, String> {
        match name {
            "workspace" => Ok(Some(self.workspace.to_string())),
            "state" => Ok(Some(self.state.to_string())),
            "home" => match &self.home {
                Some(home) => Ok(Some(home.to_string())),
                None => Err("`{home}` is not known: the account has no home directory; set HOME".into()),
            },
            "tmp" => Err("`{tmp}` is a place of its own and cannot be part of a path; write `{tmp}` alone".into()),
            name if name.contains(',') => Ok(None),
            name => Err(match nearest(name, NAMES) {
                Some(near) => format!("unknown variable `{{{name}}}`; did you mean `{{{near}}}`?"),
                None => format!("unknown variable `{{{name}}}`; known are `{{{}}}`", NAMES.join("}`, `{")),
            }),
        }
    }

    /// Text with variables replaced, no pattern: a path, or the value of an environment variable.
    pub(super) fn text(&self, text: &str) -> Result<String, String> {
        let mut out = text.to_owned();
        for name in NAMES {
            let mark = format!("{{{name}}}");
            if out.contains(&mark) {
                let value = self.value(name)?.unwrap_or_default();
                out = out.replace(&mark, &value);
            }
        }
        Ok(out)
    }

    /// An absolute path without patterns.
    pub(super) fn path(&self, text: &str) -> Result<AbsPath, String> {
        AbsPath::new(self.text(text)?).map_err(|error| error.to_string())
    }

    /// The places that `text` names: literal ones must exist, patterns may match nothing.
    pub(super) fn roots(&self, text: &str, disk: &dyn Disk) -> Result<Vec<Place>, String> {
        if text == "{tmp}" {
            return Ok(vec![Place { root: Root::Tmp, linked: None }]);
        }
        // Without a home there is nothing below it; everything else in the file still stands.
        if self.home.is_none() && text.starts_with("{home}") && is_pattern(text.trim_start_matches("{home}")) {
            return Ok(Vec::new());
        }
        let pattern = self.pattern(text)?;
        if !pattern.starts_with('/') {
            return Err(format!("`{text}` is a relative path; start it with `/` or with `{{workspace}}`"));
        }
        if !is_pattern(&pattern) {
            let path = AbsPath::new(unescape(&pattern)).map_err(|error| error.to_string())?;
            let advice = "make it, or write a pattern that may match nothing, such as `/lib6[4]`";
            let found = disk.canonical(&path).ok_or_else(|| format!("`{path}` does not exist; {advice}"))?;
            return Ok(vec![Place::new(path, found)]);
        }
        let found = matching(&pattern, disk).map_err(|error| format!("`{text}`: {error}"))?;
        Ok(found.into_iter().filter_map(|path| disk.canonical(&path).map(|real| Place::new(path, real))).collect())
    }

    /// A directory, or a pattern of directories, to compare resolved paths with.
    pub(super) fn directories(&self, text: &str, disk: &dyn Disk) -> Result<Directories, String> {
        let pattern = self.pattern(text)?;
        if !pattern.starts_with('/') {
            return Err(format!("`{text}` is a relative path; start it with `/` or with `{{workspace}}`"));
        }
        if is_pattern(&pattern) {
            return Pattern::new(&pattern).map(Directories::Matching);
        }
        let path = AbsPath::new(unescape(&pattern)).map_err(|error| error.to_string())?;
        let found = disk.canonical(&path);
        found.map(Directories::Below).ok_or_else(|| format!("`{path}` does not exist; make it"))
    }
}

/// A root, and how it was found.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) root: Root,
    /// The path as written, when a symlink leads from there to the root.
    pub(super) linked: Option<AbsPath>,
}

impl Place {
    fn new(written: AbsPath, real: AbsPath) -> Self {
        Self { linked: (written != real).then_some(written), root: Root::Path(real) }
    }
}

/// Directories in which commands may start.
#[derive(Debug, Clone)]
pub(super) enum Directories {
    /// This one and all below it.
    Below(AbsPath),
    /// Those that match, and all below them.
    Matching(Pattern),
}

impl Directories {
    /// Is this resolved path one of them?
    pub(super) fn hold(&self, path: &AbsPath) -> bool {
        match self {
            Self::Below(root) => path.is_within(root),
            Self::Matching(pattern) => path.as_path().ancestors().any(|part| pattern.is_match(part)),
        }
    }
}

/// The places that an absolute pattern stands for, symlinks followed; none when there is nothing.
pub(super) fn expand(pattern: &str, disk: &dyn Disk) -> Result<Vec<AbsPath>, String> {
    Ok(matching(pattern, disk)?.into_iter().filter_map(|path| disk.canonical(&path)).collect())
}

/// The paths that an absolute pattern may stand for, as they are written; the last component may be missing.
fn matching(pattern: &str, disk: &dyn Disk) -> Result<Vec<AbsPath>, String> {
    let mut found = vec![AbsPath::new("/").map_err(|error| error.to_string())?];
    for part in pattern.split('/').filter(|part| !part.is_empty()) {
        found = step(found, part, disk)?;
    }
    Ok(found)
}

/// One more component for each path found so far.
fn step(found: Vec<AbsPath>, part: &str, disk: &dyn Disk) -> Result<Vec<AbsPath>, String> {
    let mut next = Vec::new();
    if !is_pattern(part) {
        let name = unescape(part);
        for dir in found {
            next.push(dir.join(&name).map_err(|error| error.to_string())?);
        }
        return Ok(next);
    }
    let pattern = Pattern::new(part)?;
    let (names, pattern) = pattern.apart();
    // What is not there is left out when the places are followed.
    for (dir, name) in found.iter().flat_map(|dir| names.iter().map(move |name| (dir, name))) {
        next.push(dir.join(name).map_err(|error| error.to_string())?);
    }
    let Some(pattern) = pattern else { return at_most(next) };
    for dir in found {
        for name in disk.names(&dir) {
            let hidden = name.starts_with('.') && !part.starts_with(['.', '{']);
            if !hidden && pattern.is_match(&name) {
                next.push(dir.join(&name).map_err(|error| error.to_string())?);
            }
        }
    }
    at_most(next)
}

fn at_most(found: Vec<AbsPath>) -> Result<Vec<AbsPath>, String> {
    if found.len() > MAX_MATCHES {
        return Err(format!("it matches more than {MAX_MATCHES} places; name a directory above them"));
    }
    Ok(found)
}

/// What `globset::escape` puts into brackets.
const ESCAPED: [&str; 7] = ["*", "?", "]", "{", "}", "!", "["];

/// Does anything stand here for more than itself?
pub(super) fn is_pattern(text: &str) -> bool {
    let mut rest = text;
    while let Some(at) = rest.find(['*', '?', '[', '{']) {
        let tail = rest.get(at..).unwrap_or_default();
        let Some(escaped) = ESCAPED.iter().find(|special| is_escaped(tail, special)) else { return true };
        rest = tail.get(escaped.len() + 2..).unwrap_or_default();
    }
    false
}

/// Does the text start with this character in brackets of its own?
fn is_escaped(text: &str, special: &str) -> bool {
    let behind = text.strip_prefix('[').and_then(|rest| rest.strip_prefix(special));
    behind.is_some_and(|rest| rest.starts_with(']'))
}

/// Takes back what `globset::escape` did.
pub(super) fn unescape(text: &str) -> String {
    if !text.contains('[') {
        return text.to_owned();
    }
    ESCAPED.iter().fold(text.to_owned(), |text, special| text.replace(&format!("[{special}]"), special))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed assumption is a failed test")]
mod tests {
    use super::*;

    struct Map(&'static [&'static str]);

    impl Disk for Map {
        fn names(&self, dir: &AbsPath) -> Vec<String> {
            let below = self.0.iter().filter_map(|path| {
                let rest = AbsPath::new(path).unwrap().as_path().strip_prefix(dir).ok()?.to_owned();
                rest.components().next().map(|part| part.as_os_str().to_string_lossy().into_owned())
            });
            below.collect::<std::collections::BTreeSet<_>>().into_iter().collect()
        }

        fn entries(&self, dir: &AbsPath) -> io::Result<Vec<Entry>> {
            let is_dir = |name: &String| !self.names(&dir.join(name).unwrap()).is_empty();
            Ok(self.names(dir).into_iter().map(|name| Entry { is_dir: is_dir(&name), name: name.into() }).collect())
        }

        fn canonical(&self, path: &AbsPath) -> Option<AbsPath> {
            let there = self.0.iter().any(|known| AbsPath::new(known).unwrap().is_within(path));
            there.then(|| path.clone())
        }

        fn text(&self, _path: &AbsPath) -> Option<String> {
            None
        }
    }

    fn variables(workspace: &str) -> Variables {
        let path = |text: &str| AbsPath::new(text).unwrap();
        let home = Some(path("/home/me"));
        Variables { workspace: path(workspace), home, state: path("/state"), environment: BTreeMap::new() }
    }

    #[test]
    fn roots_follow_variables_choices_and_patterns() {
        let disk = Map(&["/usr/bin", "/home/me/.cargo/bin", "/home/me/.cargo/credentials.toml", "/w[1]/a", "/w1/b"]);
        let cases = [
            ("literal", "/usr", "Ok([Path(/usr)])"),
            ("missing", "/nope", "Err(`/nope` does not exist"),
            ("pattern that matches nothing", "/lib6[4]", "Ok([])"),
            ("choices", "{home}/.cargo/{bin,registry}", "Ok([Path(/home/me/.cargo/bin)])"),
            ("a value is no pattern", "{workspace}", "Ok([Path(/w[1])])"),
            ("below a value", "{workspace}/*", "Ok([Path(/w[1]/a)])"),
            ("relative", "src", "Err(`src` is a relative path"),
            ("slip", "{workspcae}", "Err(unknown variable `{workspcae}`; did you mean `{workspace}`?"),
            ("hidden names need a dot", "{home}/*", "Ok([])"),
            ("own temporary directory", "{tmp}", "Ok([Tmp])"),
        ];
        for (why, text, want) in cases {
            let got = match variables("/w[1]").roots(text, &disk) {
                Ok(places) => format!("Ok({:?})", places.into_iter().map(|place| place.root).collect::<Vec<_>>())
                    .replace("AbsPath(\"", "")
                    .replace("\")", ""),
                Err(error) => format!("Err({error})"),
            };
            assert!(got.starts_with(want), "{why}: {text}: {got}");
        }
    }
}
