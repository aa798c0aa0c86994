//! Calls about Landlock and seccomp's filters.
//!
//! In: nothing, a rule, or a filter program. Out: what the kernel has, or the filter in force. What a filter should say is
//! `sandbox::seccomp`'s business.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use libc::{c_int, c_long, c_uint, c_ushort};

/// One instruction of a classic BPF program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instruction {
    /// Operation.
    pub code: u16,
    /// Instructions to skip when the test holds.
    pub jump_true: u8,
    /// Instructions to skip when it does not.
    pub jump_false: u8,
    /// Constant operand.
    pub k: u32,
}

/// `landlock_create_ruleset(NULL, 0, flags)`: asks, and makes nothing.
fn ask_landlock(flags: c_uint) -> io::Result<u32> {
    // SAFETY: with a null attribute of size zero the kernel reads no memory and makes no ruleset.
    let rc: c_long =
        unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, std::ptr::null::<u8>(), 0_usize, flags) };
    u32::try_from(rc).map_err(|_| io::Error::last_os_error())
}

/// The newest Landlock ABI of this kernel.
///
/// # Errors
/// `ENOSYS` when it is not built in, `EOPNOTSUPP` when it is switched off at boot, or what a filter around us says.
pub fn version_of_landlock() -> io::Result<u32> {
    ask_landlock(1)
}

/// The Landlock errata that this kernel has fixed, as bits.
///
/// # Errors
/// `EINVAL` on kernels before errata could be asked for.
pub fn errata_of_landlock() -> io::Result<u32> {
    ask_landlock(2)
}

/// `struct landlock_path_beneath_attr`, which has no padding.
#[repr(C, packed)]
struct PathBeneath {
    allowed: u64,
    parent: c_int,
}

/// Allows accesses (`LANDLOCK_ACCESS_FS_*`) to a file, or to a directory and all below it.
///
/// # Errors
/// What `landlock_add_rule(2)` answers; `EINVAL` for an access that the ruleset does not handle, or that only directories
/// have when the descriptor is a file's.
pub fn allow_beneath(ruleset: BorrowedFd<'_>, allowed: u64, parent: BorrowedFd<'_>) -> io::Result<()> {
    /// `LANDLOCK_RULE_PATH_BENEATH` of linux/landlock.h.
    const BENEATH: c_int = 1;
    let rule = PathBeneath { allowed, parent: parent.as_raw_fd() };
    let flags: c_uint = 0;
    // SAFETY: the kernel reads the rule, which lives until the call returns; both descriptors are borrowed, so open.
    let rc =
        unsafe { libc::syscall(libc::SYS_landlock_add_rule, ruleset.as_raw_fd(), BENEATH, &raw const rule, flags) };
    if rc == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Puts a Landlock ruleset in force for this thread and all it will start. Needs no_new_privs or CAP_SYS_ADMIN.
///
/// # Errors
/// What `landlock_restrict_self(2)` answers.
pub fn restrict_self(ruleset: BorrowedFd<'_>, flags: u32) -> io::Result<()> {
    // SAFETY: the call takes two integers; the descriptor is borrowed, so it is open.
    let rc = unsafe { libc::syscall(libc::SYS_landlock_restrict_self, ruleset.as_raw_fd(), flags) };
    if rc == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Puts a seccomp filter in force for this thread and all it will start. Needs no_new_privs.
///
/// # Errors
/// What `seccomp(2)` answers.
pub fn install_filter(program: &[Instruction]) -> io::Result<()> {
    let too_long = |_| io::Error::from_raw_os_error(libc::E2BIG);
    let mut code: Vec<libc::sock_filter> = Vec::with_capacity(program.len());
    for step in program {
        code.push(libc::sock_filter { code: step.code, jt: step.jump_true, jf: step.jump_false, k: step.k });
    }
    let len = c_ushort::try_from(code.len()).map_err(too_long)?;
    let header = libc::sock_fprog { len, filter: code.as_mut_ptr() };
    let flags: c_uint = 0;
    // SAFETY: `header` and the `len` instructions it points to live until the call returns; the kernel copies them.
    let rc = unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, &raw const header) };
    if rc == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
