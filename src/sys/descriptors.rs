//! Which descriptors survive.
//!
//! In: numbers. Out: the others closed, or closed on exec. Which ones to keep is the caller's knowledge.

use std::io;
use std::os::fd::RawFd;

use libc::{c_int, c_uint};

/// One `close_range(2)`.
fn close_range(first: c_uint, last: c_uint, flags: c_uint) -> io::Result<()> {
    // SAFETY: the call takes three integers and touches no memory of ours.
    let rc = unsafe { libc::syscall(libc::SYS_close_range, first, last, flags) };
    if rc == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Marks every descriptor from `first` upward close-on-exec.
///
/// # Errors
/// What `close_range(2)` answers.
pub fn close_on_exec_from(first: u32) -> io::Result<()> {
    close_range(first, c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC)
}

/// Closes every descriptor above 2 that is not in `keep`.
///
/// INVARIANT: the caller is a freshly forked process that never returns, so no owner elsewhere in it will use or close
/// one of the closed numbers again.
///
/// # Errors
/// What `close_range(2)` answers.
pub fn close_all_except(keep: &[RawFd]) -> io::Result<()> {
    let mut keep: Vec<c_int> = keep.iter().copied().filter(|fd| *fd > 2).collect();
    keep.sort_unstable();
    let mut first: c_uint = 3;
    for fd in keep {
        let fd = fd.unsigned_abs();
        if fd > first {
            close_range(first, fd - 1, 0)?;
        }
        first = first.max(fd + 1);
    }
    close_range(first, c_uint::MAX, 0)
}
