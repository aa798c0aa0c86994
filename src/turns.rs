//! Taking turns: a few places, and lanes that share them.
//!
//! In: whose turn it would be. Out: a place, as soon as one is free that this lane may have. Lanes that were heard of lately
//! divide the places among them, and are served round robin: a lane with a thousand waiters neither keeps another from its
//! share nor gets more than its own. A lane that is alone has all places. What a place is for is decided by the caller.
#![forbid(unsafe_code)]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

/// How long a lane keeps its share after it was last heard of: somebody who works is back within it, and finds a place.
const KEPT: Duration = Duration::from_millis(100);

/// Places that lanes of type `K` share fairly. Clones share the same places.
#[derive(Debug)]
pub struct Turns<K: Clone + PartialEq>(Arc<Mutex<State<K>>>);

impl<K: Clone + PartialEq> Clone for Turns<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

#[derive(Debug)]
struct State<K: Clone + PartialEq> {
    places: usize,
    /// The next to be served first.
    lanes: VecDeque<Lane<K>>,
}

#[derive(Debug)]
struct Lane<K: Clone + PartialEq> {
    key: K,
    held: usize,
    heard: Instant,
    waiting: VecDeque<oneshot::Sender<Turn<K>>>,
}

impl<K: Clone + PartialEq> Lane<K> {
    fn active(&self, now: Instant) -> bool {
        self.held > 0 || !self.waiting.is_empty() || now.duration_since(self.heard) < KEPT
    }
}

impl<K: Clone + PartialEq> State<K> {
    /// Places that one lane may hold now.
    fn share(&self, now: Instant) -> usize {
        let active = self.lanes.iter().filter(|lane| lane.active(now)).count().max(1);
        self.places.div_ceil(active)
    }

    /// The lane of this key, heard of now; it is made if there is none.
    fn heard(&mut self, key: &K, now: Instant) -> Option<&mut Lane<K>> {
        let at = match self.lanes.iter().position(|lane| lane.key == *key) {
            Some(at) => at,
            None => {
                self.lanes.retain(|lane| lane.active(now));
                self.lanes.push_back(Lane { key: key.clone(), held: 0, heard: now, waiting: VecDeque::new() });
                self.lanes.len() - 1
            }
        };
        let lane = self.lanes.get_mut(at)?;
        lane.heard = now;
        Some(lane)
    }

    fn free(&self) -> usize {
        self.places.saturating_sub(self.lanes.iter().map(|lane| lane.held).sum())
    }
}

/// A place; it is free again when this is dropped.
#[derive(Debug)]
#[must_use = "the turn is over when this is dropped"]
pub struct Turn<K: Clone + PartialEq>(Option<(Turns<K>, K)>);

impl<K: Clone + PartialEq> Turns<K> {
    /// This many places, at least one.
    pub fn new(places: usize) -> Self {
        Self(Arc::new(Mutex::new(State { places: places.max(1), lanes: VecDeque::new() })))
    }

    fn state(&self) -> MutexGuard<'_, State<K>> {
        // Nothing in here panics halfway through a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Somebody of this lane is at work, though it needs no place now: it keeps its share.
    pub fn hear(&self, key: &K) {
        self.state().heard(key, Instant::now());
    }

    /// Waits for a place in this lane. Leaving early leaves the queue.
    pub async fn take(&self, key: K) -> Turn<K> {
        let receiver = {
            let mut state = self.state();
            let (sender, receiver) = oneshot::channel();
            if let Some(lane) = state.heard(&key, Instant::now()) {
                lane.waiting.push_back(sender);
            }
            receiver
        };
        self.hand_out();
        // The sender lives in the queue until it is used, so this cannot fail; a turn without a place harms nobody.
        receiver.await.unwrap_or(Turn(None))
    }

    /// Gives free places to those who wait, round robin, each lane within its share.
    fn hand_out(&self) {
        while let Some((key, next)) = self.next() {
            // Whoever has left does not take it. Its drop would come back here, ever deeper; the next round serves as well.
            if let Err(mut left) = next.send(Turn(Some((self.clone(), key.clone())))) {
                left.0 = None;
                self.let_go(&key);
            }
        }
    }

    fn let_go(&self, key: &K) {
        if let Some(lane) = self.state().lanes.iter_mut().find(|lane| lane.key == *key) {
            lane.held = lane.held.saturating_sub(1);
        }
    }

    fn next(&self) -> Option<(K, oneshot::Sender<Turn<K>>)> {
        let now = Instant::now();
        let mut state = self.state();
        if state.free() == 0 {
            return None;
        }
        let share = state.share(now);
        let at = state.lanes.iter().position(|lane| !lane.waiting.is_empty() && lane.held < share)?;
        let mut lane = state.lanes.remove(at)?;
        let next = lane.waiting.pop_front();
        lane.held += 1;
        let key = lane.key.clone();
        state.lanes.push_back(lane);
        next.map(|next| (key, next))
    }

    fn give_back(&self, key: &K) {
        self.let_go(key);
        self.hand_out();
    }
}

impl<K: Clone + PartialEq> Drop for Turn<K> {
    fn drop(&mut self) {
        if let Some((turns, key)) = self.0.take() {
            turns.give_back(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;

    use super::*;

    /// Polls once.
    async fn now<T>(future: Pin<&mut impl Future<Output = T>>) -> Option<T> {
        tokio::select! {
            biased;
            value = future => Some(value),
            () = std::future::ready(()) => None,
        }
    }

    #[tokio::test]
    async fn lanes_take_turns_whatever_the_crowd_in_one_of_them() {
        let turns = Turns::new(1);
        let held = turns.take("crowd").await;
        let mut crowd: Vec<_> = (0..100).map(|_| Box::pin(turns.take("crowd"))).collect();
        for waiter in &mut crowd {
            assert!(now(waiter.as_mut()).await.is_none());
        }
        let mut single = Box::pin(turns.take("single"));
        assert!(now(single.as_mut()).await.is_none());
        drop(held);
        let first = now(crowd.remove(0).as_mut()).await;
        let second = now(single.as_mut()).await;
        assert!(first.is_some() != second.is_some(), "one of them");
        drop((first, second));
        let first = now(crowd.remove(0).as_mut()).await;
        let second = now(single.as_mut()).await;
        assert!(first.is_some() || second.is_some(), "then the other");
    }

    #[tokio::test]
    async fn a_lane_that_is_alone_has_all_places_and_leaves_half_of_them_to_another() {
        let turns = Turns::new(4);
        let mut flood: Vec<_> = (0..20).map(|_| Box::pin(turns.take(1))).collect();
        let mut held = Vec::new();
        for waiter in &mut flood {
            held.extend(now(waiter.as_mut()).await);
        }
        assert_eq!(held.len(), 4);
        let mut other = Box::pin(turns.take(2));
        assert!(now(other.as_mut()).await.is_none());
        held.pop();
        let theirs = now(other.as_mut()).await;
        assert!(theirs.is_some(), "the first free place");
        // However long this test takes.
        turns.state().lanes.iter_mut().for_each(|lane| lane.heard = Instant::now() + Duration::from_secs(3600));
        drop(theirs);
        held.pop();
        assert_eq!(turns.state().free(), 2, "it is heard of still, and finds a place at once");
        assert!(now(Box::pin(turns.take(2)).as_mut()).await.is_some());
    }

    #[tokio::test]
    async fn whoever_is_heard_of_leaves_a_flood_its_share_and_no_more() {
        let turns = Turns::new(2);
        turns.hear(&2);
        // However long this test takes.
        turns.state().lanes.iter_mut().for_each(|lane| lane.heard = Instant::now() + Duration::from_secs(3600));
        let mut flood: Vec<_> = (0..5).map(|_| Box::pin(turns.take(1))).collect();
        let mut held = Vec::new();
        for waiter in &mut flood {
            held.extend(now(waiter.as_mut()).await);
        }
        assert_eq!(held.len(), 1);
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
        assert_eq!(turns.state().free(), 1);
        let _turn = turns.take(4).await;
        assert_eq!(turns.state().free(), 0);
    }
}
