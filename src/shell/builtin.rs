//! The builtins of bash: a whitelist with its own options, everything else refused by name.
//!
//! In: a builtin and its words. Out: what it does to the shell, or why it is refused. A builtin that runs text, loads
//! code, or evaluates a name is never accepted, however it is quoted. Whether the policy allows it is decided there.

use super::command::{Unknown, Word};

/// What a builtin does to the state that analysis follows.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// Nothing.
    None,
    /// Changes the directory to what this word says.
    Enter(usize),
    /// Ends the shell.
    Exit,
    /// Leaves this many loops.
    Break(usize),
    /// Goes on with the next turn of this loop.
    Continue(usize),
    /// Sets these variables to something unknown.
    Sets(Vec<String>),
    /// Gives these variables to programs, each with its value when one is written.
    Exports(Vec<(String, Option<Word>)>),
    /// Runs the command that starts at this word instead.
    Runs(usize),
}

/// Why a builtin is refused: code and message.
type Refused = (&'static str, String);

/// Every builtin of bash 5.3 that is not on the whitelist.
const REFUSED: &[&str] = &[
    ".",
    "alias",
    "bg",
    "bind",
    "builtin",
    "caller",
    "compgen",
    "complete",
    "compopt",
    "declare",
    "dirs",
    "disown",
    "enable",
    "eval",
    "fc",
    "fg",
    "getopts",
    "hash",
    "help",
    "history",
    "jobs",
    "kill",
    "let",
    "local",
    "logout",
    "mapfile",
    "popd",
    "pushd",
    "readarray",
    "readonly",
    "return",
    "shopt",
    "source",
    "suspend",
    "times",
    "trap",
    "typeset",
    "ulimit",
    "umask",
    "unalias",
];

/// The whitelist.
const ACCEPTED: &[&str] = &[
    ":", "[", "break", "cd", "command", "continue", "echo", "exec", "exit", "export", "false", "printf", "pwd", "read",
    "set", "shift", "test", "true", "type", "unset", "wait",
];

/// Long names for options of `set`.
const NAMED: &[&str] = &["pipefail", "errexit", "nounset", "verbose", "xtrace"];

/// Is this the name of a builtin, accepted or not?
pub(super) fn is_builtin(name: &str) -> bool {
    ACCEPTED.contains(&name) || REFUSED.contains(&name)
}

/// Judges a builtin; `words` holds its name first.
pub(super) fn check(name: &str, words: &[&Word]) -> Result<Effect, Refused> {
    let arguments = words.get(1..).unwrap_or_default();
    match name {
        "echo" | ":" | "true" | "false" => Ok(Effect::None),
        "pwd" => only_options(name, arguments, &["-L", "-P"]).map(|()| Effect::None),
        "printf" => printf(arguments),
        "test" | "[" => test(name, arguments),
        "cd" => enter(arguments),
        "exit" => number(name, arguments).map(|_| Effect::Exit),
        "shift" => number(name, arguments).map(|_| Effect::None),
        "break" => number(name, arguments).map(|levels| Effect::Break(levels.unwrap_or(1))),
        "continue" => number(name, arguments).map(|levels| Effect::Continue(levels.unwrap_or(1))),
        "set" => set(arguments),
        "read" => read(arguments),
        "unset" => unset(arguments),
        "export" => export(arguments),
        "wait" => wait(arguments),
        "command" => command(arguments),
        "type" => lookup(arguments),
        "exec" => exec(arguments),
        _ => Err(by_name(name)),
    }
}

fn by_name(name: &str) -> Refused {
    let instead = match name {
        "declare" | "typeset" | "readonly" | "local" => "write `NAME=value` before the command",
        "source" | "." => {
            "write the commands out; for a virtual environment call its programs, like `venv/bin/python`, by path"
        }
        "eval" => "write the commands out",
        "kill" => "use the program `/bin/kill`, or stop the job",
        "pushd" | "popd" | "dirs" => "use `cd`",
        "mapfile" | "readarray" => "use `while read -r line; do …; done`",
        _ => "leave it out",
    };
    ("builtin", format!("the builtin `{name}` is refused; {instead}"))
}

fn refuse<T>(name: &str, why: &str) -> Result<T, Refused> {
    Err(("builtin-option", format!("`{name}`: {why}")))
}

fn only_options(name: &str, arguments: &[&Word], options: &[&str]) -> Result<(), Refused> {
    let known = |word: &&Word| word.known().is_some_and(|text| options.contains(&text));
    if arguments.iter().all(known) { Ok(()) } else { refuse(name, "only plain options are accepted here") }
}

/// `-v` stores into a variable whose subscript is evaluated; an unknown first word may be `-v`.
fn printf(arguments: &[&Word]) -> Result<Effect, Refused> {
    match arguments.first() {
        Some(Word::Known(text)) if text == "--" || !text.starts_with('-') => Ok(Effect::None),
        _ => refuse("printf", "the first word must be a plain format; write `printf '%s\\n' \"$value\"`"),
    }
}

/// `-v` and `-R` evaluate a subscript, so no word that may be an operator may be unknown.
fn test(name: &str, arguments: &[&Word]) -> Result<Effect, Refused> {
    let mut operands = arguments;
    if name == "[" {
        match operands.split_last() {
            Some((last, rest)) if last.known() == Some("]") => operands = rest,
            _ => return refuse(name, "the last word must be `]`"),
        }
    }
    let evaluates = |word: &&Word| matches!(word.known(), Some("-v" | "-R"));
    if operands.iter().any(evaluates) {
        return refuse(name, "`-v` and `-R` are refused; compare with `-n \"${name-}\"`");
    }
    let is_one = |word: &Word| match word {
        Word::Known(_) | Word::Pipe(_) => true,
        Word::Unknown(unknown) => !unknown.splits,
        Word::Glob(glob) => !glob.splits,
    };
    if operands.iter().all(|word| word.known().is_some()) {
        return Ok(Effect::None);
    }
    if !operands.iter().all(|word| is_one(word)) {
        return refuse(name, "quote the words that are not known, and use no patterns");
    }
    if terms(operands) {
        Ok(Effect::None)
    } else {
        refuse(name, "this form with unknown words is refused; use `&&`, `||`")
    }
}

/// One test, or several joined by `-a` and `-o`, each with its operator written out.
fn terms(operands: &[&Word]) -> bool {
    const UNARY: &[&str] = &[
        "-b", "-c", "-d", "-e", "-f", "-g", "-h", "-k", "-L", "-n", "-p", "-r", "-s", "-S", "-u", "-w", "-x", "-z",
        "-O", "-G", "-N",
    ];
    const BINARY: &[&str] = &["=", "==", "!=", "<", ">", "-eq", "-ne", "-lt", "-le", "-gt", "-ge", "-ef", "-nt", "-ot"];
    match operands {
        [not, rest @ ..] if not.known() == Some("!") => terms(rest),
        [_] => true,
        [operator, _] => operator.known().is_some_and(|text| UNARY.contains(&text)),
        [_, operator, _] => operator.known().is_some_and(|text| BINARY.contains(&text)),
        _ => false,
    }
}

/// Is it an operator of `test` and `[[ ]]` that looks at the file behind it?
pub(super) fn looks_at_a_file(operator: &str) -> bool {
    let letter = operator.strip_prefix('-').filter(|letter| letter.len() == 1);
    letter.is_some_and(|letter| "abcdefghkprsuwxGLNOS".contains(letter))
}

/// Is it an operator that compares two files?
pub(super) fn compares_files(operator: &str) -> bool {
    matches!(operator, "-ef" | "-nt" | "-ot")
}

/// The files that the operands of `test` name.
pub(super) fn looked_at<'a>(arguments: &[&'a Word]) -> Vec<&'a Word> {
    let operator = |at: usize, is: fn(&str) -> bool| arguments.get(at).and_then(|word| word.known()).is_some_and(is);
    let is_file = |at: &usize| {
        let unary = *at > 0 && operator(at - 1, looks_at_a_file);
        unary || operator(at + 1, compares_files) || *at > 0 && operator(at - 1, compares_files)
    };
    (0..arguments.len()).filter(is_file).filter_map(|at| arguments.get(at).copied()).collect()
}

fn enter(arguments: &[&Word]) -> Result<Effect, Refused> {
    let mut at = 0;
    while let Some(Word::Known(text)) = arguments.get(at) {
        match text.as_str() {
            "--" => {
                at += 1;
                break;
            }
            "-P" | "-L" => at += 1,
            "-" => return refuse("cd", "`cd -` is refused; name the directory"),
            option if option.starts_with('-') => return refuse("cd", "only -P and -L are accepted"),
            _ => break,
        }
    }
    match arguments.get(at..) {
        Some([Word::Known(_)]) => Ok(Effect::Enter(at + 1)),
        Some([Word::Unknown(unknown)]) if !unknown.splits => Ok(Effect::Enter(at + 1)),
        Some([Word::Glob(glob)]) if !glob.splits => Ok(Effect::Enter(at + 1)),
        _ => refuse("cd", "one directory is needed, quoted when it is not plain text"),
    }
}

fn number(name: &str, arguments: &[&Word]) -> Result<Option<usize>, Refused> {
    match arguments {
        [] => Ok(None),
        [Word::Known(text)] => match text.parse::<usize>() {
            Ok(value) if text.bytes().all(|byte| byte.is_ascii_digit()) => Ok(Some(value)),
            _ => refuse(name, "a plain number is needed"),
        },
        [Word::Unknown(_)] if name == "exit" => Ok(None),
        _ => refuse(name, "at most one plain number is accepted"),
    }
}

/// Options that change when the script stops, or that show what it does.
fn set(arguments: &[&Word]) -> Result<Effect, Refused> {
    let mut words = arguments.iter();
    let mut any = false;
    while let Some(word) = words.next() {
        let text = word.known().unwrap_or_default();
        let letters = text.strip_prefix(['-', '+']).unwrap_or_default();
        let takes_name = letters.ends_with('o');
        let plain = letters.strip_suffix('o').unwrap_or(letters);
        if letters.is_empty() || !plain.chars().all(|c| matches!(c, 'e' | 'u' | 'v' | 'x')) {
            return refuse("set", "only -e, -u, -v, -x and -o pipefail are accepted");
        }
        let named = |word: &&&Word| word.known().is_some_and(|text| NAMED.contains(&text));
        if takes_name && words.next().filter(named).is_none() {
            return refuse("set", "only -o pipefail, errexit, nounset, verbose and xtrace are accepted");
        }
        any = true;
    }
    if any { Ok(Effect::None) } else { refuse("set", "an option is needed") }
}

/// Does `set` make the shell show each command? It then expands PS4 as code.
pub(super) fn traces(name: &str, words: &[&Word]) -> bool {
    let shows = |text: &str| text == "xtrace" || (text.starts_with('-') && text.contains('x'));
    name == "set" && words.iter().filter_map(|word| word.known()).any(shows)
}

/// Names must be plain: a subscript would be evaluated.
fn read(arguments: &[&Word]) -> Result<Effect, Refused> {
    let mut words = arguments.iter();
    let mut names = Vec::new();
    while let Some(word) = words.next() {
        let Some(text) = word.known() else { return refuse("read", "options and names must be plain text") };
        let Some(letters) = text.strip_prefix('-').filter(|_| names.is_empty()) else {
            if !is_name(text) {
                return refuse("read", "names must be plain variable names");
            }
            names.push(text.to_owned());
            continue;
        };
        let valued = letters.find(['p', 't', 'n', 'N', 'd', 'u']);
        let (flags, value) = letters.split_at(valued.unwrap_or(letters.len()));
        if letters.is_empty() || !flags.chars().all(|c| matches!(c, 'r' | 's')) {
            return refuse("read", "only -r -s -p -t -n -N -d -u are accepted");
        }
        if value.len() == 1 && words.next().and_then(|word| word.known()).is_none() {
            return refuse("read", "the value of an option must be plain text");
        }
    }
    if names.is_empty() {
        names.push("REPLY".to_owned());
    }
    Ok(Effect::Sets(names))
}

fn unset(arguments: &[&Word]) -> Result<Effect, Refused> {
    let names = match arguments {
        [option, rest @ ..] if option.known() == Some("-v") => rest,
        all => all,
    };
    let plain = |word: &&Word| word.known().filter(|text| is_name(text)).map(str::to_owned);
    match names.iter().map(plain).collect() {
        Some(names) => Ok(Effect::Sets(names)),
        None => refuse("unset", "only plain variable names are accepted"),
    }
}

/// Names must be plain, and each value one word: a subscript would be evaluated.
fn export(arguments: &[&Word]) -> Result<Effect, Refused> {
    let variable = |word: &&Word| match word {
        Word::Known(text) => match text.split_once('=') {
            Some((name, value)) => Some((name.to_owned(), Some(Word::Known(value.to_owned())))),
            None => Some((text.clone(), None)),
        },
        Word::Unknown(unknown) if !unknown.splits => {
            let (name, start) = unknown.literal_prefix.split_once('=')?;
            let value = Unknown { literal_prefix: start.to_owned(), ..unknown.clone() };
            Some((name.to_owned(), Some(Word::Unknown(value))))
        }
        Word::Unknown(_) | Word::Glob(_) | Word::Pipe(_) => None,
    };
    let variables: Option<Vec<_>> =
        arguments.iter().map(|word| variable(word).filter(|(name, _)| is_name(name))).collect();
    match variables {
        Some(variables) if !variables.is_empty() => Ok(Effect::Exports(variables)),
        _ => refuse("export", "only `NAME` and `NAME=value` are accepted; quote the value"),
    }
}

/// `-p` stores into a variable by name.
fn wait(arguments: &[&Word]) -> Result<Effect, Refused> {
    let accepted = |word: &&Word| match word {
        Word::Known(text) => matches!(text.as_str(), "-n" | "-f") || text.bytes().all(|byte| byte.is_ascii_digit()),
        Word::Unknown(unknown) => unknown.reason == "a number",
        Word::Glob(_) | Word::Pipe(_) => false,
    };
    if arguments.iter().all(accepted) {
        Ok(Effect::None)
    } else {
        refuse("wait", "only -n, -f and numbers are accepted")
    }
}

fn command(arguments: &[&Word]) -> Result<Effect, Refused> {
    match arguments.first().and_then(|word| word.known()) {
        Some("-v" | "-V") => {
            let plain = |word: &&Word| word.known().is_some_and(|text| !text.starts_with('-'));
            let rest = arguments.get(1..).unwrap_or_default();
            if rest.iter().all(plain) { Ok(Effect::None) } else { refuse("command", "plain names are needed after -v") }
        }
        Some(text) if text.starts_with('-') => refuse("command", "only -v and -V are accepted"),
        Some(_) => Ok(Effect::Runs(1)),
        None => refuse("command", "a program must be named"),
    }
}

/// Tells what a name is; its options change what is told.
fn lookup(arguments: &[&Word]) -> Result<Effect, Refused> {
    let option = |text: &str| matches!(text, "-a" | "-p" | "-P" | "-t");
    let plain = |word: &&Word| word.known().is_some_and(|text| !text.starts_with('-') || option(text));
    if arguments.iter().all(plain) { Ok(Effect::None) } else { refuse("type", "plain names are needed") }
}

fn exec(arguments: &[&Word]) -> Result<Effect, Refused> {
    match arguments.first().map(|word| word.known()) {
        None => Ok(Effect::None),
        Some(Some(text)) if text.starts_with('-') => refuse("exec", "options are refused; name the program"),
        Some(Some(_)) => Ok(Effect::Runs(1)),
        Some(None) => refuse("exec", "a program must be named"),
    }
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
