//! The loopback interface of a new network namespace.
//!
//! In: nothing. Out: `lo` up. Whether a job has a network namespace is the sandbox's decision.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use libc::{c_char, c_short};

/// Switches `lo` on in this process's network namespace.
///
/// # Errors
/// What `socket(2)` or `ioctl(2)` answers; `EPERM` where the namespace is not this process's own.
pub fn bring_up_loopback() -> io::Result<()> {
    // SAFETY: the call takes three integers.
    let fd = unsafe { libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just made this descriptor and nobody else knows it.
    let socket = unsafe { OwnedFd::from_raw_fd(fd) };
    // SAFETY: all bytes zero is a valid request: an empty name and no flags.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (place, byte) in request.ifr_name.iter_mut().zip(*b"lo") {
        *place = c_char::from_ne_bytes([byte]);
    }
    request.ifr_ifru.ifru_flags = c_short::try_from(libc::IFF_UP | libc::IFF_RUNNING).unwrap_or(c_short::MAX);
    // SAFETY: the request lives until the call returns, and SIOCSIFFLAGS only reads its name and flags.
    let rc = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &raw const request) };
    if rc == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
