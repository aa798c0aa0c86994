//! Telling a client that a resource changed.
//!
//! In: an address that the client subscribed to. Out: a call each time there is something new, at most once in
//! [`PAUSE`], and a last one when the job ends. How a notification travels differs by era; that is the caller's matter.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rmcp::model::{ResourceUpdatedNotificationParam, SubscriptionFilter};
use rmcp::service::{Peer, SubscriptionContext};
use rmcp::{ErrorData, RoleServer};
use tokio::task::JoinSet;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::engine::Engine;

use super::resources::Address;

/// A busy job changes thousands of times a second; a client is told so often at most.
const PAUSE: Duration = Duration::from_millis(250);

/// How long one notification may take to leave.
const PATIENCE: Duration = Duration::from_secs(5);

/// Subscriptions of one client at a time.
const MOST: usize = 256;

/// Told when the operator exchanged the policy.
type PolicyChanges = tokio::sync::watch::Receiver<()>;

/// Follows a resource until its job has ended or is forgotten, the policy for ever; `tell` returns false when nobody listens any more.
///
/// What happened between the client's request and the first look here is told as well: whoever subscribes to a job that
/// wrote or ended hears of it at once, perhaps once more than it needs to, but never too seldom.
async fn follow<F>(engine: &Engine, client: &str, uri: &str, policies: PolicyChanges, tell: impl Fn() -> F)
where
    F: Future<Output = bool>,
{
    let Some(address) = Address::parse(uri) else { return };
    let Some(id) = address.job() else { return follow_policy(policies, tell).await };
    let Ok(mut seen) = engine.status(client, id).await else { return };
    let begun = match address {
        Address::Stdout(_) => seen.stdout_bytes > 0,
        Address::Stderr(_) => seen.stderr_bytes > 0,
        Address::Job(_) | Address::Policy => false,
    };
    if (begun || seen.state.ended()) && !tell().await {
        return;
    }
    while !seen.state.ended() {
        let Ok(now) = engine.changed(client, id, &seen).await else { return };
        let news = match address {
            Address::Stdout(_) => now.stdout_bytes != seen.stdout_bytes || now.state.ended(),
            Address::Stderr(_) => now.stderr_bytes != seen.stderr_bytes || now.state.ended(),
            Address::Job(_) | Address::Policy => now.state != seen.state,
        };
        if news && !tell().await {
            return;
        }
        seen = now;
        tokio::time::sleep(PAUSE).await;
    }
}

/// Follows the policy in force, which an operator may exchange.
async fn follow_policy<F>(mut changes: PolicyChanges, tell: impl Fn() -> F)
where
    F: Future<Output = bool>,
{
    while changes.changed().await.is_ok() && tell().await {
        tokio::time::sleep(PAUSE).await;
    }
}

/// What of a request of the era without handshake is served: resources, as many as one client may follow.
pub(super) fn accepted(requested: &SubscriptionFilter) -> SubscriptionFilter {
    let mut uris = requested.resource_subscriptions.clone().unwrap_or_default();
    uris.retain(|uri| Address::parse(uri).is_some());
    uris.truncate(MOST);
    SubscriptionFilter::builder().resource_subscriptions(uris).build()
}

/// Serves one request of the era without handshake until it is cancelled.
pub(super) async fn listen(engine: &Arc<Engine>, client: &str, subscription: &SubscriptionContext) {
    let mut followed = JoinSet::new();
    for uri in subscription.accepted().resource_subscriptions.iter().flatten() {
        let (engine, client, sink) = (Arc::clone(engine), client.to_owned(), subscription.sink().clone());
        let (uri, policies) = (uri.clone(), engine.policy_changes());
        followed.spawn(async move {
            follow(&engine, &client, &uri, policies, || sent(sink.notify_resource_updated(&uri))).await;
        });
    }
    // Dropping the set ends what it follows.
    subscription.cancelled().await;
}

/// Did a notification leave? Once the service drains, it never does; a client that does not read is given up.
async fn sent<E>(notification: impl Future<Output = Result<(), E>>) -> bool {
    matches!(tokio::time::timeout(PATIENCE, notification).await, Ok(Ok(())))
}

/// The subscriptions of a session with handshake, by address.
#[derive(Debug, Clone, Default)]
pub(super) struct Subscriptions {
    running: Arc<Mutex<HashMap<String, DropGuard>>>,
}

impl Subscriptions {
    /// Follows a resource for a client with handshake. One that was followed under this address before ends.
    ///
    /// # Errors
    /// The client follows too many.
    pub(super) fn follow(
        &self,
        engine: &Arc<Engine>,
        client: &Arc<str>,
        uri: String,
        peer: Peer<RoleServer>,
    ) -> Result<(), ErrorData> {
        let closed = CancellationToken::new();
        {
            let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
            if running.len() >= MOST && !running.contains_key(&uri) {
                let message = format!("{MOST} resources are followed already; unsubscribe from one first");
                return Err(ErrorData::invalid_params(message, None));
            }
            running.insert(uri.clone(), closed.clone().drop_guard());
        }
        // Before the answer leaves: what is exchanged after it is told.
        let policies = engine.policy_changes();
        let (engine, client, all) = (Arc::clone(engine), Arc::clone(client), self.clone());
        tokio::spawn(closed.run_until_cancelled_owned(async move {
            let tell = || sent(peer.notify_resource_updated(ResourceUpdatedNotificationParam::new(uri.clone())));
            follow(&engine, &client, &uri, policies, tell).await;
            all.close(&uri);
        }));
        Ok(())
    }

    /// Ends one, if it is open.
    pub(super) fn close(&self, uri: &str) {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).remove(uri);
    }
}
