//! Attacks through system calls: network, other processes, privileges, kernel surface.
#![expect(unsafe_code, reason = "an attacker calls the kernel directly")]

use std::io;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::attacks::{Attempt, may_work, number, variable, works};

/// A system call by number.
pub(crate) fn call(number: i64, arguments: [usize; 6]) -> io::Result<i64> {
    let [a, b, c, d, e, f] = arguments;
    // SAFETY: none is needed for the test's sake: the attacker's process may break itself.
    let rc = unsafe { libc::syscall(number, a, b, c, d, e, f) };
    if rc == -1 { Err(io::Error::last_os_error()) } else { Ok(rc) }
}

pub(crate) fn simple(number: i64, arguments: [usize; 6]) -> io::Result<()> {
    call(number, arguments).map(|_| ())
}

fn canary() -> usize {
    usize::try_from(number("CANARY")).unwrap()
}

fn socket(family: usize, kind: usize, protocol: usize) -> io::Result<()> {
    simple(libc::SYS_socket, [family, kind, protocol, 0, 0, 0])
}

// --- network
fn tcp_connect() -> io::Result<()> {
    TcpStream::connect(("127.0.0.1", u16::try_from(number("PORT")).unwrap())).map(|_| ())
}
fn tcp_bind() -> io::Result<()> {
    TcpListener::bind("127.0.0.1:0").map(|_| ())
}
fn udp() -> io::Result<()> {
    UdpSocket::bind("127.0.0.1:0")?.send_to(b"x", ("127.0.0.1", 9)).map(|_| ())
}
fn unix_path() -> io::Result<()> {
    UnixStream::connect(format!("{}/service", variable("OUTSIDE"))).map(|_| ())
}
fn unix_path_inside() -> io::Result<()> {
    UnixStream::connect(format!("{}/service", variable("INSIDE"))).map(|_| ())
}
fn unix_listen() -> io::Result<()> {
    UnixListener::bind(format!("{}/mine", variable("INSIDE"))).map(|_| ())
}
fn unix_datagram() -> io::Result<()> {
    UnixDatagram::unbound().map(|_| ())
}
fn pair_of_datagrams() -> io::Result<()> {
    let (one, _other) = UnixDatagram::pair()?;
    one.send_to(b"x", format!("{}/datagrams", variable("OUTSIDE"))).map(|_| ())
}
fn raw_pair() -> io::Result<()> {
    use std::os::fd::FromRawFd;
    let mut pair = [0_i32; 2];
    simple(libc::SYS_socketpair, [1, 3, 0, pair.as_mut_ptr() as usize, 0, 0])?;
    // SAFETY: the kernel has just made it, and nobody else knows it.
    let one = unsafe { UnixDatagram::from_raw_fd(pair[0]) };
    one.connect(format!("{}/datagrams", variable("OUTSIDE")))?;
    one.send(b"x").map(|_| ())
}
fn lease() -> io::Result<()> {
    use std::os::fd::AsRawFd;
    let path = format!("{}/leased", variable("INSIDE"));
    std::fs::write(&path, "")?;
    let file = std::fs::File::open(path)?;
    simple(libc::SYS_fcntl, [usize::try_from(file.as_raw_fd()).unwrap(), 1024, 0, 0, 0, 0])
}
fn unix_abstract() -> io::Result<()> {
    use std::os::linux::net::SocketAddrExt;
    let name = std::os::unix::net::SocketAddr::from_abstract_name(format!("shellwarden-{}", number("PORT")))?;
    UnixStream::connect_addr(&name).map(|_| ())
}
fn raw() -> io::Result<()> {
    socket(2, 3, 1)
}
fn packet() -> io::Result<()> {
    socket(17, 3, 0)
}
fn netlink() -> io::Result<()> {
    socket(16, 3, 0)
}
fn multipath_tcp() -> io::Result<()> {
    socket(2, 1, 262)
}
fn vsock() -> io::Result<()> {
    socket(40, 1, 0)
}
fn crypto_sockets() -> io::Result<()> {
    socket(38, 5, 0)
}

// --- other processes
fn signal_one() -> io::Result<()> {
    kill(Pid::from_raw(number("CANARY")), Signal::SIGCONT).map_err(io::Error::from)
}
fn signal_server() -> io::Result<()> {
    signal_other(number("SERVER"))
}
fn signal_helper() -> io::Result<()> {
    signal_other(number("HELPER"))
}
/// In a PID namespace the number may be this process's own.
fn signal_other(pid: i32) -> io::Result<()> {
    if pid == nix::unistd::getpid().as_raw() {
        return Err(io::Error::from_raw_os_error(libc::ESRCH));
    }
    kill(Pid::from_raw(pid), None).map_err(io::Error::from)
}
fn signal_thread() -> io::Result<()> {
    simple(libc::SYS_tgkill, [canary(), canary(), 18, 0, 0, 0])
}
fn signal_by_handle() -> io::Result<()> {
    let handle = call(libc::SYS_pidfd_open, [canary(), 0, 0, 0, 0, 0])?;
    simple(libc::SYS_pidfd_send_signal, [usize::try_from(handle).unwrap(), 18, 0, 0, 0, 0])
}
fn limits() -> io::Result<()> {
    let limit = [100_u64, 100];
    simple(libc::SYS_prlimit64, [canary(), 0, limit.as_ptr() as usize, 0, 0, 0])
}
fn odd_pairs() -> io::Result<()> {
    // AF_TIPC 30: asking for it loads its module where there is one.
    let mut pair = [0_i32; 2];
    match call(libc::SYS_socketpair, [30, 1, 0, pair.as_mut_ptr() as usize, 0, 0]) {
        Err(error) if error.raw_os_error() != Some(libc::EACCES) => Ok(()),
        other => other.map(|_| ()),
    }
}
fn secret_memory() -> io::Result<()> {
    match call(libc::SYS_memfd_secret, [0; 6]) {
        Err(error) if error.raw_os_error() != Some(libc::EPERM) => Ok(()),
        other => other.map(|_| ()),
    }
}
fn nice() -> io::Result<()> {
    simple(libc::SYS_setpriority, [0, canary(), 10, 0, 0, 0])
}
fn scheduler() -> io::Result<()> {
    let parameter = 0_i32;
    simple(libc::SYS_sched_setscheduler, [canary(), 5, &raw const parameter as usize, 0, 0, 0])
}
fn affinity() -> io::Result<()> {
    let mask = 1_u64;
    simple(libc::SYS_sched_setaffinity, [canary(), 8, &raw const mask as usize, 0, 0, 0])
}
fn io_priority() -> io::Result<()> {
    simple(libc::SYS_ioprio_set, [1, canary(), 3 << 13, 0, 0, 0])
}
fn trace() -> io::Result<()> {
    // PTRACE_SEIZE
    simple(libc::SYS_ptrace, [0x4206, canary(), 0, 0, 0, 0])
}
fn read_memory() -> io::Result<()> {
    let mut byte = 0_u8;
    let local = [&raw mut byte as usize, 1];
    let remote = [std::ptr::from_ref(&LANDMARK) as usize, 1];
    let arguments = [canary(), local.as_ptr() as usize, 1, remote.as_ptr() as usize, 1, 0];
    simple(libc::SYS_process_vm_readv, arguments)
}
static LANDMARK: u8 = 7;
fn take_descriptor() -> io::Result<()> {
    let handle = call(libc::SYS_pidfd_open, [canary(), 0, 0, 0, 0, 0])?;
    simple(libc::SYS_pidfd_getfd, [usize::try_from(handle).unwrap(), 0, 0, 0, 0, 0])
}
/// Objects of another process, under a key that the attacks know.
pub(crate) fn share_objects() {
    simple(libc::SYS_shmget, [0x5157, 4096, 0o1600, 0, 0, 0]).unwrap();
    simple(libc::SYS_msgget, [0x5157, 0o1600, 0, 0, 0, 0]).unwrap();
    simple(libc::SYS_semget, [0x5157, 1, 0o1600, 0, 0, 0]).unwrap();
}
fn shared_memory() -> io::Result<()> {
    simple(libc::SYS_shmget, [0x5157, 4096, 0o600, 0, 0, 0])
}
fn message_queue() -> io::Result<()> {
    simple(libc::SYS_msgget, [0x5157, 0o600, 0, 0, 0, 0])
}
fn semaphores() -> io::Result<()> {
    simple(libc::SYS_semget, [0x5157, 1, 0o600, 0, 0, 0])
}

// --- privileges
fn user_namespace() -> io::Result<()> {
    simple(libc::SYS_unshare, [0x1000_0000, 0, 0, 0, 0, 0])
}
fn clone_namespace() -> io::Result<()> {
    match call(libc::SYS_clone, [0x1000_0000 | 17, 0, 0, 0, 0, 0])? {
        // SAFETY: the copy ends at once.
        0 => unsafe { libc::_exit(0) },
        _ => Ok(()),
    }
}
fn clone3() -> io::Result<()> {
    let mut arguments = [0_u64; 11];
    arguments[4] = 17;
    match call(libc::SYS_clone3, [arguments.as_ptr() as usize, 88, 0, 0, 0, 0])? {
        // SAFETY: the copy ends at once.
        0 => unsafe { libc::_exit(0) },
        _ => Ok(()),
    }
}
fn mount() -> io::Result<()> {
    let target = format!("{}\0", variable("INSIDE"));
    let kind = c"tmpfs".as_ptr() as usize;
    simple(libc::SYS_mount, [kind, target.as_ptr() as usize, kind, 0, 0, 0])
}
fn chroot() -> io::Result<()> {
    nix::unistd::chroot(variable("INSIDE").as_str()).map_err(io::Error::from)
}
fn become_root() -> io::Result<()> {
    use nix::unistd::{Uid, setresuid};
    // For root the way back to itself is no attack; another uid is.
    let other = Uid::from_raw(if nix::unistd::geteuid().is_root() { 1000 } else { 0 });
    setresuid(other, other, other).map_err(io::Error::from)
}
fn override_permissions() -> io::Result<()> {
    let file = format!("{}/locked", variable("INSIDE"));
    std::fs::write(&file, "x")?;
    nix::unistd::chown(file.as_str(), Some(nix::unistd::Uid::from_raw(1000)), None).map_err(io::Error::from)
}
fn raise_limit() -> io::Result<()> {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let (_, hard) = getrlimit(Resource::RLIMIT_CORE)?;
    setrlimit(Resource::RLIMIT_CORE, 1 << 20, hard.max(1 << 20)).map_err(io::Error::from)
}
fn host_name() -> io::Result<()> {
    simple(libc::SYS_sethostname, [c"mine".as_ptr() as usize, 4, 0, 0, 0, 0])
}

// --- kernel surface
fn io_uring() -> io::Result<()> {
    let parameters = [0_u8; 120];
    simple(libc::SYS_io_uring_setup, [4, parameters.as_ptr() as usize, 0, 0, 0, 0])
}
fn x32_call() -> io::Result<()> {
    // x32 getpid
    simple(0x4000_0000 | 39, [0; 6])
}
fn i386_call() -> io::Result<()> {
    let result: i64;
    // SAFETY: getpid of the 32-bit table takes no argument.
    unsafe { std::arch::asm!("int 0x80", inlateout("rax") 20_i64 => result) };
    if result > 0 { Ok(()) } else { Err(io::Error::other("refused")) }
}
fn bpf() -> io::Result<()> {
    simple(libc::SYS_bpf, [0, 0, 0, 0, 0, 0])
}
fn performance_events() -> io::Result<()> {
    let attributes = [1_u8; 112];
    simple(libc::SYS_perf_event_open, [attributes.as_ptr() as usize, 0, usize::MAX, usize::MAX, 0, 0])
}
fn fault_handling() -> io::Result<()> {
    simple(libc::SYS_userfaultfd, [1, 0, 0, 0, 0, 0])
}
fn keyring() -> io::Result<()> {
    // KEYCTL_GET_KEYRING_ID of the user keyring
    simple(libc::SYS_keyctl, [0, usize::MAX - 3, 1, 0, 0, 0])
}
fn personality() -> io::Result<()> {
    simple(libc::SYS_personality, [0x0040_0000, 0, 0, 0, 0, 0])
}
fn file_handle() -> io::Result<()> {
    let mut handle = [0_u32; 40];
    handle[0] = 128;
    let mut mount_id = 0_i32;
    let (at, into) = (handle.as_mut_ptr() as usize, &raw mut mount_id as usize);
    simple(libc::SYS_name_to_handle_at, [usize::MAX - 99, c"/etc/passwd".as_ptr() as usize, at, into, 0, 0])
}
fn type_into_terminal() -> io::Result<()> {
    match call(libc::SYS_ioctl, [0, 0x5412, c"x".as_ptr() as usize, 0, 0, 0]) {
        // No terminal was there to type into; the filter must answer before the kernel looks.
        Err(error) if error.raw_os_error() != Some(libc::EPERM) => Ok(()),
        other => other.map(|_| ()),
    }
}
fn program_in_memory() -> io::Result<()> {
    let name = c"x".as_ptr() as usize;
    let memory = call(libc::SYS_memfd_create, [name, 0, 0, 0, 0, 0])?;
    std::fs::copy("/bin/true", format!("/proc/self/fd/{memory}")).map(|_| ())
}
fn inherited_descriptors() -> io::Result<()> {
    let open = (3..1024).find(|fd| call(libc::SYS_fcntl, [*fd, 1, 0, 0, 0, 0]).is_ok());
    open.map(|_| ()).ok_or_else(|| io::Error::other("nothing above 2"))
}
fn inherited_environment() -> io::Result<()> {
    let known = ["OUTSIDE", "INSIDE", "CANARY", "PORT", "SERVER", "HELPER"];
    let foreign = std::env::vars().find(|(name, _)| !known.contains(&name.as_str()));
    foreign.map(|_| ()).ok_or_else(|| io::Error::other("nothing but what was given"))
}

/// Not an attack: a network of one's own works.
pub(crate) fn own_loopback() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    TcpStream::connect(listener.local_addr()?)?;
    udp()?;
    if tcp_connect().is_ok() {
        return Err(io::Error::other("a service of the machine was reached"));
    }
    Ok(())
}

/// Not an attack: the granted port is reached, and nothing else.
pub(crate) fn granted_port() -> io::Result<()> {
    tcp_connect()?;
    let other = u16::try_from(number("OTHER")).unwrap();
    let refused =
        [TcpStream::connect(("127.0.0.1", other)).err(), tcp_bind().err(), udp().err(), fast_open(other).err()];
    let expected =
        |error: &Option<io::Error>| error.as_ref().is_some_and(|error| error.kind() == io::ErrorKind::PermissionDenied);
    if refused.iter().all(expected) { Ok(()) } else { Err(io::Error::other(format!("{refused:?}"))) }
}

fn fast_open(port: u16) -> io::Result<()> {
    let socket = call(libc::SYS_socket, [2, 1, 0, 0, 0, 0])?;
    let [high, low] = port.to_be_bytes();
    let address = [2, 0, high, low, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0_u8];
    let socket = usize::try_from(socket).unwrap();
    simple(libc::SYS_sendto, [socket, c"x".as_ptr() as usize, 1, 0x2000_0000, address.as_ptr() as usize, 16])
}

pub(crate) const ATTEMPTS: &[Attempt] = &[
    works("tcp connect", tcp_connect),
    works("tcp bind", tcp_bind),
    works("udp", udp),
    works("unix path", unix_path),
    works("unix path inside", unix_path_inside),
    works("unix listen", unix_listen),
    works("unix datagram", unix_datagram),
    works("unix abstract", unix_abstract),
    works("a pair of datagram sockets", pair_of_datagrams),
    works("a pair of raw sockets", raw_pair),
    works("a lease", lease),
    works("netlink", netlink),
    may_work("raw socket", raw),
    may_work("packet socket", packet),
    may_work("multipath tcp", multipath_tcp),
    may_work("vsock", vsock),
    may_work("crypto sockets", crypto_sockets),
    works("signal", signal_one),
    works("signal server", signal_server),
    works("signal helper", signal_helper),
    works("signal thread", signal_thread),
    works("signal by handle", signal_by_handle),
    works("limits of another", limits),
    works("nice of another", nice),
    works("scheduler of another", scheduler),
    works("affinity of another", affinity),
    works("io priority of another", io_priority),
    may_work("trace", trace),
    may_work("read memory", read_memory),
    may_work("take descriptor", take_descriptor),
    works("shared memory", shared_memory),
    works("message queue", message_queue),
    works("semaphores", semaphores),
    may_work("user namespace", user_namespace),
    may_work("clone namespace", clone_namespace),
    works("clone3", clone3),
    may_work("mount", mount),
    may_work("chroot", chroot),
    may_work("become another user", become_root),
    may_work("give a file away", override_permissions),
    may_work("raise a limit", raise_limit),
    may_work("host name", host_name),
    may_work("io_uring", io_uring),
    may_work("x32 call", x32_call),
    may_work("i386 call", i386_call),
    may_work("bpf", bpf),
    may_work("performance events", performance_events),
    may_work("page fault handling", fault_handling),
    may_work("keyring", keyring),
    works("personality", personality),
    may_work("file handle", file_handle),
    works("type into a terminal", type_into_terminal),
    works("program in memory", program_in_memory),
    works("odd pairs of sockets", odd_pairs),
    works("secret memory", secret_memory),
    may_work("inherited descriptors", inherited_descriptors),
    works("inherited environment", inherited_environment),
];
