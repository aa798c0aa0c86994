//! The table of refused system calls, each with what it is for.
//!
//! In: what else already bounds the job. Out: rules for the assembler. Numbers and argument positions are those of
//! x86_64; `man 2` of each call is the source.
//!
//! A call that is not listed is allowed: files are Landlock's matter, processes and IPC the namespaces', and this table
//! closes what neither of them sees.

use super::assemble::{AssembleError, Filter, Rule, Test, Verdict};
use crate::sandbox::Network;

/// The last call this table was written for: file_setattr, Linux 6.17.
pub(super) const LAST_KNOWN: u32 = 469;
/// `open_tree_attr`, Linux 6.15; libc has no name for it yet.
const SYS_OPEN_TREE_ATTR: i64 = 467;
/// `file_setattr`, Linux 6.17; likewise.
const SYS_FILE_SETATTR: i64 = 469;

/// What bounds a job beside the filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    /// The job has its own PID namespace, so a pid can only be one of its own.
    pub own_pids: bool,
    /// The job has its own IPC namespace.
    pub own_ipc: bool,
    /// Its network.
    pub network: Network,
}

impl Reach {
    /// The filter for a job with this reach.
    ///
    /// # Errors
    /// None with the table as it is; a test assembles each combination.
    pub fn filter(&self) -> Result<Filter, AssembleError> {
        Filter::assemble(&rules(self), LAST_KNOWN)
    }
}

const EPERM: Verdict = Verdict::Errno(libc::EPERM);
const EACCES: Verdict = Verdict::Errno(libc::EACCES);
const ENOSYS: Verdict = Verdict::Errno(libc::ENOSYS);
const ALLOW: Verdict = Verdict::Allow;

const fn refuse(call: i64, name: &'static str, purpose: &'static str) -> Rule {
    Rule { call, name, when: &[], then: EPERM, otherwise: EPERM, purpose }
}

const fn absent(call: i64, name: &'static str, purpose: &'static str) -> Rule {
    Rule { call, name, when: &[], then: ENOSYS, otherwise: ENOSYS, purpose }
}

const fn refuse_if(call: i64, name: &'static str, when: &'static [&'static [Test]], purpose: &'static str) -> Rule {
    Rule { call, name, when, then: EPERM, otherwise: ALLOW, purpose }
}

const fn bits(argument: u8, mask: u32) -> Test {
    Test::IsNot { argument, mask, value: 0 }
}

const fn is(argument: u8, value: u32) -> Test {
    Test::Is { argument, mask: u32::MAX, value }
}

const fn is_not(argument: u8, value: u32) -> Test {
    Test::IsNot { argument, mask: u32::MAX, value }
}

/// `CLONE_NEW*`: NS, CGROUP, UTS, IPC, USER, PID, NET.
const NEW_NAMESPACES: u32 =
    0x0002_0000 | 0x0200_0000 | 0x0400_0000 | 0x0800_0000 | 0x1000_0000 | 0x2000_0000 | 0x4000_0000;
/// `CLONE_NEWTIME`: only unshare takes it; in clone the same bit is part of the exit signal.
const NEW_TIME: u32 = 0x80;
const SET_USER_ID: u32 = 0o4000;
/// `O_CREAT`, and the bit that `O_TMPFILE` has beside `O_DIRECTORY`: only with them is the mode argument read.
const O_CREAT: u32 = 0o100;
const TMPFILE: u32 = 0o20_000_000;

const MEDIATION: &str = "acts without the checks that the other layers make";
const NAMESPACE: &str = "a new namespace would give capabilities and kernel surface that the job must not have";
const MOUNTS: &str = "mounts would change what the granted paths lead to";
const SPY: &str = "reads or changes another process";
const SURFACE: &str = "large kernel surface that builds and scripts do not need";
const MACHINE: &str = "changes the machine, not the job";
const TERMINAL: &str = "types into, or takes over, a terminal that other programs read";
const SET_ID: &str = "a set-user-id file in a writable tree would lend this user to whoever runs it";
const FOREIGN: &str = "reaches processes outside the job, which the signal scope does not cover";
const SHARED_IPC: &str = "System V and POSIX IPC objects are shared with everything on the machine";
const METADATA: &str = "changes attributes of files that may only be read";
const FAST_OPEN: &str = "connects while sending, without the check of the port that connect has";
const PROGRAM_IN_MEMORY: &str = "a program in memory has no path, so no execute right would be asked for it";

/// Refused whatever else holds the job.
const ALWAYS: &[Rule] = &[
    absent(libc::SYS_clone3, "clone3", "its flags are in memory; libc falls back to clone, whose flags can be checked"),
    refuse_if(libc::SYS_clone, "clone", &[&[bits(0, NEW_NAMESPACES)]], NAMESPACE),
    refuse_if(libc::SYS_unshare, "unshare", &[&[bits(0, NEW_NAMESPACES | NEW_TIME)]], NAMESPACE),
    refuse(libc::SYS_setns, "setns", NAMESPACE),
    refuse(libc::SYS_mount, "mount", MOUNTS),
    refuse(libc::SYS_umount2, "umount2", MOUNTS),
    refuse(libc::SYS_pivot_root, "pivot_root", MOUNTS),
    refuse(libc::SYS_chroot, "chroot", MOUNTS),
    refuse(libc::SYS_open_tree, "open_tree", MOUNTS),
    refuse(SYS_OPEN_TREE_ATTR, "open_tree_attr", MOUNTS),
    refuse(libc::SYS_move_mount, "move_mount", MOUNTS),
    refuse(libc::SYS_fsopen, "fsopen", MOUNTS),
    refuse(libc::SYS_fsconfig, "fsconfig", MOUNTS),
    refuse(libc::SYS_fsmount, "fsmount", MOUNTS),
    refuse(libc::SYS_fspick, "fspick", MOUNTS),
    refuse(libc::SYS_mount_setattr, "mount_setattr", MOUNTS),
    refuse(libc::SYS_io_uring_setup, "io_uring_setup", MEDIATION),
    refuse(libc::SYS_io_uring_enter, "io_uring_enter", MEDIATION),
    refuse(libc::SYS_io_uring_register, "io_uring_register", MEDIATION),
    refuse(libc::SYS_name_to_handle_at, "name_to_handle_at", "handles are the first half of opening without a path"),
    refuse(libc::SYS_open_by_handle_at, "open_by_handle_at", "opens files without walking a path"),
    refuse(libc::SYS_ptrace, "ptrace", SPY),
    refuse(libc::SYS_process_vm_readv, "process_vm_readv", SPY),
    refuse(libc::SYS_process_vm_writev, "process_vm_writev", SPY),
    refuse(libc::SYS_process_madvise, "process_madvise", SPY),
    refuse(libc::SYS_process_mrelease, "process_mrelease", SPY),
    refuse(libc::SYS_kcmp, "kcmp", SPY),
    refuse(libc::SYS_pidfd_getfd, "pidfd_getfd", "takes descriptors out of another process"),
    // 62 is PR_SCHED_CORE: it takes a pid.
    refuse_if(libc::SYS_prctl, "prctl", &[&[is(0, 62)]], FOREIGN),
    refuse(libc::SYS_bpf, "bpf", SURFACE),
    refuse(libc::SYS_perf_event_open, "perf_event_open", SURFACE),
    refuse(libc::SYS_userfaultfd, "userfaultfd", "lets an attacker stop the kernel in the middle of a copy"),
    refuse(libc::SYS_keyctl, "keyctl", "keyrings outlive the job and are shared by the user's processes"),
    refuse(libc::SYS_add_key, "add_key", "keyrings outlive the job and are shared by the user's processes"),
    refuse(libc::SYS_request_key, "request_key", "makes the kernel start a program outside the job"),
    refuse(libc::SYS_fanotify_init, "fanotify_init", "watches and blocks file access of the whole machine"),
    refuse(libc::SYS_quotactl, "quotactl", MACHINE),
    refuse(libc::SYS_quotactl_fd, "quotactl_fd", MACHINE),
    refuse(libc::SYS_swapon, "swapon", MACHINE),
    refuse(libc::SYS_swapoff, "swapoff", MACHINE),
    refuse(libc::SYS_acct, "acct", MACHINE),
    refuse(libc::SYS_syslog, "syslog", "the kernel's log holds addresses and other programs' data"),
    refuse(libc::SYS_reboot, "reboot", MACHINE),
    refuse(libc::SYS_kexec_load, "kexec_load", MACHINE),
    refuse(libc::SYS_kexec_file_load, "kexec_file_load", MACHINE),
    refuse(libc::SYS_init_module, "init_module", MACHINE),
    refuse(libc::SYS_finit_module, "finit_module", MACHINE),
    refuse(libc::SYS_delete_module, "delete_module", MACHINE),
    refuse(libc::SYS_settimeofday, "settimeofday", MACHINE),
    refuse(libc::SYS_clock_settime, "clock_settime", MACHINE),
    refuse(libc::SYS_sethostname, "sethostname", MACHINE),
    refuse(libc::SYS_setdomainname, "setdomainname", MACHINE),
    refuse(libc::SYS_vhangup, "vhangup", TERMINAL),
    refuse(libc::SYS_iopl, "iopl", MACHINE),
    refuse(libc::SYS_ioperm, "ioperm", MACHINE),
    refuse(libc::SYS_modify_ldt, "modify_ldt", SURFACE),
    refuse(libc::SYS_memfd_secret, "memfd_secret", "memory that nobody can look at or count"),
    // A family other than AF_UNIX (1) has no pairs, but asking for one loads its module. Datagrams (and type 3, which the
    // kernel makes datagrams) go to any address that is given with them, pair or not; SOCK_SEQPACKET is 5.
    Rule {
        call: libc::SYS_socketpair,
        name: "socketpair",
        when: &[&[is(0, 1), STREAM], &[is(0, 1), Test::Is { argument: 1, mask: TYPE, value: 5 }]],
        then: ALLOW,
        otherwise: EACCES,
        purpose: "a pair of datagram sockets talks to every UNIX datagram socket of the machine",
    },
    // 1024 is F_SETLEASE.
    refuse_if(libc::SYS_fcntl, "fcntl", &[&[is(1, 1024)]], "a lease makes other programs wait that open the file"),
    refuse(libc::SYS_uselib, "uselib", SURFACE),
    refuse(libc::SYS_lookup_dcookie, "lookup_dcookie", SURFACE),
    // 0 is PER_LINUX and all ones asks; others switch off address randomisation or change how programs are mapped.
    refuse_if(libc::SYS_personality, "personality", &[&[is_not(0, 0), is_not(0, u32::MAX)]], SURFACE),
    // Requests of ioctl(2) are 32 bits wide, whatever the upper half of the register holds. 0x40086602 and 0x401c5820
    // are FS_IOC_SETFLAGS and FS_IOC_FSSETXATTR, which a descriptor opened for reading is enough for.
    refuse_if(
        libc::SYS_ioctl,
        "ioctl",
        &[
            &[is(1, 0x5412)], // TIOCSTI
            &[is(1, 0x541c)], // TIOCLINUX
            &[is(1, 0x5423)], // TIOCSETD
            &[is(1, 0x541d)], // TIOCCONS
            &[is(1, 0x4008_6602)],
            &[is(1, 0x401c_5820)],
        ],
        TERMINAL,
    ),
    refuse(SYS_FILE_SETATTR, "file_setattr", METADATA),
    // 8 is MFD_NOEXEC_SEAL.
    refuse_if(
        libc::SYS_memfd_create,
        "memfd_create",
        &[&[Test::Is { argument: 1, mask: 8, value: 0 }]],
        PROGRAM_IN_MEMORY,
    ),
    refuse_if(libc::SYS_chmod, "chmod", &[&[bits(1, SET_USER_ID)]], SET_ID),
    refuse_if(libc::SYS_fchmod, "fchmod", &[&[bits(1, SET_USER_ID)]], SET_ID),
    refuse_if(libc::SYS_fchmodat, "fchmodat", &[&[bits(2, SET_USER_ID)]], SET_ID),
    refuse_if(libc::SYS_fchmodat2, "fchmodat2", &[&[bits(2, SET_USER_ID)]], SET_ID),
    refuse_if(libc::SYS_creat, "creat", &[&[bits(1, SET_USER_ID)]], SET_ID),
    refuse_if(libc::SYS_mknod, "mknod", &[&[bits(1, SET_USER_ID)]], SET_ID),
    refuse_if(libc::SYS_mknodat, "mknodat", &[&[bits(2, SET_USER_ID)]], SET_ID),
    refuse_if(libc::SYS_open, "open", &[&[bits(1, O_CREAT | TMPFILE), bits(2, SET_USER_ID)]], SET_ID),
    refuse_if(libc::SYS_openat, "openat", &[&[bits(2, O_CREAT | TMPFILE), bits(3, SET_USER_ID)]], SET_ID),
    absent(
        libc::SYS_openat2,
        "openat2",
        "its mode is in memory, so a set-user-id bit could not be seen; callers fall back",
    ),
];

/// Refused while pids of other processes can be named. 0 is the caller.
const SHARED_PIDS: &[Rule] = &[
    refuse_if(libc::SYS_prlimit64, "prlimit64", &[&[is_not(0, 0), Test::Given { argument: 2 }]], FOREIGN),
    refuse_if(libc::SYS_sched_setscheduler, "sched_setscheduler", &[&[is_not(0, 0)]], FOREIGN),
    refuse_if(libc::SYS_sched_setparam, "sched_setparam", &[&[is_not(0, 0)]], FOREIGN),
    refuse_if(libc::SYS_sched_setattr, "sched_setattr", &[&[is_not(0, 0)]], FOREIGN),
    refuse_if(libc::SYS_sched_setaffinity, "sched_setaffinity", &[&[is_not(0, 0)]], FOREIGN),
    // 2 is PRIO_USER: 0 there means every process of the user.
    refuse_if(libc::SYS_setpriority, "setpriority", &[&[is_not(1, 0)], &[is(0, 2)]], FOREIGN),
    // 3 is IOPRIO_WHO_USER.
    refuse_if(libc::SYS_ioprio_set, "ioprio_set", &[&[is_not(1, 0)], &[is(0, 3)]], FOREIGN),
    refuse_if(libc::SYS_move_pages, "move_pages", &[&[is_not(0, 0)]], FOREIGN),
    refuse_if(libc::SYS_migrate_pages, "migrate_pages", &[&[is_not(0, 0)]], FOREIGN),
];

const SUPERVISOR: &str = "reaches the job's supervisor, which is number 1 of its namespace";

/// Refused where the pids are the job's own: the only other process is its supervisor.
const OWN_PIDS: &[Rule] = &[
    refuse_if(libc::SYS_prlimit64, "prlimit64", &[&[is(0, 1), Test::Given { argument: 2 }]], SUPERVISOR),
    refuse_if(libc::SYS_sched_setscheduler, "sched_setscheduler", &[&[is(0, 1)]], SUPERVISOR),
    refuse_if(libc::SYS_sched_setparam, "sched_setparam", &[&[is(0, 1)]], SUPERVISOR),
    refuse_if(libc::SYS_sched_setattr, "sched_setattr", &[&[is(0, 1)]], SUPERVISOR),
    refuse_if(libc::SYS_sched_setaffinity, "sched_setaffinity", &[&[is(0, 1)]], SUPERVISOR),
    // 2 is PRIO_USER, and 3 IOPRIO_WHO_USER: every process of the user, the supervisor too.
    refuse_if(libc::SYS_setpriority, "setpriority", &[&[is(1, 1)], &[is(0, 2)]], SUPERVISOR),
    refuse_if(libc::SYS_ioprio_set, "ioprio_set", &[&[is(1, 1)], &[is(0, 3)]], SUPERVISOR),
    refuse_if(libc::SYS_move_pages, "move_pages", &[&[is(0, 1)]], SUPERVISOR),
    refuse_if(libc::SYS_migrate_pages, "migrate_pages", &[&[is(0, 1)]], SUPERVISOR),
];

/// Refused while IPC objects are shared with the machine.
const SHARED_OBJECTS: &[Rule] = &[
    refuse(libc::SYS_shmget, "shmget", SHARED_IPC),
    refuse(libc::SYS_shmat, "shmat", SHARED_IPC),
    refuse(libc::SYS_shmctl, "shmctl", SHARED_IPC),
    refuse(libc::SYS_semget, "semget", SHARED_IPC),
    refuse(libc::SYS_semop, "semop", SHARED_IPC),
    refuse(libc::SYS_semtimedop, "semtimedop", SHARED_IPC),
    refuse(libc::SYS_semctl, "semctl", SHARED_IPC),
    refuse(libc::SYS_msgget, "msgget", SHARED_IPC),
    refuse(libc::SYS_msgsnd, "msgsnd", SHARED_IPC),
    refuse(libc::SYS_msgrcv, "msgrcv", SHARED_IPC),
    refuse(libc::SYS_msgctl, "msgctl", SHARED_IPC),
    refuse(libc::SYS_mq_open, "mq_open", SHARED_IPC),
    refuse(libc::SYS_mq_unlink, "mq_unlink", SHARED_IPC),
];

/// No network: no socket at all. Pairs stay, they connect a process with its own children.
const NO_SOCKETS: &[Rule] = &[Rule {
    call: libc::SYS_socket,
    name: "socket",
    when: &[],
    then: EACCES,
    otherwise: EACCES,
    purpose: "no network, and no UNIX socket to talk to a service that acts outside the sandbox",
}];

/// Socket types are the low bits; SOCK_CLOEXEC and SOCK_NONBLOCK come on top.
const TYPE: u32 = 0xf;
const STREAM: Test = Test::Is { argument: 1, mask: TYPE, value: 1 };
const DATAGRAM: Test = Test::Is { argument: 1, mask: TYPE, value: 2 };

/// Full network: TCP, UDP and the routing questions of the resolver; nothing else has a reason to be reachable.
const INTERNET_SOCKETS: &[Rule] = &[Rule {
    call: libc::SYS_socket,
    name: "socket",
    when: &[
        // AF_INET 2 and AF_INET6 10, protocol 0 or the type's own: 6 TCP, 17 UDP.
        &[is(0, 2), STREAM, is(2, 0)],
        &[is(0, 2), STREAM, is(2, 6)],
        &[is(0, 2), DATAGRAM, is(2, 0)],
        &[is(0, 2), DATAGRAM, is(2, 17)],
        &[is(0, 10), STREAM, is(2, 0)],
        &[is(0, 10), STREAM, is(2, 6)],
        &[is(0, 10), DATAGRAM, is(2, 0)],
        &[is(0, 10), DATAGRAM, is(2, 17)],
        // AF_NETLINK 16 with NETLINK_ROUTE 0: getaddrinfo and getifaddrs ask which addresses the machine has.
        &[is(0, 16), is(2, 0)],
    ],
    then: ALLOW,
    otherwise: EACCES,
    purpose: "UNIX sockets lead to services that act outside the sandbox; raw and rare families are kernel surface",
}];

/// Some TCP ports: Landlock judges bind and connect, and it sees TCP alone.
const TCP_SOCKETS: &[Rule] = &[
    Rule {
        call: libc::SYS_socket,
        name: "socket",
        when: &[
            &[is(0, 2), STREAM, is(2, 0)],
            &[is(0, 2), STREAM, is(2, 6)],
            &[is(0, 10), STREAM, is(2, 0)],
            &[is(0, 10), STREAM, is(2, 6)],
            &[is(0, 16), is(2, 0)],
        ],
        then: ALLOW,
        otherwise: EACCES,
        purpose: "ports are judged for TCP alone, so nothing else may leave",
    },
    // 0x2000_0000 is MSG_FASTOPEN.
    refuse_if(libc::SYS_sendto, "sendto", &[&[bits(3, 0x2000_0000)]], FAST_OPEN),
    refuse_if(libc::SYS_sendmsg, "sendmsg", &[&[bits(2, 0x2000_0000)]], FAST_OPEN),
    refuse_if(libc::SYS_sendmmsg, "sendmmsg", &[&[bits(3, 0x2000_0000)]], FAST_OPEN),
];

/// Every rule for a job with this reach.
pub fn rules(reach: &Reach) -> Vec<Rule> {
    let mut rules = ALWAYS.to_vec();
    rules.extend_from_slice(if reach.own_pids { OWN_PIDS } else { SHARED_PIDS });
    if !reach.own_ipc {
        rules.extend_from_slice(SHARED_OBJECTS);
    }
    rules.extend_from_slice(match reach.network {
        // On a loopback of its own, a job can only reach itself.
        Network::Full | Network::Loopback => INTERNET_SOCKETS,
        Network::Ports { .. } => TCP_SOCKETS,
        Network::None => NO_SOCKETS,
    });
    rules
}
