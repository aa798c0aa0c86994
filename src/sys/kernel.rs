//! Calls about Landlock's version and seccomp's filters.
//!
//! In: nothing, or a filter program. Out: what the kernel has, or the filter in force. What a filter should say is
//! `sandbox::seccomp`'s business.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use libc::{c_long, c_uint, c_ushort};

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
