//! Does anybody still wait for the answer to a call?
//!
//! In: the call's own token, which fires when it is cancelled or its connection ends, and that of its session over HTTP,
//! which fires when the session is closed. Out: one thing to ask or to wait for. What a call does then is its own matter.

use axum::http::request::Parts;
use rmcp::RoleServer;
use rmcp::service::RequestContext;
use tokio_util::sync::CancellationToken;

/// What a request over HTTP carries along: fires when its session ends. The library lets calls of a closed session go on.
#[derive(Debug, Clone)]
pub(super) struct SessionEnd(pub(super) CancellationToken);

/// Fires when nobody waits for the answer any more.
#[derive(Debug, Clone)]
pub(super) struct GivenUp {
    call: CancellationToken,
    session: Option<CancellationToken>,
}

impl GivenUp {
    /// For the call of this context.
    pub(super) fn of(call: &RequestContext<RoleServer>) -> Self {
        let parts = call.extensions.get::<Parts>();
        let session = parts.and_then(|parts| parts.extensions.get::<SessionEnd>()).map(|end| end.0.clone());
        Self { call: call.ct.clone(), session }
    }

    /// For whoever holds this token alone.
    pub(super) fn by(token: CancellationToken) -> Self {
        Self { call: token, session: None }
    }

    pub(super) fn is_so(&self) -> bool {
        self.call.is_cancelled() || self.session.as_ref().is_some_and(CancellationToken::is_cancelled)
    }

    /// Waits until nobody waits.
    pub(super) async fn happens(&self) {
        match &self.session {
            None => self.call.cancelled().await,
            Some(session) => tokio::select! {
                () = self.call.cancelled() => {}
                () = session.cancelled() => {}
            },
        }
    }
}
