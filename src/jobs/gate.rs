//! Places for running jobs, and the queue before them.
//!
//! In: who waits and how urgently. Out: a place, given back when it is dropped. Clients take turns: whoever has the fewest
//! running jobs is next, so that one client's flood delays the others by one place. Within a client the more urgent job
//! comes first, then the older.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// How urgent a job is among those of its client that wait.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// After all others.
    Low,
    /// Unless somebody says otherwise.
    #[default]
    Normal,
    /// Before all others.
    High,
}

impl Priority {
    /// The word for it in requests and replies.
    pub fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Normal => "normal",
            Self::High => "high",
        }
    }
}

/// The places.
#[derive(Debug, Clone)]
pub(super) struct Gate(Arc<Mutex<Inside>>);

#[derive(Debug)]
struct Inside {
    free: usize,
    /// Running jobs by client; none of them is zero.
    running: HashMap<String, usize>,
    /// In the order of their coming.
    waiting: Vec<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    client: String,
    priority: Priority,
    tell: oneshot::Sender<Place>,
}

/// The right to run one job.
#[derive(Debug)]
pub(super) struct Place {
    gate: Gate,
    client: String,
}

impl Gate {
    pub(super) fn new(places: usize) -> Self {
        Self(Arc::new(Mutex::new(Inside { free: places, running: HashMap::new(), waiting: Vec::new() })))
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Places that are taken.
    pub(super) fn taken(&self) -> usize {
        self.inside().running.values().sum()
    }

    /// Waits for a place. Who stops waiting loses its turn and nothing else.
    pub(super) async fn enter(&self, client: &str, priority: Priority) -> Place {
        loop {
            let (tell, told) = oneshot::channel();
            self.inside().waiting.push(Waiting { client: client.to_owned(), priority, tell });
            self.let_in();
            // The sender lives in the queue until it is used, so an error cannot happen; asking again is right all the same.
            if let Ok(place) = told.await {
                return place;
            }
        }
    }

    /// Gives free places to those whose turn it is.
    fn let_in(&self) {
        loop {
            let (tell, place) = {
                let mut inside = self.inside();
                inside.waiting.retain(|waiting| !waiting.tell.is_closed());
                let Some(next) = inside.next().filter(|_| inside.free > 0) else { return };
                let next = inside.waiting.remove(next);
                inside.free -= 1;
                *inside.running.entry(next.client.clone()).or_default() += 1;
                (next.tell, Place { gate: self.clone(), client: next.client })
            };
            // One that stopped waiting in this moment hands the place back by dropping it, outside the lock.
            drop(tell.send(place));
        }
    }
}

impl Inside {
    /// Whose turn it is, by index.
    fn next(&self) -> Option<usize> {
        let runs = |client: &str| self.running.get(client).copied().unwrap_or(0);
        let fewest = self.waiting.iter().min_by_key(|waiting| runs(&waiting.client))?;
        let of_client = self.waiting.iter().enumerate().filter(|(_, waiting)| waiting.client == fewest.client);
        // Of equals, `max_by_key` takes the last; the queue is walked from its end.
        of_client.rev().max_by_key(|(_, waiting)| waiting.priority).map(|(index, _)| index)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        {
            let mut inside = self.gate.inside();
            inside.free += 1;
            if let Some(count) = inside.running.get_mut(&self.client) {
                *count -= 1;
                if *count == 0 {
                    inside.running.remove(&self.client);
                }
            }
        }
        self.gate.let_in();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::{Pin, pin};
    use std::task::{Context, Poll, Waker};

    /// Has this one its place?
    fn entered<F: Future<Output = Place>>(waiting: Pin<&mut F>) -> Option<Place> {
        match waiting.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(place) => Some(place),
            Poll::Pending => None,
        }
    }

    #[test]
    fn the_more_urgent_comes_first_and_equals_in_their_order() {
        let gate = Gate::new(1);
        let mut first = pin!(gate.enter("a", Priority::Low));
        let place = entered(first.as_mut());
        assert!(place.is_some() && gate.taken() == 1);
        let mut low = pin!(gate.enter("a", Priority::Low));
        let mut one = pin!(gate.enter("a", Priority::Normal));
        let mut two = pin!(gate.enter("a", Priority::Normal));
        let mut high = pin!(gate.enter("a", Priority::High));
        for waiting in [low.as_mut(), one.as_mut(), two.as_mut()] {
            assert!(entered(waiting).is_none());
        }
        assert!(entered(high.as_mut()).is_none());
        drop(place);
        let place = entered(high.as_mut());
        assert!(place.is_some() && entered(one.as_mut()).is_none());
        drop(place);
        let place = entered(one.as_mut());
        assert!(place.is_some() && entered(two.as_mut()).is_none());
        drop(place);
        let place = entered(two.as_mut());
        assert!(place.is_some());
        drop(place);
        assert!(entered(low.as_mut()).is_some());
        assert_eq!(gate.taken(), 0);
    }

    #[test]
    fn clients_take_turns_whatever_one_of_them_calls_urgent() {
        let gate = Gate::new(2);
        let mut flood: Vec<_> = (0..4).map(|_| Box::pin(gate.enter("flood", Priority::High))).collect();
        let mut places: Vec<_> = flood.iter_mut().take(2).map(|waiting| entered(waiting.as_mut())).collect();
        assert!(places.iter().all(Option::is_some));
        for waiting in flood.iter_mut().skip(2) {
            assert!(entered(waiting.as_mut()).is_none());
        }
        let mut other = pin!(gate.enter("other", Priority::Low));
        assert!(entered(other.as_mut()).is_none());
        places.pop();
        assert!(entered(other.as_mut()).is_some(), "it has nothing running, so it is next");
    }

    #[test]
    fn who_stops_waiting_takes_no_place() {
        let gate = Gate::new(1);
        let place = entered(pin!(gate.enter("a", Priority::Normal)));
        {
            let mut gone = pin!(gate.enter("a", Priority::High));
            assert!(entered(gone.as_mut()).is_none());
        }
        drop(place);
        assert_eq!(gate.taken(), 0);
        assert!(entered(pin!(gate.enter("a", Priority::Low))).is_some());
    }
}
