//! What the processes of the launcher tell each other.
//!
//! In: messages. Out: packets, and back. A request that is too large for a packet travels in a sealed memory file.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use serde::{Deserialize, Serialize};

use super::sampler::Passed;
use crate::sandbox::{Failure, Job, Support};
use crate::sys::{self, Packet};

/// Room for any message but a large request.
pub(super) const ROOM: usize = 64 * 1024;
/// Requests above this travel in a memory file; a packet must fit the socket's buffer whole.
const INLINE: usize = 32 * 1024;
/// No request is larger: argv and environment together cannot be either.
const LARGEST: u64 = 8 * 1024 * 1024;

/// Server to helper, with the job's socket, output, error and perhaps input.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Request<'a> {
    /// The profile's grants, encoded; also their name in the helper's memory.
    pub(super) grants: &'a [u8],
    /// The job.
    pub(super) job: Job,
}

/// Helper to server, once.
pub(super) type Hello = Result<Support, String>;

/// Supervisor (or helper) to server, over the job's socket.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Report {
    /// The program runs.
    Started,
    /// A step failed, nothing was executed.
    Failed(Failure),
    /// The last process is gone.
    Ended {
        /// Wait status of the first process.
        status: i32,
        /// CPU time of all processes, microseconds.
        cpu_micros: u64,
        /// Memory of the whole tree where it was looked at, else of its largest process, at its peak, bytes.
        peak_memory: u64,
        /// The limit of the whole job that the supervisor ended it for.
        passed: Option<Passed>,
        /// The kernel refused further processes.
        was_full: bool,
    },
    /// The supervisor died, its job was ended.
    Lost(String),
}

/// Server to supervisor, over the job's socket.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Order {
    /// This signal to the whole tree.
    Signal(i32),
    /// The end of the whole tree.
    Kill,
}

fn invalid(error: postcard::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

/// Sends a small message.
pub(super) fn send<T: Serialize>(socket: BorrowedFd<'_>, message: &T) -> io::Result<()> {
    let bytes = postcard::to_stdvec(message).map_err(invalid)?;
    sys::send_packet(socket, &bytes, &[])
}

/// Reads a small message.
pub(super) fn decode<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> io::Result<T> {
    postcard::from_bytes(bytes).map_err(invalid)
}

/// A request ready to be sent: bytes of the packet, and the memory file that holds the rest.
pub(super) struct Parcel {
    pub(super) bytes: Vec<u8>,
    pub(super) overflow: Option<OwnedFd>,
}

/// The first byte tells where the request is.
const HERE: u8 = 0;
const IN_MEMORY_FILE: u8 = 1;

/// Encodes a request.
pub(super) fn pack(request: &Request<'_>) -> Result<Parcel, super::LaunchError> {
    let encoded = postcard::to_extend(request, vec![HERE]).map_err(super::LaunchError::Encode)?;
    if encoded.len() <= INLINE {
        return Ok(Parcel { bytes: encoded, overflow: None });
    }
    let overflow = sealed(encoded.get(1..).unwrap_or_default()).map_err(super::LaunchError::HandOver)?;
    Ok(Parcel { bytes: vec![IN_MEMORY_FILE], overflow: Some(overflow) })
}

/// A memory file that nobody can change any more.
fn sealed(bytes: &[u8]) -> io::Result<OwnedFd> {
    let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
    let mut file = File::from(memfd_create("shellwarden-request", flags)?);
    file.write_all(bytes)?;
    let seals = SealFlag::F_SEAL_WRITE | SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW | SealFlag::F_SEAL_SEAL;
    fcntl(&file, FcntlArg::F_ADD_SEALS(seals))?;
    Ok(file.into())
}

/// The bytes of a request, wherever they travelled.
pub(super) fn unpack(packet: &mut Packet) -> io::Result<Vec<u8>> {
    let cut = || io::Error::from_raw_os_error(libc::EBADMSG);
    match packet.bytes.split_first() {
        Some((&HERE, rest)) => Ok(rest.to_vec()),
        Some((&IN_MEMORY_FILE, [])) => {
            use std::os::unix::fs::FileExt;
            let file = File::from(packet.descriptors.pop().ok_or_else(cut)?);
            let length = file.metadata()?.len();
            if length > LARGEST {
                return Err(io::Error::from_raw_os_error(libc::E2BIG));
            }
            let mut bytes = vec![0; usize::try_from(length).map_err(|_| cut())?];
            file.read_exact_at(&mut bytes, 0)?;
            Ok(bytes)
        }
        _ => Err(cut()),
    }
}

/// Borrows a list of owned descriptors.
pub(super) fn borrow<'a>(owned: impl IntoIterator<Item = &'a OwnedFd>) -> Vec<BorrowedFd<'a>> {
    owned.into_iter().map(AsFd::as_fd).collect()
}
