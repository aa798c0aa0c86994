//! Packets with descriptors between the processes of the launcher.
//!
//! In: bytes and borrowed descriptors. Out: the same at the other end, owned, and who sent them as this process counts
//! pids. What the bytes mean is the launcher's protocol.

use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use nix::sys::socket::{
    AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType, UnixAddr, recvmsg, sendmsg,
    socketpair,
};

/// Most descriptors that one packet carries: a job's socket, its three streams, and text that is too large.
const MOST_DESCRIPTORS: usize = 5;

/// One packet as received.
#[derive(Debug)]
pub struct Packet {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Descriptors that came with it, close-on-exec.
    pub descriptors: Vec<OwnedFd>,
    /// Who sent it, where the socket asks for credentials.
    pub sender: Option<i32>,
}

/// A pair of connected packet sockets, close-on-exec.
///
/// # Errors
/// What `socketpair(2)` answers.
pub fn packet_pair() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)?)
}

/// Sends one packet whole; a closed peer is an error, never a signal.
///
/// # Errors
/// What `sendmsg(2)` answers; `EAGAIN` when the socket is non-blocking and full.
pub fn send_packet(socket: BorrowedFd<'_>, bytes: &[u8], descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
    let raw: Vec<RawFd> = descriptors.iter().map(AsRawFd::as_raw_fd).collect();
    let rights = [ControlMessage::ScmRights(&raw)];
    let control: &[ControlMessage<'_>] = if raw.is_empty() { &[] } else { &rights };
    let flags = MsgFlags::MSG_NOSIGNAL;
    sendmsg::<UnixAddr>(socket.as_raw_fd(), &[IoSlice::new(bytes)], control, flags, None)?;
    Ok(())
}

/// Owns a descriptor that the kernel has just made for this process.
fn own(received: RawFd) -> OwnedFd {
    // SAFETY: called once for each number of one control message; nobody else knows them.
    unsafe { OwnedFd::from_raw_fd(received) }
}

/// Receives one packet of at most `room` bytes; [`None`] when the peer is gone.
///
/// # Errors
/// What `recvmsg(2)` answers; `EMSGSIZE` when the packet or its descriptors were cut.
pub fn receive_packet(socket: BorrowedFd<'_>, room: usize) -> io::Result<Option<Packet>> {
    let mut bytes = vec![0; room];
    let mut control = nix::cmsg_space!([RawFd; MOST_DESCRIPTORS], nix::sys::socket::UnixCredentials);
    let (length, cut, descriptors, sender) = {
        let mut parts = [IoSliceMut::new(&mut bytes)];
        let flags = MsgFlags::MSG_CMSG_CLOEXEC;
        let message = recvmsg::<UnixAddr>(socket.as_raw_fd(), &mut parts, Some(&mut control), flags)?;
        let mut descriptors = Vec::new();
        let mut sender = None;
        for part in message.cmsgs()? {
            match part {
                ControlMessageOwned::ScmRights(raw) => descriptors.extend(raw.into_iter().map(own)),
                ControlMessageOwned::ScmCredentials(who) => sender = Some(who.pid()),
                _ => {}
            }
        }
        let cut = message.flags.intersects(MsgFlags::MSG_TRUNC | MsgFlags::MSG_CTRUNC);
        (message.bytes, cut, descriptors, sender)
    };
    if cut {
        return Err(io::Error::from_raw_os_error(libc::EMSGSIZE));
    }
    if length == 0 && descriptors.is_empty() {
        return Ok(None);
    }
    bytes.truncate(length);
    Ok(Some(Packet { bytes, descriptors, sender }))
}
