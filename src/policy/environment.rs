//! The environment of jobs, made from an empty one.
//!
//! In: the `env` part of a policy and the server's environment. Out: what each job gets, what a caller may add, and the
//! values to mask. Variables that make an interpreter or a tool run other code never pass by a pattern, a request or an
//! assignment: an operator can only set them by name and value, under `env.set`. Those of the loader and of shells
//! reach no job at all.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::injection::{everywhere, injects};
use super::toolchains::Found;
use super::variables::Variables;
use super::wildcard;
use super::yaml::{Entry, Node};
use crate::diag::{Problem, Problems};

/// Variables that the policy fixes; nobody may replace them for one command.
const FIXED: &[&str] = &["PATH", "HOME", "USER", "LOGNAME", "PWD", "OLDPWD", "UID", "EUID"];
/// Searched when the policy neither inherits nor sets one.
const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// Why a caller or a command line may never set this variable.
pub(super) fn never_set(name: &str) -> Option<String> {
    if injects(name) {
        return Some(format!("`{name}` can make a program run other code"));
    }
    FIXED.contains(&name).then(|| format!("`{name}` is fixed by the policy"))
}

/// What jobs get.
#[derive(Debug, Clone)]
pub(super) struct Environment {
    base: Arc<BTreeMap<String, String>>,
    request: Vec<String>,
    secrets: Vec<(String, String)>,
}

fn texts(node: &Node, path: &str) -> Vec<String> {
    node.at(path).map_or(&[][..], Node::items).iter().filter_map(Node::text).map(str::to_owned).collect()
}

impl Environment {
    /// Reads the `env` part.
    pub(super) fn read(node: &Node, variables: &Variables, problems: &mut Problems) -> Self {
        let patterns = |path| texts(node, path);
        let (inherit, scrub, request) = (patterns("env.inherit"), patterns("env.scrub"), patterns("env.request"));
        for path in ["env.inherit", "env.request"] {
            refuse_named(node, path, problems);
        }
        let any = |patterns: &[String], name: &str| wildcard::any(patterns.iter().map(String::as_str), name);
        let mut base = BTreeMap::new();
        let mut secrets = Vec::new();
        for (name, value) in &variables.environment {
            if any(&scrub, name) {
                secrets.push((name.clone(), value.clone()));
            } else if any(&inherit, name) && !injects(name) {
                base.insert(name.clone(), value.clone());
            }
        }
        base.entry("PATH".into()).or_insert_with(|| DEFAULT_PATH.into());
        for entry in node.at("env.set").map_or(&[][..], Node::entries) {
            if let Some(problem) = never_given(entry) {
                problems.push(problem);
                continue;
            }
            match variables.text(entry.node.text().unwrap_or("")) {
                Ok(value) => drop(base.insert(entry.key.clone(), value)),
                Err(why) => problems.push(entry.node.error("wrong-path", why)),
            }
        }
        Self { base: Arc::new(base), request, secrets }
    }

    /// Gives jobs the homes of their toolchains, where the policy says nothing else.
    pub(super) fn tell_of(&mut self, toolchains: &Found) {
        let base = Arc::make_mut(&mut self.base);
        for (name, home) in &toolchains.environment {
            base.entry(name.clone()).or_insert_with(|| home.to_string());
        }
        let path = base.entry("PATH".into()).or_default();
        for dir in &toolchains.path {
            let dir = dir.to_string();
            if !path.split(':').any(|known| known == dir) {
                path.push(':');
                path.push_str(&dir);
            }
        }
    }

    /// The directories of PATH, as text.
    pub(super) fn path(&self) -> impl Iterator<Item = &str> {
        self.base.get("PATH").map_or("", String::as_str).split(':')
    }

    /// Replaces PATH by these directories.
    pub(super) fn set_path(&mut self, path: String) {
        Arc::make_mut(&mut self.base).insert("PATH".into(), path);
    }

    /// The environment with what a caller asks for.
    ///
    /// # Errors
    /// The first variable that a caller may not set, in words.
    pub(super) fn with(&self, asked: &BTreeMap<String, String>) -> Result<Arc<BTreeMap<String, String>>, String> {
        let mut all = Arc::clone(&self.base);
        for (name, value) in asked {
            let known = wildcard::any(self.request.iter().map(String::as_str), name);
            if !is_name(name) {
                return Err(format!("`{}` is no name of a variable", name.escape_debug()));
            }
            if value.contains('\0') {
                return Err(format!("the value of `{name}` holds a NUL byte"));
            }
            if let Some(why) = never_set(name) {
                return Err(why);
            }
            if !known {
                return Err(format!("the policy does not let a caller set `{name}`"));
            }
            Arc::make_mut(&mut all).insert(name.clone(), value.clone());
        }
        Ok(all)
    }

    /// What a caller may ask for.
    pub(super) fn requestable(&self) -> &[String] {
        &self.request
    }

    /// Scrubbed variables with their values.
    pub(super) fn secrets(&self) -> &[(String, String)] {
        &self.secrets
    }
}

/// A name as shells take it. Anything else could only be meant to be read differently by two programs.
fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|first| first == b'_' || first.is_ascii_alphabetic())
        && bytes.all(|byte| byte == b'_' || byte.is_ascii_alphanumeric())
}

/// Why not even an operator gives this variable to jobs.
fn never_given(entry: &Entry) -> Option<Problem> {
    let at = |code, message| Problem::error(code, message).at(&entry.node.source, entry.key_span);
    if !is_name(&entry.key) {
        let message = format!("`{}` is no name of a variable", entry.key.escape_debug());
        return Some(at("wrong-name", message).advise("write letters, digits and `_`"));
    }
    everywhere(&entry.key).then(|| {
        let message = format!("`{}` changes what every program of a job runs, and no job gets it", entry.key);
        at("injection-variable", message).advise("set it in a script that a rule allows by its path")
    })
}

/// A pattern leaves such variables out; naming one is a mistake to tell.
fn refuse_named(node: &Node, path: &str, problems: &mut Problems) {
    for item in node.at(path).map_or(&[][..], Node::items) {
        let name = item.text().unwrap_or("");
        if !name.contains('*') && injects(name) {
            let message = format!("`{name}` can make a program run other code, and never passes by `{path}`");
            problems.push(item.error("injection-variable", message).advise("give it a value under `env.set`"));
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed assumption is a failed test")]
mod tests {
    use super::*;
    use crate::diag::Source;
    use crate::paths::AbsPath;

    fn environment(text: &str, server: &[(&str, &str)]) -> (Environment, Problems) {
        let node = super::super::yaml::parse(&Source::new("test".to_owned(), text)).unwrap();
        let root = AbsPath::new("/w").unwrap();
        let environment = server.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let variables = Variables { workspace: root.clone(), home: None, state: root, environment };
        let mut problems = Problems::default();
        (Environment::read(&node, &variables, &mut problems), problems)
    }

    #[test]
    fn a_pattern_passes_no_variable_that_carries_code() {
        let server = [
            ("LANG", "C"),
            ("LD_PRELOAD", "/x.so"),
            ("BASH_FUNC_ls%%", "() { id; }"),
            ("PYTHONSTARTUP", "/x.py"),
            ("Npm_Config_Script_Shell", "/x"),
            ("GIT_AUTHOR_NAME", "me"),
        ];
        let (environment, problems) = environment("env: {inherit: ['*']}", &server);
        let names: Vec<&str> = environment.base.keys().map(String::as_str).collect();
        assert_eq!(names, ["GIT_AUTHOR_NAME", "LANG", "PATH"], "{problems}");
    }

    #[test]
    fn a_caller_sets_no_variable_that_carries_code_although_a_pattern_names_it() {
        let (environment, problems) = environment("env: {request: ['*']}", &[]);
        assert!(!problems.has_errors());
        let asked = |name: &str| environment.with(&BTreeMap::from([(name.to_owned(), "x".to_owned())]));
        assert!(asked("RUST_LOG").is_ok());
        for name in
            ["LD_PRELOAD", "BASH_ENV", "NODE_OPTIONS", "PATH", "HOME", "", "A B", "A=B", "BASH_FUNC_a%%", "1A", "Ä"]
        {
            assert!(asked(name).is_err(), "{name}");
        }
    }

    #[test]
    fn an_operator_names_tools_and_never_what_every_program_reads() {
        let cases = [
            ("env: {set: {GIT_PAGER: cat, PYTHONPATH: /opt/lib}}", 0),
            ("env: {set: {LD_PRELOAD: /x.so}}", 1),
            ("env: {set: {BASH_ENV: x, ENV: x, SHELLOPTS: x, PS4: x, GCONV_PATH: x, GLIBC_TUNABLES: x}}", 6),
            ("env: {set: {'BASH_FUNC_ls%%': x, 'A B': x}}", 2),
            ("env: {inherit: [NODE_OPTIONS], request: [MAKEFLAGS]}", 2),
        ];
        for (text, want) in cases {
            let (environment, problems) = environment(text, &[]);
            assert_eq!(problems.iter().count(), want, "{text}: {problems}");
            assert!(!environment.base.keys().any(|name| everywhere(name)), "{text}");
        }
    }
}
