//! The ways to run that this account can have: as root those of root, else those of an ordinary user.

use std::process::Command;

use serde_json::Value;

use crate::site::Site;

/// A way to run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mode {
    pub(crate) name: &'static str,
    /// Words before the binary.
    wrapper: &'static [&'static str],
    /// Calls that are taken away, with the errors of a default container.
    without: &'static str,
}

/// What a container of an ordinary engine refuses (EPERM).
const NO_NAMESPACES: &str = "namespaces=1";

const ROOT: [Mode; 2] = [
    Mode { name: "root", wrapper: &[], without: "" },
    Mode {
        name: "root in a container",
        wrapper: &["setpriv", "--bounding-set", "-sys_admin", "--"],
        without: NO_NAMESPACES,
    },
];
const USER: [Mode; 2] = [
    Mode { name: "user", wrapper: &[], without: "" },
    Mode { name: "user without namespaces", wrapper: &[], without: NO_NAMESPACES },
];

/// The modes of this account. The other account's are run when the tests run as it.
pub(crate) fn modes() -> [Mode; 2] {
    if nix::unistd::geteuid().is_root() { ROOT } else { USER }
}

impl Mode {
    /// Does this mode go without namespaces?
    pub(crate) fn is_weak(&self) -> bool {
        !self.without.is_empty()
    }

    /// A subcommand of the binary in this mode.
    pub(crate) fn command(&self, site: &Site, subcommand: &str) -> Command {
        wrapped(site, subcommand, self.wrapper, self.without)
    }

    /// The same in a PID namespace of its own with few numbers, so that whatever a broken limit lets grow stays in there.
    pub(crate) fn in_a_world(&self, site: &Site, subcommand: &str) -> Command {
        let mut words = vec!["timeout", "--signal=KILL", "200", "unshare"];
        if !nix::unistd::geteuid().is_root() {
            words.extend(["--user", "--map-current-user"]);
        }
        words.extend(["--pid", "--fork", "--kill-child", "--mount", "--mount-proc"]);
        // Before Linux 6.14 the number is the whole machine's, and only its root may set it.
        let bound =
            "case $(uname -r) in [1-5].*|6.[0-9].*|6.1[0-3].*) ;; *) echo 3000 >/proc/sys/kernel/pid_max;; esac";
        let script = format!("({bound}) 2>/dev/null; \"$@\"; exit $?");
        words.extend(["sh", "-c", &script, "sh"]);
        words.extend(self.wrapper);
        wrapped(site, subcommand, &words, self.without)
    }

    /// What `doctor` says in this mode.
    pub(crate) fn doctor(&self, site: &Site, arguments: &[&str]) -> Value {
        report(self.command(site, "doctor").args(arguments))
    }
}

/// The report of a `doctor` command.
pub(crate) fn report(command: &mut Command) -> Value {
    let output = command.arg("--json").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}{}", String::from_utf8_lossy(&output.stderr)))
}

/// A subcommand of the binary behind a wrapper and without some calls.
pub(crate) fn wrapped(site: &Site, subcommand: &str, wrapper: &[&str], without: &str) -> Command {
    let inner = site.command(subcommand);
    let me = std::env::current_exe().unwrap();
    let mut words: Vec<std::ffi::OsString> = wrapper.iter().map(Into::into).collect();
    if !without.is_empty() {
        words.extend([me.into_os_string(), "shim".into(), without.into(), "--".into()]);
    }
    words.push(inner.get_program().to_owned());
    words.extend(inner.get_args().map(ToOwned::to_owned));
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).current_dir(site.workspace()).stdin(std::process::Stdio::null());
    for (name, value) in inner.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
}
