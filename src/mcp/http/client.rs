//! One client: its engine, its sessions, and its end.
//!
//! In: a name and an engine of its own. Out: an endpoint whose jobs nobody else can name. A client that is no more takes
//! its sessions and its jobs along.

use std::sync::Arc;

use rmcp::ServerHandler;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::endpoint::Endpoint;
use super::options::Options;
use crate::engine::{Engine, keep_current};
use crate::mcp::serve;
use crate::mcp::server::Server;

/// Requests of the longest kind that one client may have open; shorter ones as many as are as long together.
const BODIES: usize = 16;

/// Makes engines: each client has one, with its own policy, limits and jobs.
pub trait Maker: Send + Sync + 'static {
    /// An engine with this policy, the server's own when absent. May block.
    ///
    /// # Errors
    /// Why there can be none, for the operator.
    fn make(&self, policy: Option<&str>) -> Result<Engine, String>;
}

/// One client.
pub struct Client {
    name: Arc<str>,
    endpoint: Endpoint,
    engine: Option<Arc<Engine>>,
    gone: CancellationToken,
    calls: Arc<Semaphore>,
    room: Arc<Semaphore>,
}

impl Client {
    /// A client with an engine of its own.
    pub(super) fn of_engine(name: &str, engine: Engine, dialect: serve::Options, options: &Options) -> Self {
        // Records tell it from the clients of other fronts by this.
        let known_as = format!("http:{name}");
        let engine = Arc::new(engine.of_client(&known_as));
        if let Err(error) = keep_current(&engine) {
            tracing::error!(client = name, %error, "changes of this client's policy take a restart");
        }
        let server = Server::new(Arc::clone(&engine), &known_as, dialect);
        Self { engine: Some(engine), ..Self::of_handler(name, move || server.session(), options) }
    }

    /// A client that some handler answers.
    pub(super) fn of_handler<H: ServerHandler>(
        name: &str,
        handler: impl Fn() -> H + Send + Sync + 'static,
        options: &Options,
    ) -> Self {
        let gone = CancellationToken::new();
        let endpoint = Endpoint::new(handler, options.sessions, gone.clone());
        let calls = Arc::new(Semaphore::new(options.calls));
        let room = Arc::new(Semaphore::new(options.body.saturating_mul(BODIES).min(Semaphore::MAX_PERMITS)));
        Self { name: name.into(), endpoint, engine: None, gone, calls, room }
    }

    /// Its name.
    pub(super) fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Its way into the protocol.
    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// One permit for each call that it may have open.
    pub(super) fn calls(&self) -> &Arc<Semaphore> {
        &self.calls
    }

    /// One permit for each byte of requests that it may have open.
    pub(super) fn room(&self) -> &Arc<Semaphore> {
        &self.room
    }

    /// What happened on its account, in numbers.
    pub(super) fn numbers(&self) -> String {
        self.engine.as_ref().map(|engine| engine.numbers()).unwrap_or_default()
    }

    /// Ends its jobs; calls that wait for them are answered.
    pub(super) async fn end_jobs(&self) {
        if let Some(engine) = &self.engine {
            engine.retire().await;
        }
    }

    /// Is it no more?
    pub(super) fn is_gone(&self) -> bool {
        self.gone.is_cancelled()
    }

    /// Ends its sessions and streams.
    pub(super) fn cut_off(&self) {
        self.gone.cancel();
    }
}
