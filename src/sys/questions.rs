//! Calls of a job that the kernel holds until another process has answered.
//!
//! In: a filter program whose verdict is to ask, and answers. Out: the descriptor on which the questions arrive, and
//! one question at a time. What to answer is the launcher's business. See seccomp_unotify(2).

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use super::kernel::{Instruction, with_program};

/// Puts a filter in force for this thread and all it will start, and gives the descriptor, close-on-exec, on which
/// others answer what it asks. Needs no_new_privs.
///
/// # Errors
/// What `seccomp(2)` answers: `EBUSY` when somebody answers for this process already.
pub fn install_asking_filter(program: &[Instruction]) -> io::Result<OwnedFd> {
    let install = |flags: libc::c_ulong| {
        with_program(program, |header| {
            // SAFETY: `header` and the instructions it points to live until the call returns; the kernel copies them.
            unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, header) }
        })
    };
    // A question that was read survives the asker's signals since Linux 5.19.
    let answer = match install(libc::SECCOMP_FILTER_FLAG_NEW_LISTENER | libc::SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV) {
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => install(libc::SECCOMP_FILTER_FLAG_NEW_LISTENER),
        other => other,
    };
    let listener = i32::try_from(answer?).map_err(|_| io::ErrorKind::InvalidData)?;
    // SAFETY: the kernel has just made this descriptor for this process; nobody else knows its number.
    Ok(unsafe { OwnedFd::from_raw_fd(listener) })
}

/// The next question, as the kernel numbers it; [`None`] when who asked is gone. It must be known that there is one.
///
/// # Errors
/// What the kernel answers.
pub fn next_question(listener: BorrowedFd<'_>) -> io::Result<Option<u64>> {
    // SAFETY: the structure consists of integers, and the kernel wants it zeroed.
    let mut question: libc::seccomp_notif = unsafe { std::mem::zeroed() };
    // SAFETY: the kernel writes one structure of this size, which lives until the call returns.
    let rc = unsafe { libc::ioctl(listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_RECV, &raw mut question) };
    match (rc, io::Error::last_os_error()) {
        (0, _) => Ok(Some(question.id)),
        (_, error) if matches!(error.raw_os_error(), Some(libc::ENOENT | libc::EINTR)) => Ok(None),
        (_, error) => Err(error),
    }
}

/// Lets the call go on, or fail with this error number. Who asked may be gone, which is no error.
///
/// # Errors
/// What the kernel answers.
pub fn answer_question(listener: BorrowedFd<'_>, id: u64, refuse: Option<i32>) -> io::Result<()> {
    // The one flag there is: `SECCOMP_USER_NOTIF_FLAG_CONTINUE`.
    let flags = if refuse.is_some() { 0 } else { 1 };
    let answer = libc::seccomp_notif_resp { id, val: 0, error: refuse.map_or(0, |errno| -errno), flags };
    // SAFETY: the kernel reads one structure of this size, which lives until the call returns.
    let rc = unsafe { libc::ioctl(listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_SEND, &raw const answer) };
    match (rc, io::Error::last_os_error()) {
        (0, _) => Ok(()),
        (_, error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(()),
        (_, error) => Err(error),
    }
}
