//! Work that takes its time, beside the threads that answer.
//!
//! In: something to compute. Out: what came of it. The threads of the runtime are few and answer everybody; a search in a
//! long output or the judging of a long line on one of them would be felt by all clients. Each engine computes one such
//! thing at a time, so a client that asks for many delays itself.

use std::future::pending;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Engine;

/// Long answers of one engine that may be in memory at the same time.
const LONG_ANSWERS: usize = 4;

/// The one place for such work, and the few for what comes of it.
#[derive(Debug, Clone)]
pub(super) struct Aside(Arc<Semaphore>, Arc<Semaphore>);

impl Default for Aside {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(1)), Arc::new(Semaphore::new(LONG_ANSWERS)))
    }
}

impl Aside {
    /// Computes it as soon as it is its turn. A panic goes on in the caller.
    pub(super) async fn compute<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        // Nobody closes it; without a turn it is computed all the same.
        let turn = Arc::clone(&self.0).acquire_owned().await;
        let computed = tokio::task::spawn_blocking(move || {
            // Also when the caller has left: what is begun holds its place to the end.
            let _turn = turn;
            work()
        });
        match computed.await.map_err(tokio::task::JoinError::try_into_panic) {
            Ok(computed) => computed,
            Err(Ok(panic)) => std::panic::resume_unwind(panic),
            // The runtime ends, and with it whoever waits.
            Err(Err(_)) => pending().await,
        }
    }
}

impl Engine {
    /// Waits for room for a long answer; it is given back when this is dropped.
    pub async fn room_for_long(&self) -> Option<OwnedSemaphorePermit> {
        // Nobody closes it.
        Arc::clone(&self.aside.1).acquire_owned().await.ok()
    }

    /// Computes something long about this engine, beside the threads that answer. A panic goes on in the caller.
    pub async fn aside<T: Send + 'static>(self: &Arc<Self>, work: impl FnOnce(&Self) -> T + Send + 'static) -> T {
        let engine = Arc::clone(self);
        self.aside.compute(move || work(&engine)).await
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::panic, reason = "a failed assumption is a failed test")]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[tokio::test]
    async fn one_at_a_time_beside_the_thread_that_waits() {
        let aside = Aside::default();
        let ((go, wait), (told, tell)) = (channel::<()>(), channel());
        let first = tokio::spawn({
            let (aside, told) = (aside.clone(), told.clone());
            async move { aside.compute(move || (wait.recv().is_ok(), told.send(1).is_ok())).await }
        });
        let second = tokio::spawn({
            let aside = aside.clone();
            async move { aside.compute(move || told.send(2).unwrap()).await }
        });
        // This thread is the only one of the runtime, and gets this far while the first computes.
        while aside.0.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert!(tell.try_recv().is_err());
        go.send(()).unwrap();
        assert_eq!(first.await.unwrap(), (true, true));
        second.await.unwrap();
        assert_eq!(tell.iter().collect::<Vec<_>>(), [1, 2]);
    }

    #[tokio::test]
    async fn there_is_room_for_a_few_long_answers_until_they_have_left() {
        let aside = Aside::default();
        let mut held: Vec<_> = (0..LONG_ANSWERS).map(|_| Arc::clone(&aside.1).try_acquire_owned().unwrap()).collect();
        assert!(Arc::clone(&aside.1).try_acquire_owned().is_err());
        held.pop();
        assert!(Arc::clone(&aside.1).try_acquire_owned().is_ok());
    }

    #[tokio::test]
    async fn a_panic_goes_on_in_the_caller_and_frees_the_place() {
        let aside = Aside::default();
        let failed = tokio::spawn({
            let aside = aside.clone();
            async move { aside.compute(|| panic!("in there")).await }
        });
        assert!(failed.await.unwrap_err().is_panic());
        assert_eq!(aside.compute(|| 7).await, 7);
    }
}
