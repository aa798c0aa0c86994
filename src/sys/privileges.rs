//! Capabilities of this process.
//!
//! In: nothing. Out: the sets read, or emptied. When that is due is the sandbox's order of steps.

use std::io;

use libc::{c_int, c_ulong};

/// `_LINUX_CAPABILITY_VERSION_3` of `linux/capability.h`: 64-bit sets as two halves.
const VERSION_3: u32 = 0x2008_0522;

#[repr(C)]
struct Header {
    version: u32,
    pid: c_int,
}

#[repr(C)]
#[derive(Default, Clone, Copy)]
struct Half {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

/// `prctl(2)` with up to two arguments.
fn prctl(option: c_int, first: c_ulong, second: c_ulong) -> io::Result<c_int> {
    let zero: c_ulong = 0;
    // SAFETY: only options that take integers are passed by this file, so the kernel reads no memory of ours.
    let rc = unsafe { libc::prctl(option, first, second, zero, zero) };
    if rc >= 0 { Ok(rc) } else { Err(io::Error::last_os_error()) }
}

/// The effective set, bit n for capability n.
///
/// # Errors
/// What `capget(2)` answers.
pub fn effective_capabilities() -> io::Result<u64> {
    let header = Header { version: VERSION_3, pid: 0 };
    let mut halves = [Half::default(); 2];
    // SAFETY: version 3 makes the kernel write exactly two halves, which is what the array holds.
    let rc = unsafe { libc::syscall(libc::SYS_capget, &raw const header, halves.as_mut_ptr()) };
    if rc != 0 {
        return Err(io::Error::last_os_error());
    }
    let [low, high] = halves;
    Ok(u64::from(low.effective) | u64::from(high.effective) << 32)
}

/// Empties the bounding set, so that no later exec can give a capability. Needs CAP_SETPCAP.
///
/// # Errors
/// What `prctl(2)` answers; the end of the kernel's list is no error.
pub fn drop_bounding_set() -> io::Result<()> {
    for capability in 0..64 {
        match prctl(libc::PR_CAPBSET_READ, capability, 0) {
            Ok(0) => {}
            Ok(_) => {
                prctl(libc::PR_CAPBSET_DROP, capability, 0)?;
            }
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => return Ok(()),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Empties the ambient, effective, permitted and inheritable sets.
///
/// # Errors
/// What `prctl(2)` or `capset(2)` answers.
pub fn clear_capabilities() -> io::Result<()> {
    let clear_all = c_ulong::from(libc::PR_CAP_AMBIENT_CLEAR_ALL.unsigned_abs());
    prctl(libc::PR_CAP_AMBIENT, clear_all, 0)?;
    let header = Header { version: VERSION_3, pid: 0 };
    let halves = [Half::default(); 2];
    // SAFETY: version 3 makes the kernel read exactly two halves, which is what the array holds.
    let rc = unsafe { libc::syscall(libc::SYS_capset, &raw const header, halves.as_ptr()) };
    if rc == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
