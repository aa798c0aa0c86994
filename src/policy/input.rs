//! What a command makes of its standard input: data, or code that it runs.
//!
//! In: the commands of a line. Out: why nobody may write to the input of its job, where that is so. Input that is run as
//! code is judged as the same code given by an option would be: a rule must allow any code of that program. A shell's
//! input is never accepted, because lines for a shell have a door of their own, at which they are judged as a tree.
//!
//! INVARIANT: an invocation that is not understood counts as one that runs its input.

use super::explain::Verdict;
use super::judge::{Court, Ruling};
use crate::shell::{Command, Head, Unknown, Word};

/// How a program can be told not to run its input.
#[derive(Debug, Clone, Copy)]
enum Reads {
    /// A shell.
    Shell,
    /// Code, unless an operand names a script or one of these options brings code; `flags` are options without a value
    /// that change nothing about it.
    Code { flags: &'static [&'static str], given: &'static [&'static str] },
    /// Commands, some of which run programs: always.
    Commands,
}

const SHELLS: &[&str] =
    &["sh", "bash", "rbash", "dash", "ash", "zsh", "ksh", "mksh", "fish", "csh", "tcsh", "pwsh", "nu", "xonsh"];

/// Programs that read commands from their input or their terminal and can be told there to start others or to write files.
const COMMANDS: &[&str] = &[
    "awk", "bpython", "bun", "clisp", "crash", "dc", "debugfs", "deno", "ed", "elixir", "emacs", "erl", "ex", "expect",
    "ftp", "gawk", "gdb", "ghci", "gnuplot", "groovysh", "guile", "iex", "ipython", "irb", "jshell", "julia", "less",
    "lftp", "lldb", "m4", "make", "man", "mawk", "maxima", "more", "most", "mysql", "nano", "nvim", "octave", "pdb",
    "pdb3", "pg", "psql", "ptpython", "R", "racket", "rlwrap", "sbcl", "scala", "screen", "sed", "sftp", "sqlite",
    "sqlite3", "ssh", "swipl", "tclsh", "telnet", "tmux", "vi", "view", "vim", "vimdiff", "w3m", "wish", "at", "batch",
    "crontab", "nsupdate",
];

/// Of these, the ones that run their input only when they are told to: `-f -` and the like, or `/dev/stdin`.
const WHEN_TOLD: &[&str] = &["awk", "gawk", "mawk", "sed", "make"];

/// python(1), node(1), perlrun(1), ruby(1), php(1), lua(1): invocations in which the input is data.
const INTERPRETERS: &[(&[&str], Reads)] = &[
    (
        &["python", "pypy"],
        Reads::Code {
            flags: &["-u", "-B", "-E", "-s", "-S", "-I", "-O", "-OO", "-q", "-v", "-b", "-bb", "-P"],
            given: &["-c"],
        },
    ),
    (
        &["node", "nodejs"],
        Reads::Code {
            flags: &["--no-warnings", "--trace-warnings", "--test"],
            given: &["-e", "-p", "--eval", "--print"],
        },
    ),
    (&["perl"], Reads::Code { flags: &["-w", "-W", "-T", "-t", "-n", "-p", "-l", "-a", "-s"], given: &["-e", "-E"] }),
    (&["ruby", "jruby"], Reads::Code { flags: &["-w", "-W", "-n", "-p", "-l", "-a"], given: &["-e"] }),
    (&["php"], Reads::Code { flags: &["-n", "-q"], given: &["-r"] }),
    (&["lua", "luajit"], Reads::Code { flags: &["-E", "-W"], given: &[] }),
    (&["Rscript", "tsx", "ts-node"], Reads::Code { flags: &[], given: &[] }),
];

/// What this program makes of its input.
fn reads(name: &str) -> Option<Reads> {
    // `python3.12` and `lua5.4` are what they are without their numbers.
    let plain = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.' || c == '-');
    let any = |list: &[&str]| list.iter().any(|one| *one == name || *one == plain);
    if any(SHELLS) {
        return Some(Reads::Shell);
    }
    let interpreter = INTERPRETERS.iter().find(|(names, _)| any(names)).map(|(_, reads)| *reads);
    interpreter.or_else(|| any(COMMANDS).then_some(Reads::Commands))
}

/// Does this command run what it reads?
fn runs_input(name: &str, command: &Command) -> Option<Reads> {
    let reads = reads(name)?;
    let words = command.words.get(1..).unwrap_or_default();
    let data = match reads {
        Reads::Shell => shell_reads_data(words),
        Reads::Code { flags, given } => code_is_elsewhere(words, flags, given),
        Reads::Commands => WHEN_TOLD.contains(&name) && !words.iter().any(names_the_input),
    };
    (!data).then_some(reads)
}

/// `sh -c TEXT` and `sh SCRIPT`; with `-s` or `-i` the input is read as well.
fn shell_reads_data(words: &[Word]) -> bool {
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        match word.known() {
            Some("-o" | "+o") => _ = rest.next(),
            Some("--norc" | "--noprofile" | "-e" | "-u" | "-eu" | "-ue" | "-f" | "-x" | "-p") => {}
            Some(text) if is_cluster(text) && text.contains('c') => return !text.contains(['s', 'i']),
            Some(text) => return !text.starts_with(['-', '+']) && !is_the_input(text),
            None => return false,
        }
    }
    false
}

fn is_cluster(text: &str) -> bool {
    text.len() > 1 && text.starts_with('-') && text.chars().skip(1).all(|c| c.is_ascii_alphabetic())
}

/// Code that an option brings, or a script that an operand names, before anything that is not understood.
fn code_is_elsewhere(words: &[Word], flags: &[&str], given: &[&str]) -> bool {
    for word in words {
        match word.known() {
            Some(text) if flags.contains(&text) => {}
            Some(text) if given.contains(&text) => return true,
            Some(text) => return !text.starts_with('-') && !text.is_empty() && !is_the_input(text),
            None => return false,
        }
    }
    false
}

/// Names under which a program can open its own input.
fn is_the_input(text: &str) -> bool {
    matches!(text, "-" | "/dev/stdin" | "/dev/tty") || text.starts_with("/dev/fd/") || text.starts_with("/proc/")
}

fn names_the_input(word: &Word) -> bool {
    // Of `-f-` and `--file=-` only the end tells.
    word.known().is_none_or(|text| {
        let value = text.split_once('=').map_or(text, |(_, value)| value);
        is_the_input(value) || text == "-f-" || text.contains("/dev/stdin") || text.contains("/dev/fd/")
    })
}

impl Court<'_> {
    /// Why nobody may write to the standard input of the job that runs these commands; none when all of them take data, or
    /// the policy lets them run any code. Which of several reads the input is not asked: any of them may.
    pub(super) fn refuses_input(&self, commands: &[Command], rulings: &[Ruling]) -> Option<String> {
        commands.iter().zip(rulings).find_map(|(command, ruling)| self.refuses_input_of(command, ruling))
    }

    fn refuses_input_of(&self, command: &Command, ruling: &Ruling) -> Option<String> {
        if command.head == Head::Builtin {
            return None;
        }
        let name = command.words.first().and_then(Word::known)?;
        let base = name.rsplit('/').next().unwrap_or(name);
        let real = ruling.real.as_ref().and_then(|real| real.file_name()?.to_str());
        let reads = runs_input(base, command).or_else(|| runs_input(real?, command))?;
        if let Reads::Shell = reads {
            return Some(format!(
                "`{name}` would run what is written to its standard input; send it as `command` instead"
            ));
        }
        let reason = "what is written to its standard input".to_owned();
        let code = Unknown { reason, splits: true, literal_prefix: String::new() };
        let words = command.words.iter().take(1).cloned().chain([Word::Unknown(code)]).collect();
        let any_code = Command { words, ..command.clone() };
        let allowed = self.judge(&any_code).0.verdict == Verdict::Allow;
        (!allowed).then(|| {
            format!(
                "`{name}` runs what is written to its standard input, and no rule allows it any code; put the code in a file \
                 that a rule allows"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::Span;
    use crate::shell::Cwd;

    fn runs(line: &str) -> bool {
        let words: Vec<Word> = line.split(' ').map(|word| Word::Known(word.to_owned())).collect();
        let name = line.split(' ').next().unwrap_or_default().to_owned();
        let command = Command {
            words,
            head: Head::Builtin,
            via: Vec::new(),
            cwd: Cwd::Moved(Vec::new()),
            reads_commands: false,
            span: Span::default(),
        };
        runs_input(&name, &command).is_some()
    }

    #[test]
    fn an_invocation_takes_data_only_where_the_code_is_elsewhere() {
        let code = [
            "sh",
            "bash",
            "bash -s",
            "bash -e",
            "sh -",
            "bash /dev/stdin",
            "bash -ic true",
            "zsh -f",
            "python3",
            "python3 -",
            "python3.12 -u",
            "python3 -i script.py",
            "python3 -m code",
            "python3 -X dev",
            "python /dev/fd/0",
            "node",
            "node -",
            "node -i",
            "deno run -",
            "perl",
            "perl -w",
            "perl -ne print",
            "ruby",
            "php",
            "lua5.4",
            "lua -i x.lua",
            "vim",
            "less",
            "sqlite3 a.db",
            "psql",
            "awk -f -",
            "sed -f /dev/stdin",
            "make -f -",
            "make -f-",
            "ssh host",
            "gdb",
        ];
        for line in code {
            assert!(runs(line), "{line}");
        }
        let data = [
            "cat",
            "grep x",
            "bash -c true",
            "sh script.sh",
            "bash -eu script.sh",
            "python3 script.py",
            "python3 -c pass",
            "python3 -u script.py -i",
            "node server.js",
            "node -e 1",
            "perl -w x.pl",
            "ruby x.rb",
            "awk {print}",
            "sed s/a/b/",
            "make all",
            "git status",
        ];
        for line in data {
            assert!(!runs(line), "{line}");
        }
    }
}
