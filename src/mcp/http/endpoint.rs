//! One client's way into the protocol: requests in, replies of either era out.
//!
//! In: a request that was let in, its body read. Out: a reply, perhaps a stream. Which handler answers is fixed when the
//! endpoint is made; everything behind it belongs to one client.

use std::pin::Pin;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::{Request, Response};
use http_body_util::Full;
use rmcp::ServerHandler;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use tokio_util::sync::CancellationToken;

use super::sessions::Sessions;
use crate::mcp::given_up::SessionEnd;

type Reply = Pin<Box<dyn Future<Output = Response<Body>> + Send>>;

/// The way in.
pub(super) struct Endpoint {
    answer: Box<dyn Fn(Request<Full<Bytes>>) -> Reply + Send + Sync>,
    sessions: Arc<Sessions>,
}

impl Endpoint {
    /// An endpoint whose sessions get a handler each, and end when `gone` is cancelled.
    pub(super) fn new<H: ServerHandler>(
        handler: impl Fn() -> H + Send + Sync + 'static,
        sessions: usize,
        gone: CancellationToken,
    ) -> Self {
        let sessions = Arc::new(Sessions::new(sessions));
        // Hosts, origins and lengths were looked at before anything came this far.
        let config = StreamableHttpServerConfig::default()
            .disable_allowed_hosts()
            .disable_allowed_origins()
            .with_max_request_body_bytes(usize::MAX)
            .with_cancellation_token(gone);
        let service = StreamableHttpService::new(move || Ok(handler()), Arc::clone(&sessions), config);
        let answer = move |request: Request<Full<Bytes>>| -> Reply {
            let service = service.clone();
            Box::pin(async move { service.handle(request).await.map(Body::new) })
        };
        Self { answer: Box::new(answer), sessions }
    }

    /// Answers one request.
    pub(super) async fn answer(&self, mut request: Request<Full<Bytes>>) -> Response<Body> {
        let session = request.headers().get("mcp-session-id").and_then(|id| id.to_str().ok());
        if let Some(end) = session.and_then(|id| self.sessions.end_of(id)) {
            request.extensions_mut().insert(SessionEnd(end));
        }
        (self.answer)(request).await
    }

    /// Could no session be opened now?
    pub(super) fn full(&self) -> bool {
        self.sessions.full()
    }
}
