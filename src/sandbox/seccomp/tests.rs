//! The filter, run in a small interpreter for every entry of the table.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed assumption is a failed test"
)]

use super::assemble::{ARCHITECTURE, AssembleError, code_of, op};
use super::table::LAST_KNOWN;
use super::{Filter, Reach, Rule, Test, Verdict, rules};
use crate::sandbox::Network;

/// Runs the program as the kernel would: architecture, call number, six arguments.
fn run(filter: &Filter, architecture: u32, call: u32, arguments: [u64; 6]) -> u32 {
    let program = filter.program();
    let (mut at, mut accumulator) = (0, 0_u32);
    loop {
        let step = program[at];
        at += 1;
        match step.code {
            op::LOAD => {
                accumulator = match step.k {
                    0 => call,
                    4 => architecture,
                    offset => {
                        let argument = arguments[usize::try_from((offset - 16) / 8).unwrap()];
                        let half = if offset % 8 == 0 { argument & 0xffff_ffff } else { argument >> 32 };
                        u32::try_from(half).unwrap()
                    }
                }
            }
            op::AND => accumulator &= step.k,
            op::JUMP => at += usize::try_from(step.k).unwrap(),
            op::IF_EQUAL => at += usize::from(if accumulator == step.k { step.jump_true } else { step.jump_false }),
            op::IF_AT_LEAST => at += usize::from(if accumulator >= step.k { step.jump_true } else { step.jump_false }),
            op::RETURN => return step.k,
            other => panic!("operation {other:#x} is not one the assembler emits"),
        }
    }
}

fn reaches() -> Vec<Reach> {
    let mut all = Vec::new();
    for own_pids in [false, true] {
        for own_ipc in [false, true] {
            let ports = Network::Ports { connect: vec![443], dns: true };
            for network in [Network::None, Network::Loopback, ports, Network::Full] {
                all.push(Reach { own_pids, own_ipc, network });
            }
        }
    }
    all
}

fn number(rule: &Rule) -> u32 {
    u32::try_from(rule.call).unwrap()
}

/// Sets the argument so that the test holds, or does not.
fn arrange(arguments: &mut [u64; 6], test: Test, holds: bool) {
    let (argument, value) = match (test, holds) {
        (Test::Is { argument, value, .. }, true) | (Test::IsNot { argument, value, .. }, false) => {
            (argument, u64::from(value))
        }
        (Test::Is { argument, mask, value }, false) | (Test::IsNot { argument, mask, value }, true) => {
            (argument, u64::from(value ^ (mask & mask.wrapping_neg())))
        }
        // A pointer whose low half is zero is still a pointer.
        (Test::Given { argument }, true) => (argument, 1 << 40),
        (Test::Given { argument }, false) => (argument, 0),
    };
    arguments[usize::from(argument)] = value;
}

#[test]
fn every_entry_gives_its_verdict_for_each_alternative_and_for_none() {
    for reach in reaches() {
        let filter = reach.filter().unwrap();
        for rule in rules(&reach) {
            for alternative in rule.when {
                let mut arguments = [0; 6];
                alternative.iter().for_each(|test| arrange(&mut arguments, *test, true));
                let got = run(&filter, ARCHITECTURE, number(&rule), arguments);
                assert_eq!(got, code_of(rule.then), "{} with {alternative:?}", rule.name);
            }
            let mut arguments = [0; 6];
            rule.when.iter().flat_map(|tests| tests.iter()).for_each(|test| arrange(&mut arguments, *test, false));
            let got = run(&filter, ARCHITECTURE, number(&rule), arguments);
            assert_eq!(got, code_of(rule.otherwise), "{} otherwise", rule.name);
            assert!(!rule.purpose.is_empty(), "{}", rule.name);
        }
    }
}

#[test]
fn every_call_without_an_entry_is_allowed_and_unknown_ones_do_not_exist() {
    for reach in reaches() {
        let filter = reach.filter().unwrap();
        let listed: Vec<u32> = rules(&reach).iter().map(number).collect();
        for call in (0..=LAST_KNOWN).filter(|call| !listed.contains(call)) {
            assert_eq!(run(&filter, ARCHITECTURE, call, [0; 6]), libc::SECCOMP_RET_ALLOW, "call {call}");
        }
        let absent = code_of(Verdict::Errno(libc::ENOSYS));
        for (why, call) in [("newer than the table", LAST_KNOWN + 1), ("x32 read", 0x4000_0000), ("top", u32::MAX)] {
            assert_eq!(run(&filter, ARCHITECTURE, call, [0; 6]), absent, "{why}");
        }
        // AUDIT_ARCH_I386
        assert_eq!(run(&filter, 0x4000_0003, 0, [0; 6]), libc::SECCOMP_RET_KILL_PROCESS, "32-bit calls");
    }
}

#[test]
fn arguments_are_judged_by_their_meaning() {
    let reach = Reach { own_pids: false, own_ipc: false, network: Network::Full };
    let filter = reach.filter().unwrap();
    let refused = |errno| code_of(Verdict::Errno(errno));
    let allowed = libc::SECCOMP_RET_ALLOW;
    let cases: [(&str, i64, [u64; 6], u32); 14] = [
        ("a thread", libc::SYS_clone, [0x003d_0f00, 0, 0, 0, 0, 0], allowed),
        ("a fork", libc::SYS_clone, [17, 0, 0, 0, 0, 0], allowed),
        ("a user namespace", libc::SYS_clone, [0x1000_0011, 0, 0, 0, 0, 0], refused(libc::EPERM)),
        ("own limits", libc::SYS_prlimit64, [0, 7, 1 << 33, 0, 0, 0], allowed),
        ("asking another's limits", libc::SYS_prlimit64, [77, 7, 0, 1, 0, 0], allowed),
        ("setting another's limits", libc::SYS_prlimit64, [77, 0, 1 << 33, 0, 0, 0], refused(libc::EPERM)),
        (
            "TIOCSTI with rubbish above 32 bits",
            libc::SYS_ioctl,
            [0, 0xdead_0000_5412, 0, 0, 0, 0],
            refused(libc::EPERM),
        ),
        ("TCGETS", libc::SYS_ioctl, [0, 0x5401, 0, 0, 0, 0], allowed),
        ("an executable memfd", libc::SYS_memfd_create, [1, 1, 0, 0, 0, 0], refused(libc::EPERM)),
        ("a sealed memfd", libc::SYS_memfd_create, [1, 9, 0, 0, 0, 0], allowed),
        ("TCP with SOCK_CLOEXEC", libc::SYS_socket, [2, 0o2_000_001, 0, 0, 0, 0], allowed),
        ("MPTCP slips past Landlock's TCP rules", libc::SYS_socket, [2, 1, 262, 0, 0, 0], refused(libc::EACCES)),
        ("a mode that open does not read", libc::SYS_open, [1, 0, 0o4755, 0, 0, 0], allowed),
        ("a set-user-id file", libc::SYS_open, [1, 0o101, 0o4755, 0, 0, 0], refused(libc::EPERM)),
    ];
    for (why, call, arguments, want) in cases {
        assert_eq!(run(&filter, ARCHITECTURE, u32::try_from(call).unwrap(), arguments), want, "{why}");
    }
}

#[test]
fn the_cost_is_logarithmic_and_two_rules_for_one_call_are_refused() {
    let reach = Reach { own_pids: false, own_ipc: false, network: Network::None };
    let program = reach.filter().unwrap();
    assert!(program.program().len() < 512, "{}", program.program().len());
    let twice = [rules(&reach)[0], rules(&reach)[0]];
    assert_eq!(Filter::assemble(&twice, LAST_KNOWN), Err(AssembleError::Twice("clone3")));
    assert_eq!(Filter::assemble(&twice[..1], 3), Err(AssembleError::Number("clone3")));
}
