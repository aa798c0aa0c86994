//! The sessions of one client: as many as it may have, and no end to one that is in use.
//!
//! In: requests of one client. Out: what the library's own sessions answer. The library ends a session after a time
//! without events, also while a call runs silently; here a session ends when its client says so, when the client goes, or
//! when it makes room for a newer one because nothing of it has been open for longest.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_core::Stream;
use rmcp::model::{ClientJsonRpcMessage, RequestId, ServerJsonRpcMessage};
use rmcp::transport::streamable_http_server::session::local::{LocalSessionManager, LocalSessionManagerError};
use rmcp::transport::streamable_http_server::session::{ServerSseMessage, SessionId, SessionManager};
use tokio_util::sync::{CancellationToken, DropGuard};

/// How long the answer to a call can be fetched again after its connection broke. Answers are kept for it.
const KEPT: Duration = Duration::from_secs(10);

/// How long a client may take between opening a session and its first message.
const FIRST_MESSAGE: Duration = Duration::from_secs(10);

/// Ids of requests with broken streams that are remembered in each session.
const LEFT: usize = 1024;

/// Why a session cannot be had.
#[derive(Debug, thiserror::Error)]
pub(super) enum SessionsError {
    #[error("all sessions are in use; close one")]
    TooMany,
    #[error("a request with this id is still to be answered")]
    Twice,
    #[error(transparent)]
    Inner(#[from] LocalSessionManagerError),
}

/// The sessions of one client.
#[derive(Debug)]
pub(super) struct Sessions {
    inner: LocalSessionManager,
    most: usize,
    used: Mutex<HashMap<SessionId, Use>>,
}

/// How a session is used.
#[derive(Debug)]
struct Use {
    last: Instant,
    /// Each open stream holds one more.
    open: Arc<()>,
    ids: Arc<Mutex<Ids>>,
    /// Fires when the session is no more.
    end: CancellationToken,
    _ends: DropGuard,
}

impl Use {
    fn new() -> Self {
        let end = CancellationToken::new();
        Self { last: Instant::now(), open: Arc::default(), ids: Arc::default(), _ends: end.clone().drop_guard(), end }
    }

    fn idle(&self) -> bool {
        Arc::strong_count(&self.open) == 1
    }
}

impl Sessions {
    pub(super) fn new(most: usize) -> Self {
        let mut inner = LocalSessionManager::default();
        inner.session_config.keep_alive = None;
        inner.session_config.completed_cache_ttl = KEPT;
        inner.session_config.init_timeout = Some(FIRST_MESSAGE);
        Self { inner, most, used: Mutex::default() }
    }

    fn used(&self) -> MutexGuard<'_, HashMap<SessionId, Use>> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Could no session be opened now?
    pub(super) fn full(&self) -> bool {
        let used = self.used();
        used.len() >= self.most && !used.values().any(Use::idle)
    }

    /// Fires when this session is no more.
    pub(super) fn end_of(&self, id: &str) -> Option<CancellationToken> {
        self.used().get(id).map(|of| of.end.clone())
    }

    /// The one to make room, when there is no room.
    fn in_the_way(&self) -> Result<Option<SessionId>, SessionsError> {
        let used = self.used();
        if used.len() < self.most {
            return Ok(None);
        }
        let oldest = used.iter().filter(|(_, of)| of.idle()).min_by_key(|(_, of)| of.last);
        oldest.map(|(id, _)| Some(id.clone())).ok_or(SessionsError::TooMany)
    }

    /// Notes that a request waits for its answer.
    fn unanswered(&self, id: &SessionId, request: &RequestId) -> Result<Option<Unanswered>, SessionsError> {
        let ids = self.used().get(id).map(|of| Arc::clone(&of.ids));
        ids.map(|ids| Unanswered::new(ids, request)).transpose()
    }

    /// Notes that a session is used; what is returned keeps it in use.
    fn touch(&self, id: &SessionId) -> Option<Arc<()>> {
        let mut used = self.used();
        let of = used.get_mut(id)?;
        of.last = Instant::now();
        Some(Arc::clone(&of.open))
    }
}

/// Ids of requests that are not answered. The library keeps a request for ever whose id came a second time, so none does.
#[derive(Debug, Default)]
struct Ids {
    /// An id may be long; a hash that nobody else can work out is as good.
    hasher: RandomState,
    open: HashSet<u64>,
    /// Those whose streams broke, oldest first: they may be answered by now, or not.
    left: VecDeque<u64>,
}

/// One id, as long as its request is not answered.
struct Unanswered {
    ids: Arc<Mutex<Ids>>,
    id: u64,
    answered: bool,
}

impl Unanswered {
    fn new(ids: Arc<Mutex<Ids>>, request: &RequestId) -> Result<Self, SessionsError> {
        let (id, fresh) = {
            let mut all = ids.lock().unwrap_or_else(PoisonError::into_inner);
            let id = all.hasher.hash_one(request);
            (id, all.open.insert(id))
        };
        if fresh { Ok(Self { ids, id, answered: false }) } else { Err(SessionsError::Twice) }
    }
}

impl Drop for Unanswered {
    fn drop(&mut self) {
        let mut ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        if self.answered {
            ids.open.remove(&self.id);
            return;
        }
        ids.left.push_back(self.id);
        if ids.left.len() > LEFT
            && let Some(oldest) = ids.left.pop_front()
        {
            ids.open.remove(&oldest);
        }
    }
}

/// A stream that keeps its session in use.
struct Held<S> {
    stream: Pin<Box<S>>,
    _open: Option<Arc<()>>,
    unanswered: Option<Unanswered>,
}

impl<S: Stream> Stream for Held<S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let next = self.stream.as_mut().poll_next(context);
        if let (Poll::Ready(None), Some(unanswered)) = (&next, &mut self.unanswered) {
            unanswered.answered = true;
        }
        next
    }
}

impl SessionManager for Sessions {
    type Error = SessionsError;
    type Transport = <LocalSessionManager as SessionManager>::Transport;

    async fn create_session(&self) -> Result<(SessionId, Self::Transport), Self::Error> {
        if let Some(oldest) = self.in_the_way()? {
            self.close_session(&oldest).await?;
        }
        let (id, transport) = self.inner.create_session().await?;
        self.used().insert(id.clone(), Use::new());
        Ok((id, transport))
    }

    async fn initialize_session(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<ServerJsonRpcMessage, Self::Error> {
        let _open = self.touch(id);
        Ok(self.inner.initialize_session(id, message).await?)
    }

    async fn has_session(&self, id: &SessionId) -> Result<bool, Self::Error> {
        Ok(self.inner.has_session(id).await?)
    }

    async fn close_session(&self, id: &SessionId) -> Result<(), Self::Error> {
        self.used().remove(id);
        Ok(self.inner.close_session(id).await?)
    }

    async fn create_stream(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, Self::Error> {
        let open = self.touch(id);
        let unanswered = match &message {
            ClientJsonRpcMessage::Request(request) => self.unanswered(id, &request.id)?,
            _ => None,
        };
        Ok(Held { stream: Box::pin(self.inner.create_stream(id, message).await?), _open: open, unanswered })
    }

    async fn accept_message(&self, id: &SessionId, message: ClientJsonRpcMessage) -> Result<(), Self::Error> {
        self.touch(id);
        Ok(self.inner.accept_message(id, message).await?)
    }

    async fn create_standalone_stream(
        &self,
        id: &SessionId,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, Self::Error> {
        let open = self.touch(id);
        let stream = Box::pin(self.inner.create_standalone_stream(id).await?);
        Ok(Held { stream, _open: open, unanswered: None })
    }

    async fn resume(
        &self,
        id: &SessionId,
        last_event_id: String,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, Self::Error> {
        let open = self.touch(id);
        let stream = Box::pin(self.inner.resume(id, last_event_id).await?);
        Ok(Held { stream, _open: open, unanswered: None })
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed assumption is a failed test")]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_session_that_was_idle_longest_makes_room_and_one_in_use_never_does() {
        let sessions = Sessions::new(2);
        let (first, _kept) = sessions.create_session().await.unwrap();
        let (second, _kept) = sessions.create_session().await.unwrap();
        let in_use = sessions.touch(&first);
        let (third, _kept) = sessions.create_session().await.unwrap();
        assert!(sessions.has_session(&first).await.unwrap());
        assert!(!sessions.has_session(&second).await.unwrap());
        let also_in_use = sessions.touch(&third);
        assert!(sessions.full());
        assert!(matches!(sessions.create_session().await, Err(SessionsError::TooMany)));
        drop((in_use, also_in_use));
        assert!(!sessions.full());
    }
}
