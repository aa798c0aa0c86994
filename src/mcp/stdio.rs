//! Standard input and output as a transport that never blocks a thread.
//!
//! In: descriptors 0 and 1 as the client gave them. Out: an async reader and writer. Hosts on Node hand over
//! sockets, most others pipes; both are driven by the reactor, so that a signal can end the server while a read is
//! pending. Anything else (a file, a terminal) falls back to threads that block, which the caller's explicit exit ends.
//!
//! The reader also tells when the client is gone: the service would wait five seconds for running calls to finish
//! before it told them.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::UnixStream;
use tokio::net::unix::pipe;
use tokio_util::sync::CancellationToken;

/// How long calls that run when the client closes its end may still take to answer: enough for
/// `printf '…' | shellwarden serve`, short enough that a job of a dead client does not linger.
const GRACE: Duration = Duration::from_millis(300);

/// Where requests come from.
pub(super) type Input = UntilEnd<Pin<Box<dyn AsyncRead + Send>>>;

/// Where replies go.
pub(super) type Output = Pin<Box<dyn AsyncWrite + Send>>;

/// Opens both; `gone` is cancelled a moment after the client closed its end.
pub(super) fn open(gone: CancellationToken) -> io::Result<(Input, Output)> {
    let reader = input(io::stdin().as_fd().try_clone_to_owned()?)?;
    let writer = output(io::stdout().as_fd().try_clone_to_owned()?)?;
    Ok((UntilEnd { reader, gone, ended: false }, writer))
}

fn input(fd: OwnedFd) -> io::Result<Pin<Box<dyn AsyncRead + Send>>> {
    Ok(match Channel::of(fd, OpenOptions::new().read(true))? {
        Channel::Socket(stream) => Box::pin(UnixStream::from_std(stream)?),
        Channel::Pipe(file) => Box::pin(pipe::Receiver::from_file(file)?),
        Channel::Other => Box::pin(tokio::io::stdin()),
    })
}

fn output(fd: OwnedFd) -> io::Result<Pin<Box<dyn AsyncWrite + Send>>> {
    Ok(match Channel::of(fd, OpenOptions::new().write(true))? {
        Channel::Socket(stream) => Box::pin(UnixStream::from_std(stream)?),
        Channel::Pipe(file) => Box::pin(pipe::Sender::from_file(file)?),
        Channel::Other => Box::pin(tokio::io::stdout()),
    })
}

/// What stands behind a descriptor, non-blocking where that can be had.
enum Channel {
    Socket(StdUnixStream),
    Pipe(File),
    Other,
}

impl Channel {
    fn of(fd: OwnedFd, mode: &mut OpenOptions) -> io::Result<Self> {
        let file = File::from(fd);
        let kind = file.metadata()?.file_type();
        if kind.is_fifo() {
            // A second description of the same pipe: O_NONBLOCK on the first would reach whoever shares it. Opening
            // fails where another account made the pipe; blocking threads serve that case.
            let path = format!("/proc/self/fd/{}", file.as_raw_fd());
            let again = mode.custom_flags(nix::libc::O_NONBLOCK).open(path);
            return Ok(again.map_or(Self::Other, Self::Pipe));
        }
        if kind.is_socket() {
            let stream = StdUnixStream::from(OwnedFd::from(file));
            // Only a Unix socket has an address that this call can read; an inherited TCP socket is left to threads.
            if stream.local_addr().is_ok() {
                stream.set_nonblocking(true)?;
                return Ok(Self::Socket(stream));
            }
        }
        Ok(Self::Other)
    }
}

/// A reader that starts the grace period at its end.
pub(super) struct UntilEnd<R> {
    reader: R,
    gone: CancellationToken,
    ended: bool,
}

impl<R: AsyncRead + Unpin> AsyncRead for UntilEnd<R> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let result = ready!(Pin::new(&mut self.reader).poll_read(cx, buf));
        let at_end = result.is_err() || buf.filled().len() == before;
        if at_end && !self.ended && buf.remaining() > 0 {
            self.ended = true;
            let gone = self.gone.clone();
            tokio::spawn(async move {
                tokio::time::sleep(GRACE).await;
                gone.cancel();
            });
        }
        Poll::Ready(result)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed assumption is a failed test")]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn sockets_and_pipes_are_read_and_written_without_blocking() {
        let (ours, theirs) = StdUnixStream::pair().unwrap();
        let mut writer = output(OwnedFd::from(ours.try_clone().unwrap())).unwrap();
        let mut reader = input(OwnedFd::from(theirs)).unwrap();
        writer.write_all(b"over a socket").await.unwrap();
        let mut seen = [0; 13];
        reader.read_exact(&mut seen).await.unwrap();
        assert_eq!(&seen, b"over a socket");

        let (from, to) = io::pipe().unwrap();
        let mut writer = output(OwnedFd::from(to)).unwrap();
        let mut reader = input(OwnedFd::from(from)).unwrap();
        writer.write_all(b"over a pipe!!").await.unwrap();
        reader.read_exact(&mut seen).await.unwrap();
        assert_eq!(&seen, b"over a pipe!!");
    }

    #[tokio::test]
    async fn the_end_of_input_is_told() {
        let gone = CancellationToken::new();
        let mut reader = UntilEnd { reader: &b"x"[..], gone: gone.clone(), ended: false };
        let mut all = Vec::new();
        reader.read_to_end(&mut all).await.unwrap();
        assert_eq!(all, b"x");
        gone.cancelled().await;
    }
}
