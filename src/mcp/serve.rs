//! The life of the server: from the first message to the last job gone.
//!
//! In: an engine. Out: nothing; it returns when the client closed its end, or a signal came, and every job is gone.
//! The caller exits the process explicitly then: where input is neither pipe nor socket, a thread may still sit in a
//! read that nothing can end.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rmcp::ServiceExt;
use rmcp::service::ServerInitializeError;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::engine::Engine;

use super::server::Server;
use super::stdio;

/// Who asks over standard input and output: there is one client, the process that started the server.
const STDIO_CLIENT: &str = "stdio";

/// How long the service may take to send what it has, once it was told to stop. A client that does not read must not
/// keep the server.
const FAREWELL: Duration = Duration::from_millis(500);

/// How the server behaves.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Answers as JSON in the shapes of `mcp-background-job`, for programs written against it.
    pub structured: bool,
}

/// Why the server could not start or go on.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A signal cannot be listened to, so a shutdown would leave jobs to the helper's emergency exit.
    #[error("cannot listen for signals")]
    Signals(#[source] io::Error),
    /// Standard input or output cannot be used.
    #[error("cannot use standard input and output; an MCP client starts this command with both connected")]
    Stdio(#[source] io::Error),
    /// The first message opened no session.
    #[error("no session was opened: {0}; `serve` speaks MCP on standard input and is started by an MCP client")]
    Handshake(String),
}

/// Serves one client on standard input and output until it leaves or a signal comes; then ends every job.
///
/// # Errors
/// [`ServeError`], when no session could be opened. Jobs are gone in that case as well.
pub async fn serve(engine: Arc<Engine>, options: Options) -> Result<(), ServeError> {
    let mut signals = Signals::listen().map_err(ServeError::Signals)?;
    let stop = CancellationToken::new();
    let transport = stdio::open(stop.clone()).map_err(ServeError::Stdio)?;
    let server = Server::new(Arc::clone(&engine), STDIO_CLIENT, options);

    let session = session(server, transport, stop.clone());
    tokio::pin!(session);
    let result = tokio::select! {
        result = &mut session => result,
        name = signals.next() => {
            tracing::info!("{name} received, shutting down");
            stop.cancel();
            // Running calls answer at once when `stop` fires; only a client that does not read makes this time out.
            tokio::time::timeout(FAREWELL, &mut session).await.unwrap_or(Ok(()))
        }
    };
    tokio::select! {
        () = engine.shutdown() => {}
        // Asked twice: the helper ends every job as soon as this process is gone.
        name = signals.next() => tracing::warn!("{name} received again, leaving the rest to the helper"),
    }
    result
}

/// One session from its first message to its end.
async fn session(
    server: Server,
    transport: (stdio::Input, stdio::Output),
    stop: CancellationToken,
) -> Result<(), ServeError> {
    match server.serve_with_ct(transport, stop).await {
        Ok(running) => {
            // A panic of the service loop itself ends the session like a client that left.
            if let Err(error) = running.waiting().await {
                tracing::error!("the service loop ended: {error}");
            }
            Ok(())
        }
        Err(ServerInitializeError::ConnectionClosed(_) | ServerInitializeError::Cancelled) => Ok(()),
        Err(ServerInitializeError::ExpectedInitializeRequest(_)) => {
            Err(ServeError::Handshake("the first message was no request".to_owned()))
        }
        Err(error) => Err(ServeError::Handshake(error.to_string())),
    }
}

/// The signals that end the server.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for one and names it.
    pub(super) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
