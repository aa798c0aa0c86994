//! A filter that holds each new process and thread of a job until its supervisor has counted.
//!
//! In: nothing. Out: the descriptor on which the supervisor answers. It lies below the filter of the table, whose
//! refusals are stronger than a question.

use std::io;
use std::os::fd::OwnedFd;

use super::assemble::{OFFSET_CALL, branch, op, step};
use crate::sys::{self, Instruction};

/// `SECCOMP_RET_USER_NOTIF` of linux/seccomp.h.
const ASK: u32 = 0x7fc0_0000;

/// The number of a call, as instructions hold it.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "numbers of calls are small and positive")]
const fn number(call: i64) -> u32 {
    call as u32
}

/// Another architecture's calls, which these numbers would not fit, end the process by the table's filter.
const PROGRAM: [Instruction; 7] = [
    step(op::LOAD, OFFSET_CALL),
    branch(op::IF_EQUAL, number(libc::SYS_clone), 3, 0),
    branch(op::IF_EQUAL, number(libc::SYS_fork), 2, 0),
    branch(op::IF_EQUAL, number(libc::SYS_vfork), 1, 0),
    branch(op::IF_EQUAL, number(libc::SYS_clone3), 0, 1),
    step(op::RETURN, ASK),
    step(op::RETURN, libc::SECCOMP_RET_ALLOW),
];

/// Puts it in force. [`None`] when a supervisor around this one answers already, as the kernel takes only one.
///
/// # Errors
/// What `seccomp(2)` answers.
pub(crate) fn ask_before_forks() -> io::Result<Option<OwnedFd>> {
    match sys::install_asking_filter(&PROGRAM) {
        Ok(listener) => Ok(Some(listener)),
        Err(error) if error.raw_os_error() == Some(libc::EBUSY) => Ok(None),
        Err(error) => Err(error),
    }
}
