//! A process without some system calls.
//!
//! In: `name=errno` pairs, separated by commas. Out: the program, under a filter that answers these calls so.

use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use shellwarden::sandbox::seccomp::{Filter, Rule, Test, Verdict};

/// The last call that the filter knows; later ones answer ENOSYS as on an older kernel.
const LAST: u32 = 469;
/// Any `CLONE_NEW*` flag.
const NEW: u32 = 0x7e02_0080;
const ANY_NEW: &[&[Test]] = &[&[Test::IsNot { argument: 0, mask: NEW, value: 0 }]];
/// `CLONE_NEWNET`.
const NEW_NETWORK: &[&[Test]] = &[&[Test::IsNot { argument: 0, mask: 0x4000_0000, value: 0 }]];

/// Calls that one word stands for, with when they are taken away.
fn calls(name: &str) -> Vec<(i64, &'static [&'static [Test]])> {
    let always = |calls: &[i64]| calls.iter().map(|call| (*call, &[][..])).collect();
    match name {
        "namespaces" => vec![(libc::SYS_clone, ANY_NEW), (libc::SYS_unshare, ANY_NEW)],
        "network namespaces" => vec![(libc::SYS_clone, NEW_NETWORK), (libc::SYS_unshare, NEW_NETWORK)],
        "mounts" => always(&[libc::SYS_mount, libc::SYS_move_mount, libc::SYS_open_tree, libc::SYS_mount_setattr]),
        "landlock_create_ruleset" => always(&[libc::SYS_landlock_create_ruleset]),
        "landlock_add_rule" => always(&[libc::SYS_landlock_add_rule]),
        "landlock_restrict_self" => always(&[libc::SYS_landlock_restrict_self]),
        "seccomp" => always(&[libc::SYS_seccomp]),
        "close_range" => always(&[libc::SYS_close_range]),
        "openat2" => always(&[libc::SYS_openat2]),
        "capset" => always(&[libc::SYS_capset]),
        "setsid" => always(&[libc::SYS_setsid]),
        "prlimit64" => always(&[libc::SYS_prlimit64]),
        other => panic!("no calls are known as {other}"),
    }
}

/// Takes the calls away and becomes the program.
pub(crate) fn become_program(words: &str, program: &str, arguments: &[&str]) -> ExitCode {
    let mut rules = Vec::new();
    for pair in words.split(',') {
        let (name, errno) = pair.split_once('=').unwrap();
        let verdict = Verdict::Errno(errno.parse().unwrap());
        for (call, when) in calls(name) {
            let otherwise = if when.is_empty() { verdict } else { Verdict::Allow };
            rules.push(Rule { call, name: "taken away", when, then: verdict, otherwise, purpose: "test" });
        }
    }
    nix::sys::prctl::set_no_new_privs().unwrap();
    Filter::assemble(&rules, LAST).unwrap().install().unwrap();
    let error = Command::new(program).args(arguments).exec();
    println!("{program}: {error}");
    ExitCode::FAILURE
}
