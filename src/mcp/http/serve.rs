//! The life of the HTTP server: from its first connection to the last job gone.
//!
//! In: what the operator decided, and who makes engines. Out: nothing; it returns when a signal came, calls had their time
//! to end, and every job is gone.
//!
//! INVARIANT: an address that other machines can reach is served only to clients that prove who they are.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rmcp::ServerHandler;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::client::{Client, Maker};
use super::clients::{Clients, Listed};
use super::connection::Service;
use super::doors::Doors;
use super::listen::Door;
use super::options::Options;
use super::routes::{Hall, MCP, routes};
use super::tls::{Certificates, TlsError};
use super::tokens::TokensError;
use crate::mcp::serve::{self, Signals};
use crate::turns::Turns;

/// How long open calls may go on after a signal, before the jobs that they wait for are ended.
const DRAIN: Duration = Duration::from_secs(5);

/// How long the answers about those jobs may take to leave.
const FAREWELL: Duration = Duration::from_secs(1);

/// Name of the one client of a server without tokens.
const ANYONE: &str = "anyone";

/// Why the server could not start or go on.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// Others could reach it, and anybody would be let in.
    #[error(
        "`{0}` can be reached from other machines, and without tokens whoever reaches it may run commands; name a token \
         file in the policy (`http: {{tokens: FILE}}`) and fill it with `shellwarden token add NAME`, or listen on \
         127.0.0.1"
    )]
    Open(SocketAddr),
    /// Certificates of clients say nothing without a list of them.
    #[error("`http.tls.client_ca` needs `http.tokens`, which says whose each certificate is")]
    CertificatesWithoutList,
    /// The address cannot be had.
    #[error("cannot listen on `{address}`: {source}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// The cause.
        source: io::Error,
    },
    /// A signal cannot be listened to, so a shutdown would leave jobs to the helper's emergency exit.
    #[error("cannot listen for signals")]
    Signals(#[source] io::Error),
    /// The file of tokens.
    #[error(transparent)]
    Tokens(#[from] TokensError),
    /// The certificates.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// A client has no engine.
    #[error("{0}")]
    Client(String),
}

/// Serves clients over HTTP until a signal comes; then ends every job. `ready` is told the address once it is open.
///
/// # Errors
/// [`HttpError`]; nothing was served.
pub async fn serve(
    options: Options,
    dialect: serve::Options,
    maker: Arc<dyn Maker>,
    ready: impl FnOnce(&str),
) -> Result<(), HttpError> {
    if options.tokens.is_none() && !options.address.ip().to_canonical().is_loopback() {
        return Err(HttpError::Open(options.address));
    }
    if options.tokens.is_none() && options.tls.as_ref().is_some_and(|tls| tls.client_ca.is_some()) {
        return Err(HttpError::CertificatesWithoutList);
    }
    let clients = match &options.tokens {
        Some(path) => Clients::Listed(Box::new(Listed::open(path.clone(), options.clone(), dialect, maker).await?)),
        None => {
            let made = tokio::task::spawn_blocking(move || maker.make(None)).await;
            let engine = made.map_err(|error| HttpError::Client(error.to_string()))?.map_err(HttpError::Client)?;
            Clients::Everybody(Arc::new(Client::of_engine(ANYONE, engine, dialect, &options)))
        }
    };
    run(options, clients, ready).await
}

/// Serves whatever handler over the same transport, without tokens and on loopback: what a handler needs from the
/// transport can so be tried without an engine.
///
/// # Errors
/// [`HttpError`]; nothing was served.
pub async fn serve_handler<H: ServerHandler>(
    options: Options,
    handler: impl Fn() -> H + Send + Sync + 'static,
    ready: impl FnOnce(&str),
) -> Result<(), HttpError> {
    if !options.address.ip().to_canonical().is_loopback() {
        return Err(HttpError::Open(options.address));
    }
    let client = Client::of_handler(ANYONE, handler, &options);
    run(options, Clients::Everybody(Arc::new(client)), ready).await
}

async fn run(options: Options, clients: Clients, ready: impl FnOnce(&str)) -> Result<(), HttpError> {
    let mut signals = Signals::listen().map_err(HttpError::Signals)?;
    let tls = options.tls.clone().map(Certificates::read).transpose()?.map(Arc::new);
    let (draining, stopped) = (CancellationToken::new(), CancellationToken::new());
    let hall = Arc::new(Hall {
        clients,
        doors: Doors::new(&options.hosts, &options.origins),
        watchers: options.metrics.clone(),
        body: options.body,
        turns: Turns::new(std::thread::available_parallelism().map_or(2, usize::from)),
        calls: TaskTracker::new(),
        draining: draining.clone(),
    });
    let bind = |source| HttpError::Bind { address: options.address, source };
    let listener = TcpListener::bind(options.address).await.map_err(bind)?;
    let address = listener.local_addr().map_err(bind)?;
    warn_about(&options, address);
    let service = Service { routes: routes(Arc::clone(&hall)), draining: draining.clone(), stopped: stopped.clone() };
    let door = Door { listener, tls: tls.clone(), service, most: options.connections };
    ready(&format!("{}://{address}{MCP}", if tls.is_some() { "https" } else { "http" }));

    let (connections, watchers) = (TaskTracker::new(), TaskTracker::new());
    let (watched, until) = (Arc::clone(&hall), stopped.clone());
    watchers.spawn(async move { watched.clients.watch(until).await });
    if let Some(tls) = tls {
        let until = stopped.clone();
        watchers.spawn(async move { tls.watch(until).await });
    }
    tokio::select! {
        () = door.accept(draining.clone(), &connections) => {}
        name = signals.next() => tracing::info!("{name} received, shutting down"),
    }
    draining.cancel();
    tokio::select! {
        () = end(&hall) => {}
        // Asked twice: the helper ends every job as soon as this process is gone.
        name = signals.next() => tracing::warn!("{name} received again, leaving the rest to the helper"),
    }
    stopped.cancel();
    Ok(())
}

/// Lets open calls end, then ends what they wait for, then everything.
async fn end(hall: &Hall) {
    hall.calls.close();
    let in_time = tokio::time::timeout(DRAIN, hall.calls.wait()).await.is_ok();
    let clients = hall.clients.all();
    let ending: Vec<_> = clients
        .iter()
        .map(|client| {
            let client = Arc::clone(client);
            tokio::spawn(async move { client.end_jobs().await })
        })
        .collect();
    for ended in ending {
        // A panic in there leaves the job to the helper, which ends it when this process is gone.
        let _ = ended.await;
    }
    if !in_time {
        let _ = tokio::time::timeout(FAREWELL, hall.calls.wait()).await;
    }
    clients.iter().for_each(|client| client.cut_off());
}

/// Says what it means to serve like this.
fn warn_about(options: &Options, address: SocketAddr) {
    if options.tls.is_none() && !address.ip().to_canonical().is_loopback() {
        tracing::warn!(
            "connections to {address} are not encrypted: whoever sees the traffic can read tokens, commands and output, \
             and use the tokens; give certificates with `http.tls` or put a proxy with TLS in front"
        );
    }
}
