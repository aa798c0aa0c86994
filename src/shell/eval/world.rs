//! What is known of the shell's state at a point of the line.
//!
//! In: assignments and `cd` as they happen. Out: the values of variables and the directory. A line can reach a point in
//! several states; each is a [`World`], and everything there is judged in each of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::command::Cwd;

/// Most states that are told apart; more are joined into one that knows less.
const MAX_WORLDS: usize = 8;

/// What is known of a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    /// Exactly this text.
    Known(String),
    /// A file name that matches this pattern, or the pattern itself; escaped like [`super::super::Glob`].
    Pattern(String),
    /// A whole number.
    Number,
    /// Anything; the text says why.
    Unknown(&'static str),
}

/// One state that the shell may be in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct World {
    base: Arc<BTreeMap<String, String>>,
    /// False where even the environment's values cannot be relied on.
    trusts_base: bool,
    changed: BTreeMap<String, Value>,
    pub(crate) cwd: Cwd,
}

/// The states that a point may be reached in.
pub(crate) type Worlds = Vec<World>;

/// Names that the shell sets by itself, or reads in a way that a constant would not show.
const DYNAMIC: &[&str] = &[
    "_",
    "BASHPID",
    "BASH_COMMAND",
    "BASH_SUBSHELL",
    "COLUMNS",
    "COMP_WORDBREAKS",
    "DIRSTACK",
    "EPOCHREALTIME",
    "EPOCHSECONDS",
    "EUID",
    "FUNCNAME",
    "GROUPS",
    "HISTCMD",
    "LINENO",
    "LINES",
    "MACHTYPE",
    "OLDPWD",
    "OPTARG",
    "OPTERR",
    "OPTIND",
    "OSTYPE",
    "HOSTTYPE",
    "HOSTNAME",
    "PIPESTATUS",
    "PPID",
    "PWD",
    "RANDOM",
    "REPLY",
    "SECONDS",
    "SHELL",
    "SHELLOPTS",
    "BASHOPTS",
    "SHLVL",
    "SRANDOM",
    "UID",
    "IFS",
    "PATH",
    "TERM",
    "BASH",
    "BASH_VERSION",
];

/// Variables that change how the shell reads a line, finds a program, or runs text: no line may set them.
const UNSETTABLE: &[&str] = &[
    "IFS",
    "CDPATH",
    "ENV",
    "SHELLOPTS",
    "BASHOPTS",
    "GLOBIGNORE",
    "EXECIGNORE",
    "GLOBSORT",
    "PS0",
    "PS4",
    "PROMPT_COMMAND",
    "POSIXLY_CORRECT",
    "TMOUT",
    "FUNCNEST",
    "COMP_WORDBREAKS",
    "PATH",
    "PWD",
    "OLDPWD",
    "UID",
    "EUID",
    "PPID",
    "_",
    "OPTIND",
    "OPTARG",
    "OPTERR",
    "RANDOM",
    "SRANDOM",
    "SECONDS",
    "LINENO",
    "GROUPS",
    "DIRSTACK",
    "FUNCNAME",
    "HISTCMD",
    "EPOCHSECONDS",
    "EPOCHREALTIME",
    "PIPESTATUS",
    "SHLVL",
    "MAPFILE",
    "COPROC",
    "HISTFILE",
    "auto_resume",
    "histchars",
    "LD_PRELOAD",
    "LD_LIBRARY_PATH",
    "LD_AUDIT",
];

/// May a line set this variable in the shell? The policy is asked in addition.
pub(crate) fn is_settable(name: &str) -> bool {
    !UNSETTABLE.contains(&name) && !name.starts_with("BASH")
}

impl World {
    /// The state at the start of a line.
    pub(crate) fn new(base: Arc<BTreeMap<String, String>>) -> Self {
        Self { base, trusts_base: true, changed: BTreeMap::new(), cwd: Cwd::Moved(Vec::new()) }
    }

    /// A state of which nothing is known.
    pub(crate) fn unknown(&self) -> Self {
        let cwd = Cwd::Unknown("the line may reach this command in more ways than analysis follows".to_owned());
        Self { base: Arc::clone(&self.base), trusts_base: false, changed: BTreeMap::new(), cwd }
    }

    /// The value of a variable.
    pub(crate) fn value(&self, name: &str) -> Value {
        let at_start = self.cwd == Cwd::Moved(Vec::new());
        if let Some(start) = self.base.get("PWD").filter(|_| name == "PWD" && at_start) {
            return Value::Known(start.clone());
        }
        if DYNAMIC.contains(&name) {
            return Value::Unknown("a variable that the shell sets by itself");
        }
        if let Some(value) = self.changed.get(name) {
            return value.clone();
        }
        match self.base.get(name) {
            Some(value) if self.trusts_base => Value::Known(value.clone()),
            _ => Value::Unknown("a variable that neither the policy nor this line fixes"),
        }
    }

    /// Sets a variable.
    pub(crate) fn set(&mut self, name: &str, value: Value) {
        self.changed.insert(name.to_owned(), value);
    }

    /// What a nested shell starts with: the environment, without what this shell changed.
    pub(crate) fn nested(&self) -> Self {
        let unknown = |name: &String| (name.clone(), Value::Unknown("a variable of the outer shell"));
        Self { changed: self.changed.keys().map(unknown).collect(), ..self.clone() }
    }

    /// What a nested shell starts with when its environment was changed in a way that is not followed.
    pub(crate) fn bare(&self) -> Self {
        Self { trusts_base: false, changed: BTreeMap::new(), ..self.clone() }
    }

    /// Moves to a directory.
    pub(crate) fn enter(&mut self, target: String) {
        match &mut self.cwd {
            Cwd::Moved(steps) if target.starts_with('/') => *steps = vec![target],
            Cwd::Moved(steps) => steps.push(target),
            Cwd::Unknown(_) if target.starts_with('/') => self.cwd = Cwd::Moved(vec![target]),
            Cwd::Unknown(_) => {}
        }
    }

    /// Knows what both know.
    fn join(&mut self, other: &Self) {
        self.trusts_base &= other.trusts_base;
        let names: Vec<String> = self.changed.keys().chain(other.changed.keys()).cloned().collect();
        for name in names {
            let (mine, theirs) = (self.value(&name), other.value(&name));
            let joined = match (mine, theirs) {
                (mine, theirs) if mine == theirs => mine,
                (mine, theirs) if is_number(&mine) && is_number(&theirs) => Value::Number,
                _ => Value::Unknown("a variable that may hold one of several values"),
            };
            self.changed.insert(name, joined);
        }
        if self.cwd != other.cwd {
            self.cwd = Cwd::Unknown("earlier commands may have changed the directory in different ways".to_owned());
        }
    }
}

/// Is the value a whole number, whatever it is?
pub(crate) fn is_number(value: &Value) -> bool {
    match value {
        Value::Number => true,
        Value::Known(text) => is_decimal(text),
        Value::Pattern(_) | Value::Unknown(_) => false,
    }
}

/// A plain decimal number; no leading zero, which arithmetic would read as octal.
pub(crate) fn is_decimal(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = !digits.is_empty() && digits.len() < 18 && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain && (digits == "0" || !digits.starts_with('0'))
}

/// Adds states that are not there yet; too many are joined.
pub(crate) fn add(worlds: &mut Worlds, more: Worlds) {
    for world in more {
        if !worlds.contains(&world) {
            worlds.push(world);
        }
    }
    if worlds.len() > MAX_WORLDS {
        join(worlds);
    }
}

/// Joins all states into one.
pub(crate) fn join(worlds: &mut Worlds) {
    let mut rest = std::mem::take(worlds).into_iter();
    if let Some(mut first) = rest.next() {
        for world in rest {
            first.join(&world);
        }
        worlds.push(first);
    }
}
