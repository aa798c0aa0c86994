//! One connection, from its first byte to its end.
//!
//! In: an accepted socket. Out: nothing; requests on it go to the routes. A peer that is slow with its handshake or its
//! headers is cut off, as is one that is gone without saying so. Who the peer is, is decided elsewhere.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use nix::sys::socket::{setsockopt, sockopt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_util::sync::CancellationToken;
use tower_service::Service as _;

use super::access::{Connection, Proven};
use super::tokens::Digest;

/// How long a peer may take for the handshake of TLS.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// How long a peer may take for the headers of a request, counted from the end of the reply before.
const HEADERS: Duration = Duration::from_secs(60);

/// How long a connection may stay without a request of a known client.
const STRANGER: Duration = Duration::from_secs(10);

/// Bytes that headers may have together with what is read ahead.
const HEAD_BYTES: usize = 64 << 10;

/// After this long without an answer to what was sent, a peer is gone.
const GONE_AFTER: Duration = Duration::from_secs(60);

/// What every connection needs.
#[derive(Clone)]
pub(super) struct Service {
    pub(super) routes: Router,
    /// No more requests are taken; those that are open are answered.
    pub(super) draining: CancellationToken,
    /// Everything ends now.
    pub(super) stopped: CancellationToken,
}

/// Serves one connection until it ends, or until `cut` is cancelled.
pub(super) async fn serve(
    stream: TcpStream,
    tls: Option<Arc<ServerConfig>>,
    service: Service,
    about: Tied,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let millis = u32::try_from(GONE_AFTER.as_millis()).unwrap_or(u32::MAX);
    setsockopt(&stream, sockopt::KeepAlive, &true)?;
    setsockopt(&stream, sockopt::TcpUserTimeout, &millis)?;
    let local = stream.local_addr()?.ip();
    let connection =
        |certificate, encrypted| Connection { local, certificate, encrypted, proven: about.proven.clone() };
    let stopped = service.stopped.clone();
    let talk = async {
        match tls {
            None => http(stream, service, connection(None, false)).await,
            Some(config) => {
                let accepted = tokio::time::timeout(HANDSHAKE, TlsAcceptor::from(config).accept(stream)).await;
                let stream = accepted.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
                let shown = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
                let certificate = shown.map(|certificate| Digest::of(certificate));
                http(stream, service, connection(certificate, true)).await
            }
        }
    };
    tokio::select! {
        result = talk => result,
        () = about.cut.cancelled() => Ok(()),
        () = stopped.cancelled() => Ok(()),
    }
}

/// What ties a connection to the list of all.
#[derive(Debug, Clone)]
pub(super) struct Tied {
    /// Which known client has asked on it.
    pub(super) proven: Proven,
    /// Ends it.
    pub(super) cut: CancellationToken,
}

async fn http(stream: impl AsyncRead + AsyncWrite + Unpin, service: Service, connection: Connection) -> io::Result<()> {
    let Service { routes, draining, .. } = service;
    let proven = connection.proven.clone();
    let answer = service_fn(move |request: hyper::Request<Incoming>| {
        let mut request: Request = request.map(axum::body::Body::new);
        request.extensions_mut().insert(connection.clone());
        routes.clone().call(request)
    });
    let mut talk = std::pin::pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADERS)
            .max_buf_size(HEAD_BYTES)
            .serve_connection(TokioIo::new(stream), answer)
    );
    // Whoever has shown no proof in this time makes room.
    let strange = async {
        tokio::time::sleep(STRANGER).await;
        if proven.whose().is_some() {
            std::future::pending().await
        }
    };
    let mut strange = std::pin::pin!(strange);
    let mut told = false;
    loop {
        tokio::select! {
            result = talk.as_mut() => return result.map_err(io::Error::other),
            () = draining.cancelled(), if !told => {
                told = true;
                talk.as_mut().graceful_shutdown();
            }
            () = strange.as_mut() => return Ok(()),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed assumption is a failed test")]
mod tests {
    use std::io::Read as _;
    use std::io::Write as _;

    use nix::sys::socket::getsockopt;

    use super::*;

    #[tokio::test]
    async fn small_replies_leave_at_once_and_a_peer_that_is_gone_is_noticed() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let mut peer = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (stream, _) = listener.accept().unwrap();
        // Options belong to the socket, so this sees what is set on the other.
        let same = stream.try_clone().unwrap();
        assert!(!same.nodelay().unwrap());
        stream.set_nonblocking(true).unwrap();
        let token = CancellationToken::new;
        let service = Service { routes: Router::new(), draining: token(), stopped: token() };
        let about = Tied { proven: Proven::default(), cut: token() };
        peer.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
        serve(TcpStream::from_std(stream).unwrap(), None, service, about).await.unwrap();
        assert!(same.nodelay().unwrap());
        assert!(getsockopt(&same, sockopt::KeepAlive).unwrap());
        assert_eq!(getsockopt(&same, sockopt::TcpUserTimeout).unwrap(), 60_000);
        drop(same);
        let mut reply = String::new();
        peer.read_to_string(&mut reply).unwrap();
        assert!(reply.starts_with("HTTP/1.1 404"), "{reply}");
    }
}
