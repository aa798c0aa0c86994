//! A child that runs in its parent's memory until it executes a program or ends.
//!
//! In: what the child does before it executes. Out: its pid, once it has. Nothing is copied, so it costs the same whatever
//! the parent has in memory; and what the child wrote there is seen by the parent, which sleeps meanwhile.

use std::ffi::c_void;
use std::io;
use std::ptr;

use libc::c_int;

/// What the steps before an exec need, many times over.
const ROOM: usize = 256 << 10;
/// A whole number of pages of any size.
const GUARD: usize = 64 << 10;

/// A stack of the child's own, with a part below it that nobody can touch.
struct Stack(*mut c_void);

impl Stack {
    fn map() -> io::Result<Self> {
        let access = libc::PROT_READ | libc::PROT_WRITE;
        let kind = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_STACK | libc::MAP_NORESERVE;
        // SAFETY: a new mapping at a place that the kernel chooses overlaps nothing of ours.
        let base = unsafe { libc::mmap(ptr::null_mut(), GUARD + ROOM, access, kind, -1, 0) };
        if base == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let stack = Self(base);
        // SAFETY: this is the lowest part of the mapping that was just made and that nobody uses yet.
        let rc = unsafe { libc::mprotect(base, GUARD, libc::PROT_NONE) };
        if rc == 0 { Ok(stack) } else { Err(io::Error::last_os_error()) }
    }

    fn top(&self) -> *mut c_void {
        self.0.wrapping_byte_add(GUARD + ROOM)
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // SAFETY: the mapping was made by `map` with this size, and whoever ran on it has another memory by now or is gone.
        unsafe { libc::munmap(self.0, GUARD + ROOM) };
    }
}

extern "C" fn enter<F: FnOnce() -> c_int>(slot: *mut c_void) -> c_int {
    // SAFETY: the pointer is to the slot of `fork_until_exec`, whose caller sleeps until this process needs it no more.
    let slot = unsafe { &mut *slot.cast::<Option<F>>() };
    slot.take().map_or(127, |body| body())
}

/// A second process that does `body` in this memory, with descriptors, directory, rights and signals of its own. Comes back
/// with its pid as soon as it executes a program, returns an exit code from `body`, or is killed. What `body` owns it must
/// leave as it is: descriptors that it closes stay open here.
///
/// # Errors
/// What `clone(2)` or `mmap(2)` answers.
pub fn fork_until_exec<F: FnOnce() -> c_int>(body: F) -> io::Result<i32> {
    let stack = Stack::map()?;
    let mut slot = Some(body);
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
    // SAFETY: CLONE_VFORK lets this thread, the only one, sleep until the child has left this memory, so both never run
    // at once and stack and slot outlive its use of them; the child runs on a stack that nobody else uses. Only the
    // child's own registers differ, and of the thread's data only errno is written, which nobody reads across this call.
    let pid = unsafe { libc::clone(enter::<F>, stack.top(), flags, (&raw mut slot).cast()) };
    if pid == -1 { Err(io::Error::last_os_error()) } else { Ok(pid) }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed assumption is a failed test")]
mod tests {
    use super::*;

    #[test]
    fn what_the_child_leaves_in_memory_is_seen_and_its_end_is_its_own() {
        let mut left = None;
        let pid = fork_until_exec(|| {
            left = Some(vec![1, 2, 3]);
            7
        })
        .unwrap();
        let ended = nix::sys::wait::waitpid(nix::unistd::Pid::from_raw(pid), None).unwrap();
        assert_eq!(ended, nix::sys::wait::WaitStatus::Exited(nix::unistd::Pid::from_raw(pid), 7));
        assert_eq!(left, Some(vec![1, 2, 3]));
    }
}
