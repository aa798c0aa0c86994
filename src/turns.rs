//! Taking turns: a few places, and lanes that get them round robin.
//!
//! In: whose turn it would be. Out: a place, as soon as one is free and no other lane waits longer for its own. A lane
//! with a thousand waiters gets one place each time round, like a lane with one. What a place is for is decided by the
//! caller.
#![forbid(unsafe_code)]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// Places that lanes of type `K` share fairly. Clones share the same places.
#[derive(Debug)]
pub struct Turns<K>(Arc<Mutex<State<K>>>);

impl<K> Clone for Turns<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

#[derive(Debug)]
struct State<K> {
    free: usize,
    /// Lanes with somebody waiting, the next to be served first.
    lanes: VecDeque<Lane<K>>,
}

#[derive(Debug)]
struct Lane<K> {
    key: K,
    waiting: VecDeque<oneshot::Sender<Turn<K>>>,
}

/// A place; it is free again when this is dropped.
#[derive(Debug)]
#[must_use = "the turn is over when this is dropped"]
pub struct Turn<K>(Option<Turns<K>>);

impl<K> Turns<K> {
    /// This many places, at least one.
    pub fn new(places: usize) -> Self {
        Self(Arc::new(Mutex::new(State { free: places.max(1), lanes: VecDeque::new() })))
    }

    fn state(&self) -> MutexGuard<'_, State<K>> {
        // Nothing in here panics halfway through a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives a place back: to the lane whose turn it is, or to nobody.
    fn give_back(&self) {
        loop {
            let mut state = self.state();
            let Some(mut lane) = state.lanes.pop_front() else {
                state.free += 1;
                return;
            };
            let next = lane.waiting.pop_front();
            if !lane.waiting.is_empty() {
                state.lanes.push_back(lane);
            }
            drop(state);
            let Some(next) = next else { continue };
            match next.send(Turn(Some(self.clone()))) {
                Ok(()) => return,
                // Whoever waited has left. The place is not handed back by its drop, but here, by the next round.
                Err(mut turn) => turn.0 = None,
            }
        }
    }
}

impl<K: PartialEq> Turns<K> {
    /// Waits for a place in this lane. Leaving early leaves the queue.
    pub async fn take(&self, key: K) -> Turn<K> {
        let receiver = {
            let mut state = self.state();
            if state.free > 0 {
                state.free -= 1;
                return Turn(Some(self.clone()));
            }
            let (sender, receiver) = oneshot::channel();
            match state.lanes.iter_mut().find(|lane| lane.key == key) {
                Some(lane) => lane.waiting.push_back(sender),
                None => state.lanes.push_back(Lane { key, waiting: VecDeque::from([sender]) }),
            }
            receiver
        };
        // The sender lives in the queue until it is used, so this cannot fail; a turn without a place harms nobody.
        receiver.await.unwrap_or(Turn(None))
    }
}

impl<K> Drop for Turn<K> {
    fn drop(&mut self) {
        if let Some(turns) = self.0.take() {
            turns.give_back();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use super::*;

    /// Polls once.
    async fn now<T>(future: std::pin::Pin<&mut impl Future<Output = T>>) -> Option<T> {
        tokio::select! {
            biased;
            value = future => Some(value),
            () = std::future::ready(()) => None,
        }
    }

    #[tokio::test]
    async fn a_lane_with_one_waiter_is_served_after_one_of_a_crowd() {
        let turns = Turns::new(1);
        let held = turns.take("crowd").await;
        let mut crowd: Vec<_> = (0..100).map(|_| Box::pin(turns.take("crowd"))).collect();
        for waiter in &mut crowd {
            assert!(now(waiter.as_mut()).await.is_none());
        }
        let mut single = pin!(turns.take("single"));
        assert!(now(single.as_mut()).await.is_none());
        drop(held);
        let first = now(crowd.remove(0).as_mut()).await;
        assert!(first.is_some(), "the crowd came first");
        assert!(now(single.as_mut()).await.is_none());
        drop(first);
        assert!(now(single.as_mut()).await.is_some(), "then it is the other's turn");
    }

    #[tokio::test]
    async fn whoever_leaves_takes_no_place_along() {
        let turns = Turns::new(1);
        let held = turns.take(1).await;
        let mut leaving = Box::pin(turns.take(2));
        let mut leaving_late = Box::pin(turns.take(3));
        assert!(now(leaving.as_mut()).await.is_none());
        assert!(now(leaving_late.as_mut()).await.is_none());
        drop(leaving);
        drop(held);
        // Its place was assigned and never picked up.
        drop(leaving_late);
        let again = Box::pin(turns.take(4));
        let _turn = again.await;
        assert_eq!(turns.state().free, 0);
    }
}
