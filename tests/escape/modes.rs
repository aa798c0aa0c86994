//! The modes of this machine, each in throw-away namespaces.

use std::process::{Command, ExitCode};

use crate::scenarios;

/// A way to run: its name, who runs, and whether it needs namespaces of its own to be harmless.
pub(crate) struct Mode {
    pub(crate) name: &'static str,
    pub(crate) as_nobody: bool,
}

/// The names end in the isolation that the launcher is held to.
pub(crate) const MODES: &[Mode] = &[
    Mode { name: "root/mounts", as_nobody: false },
    Mode { name: "root/namespace", as_nobody: false },
    Mode { name: "root/scope", as_nobody: false },
    Mode { name: "root/freeze", as_nobody: false },
    Mode { name: "user/mounts", as_nobody: true },
    Mode { name: "user/namespace", as_nobody: true },
    Mode { name: "user/scope", as_nobody: true },
    Mode { name: "user/freeze", as_nobody: true },
];

fn am_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// This program again, in namespaces of its own, as the mode's user.
fn world(mode: &Mode, scenario: &str) -> Command {
    let me = std::env::current_exe().unwrap();
    // A guard for a broken build: a scenario that hangs is a failure, and not a test run without end.
    let mut command = Command::new("timeout");
    command.args(["--signal=KILL", "300", "unshare"]);
    if !am_root() {
        command.args(["--user", "--map-current-user"]);
    }
    command.args(["--pid", "--fork", "--kill-child", "--mount", "--mount-proc", "--ipc", "--uts"]);
    // The first process of the namespace only waits, so that the one under test is an ordinary one. Whatever a broken
    // limit lets grow stays within the numbers of this namespace.
    let bound = if pids_are_of_the_namespace() { "(echo 3000 > /proc/sys/kernel/pid_max) 2>/dev/null; " } else { "" };
    command.args(["sh", "-c", &format!("{bound}\"$@\"; exit $?"), "sh"]);
    if am_root() && mode.as_nobody {
        command.args(["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]);
    }
    command.arg(me).args(["world", mode.name, scenario]).env("HOME", "/nonexistent").env("RUST_BACKTRACE", "0");
    command
}

/// Since Linux 6.14 each PID namespace has a highest pid of its own; before, it is the machine's.
fn pids_are_of_the_namespace() -> bool {
    let system = nix::sys::utsname::uname().unwrap();
    let mut numbers = system.release().to_str().unwrap().split(|c: char| !c.is_ascii_digit());
    let mut number = || numbers.next().and_then(|digits| digits.parse::<u32>().ok()).unwrap_or(0);
    (number(), number()) >= (6, 14)
}

fn can_make_worlds() -> bool {
    let mut probe = Command::new("unshare");
    if !am_root() {
        probe.args(["--user", "--map-current-user"]);
    }
    let probe = probe.args(["--pid", "--fork", "--mount", "--mount-proc", "--ipc", "--uts", "true"]).output();
    probe.is_ok_and(|output| output.status.success())
}

/// Runs every scenario in every mode and reports like the test harness does.
pub(crate) fn drive(filter: &str) -> ExitCode {
    if !can_make_worlds() {
        println!(
            "skipped: throw-away namespaces cannot be made here (unshare --pid --mount), and without them the \
                  attacks could reach the machine"
        );
        return ExitCode::SUCCESS;
    }
    let mut failed = Vec::new();
    let mut passed = 0;
    for mode in MODES.iter().filter(|mode| am_root() || mode.as_nobody) {
        for scenario in scenarios::NAMES {
            let name = format!("{}::{scenario}", mode.name);
            if !name.contains(filter) {
                continue;
            }
            let output = world(mode, scenario).output().unwrap();
            if output.status.success() {
                passed += 1;
                println!("test {name} ... ok{}", String::from_utf8_lossy(&output.stdout).trim_end());
            } else {
                println!("test {name} ... FAILED ({})", output.status);
                println!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
                failed.push(name);
            }
        }
    }
    println!("\ntest result: {passed} passed; {} failed {failed:?}", failed.len());
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
