//! Programs that run another program: their options, as data.
//!
//! In: the name of a program. Out: its [`Wrapper`], when it is one. How a wrapper is taken apart is decided in `unwrap`.
//! The options are those of the manual pages of coreutils 9, util-linux 2.41, findutils 4.10, procps 4.0, GNU time 1.9 and sudo 1.9.
//! An option that is not here is refused: whether it takes a value decides which word is the program.

/// How a program carries another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Options, operands, then program and arguments.
    Prefix,
    /// The same, with `NAME=value` before the program.
    Environment,
    /// The same, and more arguments come from the input.
    Xargs,
    /// `-c TEXT`.
    Shell,
    /// `-exec PROGRAM … ;` inside an expression.
    Find,
    /// `-x PROGRAM …` to the end.
    Fd,
    /// The first word is the name of an applet.
    Applet,
    /// The words, joined, are the text of a shell.
    Watch,
    /// `--pre PROGRAM`.
    Ripgrep,
    /// Options, a host, then words that a shell of the host gets as its text.
    Ssh,
    /// `run` and `exec` of containers.
    Container,
    /// `-c TEXT` of a shell of another account.
    Su,
    /// Words that are the text of a shell, and `:::` with what its places hold.
    Parallel,
    /// The program is run by a shell made of its arguments, or by other means that analysis does not follow.
    Refused,
}

/// A program that runs another.
#[derive(Debug)]
pub(super) struct Wrapper {
    names: &'static [&'static str],
    pub(super) kind: Kind,
    /// Short options without a value.
    pub(super) flags: &'static str,
    /// Short options with a value, attached or in the next word.
    pub(super) valued: &'static str,
    /// Short options whose value can only be attached.
    pub(super) attached: &'static str,
    /// Long options without a value.
    pub(super) long_flags: &'static [&'static str],
    /// Long options with a value, after `=` or in the next word.
    pub(super) long_valued: &'static [&'static str],
    /// Long options whose value can only stand after `=`.
    pub(super) long_attached: &'static [&'static str],
    /// Operands before the program.
    pub(super) operands: usize,
    /// Options that make it act on something else than a program: nothing is run.
    pub(super) alone: &'static [&'static str],
}

const NONE: Wrapper = Wrapper {
    names: &[],
    kind: Kind::Prefix,
    flags: "",
    valued: "",
    attached: "",
    long_flags: &[],
    long_valued: &[],
    long_attached: &[],
    operands: 0,
    alone: &["--help", "--version"],
};

/// Programs that give text to a shell, load a program by other means, or wrap one with options that are not tabled.
const REFUSED: &[&str] = &[
    "runuser",
    "script",
    "tmux",
    "screen",
    "at",
    "batch",
    "expect",
    "unbuffer",
    "entr",
    "ksh",
    "ksh93",
    "mksh",
    "fish",
    "csh",
    "tcsh",
    "rbash",
    "ash",
    "posh",
    "pwsh",
    "nsenter",
    "setpriv",
    "runcon",
    "capsh",
    "pkexec",
    "newgrp",
    "sg",
    "start-stop-daemon",
    "systemd-run",
    "strace",
    "ltrace",
    "prlimit",
    "numactl",
    "choom",
    "setarch",
    "linux32",
    "linux64",
    "chpst",
    "softlimit",
    "setuidgid",
    "setlock",
    "xvfb-run",
    "dbus-run-session",
    "fakeroot",
    "faketime",
    "proot",
    "bwrap",
    "firejail",
    "nsjail",
    "chronic",
    "ifne",
    "pee",
    "rlwrap",
    "cpulimit",
    "daemonize",
    "ld.so",
    "ld-linux.so.2",
    "ld-linux-x86-64.so.2",
    "ld-linux-aarch64.so.1",
    "ld-linux-armhf.so.3",
    "ld-musl-x86_64.so.1",
    "ld-musl-aarch64.so.1",
];

/// `env` once it took a text apart: that goes one level deep.
pub(super) static ENV_SPLIT: Wrapper = Wrapper {
    names: &["env"],
    kind: Kind::Environment,
    flags: "i0v",
    valued: "uC",
    long_flags: &["ignore-environment", "null", "debug", "list-signal-handling"],
    long_valued: &["unset", "chdir"],
    long_attached: &["default-signal", "ignore-signal", "block-signal"],
    ..NONE
};

/// The table.
static WRAPPERS: &[Wrapper] = &[
    Wrapper { valued: "uCS", long_valued: &["unset", "chdir", "split-string"], ..ENV_SPLIT },
    Wrapper {
        names: &["watch"],
        kind: Kind::Watch,
        flags: "bcCegprtwx",
        valued: "nq",
        attached: "d",
        long_flags: &[
            "beep", "color", "no-color", "errexit", "chgexit", "precise", "no-rerun", "no-title", "no-wrap", "exec",
        ],
        long_valued: &["interval", "equexit"],
        long_attached: &["differences"],
        alone: &["-h", "-v", "--help", "--version"],
        ..NONE
    },
    Wrapper { names: &["rg"], kind: Kind::Ripgrep, ..NONE },
    Wrapper { names: &["nice"], valued: "n", long_valued: &["adjustment"], ..NONE },
    Wrapper { names: &["nohup"], ..NONE },
    Wrapper {
        names: &["timeout"],
        flags: "fpv",
        valued: "ks",
        long_flags: &["foreground", "preserve-status", "verbose"],
        long_valued: &["kill-after", "signal"],
        operands: 1,
        ..NONE
    },
    Wrapper {
        names: &["time"],
        flags: "apqv",
        valued: "fo",
        long_flags: &["append", "portability", "quiet", "verbose"],
        long_valued: &["format", "output"],
        alone: &["--help", "--version", "-V"],
        ..NONE
    },
    Wrapper { names: &["stdbuf"], valued: "ioe", long_valued: &["input", "output", "error"], ..NONE },
    Wrapper { names: &["setsid"], flags: "cfw", long_flags: &["ctty", "fork", "wait"], ..NONE },
    Wrapper {
        names: &["ionice"],
        flags: "t",
        valued: "cn",
        long_flags: &["ignore"],
        long_valued: &["class", "classdata"],
        alone: &["-p", "-P", "-u", "--pid", "--pgid", "--uid", "--help", "--version"],
        ..NONE
    },
    Wrapper {
        names: &["chrt"],
        flags: "abdefioRrv",
        valued: "TPD",
        long_flags: &["all-tasks", "batch", "deadline", "fifo", "idle", "other", "rr", "reset-on-fork", "verbose"],
        long_valued: &["sched-runtime", "sched-period", "sched-deadline"],
        operands: 1,
        alone: &["-p", "-m", "--pid", "--max", "--help", "--version"],
        ..NONE
    },
    Wrapper {
        names: &["flock"],
        flags: "esxunoF",
        valued: "wE",
        long_flags: &["shared", "exclusive", "unlock", "nonblock", "nb", "close", "no-fork", "verbose"],
        long_valued: &["wait", "timeout", "conflict-exit-code"],
        operands: 1,
        ..NONE
    },
    Wrapper {
        names: &["xargs", "gxargs"],
        kind: Kind::Xargs,
        flags: "0optrx",
        valued: "adEILnPs",
        attached: "eil",
        long_flags: &["null", "open-tty", "interactive", "no-run-if-empty", "exit", "verbose", "show-limits"],
        long_valued: &["arg-file", "delimiter", "max-args", "max-procs", "max-chars", "process-slot-var"],
        long_attached: &["eof", "replace", "max-lines"],
        ..NONE
    },
    Wrapper {
        names: &["sudo"],
        kind: Kind::Environment,
        flags: "ABbEHkNnPS",
        valued: "CDghpRrTtUu",
        long_flags: &[
            "askpass",
            "bell",
            "background",
            "preserve-env",
            "set-home",
            "reset-timestamp",
            "non-interactive",
        ],
        long_valued: &["close-from", "chdir", "group", "host", "prompt", "role", "type", "user", "command-timeout"],
        long_attached: &["preserve-env"],
        alone: &["-l", "-v", "-K", "-V", "--list", "--validate", "--help", "--version"],
        ..NONE
    },
    Wrapper { names: &["doas"], flags: "n", valued: "Cu", alone: &["-L"], ..NONE },
    Wrapper { names: &["sh", "bash", "dash", "zsh"], kind: Kind::Shell, ..NONE },
    Wrapper { names: &["find", "gfind"], kind: Kind::Find, ..NONE },
    Wrapper { names: &["fd", "fdfind"], kind: Kind::Fd, ..NONE },
    Wrapper { names: &["busybox", "toybox"], kind: Kind::Applet, ..NONE },
    Wrapper { names: &["taskset"], flags: "ac", operands: 1, alone: &["-p", "--help", "--version"], ..NONE },
    Wrapper { names: &["chroot"], operands: 1, long_attached: &["groups", "userspec"], ..NONE },
    Wrapper {
        names: &["unshare"],
        flags: "muinpUCTfrc",
        valued: "SGRw",
        long_flags: &[
            "fork",
            "map-root-user",
            "map-current-user",
            "mount",
            "uts",
            "ipc",
            "net",
            "pid",
            "user",
            "cgroup",
            "time",
        ],
        long_attached: &["mount-proc", "kill-child", "mount", "uts", "ipc", "net", "pid", "user", "cgroup", "time"],
        ..NONE
    },
    Wrapper {
        names: &["ssh"],
        kind: Kind::Ssh,
        flags: "46AaCfgKkMNnqsTtvXxYy",
        valued: "BbcDEeFIiJLlmOoPpRSWw",
        operands: 1,
        alone: &["-V", "-G", "-Q"],
        ..NONE
    },
    Wrapper { names: &["docker", "podman", "nerdctl", "docker-compose", "kubectl"], kind: Kind::Container, ..NONE },
    Wrapper {
        names: &["su"],
        kind: Kind::Su,
        flags: "lmpfPT",
        valued: "cgGsw",
        long_flags: &["login", "preserve-environment", "fast", "pty", "no-pty"],
        long_valued: &["command", "session-command", "group", "supp-group", "shell", "whitelist-environment"],
        alone: &["-h", "-V", "--help", "--version"],
        ..NONE
    },
    Wrapper {
        names: &["parallel"],
        kind: Kind::Parallel,
        flags: "0kXmtvu",
        valued: "jnNLPaSI",
        long_flags: &[
            "keep-order",
            "null",
            "dry-run",
            "verbose",
            "bar",
            "eta",
            "progress",
            "will-cite",
            "ungroup",
            "line-buffer",
            "xargs",
            "no-notice",
            "no-run-if-empty",
            "tag",
            "silent",
        ],
        long_valued: &["jobs", "max-procs", "halt", "timeout", "delay", "retries", "max-args", "load", "memfree"],
        long_attached: &["halt", "joblog", "colsep", "results"],
        alone: &["--help", "--version", "-V", "--citation"],
        ..NONE
    },
    Wrapper { names: REFUSED, kind: Kind::Refused, ..NONE },
];

/// Programs that are many in one file, and do what their typed name says.
const MANY_IN_ONE: &[&str] = &["busybox", "toybox", "coreutils"];

/// Is the file behind a program's name taken apart as the typed name was? Where a link makes `x` of `env`, or `nice` of
/// `env`, the words were read by the wrong table, and what it runs was not listed.
pub fn carries_alike(typed: &str, file: &str) -> bool {
    if MANY_IN_ONE.iter().any(|many| file.starts_with(many))
        && !MANY_IN_ONE.iter().any(|many| base(typed).starts_with(many))
    {
        return true;
    }
    match (find(typed), find(file)) {
        (None, None) => true,
        (Some(typed), Some(file)) => std::ptr::eq(typed, file),
        _ => false,
    }
}

fn base(program: &str) -> &str {
    program.rsplit('/').next().unwrap_or(program)
}

/// The wrapper behind a program's name; a path counts by its last part.
pub(super) fn find(program: &str) -> Option<&'static Wrapper> {
    // They take any name that starts with their own for it.
    let name = match base(program) {
        name if name.starts_with("busybox") => "busybox",
        name if name.starts_with("toybox") => "toybox",
        name => name,
    };
    WRAPPERS.iter().find(|wrapper| wrapper.names.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::carries_alike;

    #[test]
    fn a_link_does_not_turn_a_program_into_a_wrapper() {
        let cases = [
            ("itself", "env", "env", true),
            ("no wrapper at all", "vi", "vim.basic", true),
            ("two shells of one table", "/bin/sh", "dash", true),
            ("a plain name for a wrapper", "./x", "env", false),
            ("a wrapper that reads other options", "./nice", "env", false),
            ("a wrapper's name for a program", "./env", "git", false),
            ("the file does what its typed name says", "ls", "busybox", true),
            ("and a wrapper is taken apart by that name", "env", "busybox", true),
            ("any name that starts so is the same", "./busybox2", "busybox", true),
            ("a plain name for nothing else", "./x", "busybox-static", true),
        ];
        for (why, typed, file, alike) in cases {
            assert_eq!(carries_alike(typed, file), alike, "{why}: {typed} -> {file}");
        }
    }
}
