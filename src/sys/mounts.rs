//! Mounts as trees that are cloned, changed while nobody sees them, and put in place.
//!
//! In: paths and descriptors. Out: what `open_tree(2)`, `mount_setattr(2)` and `move_mount(2)` answer. Which trees, and in
//! which order, is the sandbox's plan.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use libc::{c_int, c_uint};

/// Attributes of mounts, `MOUNT_ATTR_*` of linux/mount.h.
pub mod mount_attribute {
    /// Nothing can be written.
    pub const READ_ONLY: u64 = 0x1;
    /// Set-user-id bits have no effect.
    pub const NO_SET_ID: u64 = 0x2;
    /// Device nodes cannot be opened.
    pub const NO_DEVICES: u64 = 0x4;
    /// Nothing can be executed.
    pub const NO_EXECUTE: u64 = 0x8;
}

/// `struct mount_attr`.
#[repr(C)]
struct Attributes {
    set: u64,
    clear: u64,
    propagation: u64,
    user_namespace: u64,
}

const RECURSIVE: c_uint = 0x8000; // AT_RECURSIVE
const EMPTY_PATH: c_uint = 0x1000; // AT_EMPTY_PATH
const CLONE: c_uint = 1; // OPEN_TREE_CLONE
const FROM_EMPTY_PATH: c_uint = 0x4; // MOVE_MOUNT_F_EMPTY_PATH

fn c_path(path: &Path) -> io::Result<CString> {
    CString::new(path.as_os_str().as_bytes()).map_err(|_| io::Error::from_raw_os_error(libc::EINVAL))
}

/// A detached copy of the mounts at and below `path`.
///
/// # Errors
/// What `open_tree(2)` answers.
pub fn clone_tree(path: &Path) -> io::Result<OwnedFd> {
    let path = c_path(path)?;
    let flags = CLONE | RECURSIVE | libc::O_CLOEXEC.unsigned_abs();
    // SAFETY: the path is a terminated string that lives until the call returns.
    let fd = unsafe { libc::syscall(libc::SYS_open_tree, libc::AT_FDCWD, path.as_ptr(), flags) };
    let fd = RawFd::try_from(fd).map_err(|_| io::Error::from_raw_os_error(libc::EOVERFLOW))?;
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just made this descriptor and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn set_attributes(dir: RawFd, path: &CString, flags: c_uint, set: u64) -> io::Result<()> {
    let attributes = Attributes { set, clear: 0, propagation: 0, user_namespace: 0 };
    let size = size_of::<Attributes>();
    // SAFETY: path and attributes live until the call returns, and `size` is the size of the latter.
    let rc = unsafe { libc::syscall(libc::SYS_mount_setattr, dir, path.as_ptr(), flags, &raw const attributes, size) };
    if rc == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Adds attributes to every mount of a detached tree.
///
/// # Errors
/// What `mount_setattr(2)` answers.
pub fn restrict_tree(tree: BorrowedFd<'_>, set: u64) -> io::Result<()> {
    set_attributes(tree.as_raw_fd(), &CString::default(), EMPTY_PATH | RECURSIVE, set)
}

/// Adds attributes to every mount at and below `path`.
///
/// # Errors
/// What `mount_setattr(2)` answers.
pub fn restrict_mounts(path: &Path, set: u64) -> io::Result<()> {
    set_attributes(libc::AT_FDCWD, &c_path(path)?, RECURSIVE, set)
}

/// Puts a detached tree on top of `path`.
///
/// # Errors
/// What `move_mount(2)` answers.
pub fn place_tree(tree: BorrowedFd<'_>, path: &Path) -> io::Result<()> {
    let (empty, path): (CString, CString) = (CString::default(), c_path(path)?);
    let here: c_int = libc::AT_FDCWD;
    // SAFETY: both strings are terminated and live until the call returns.
    let rc = unsafe {
        libc::syscall(libc::SYS_move_mount, tree.as_raw_fd(), empty.as_ptr(), here, path.as_ptr(), FROM_EMPTY_PATH)
    };
    if rc == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
