//! Token buckets: how many commands a client, and the server as a whole, may ask for.
//!
//! In: limits, a client's name and a clock reading. Out: admission, or which limit refused and when to try again.
//! What counts as a command and what a refusal looks like is decided by the caller.
//!
//! INVARIANT: a refused command takes from no bucket, an admitted one takes from all that apply.
#![forbid(unsafe_code)]

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::units::Period;

/// Clients with buckets of their own. Every further one shares a bucket with its like, so that inventing names buys nothing.
const CLIENTS: usize = 1024;

/// Whom a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Each client by itself.
    Client,
    /// All clients together.
    Server,
}

/// One limit: `commands` in each `per` on average, at most `burst` at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// Names the limit in a refusal.
    pub id: String,
    /// Whom it counts.
    pub scope: Scope,
    /// Commands in each period; zero admits none.
    pub commands: u32,
    /// The period.
    pub per: Period,
    /// Commands that may come at once after a pause; zero means `commands`.
    pub burst: u32,
}

impl Limit {
    /// Time after which one more command is due; none when none ever is.
    fn interval(&self) -> Option<Duration> {
        self.per.get().checked_div(self.commands)
    }

    fn capacity(&self) -> u32 {
        if self.burst == 0 { self.commands } else { self.burst }
    }
}

/// A limit refused; the text is for whoever asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("rate limit `{id}` is reached; try again in {} s", retry_after.as_millis().div_ceil(1000))]
pub struct Refused {
    /// The limit.
    pub id: String,
    /// How long until one command would be admitted.
    pub retry_after: Duration,
}

/// A bucket, kept as the moment at which it is full again: it drains by `interval` for each command.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    full_at: Instant,
}

impl Bucket {
    /// The bucket after one more command, or how long that has to wait.
    fn take(self, limit: &Limit, now: Instant) -> Result<Self, Duration> {
        let Some(interval) = limit.interval() else { return Err(limit.per.get()) };
        let full_at = self.full_at.max(now) + interval;
        match (full_at - now).checked_sub(interval * limit.capacity()) {
            Some(wait) if !wait.is_zero() => Err(wait),
            _ => Ok(Self { full_at }),
        }
    }
}

#[derive(Debug, Default)]
struct Buckets {
    server: Vec<Bucket>,
    clients: HashMap<String, Vec<Bucket>>,
    others: Vec<Bucket>,
}

impl Buckets {
    /// The buckets of one client; those that are full again are forgotten first when there are too many.
    fn of(&mut self, client: &str, now: Instant) -> &mut Vec<Bucket> {
        if !self.clients.contains_key(client) && self.clients.len() >= CLIENTS {
            self.clients.retain(|_, buckets| buckets.iter().any(|bucket| bucket.full_at > now));
            if self.clients.len() >= CLIENTS {
                return &mut self.others;
            }
        }
        self.clients.entry(client.to_owned()).or_default()
    }
}

/// All limits of a policy and how much of them is used.
#[derive(Debug)]
pub struct Limiter {
    client_limits: Vec<Limit>,
    server_limits: Vec<Limit>,
    buckets: Mutex<Buckets>,
}

impl Limiter {
    /// A limiter whose buckets are all full. Without limits it admits everything.
    pub fn new(limits: Vec<Limit>) -> Self {
        let (client_limits, server_limits) = limits.into_iter().partition(|limit| limit.scope == Scope::Client);
        Self { client_limits, server_limits, buckets: Mutex::default() }
    }

    /// Admits one command of `client`, or says which limit refuses it.
    ///
    /// # Errors
    /// [`Refused`] with the limit whose wait is longest.
    pub fn admit(&self, client: &str, now: Instant) -> Result<(), Refused> {
        // A panic while the lock was held cannot leave a bucket half written: each is replaced whole.
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let server = take_all(&self.server_limits, &buckets.server, now);
        let own = if self.client_limits.is_empty() {
            Ok(Vec::new())
        } else {
            take_all(&self.client_limits, buckets.of(client, now), now)
        };
        match (server, own) {
            (Ok(server), Ok(own)) => {
                buckets.server = server;
                if !own.is_empty() {
                    *buckets.of(client, now) = own;
                }
                Ok(())
            }
            (Err(one), Err(other)) => Err(if one.retry_after > other.retry_after { one } else { other }),
            (Err(refused), _) | (_, Err(refused)) => Err(refused),
        }
    }
}

/// The buckets after one command has been taken from each, or the refusal that lasts longest.
fn take_all(limits: &[Limit], buckets: &[Bucket], now: Instant) -> Result<Vec<Bucket>, Refused> {
    let mut after = Vec::with_capacity(limits.len());
    let mut refused: Option<Refused> = None;
    for (index, limit) in limits.iter().enumerate() {
        let bucket = buckets.get(index).copied().unwrap_or(Bucket { full_at: now });
        match bucket.take(limit, now) {
            Ok(bucket) => after.push(bucket),
            Err(wait) if refused.as_ref().is_none_or(|longest| longest.retry_after < wait) => {
                refused = Some(Refused { id: limit.id.clone(), retry_after: wait });
            }
            Err(_) => {}
        }
    }
    refused.map_or(Ok(after), Err)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed assumption is a failed test")]
mod tests {
    use super::*;

    fn limit(id: &str, scope: Scope, commands: u32, burst: u32) -> Limit {
        Limit { id: id.into(), scope, commands, per: "1m".parse().unwrap(), burst }
    }

    fn admitted(limiter: &Limiter, client: &str, now: Instant, tries: usize) -> usize {
        (0..tries).filter(|_| limiter.admit(client, now).is_ok()).count()
    }

    #[test]
    fn a_burst_passes_and_then_the_rate_holds() {
        let limiter = Limiter::new(vec![limit("calm", Scope::Client, 60, 10)]);
        let start = Instant::now();
        assert_eq!(admitted(&limiter, "a", start, 200), 10);
        let refused = limiter.admit("a", start).unwrap_err();
        assert_eq!(refused.to_string(), "rate limit `calm` is reached; try again in 1 s");
        assert_eq!(admitted(&limiter, "a", start + Duration::from_secs(3), 200), 3);
        assert_eq!(admitted(&limiter, "a", start + Duration::from_secs(600), 200), 10, "a pause saves up one burst");
    }

    #[test]
    fn what_is_refused_takes_from_no_bucket() {
        let limits = vec![limit("own", Scope::Client, 60, 2), limit("all", Scope::Server, 60, 5)];
        let limiter = Limiter::new(limits);
        let now = Instant::now();
        assert_eq!(admitted(&limiter, "a", now, 50), 2);
        assert_eq!(admitted(&limiter, "b", now, 50), 2, "the refusals of a cost the server nothing");
        assert_eq!(admitted(&limiter, "c", now, 50), 1);
        assert_eq!(limiter.admit("c", now).unwrap_err().id, "all");
    }

    #[test]
    fn inventing_clients_buys_one_shared_bucket() {
        let limiter = Limiter::new(vec![limit("own", Scope::Client, 60, 1)]);
        let now = Instant::now();
        let passed = (0..CLIENTS * 3).filter(|n| limiter.admit(&n.to_string(), now).is_ok()).count();
        assert_eq!(passed, CLIENTS + 1);
        assert!(limiter.buckets.lock().unwrap().clients.len() <= CLIENTS);
        let later = now + Duration::from_secs(60);
        assert!(limiter.admit("someone new", later).is_ok(), "full buckets are forgotten");
    }

    #[test]
    fn zero_commands_admit_none_and_no_limits_admit_all() {
        let now = Instant::now();
        assert!(Limiter::new(vec![limit("none", Scope::Server, 0, 0)]).admit("a", now).is_err());
        assert_eq!(admitted(&Limiter::new(Vec::new()), "a", now, 1000), 1000);
    }
}
