//! Answers that are long: few of one client at a time, until they have left.
//!
//! In: a call and what its answer is made of. Out: that, once there is room. Who asks for long answers and does not read
//! them holds a handful in memory, and delays itself. What is in the answer is decided by the caller.

use std::sync::Arc;

use axum::http::request::Parts;
use rmcp::RoleServer;
use rmcp::service::RequestContext;
use tokio_util::sync::CancellationToken;

use crate::engine::Engine;

use super::given_up::GivenUp;

/// What a request over HTTP carries along: fires when its answer has left, or never will.
#[derive(Debug, Clone)]
pub(super) struct Left(pub(super) CancellationToken);

/// A call whose answer may be long.
#[derive(Debug, Clone)]
pub(super) struct Long {
    given_up: GivenUp,
    /// None where answers leave in turn, as over a pipe: one that is not read lets no other be made.
    left: Option<CancellationToken>,
}

impl Long {
    /// About the call of this context.
    pub(super) fn of(call: &RequestContext<RoleServer>, given_up: GivenUp) -> Self {
        let parts = call.extensions.get::<Parts>();
        let left = parts.and_then(|parts| parts.extensions.get::<Left>()).map(|left| left.0.clone());
        Self { given_up, left }
    }

    /// Makes it beside the threads that answer, as soon as there is room. None when nobody waits for it any more.
    pub(super) async fn answer<T: Send + 'static>(
        &self,
        engine: &Arc<Engine>,
        make: impl FnOnce(&Engine) -> T + Send + 'static,
    ) -> Option<T> {
        let room = tokio::select! {
            room = engine.room_for_long() => room,
            () = self.given_up.happens() => return None,
        };
        let made = engine.aside(make).await;
        if let Some(left) = self.left.clone() {
            tokio::spawn(async move {
                left.cancelled().await;
                drop(room);
            });
        }
        Some(made)
    }
}
