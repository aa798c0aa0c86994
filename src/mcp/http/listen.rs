//! The door: accepts connections, and keeps their number bounded.
//!
//! In: a listening socket. Out: a task for each connection. When there are too many, the oldest on which nobody has proven
//! who he is makes room, and without such a one the oldest of the client that has most: neither a crowd of silent strangers
//! nor one client with many connections keeps another client out.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::access::Proven;
use super::connection::{self, Service, Tied};
use super::tls::Certificates;

/// A pause after a failed accept: most likely there are no descriptors left.
const BREATH: Duration = Duration::from_millis(50);

/// Where connections come from.
pub(super) struct Door {
    pub(super) listener: TcpListener,
    pub(super) tls: Option<Arc<Certificates>>,
    pub(super) service: Service,
    /// Connections at the same time.
    pub(super) most: usize,
}

type All = Arc<Mutex<VecDeque<Tied>>>;

impl Door {
    /// Accepts connections until told to stop; then no new ones come in. What is open goes on, in `tasks`.
    pub(super) async fn accept(self, until: CancellationToken, tasks: &TaskTracker) {
        let all: All = Arc::default();
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                () = until.cancelled() => return,
            };
            match accepted {
                Ok((stream, _)) => self.take_in(stream, &all, tasks),
                Err(error) => {
                    tracing::warn!("a connection could not be accepted: {error}");
                    tokio::time::sleep(BREATH).await;
                }
            }
        }
    }

    fn take_in(&self, stream: TcpStream, all: &All, tasks: &TaskTracker) {
        let mut open = all.lock().unwrap_or_else(PoisonError::into_inner);
        if open.len() >= self.most {
            // Without anybody to make room the stream is dropped, which its peer sees.
            let Some(tied) = in_the_way(&open).and_then(|at| open.remove(at)) else { return };
            tied.cut.cancel();
        }
        let tied = Tied { proven: Proven::default(), cut: CancellationToken::new() };
        open.push_back(tied.clone());
        drop(open);
        let listed = Listed { all: Arc::clone(all), cut: tied.cut.clone() };
        let (tls, service) = (self.tls.as_ref().map(|tls| tls.now()), self.service.clone());
        tasks.spawn(async move {
            let _listed = listed;
            if let Err(error) = connection::serve(stream, tls, service, tied).await {
                tracing::debug!("a connection ended: {error}");
            }
        });
    }
}

/// Which connection makes room: the oldest stranger, else the oldest of the client that has most, if it has more than one.
fn in_the_way(open: &VecDeque<Tied>) -> Option<usize> {
    if let Some(stranger) = open.iter().position(|tied| tied.proven.whose().is_none()) {
        return Some(stranger);
    }
    let mut counts: HashMap<&Arc<str>, usize> = HashMap::new();
    for client in open.iter().filter_map(|tied| tied.proven.whose()) {
        *counts.entry(client).or_default() += 1;
    }
    let (most, _) = counts.into_iter().filter(|(_, count)| *count > 1).max_by_key(|(_, count)| *count)?;
    open.iter().position(|tied| tied.proven.whose() == Some(most))
}

/// A place in the list of all connections.
struct Listed {
    all: All,
    cut: CancellationToken,
}

impl Drop for Listed {
    fn drop(&mut self) {
        // Cancelled marks this one among the others; tokens have no names.
        self.cut.cancel();
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|tied| !tied.cut.is_cancelled());
    }
}
