//! Features taken away by a filter around the server: refusal, or the weaker mode that is named.

use std::process::Command;

use shellwarden::launcher::{LaunchError, Launcher, StdinMode, start_helper};
use shellwarden::sandbox::seccomp::{Filter, Rule, Test, Verdict};
use shellwarden::sandbox::{Isolation, Limits, SandboxError, Strength, properties};

use crate::world::World;

/// The last call that the shims know; later ones answer ENOSYS as on an older kernel.
const LAST: u32 = 469;
const ERRORS: [i32; 3] = [libc::ENOSYS, libc::EPERM, libc::EINVAL];
const CALLS: [(&str, i64); 4] = [
    ("landlock_create_ruleset", libc::SYS_landlock_create_ruleset),
    ("landlock_add_rule", libc::SYS_landlock_add_rule),
    ("landlock_restrict_self", libc::SYS_landlock_restrict_self),
    ("seccomp", libc::SYS_seccomp),
];

/// `CLONE_NEWUSER` or `CLONE_NEWPID` in clone's flags.
const NEW_PIDS: &[&[Test]] = &[&[Test::IsNot { argument: 0, mask: 0x3000_0000, value: 0 }]];

fn take_away(call: i64, when: &'static [&'static [Test]], errno: i32) {
    let verdict = Verdict::Errno(errno);
    let otherwise = if when.is_empty() { verdict } else { Verdict::Allow };
    let rule = Rule { call, name: "taken away", when, then: verdict, otherwise, purpose: "test" };
    nix::sys::prctl::set_no_new_privs().unwrap();
    Filter::assemble(&[rule], LAST).unwrap().install().unwrap();
}

/// Starts this program once per call and error.
pub(crate) fn each(mode: &str) {
    let me = std::env::current_exe().unwrap();
    let names = CALLS.iter().map(|(name, _)| *name).chain(["clone"]);
    for name in names {
        for errno in ERRORS {
            let scenario = format!("without {name} {errno}");
            let output = Command::new(&me).args(["world", mode, &scenario]).output().unwrap();
            let text = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{scenario}: {text}");
        }
    }
}

/// One call answers with one error, before the helper exists.
pub(crate) fn one(words: &str) {
    let (name, errno) = words.split_once(' ').unwrap();
    let errno = errno.parse().unwrap();
    match CALLS.iter().find(|(known, _)| *known == name) {
        Some((_, call)) => take_away(*call, &[], errno),
        None => take_away(libc::SYS_clone, NEW_PIDS, errno),
    }
    let helper = start_helper().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let launcher = Launcher::connect(helper).await.unwrap();
        if name == "clone" {
            weaker(&launcher);
        } else {
            refused(launcher, name, errno).await;
        }
    });
}

async fn refused(launcher: Launcher, name: &str, errno: i32) {
    let missing = properties(launcher.support()).into_iter().any(|one| one.strength == Strength::Missing);
    assert!(missing, "doctor says so");
    let world = World::around(launcher, Isolation::PidNamespace);
    let spec = world.spec(&["/bin/sh", "-c", "touch ran"], &[], Limits::default());
    let error = world.launcher.launch(spec, StdinMode::Null).await.unwrap_err();
    let found = match &error {
        LaunchError::Sandbox(SandboxError::Landlock { errno }) if name.starts_with("landlock") => *errno,
        LaunchError::Sandbox(SandboxError::Seccomp { errno }) if name == "seccomp" => *errno,
        other => panic!("{name}: {other:?}"),
    };
    assert_eq!(found, errno, "{error}");
    assert!(!world.inside.join("ran").exists());
    world.remove();
}

fn weaker(launcher: &Launcher) {
    assert_eq!(launcher.support().isolation(), Isolation::SignalScope);
    let tree = properties(launcher.support()).into_iter().find(|one| one.name == "end of a whole tree").unwrap();
    assert_eq!((tree.strength, tree.mechanism.as_str()), (Strength::Weaker, "Landlock signal scope"));
    launcher.support().check().unwrap();
}
