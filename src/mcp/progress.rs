//! Signs of life while a call waits.
//!
//! In: the token that the client sent with its call, if any. Out: progress notifications, the last one before the
//! answer. A client that does not read costs a wait a moment per sign and nothing else.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rmcp::RoleServer;
use rmcp::model::{ProgressNotificationParam, ProgressToken};
use rmcp::service::{Peer, RequestContext};

/// Time between two signs: hosts that count silence do so in tens of seconds.
const EVERY: Duration = Duration::from_secs(5);

/// How long one sign may take to leave.
const PATIENCE: Duration = Duration::from_millis(100);

/// Where signs of one call go.
#[derive(Clone)]
pub(super) struct Progress {
    to: Option<(Peer<RoleServer>, ProgressToken)>,
    /// Set once the call is answered, after which no sign may follow.
    answered: Arc<AtomicBool>,
}

impl Progress {
    /// Signs go where the call asked for them.
    pub(super) fn of(call: &RequestContext<RoleServer>) -> Self {
        let to = call.meta.get_progress_token().map(|token| (call.peer.clone(), token));
        Self { to, answered: Arc::default() }
    }

    /// No sign follows.
    pub(super) fn end(&self) {
        self.answered.store(true, Ordering::Relaxed);
    }

    /// Says how many of how many seconds have passed, and a word with it.
    pub(super) async fn tell(&self, passed: Duration, of: Duration, word: &str) {
        let Some((peer, token)) = self.to.as_ref().filter(|_| !self.answered.load(Ordering::Relaxed)) else { return };
        let sign = ProgressNotificationParam::new(token.clone(), passed.as_secs_f64())
            .with_total(of.as_secs_f64())
            .with_message(word);
        // Once the service drains, a notification never completes; that is what the limit is for.
        let _ = tokio::time::timeout(PATIENCE, peer.notify_progress(sign)).await;
    }

    /// Waits until the next sign is due; forever when nobody wants one.
    pub(super) async fn due(&self) {
        match self.to {
            Some(_) => tokio::time::sleep(EVERY).await,
            None => std::future::pending().await,
        }
    }
}
