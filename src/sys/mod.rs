//! The only unsafe code: one safe function per call of the kernel that no library wraps safely.
//!
//! In: plain values and descriptors. Out: what the kernel answered, as [`std::io::Result`]. Nothing here decides
//! anything; `sandbox` and `launcher` do.
#![expect(unsafe_code, reason = "the one module that may call the kernel directly")]

mod borrowed;
mod descriptors;
mod kernel;
mod mounts;
mod network;
mod packet;
mod privileges;
mod process;
mod terminal;

pub use borrowed::fork_until_exec;
pub use descriptors::{close_all_except, close_on_exec_from};
pub use kernel::{Instruction, allow_beneath, errata_of_landlock, install_filter, restrict_self, version_of_landlock};
pub use mounts::{clone_tree, mount_attribute, place_tree, restrict_mounts, restrict_tree};
pub use network::bring_up_loopback;
pub use packet::{Packet, packet_pair, receive_packet, send_packet};
pub use privileges::{clear_capabilities, drop_bounding_set, effective_capabilities};
pub use process::{
    Forked, Reaped, default_signals, exit_now, fork, fork_into, ignore_file_size_signal, nice, open_process, reap,
    set_nice, short_turns, tasks_of_machine,
};
pub use terminal::{open_terminal, take_terminal};
