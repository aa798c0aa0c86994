//! Token buckets and places: how many commands a client, and the server as a whole, may ask for, and have at a time.
//!
//! In: limits, a client's name, what it asks for, and a clock reading. Out: a permit, or which limit refused and when to
//! try again. What counts as a command and what a refusal looks like is decided by the caller.
//!
//! INVARIANT: what is refused takes from no limit, what is admitted takes from all that apply.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::units::Period;

/// Clients with counters of their own. Every further one shares them with its like, so that inventing names buys nothing.
const CLIENTS: usize = 1024;
/// When to try again where a place is missing: nobody knows when one is free.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// What a limit counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Commands of each client by itself.
    Client,
    /// Commands of all clients together.
    Server,
    /// Calls of this tool, for each client by itself.
    Tool(String),
    /// Commands that this rule decides, for each client by itself.
    Rule(String),
}

/// `commands` in each `per` on average, at most `burst` at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rate {
    /// Commands in each period; zero admits none.
    pub commands: u32,
    /// The period.
    pub per: Period,
    /// Commands that may come at once after a pause; zero means `commands`.
    pub burst: u32,
}

/// One limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// Names the limit in a refusal.
    pub id: String,
    /// What it counts.
    pub scope: Scope,
    /// How many in which time.
    pub rate: Option<Rate>,
    /// How many at the same time.
    pub concurrent: Option<u32>,
}

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub enum About<'a> {
    /// Some command.
    Command,
    /// One that these rules decide.
    Rules(&'a [String]),
    /// A call of this tool.
    Tool(&'a str),
}

impl Scope {
    fn applies(&self, about: About<'_>) -> bool {
        match (self, about) {
            (Self::Client | Self::Server, About::Command) => true,
            (Self::Tool(name), About::Tool(tool)) => name == tool,
            (Self::Rule(id), About::Rules(rules)) => rules.contains(id),
            _ => false,
        }
    }
}

impl Rate {
    /// When the bucket is full again after one more command, or how long that has to wait. A bucket is kept as that
    /// moment: each command moves it by one interval.
    fn take(&self, full_at: Option<Instant>, now: Instant) -> Result<Instant, Duration> {
        let Some(interval) = self.per.get().checked_div(self.commands) else { return Err(self.per.get()) };
        let full_at = full_at.map_or(now, |full_at| full_at.max(now)) + interval;
        let capacity = if self.burst == 0 { self.commands } else { self.burst };
        match (full_at - now).checked_sub(interval.saturating_mul(capacity)) {
            Some(wait) if !wait.is_zero() => Err(wait),
            _ => Ok(full_at),
        }
    }
}

/// A limit refused; the text is for whoever asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}; try again in {} s", retry_after.as_millis().div_ceil(1000))]
pub struct Refused {
    /// The limit.
    pub id: String,
    /// What is used up.
    pub why: String,
    /// How long until one command would be admitted.
    pub retry_after: Duration,
}

/// What of a limit is used.
#[derive(Debug, Clone, Copy, Default)]
struct Used {
    full_at: Option<Instant>,
    running: u32,
}

impl Limit {
    fn take(&self, used: Used, now: Instant) -> Result<Used, Refused> {
        let refused = |why: String, retry_after| Refused { id: self.id.clone(), why, retry_after };
        if let Some(most) = self.concurrent.filter(|most| used.running >= *most) {
            let why = format!("rate limit `{}` lets {most} at a time run, wait for one to end", self.id);
            return Err(refused(why, LOOK_AGAIN));
        }
        let taken = self.rate.as_ref().map(|rate| rate.take(used.full_at, now)).transpose();
        let full_at = taken.map_err(|wait| refused(format!("rate limit `{}` is used up", self.id), wait))?;
        Ok(Used { full_at, running: used.running + u32::from(self.concurrent.is_some()) })
    }
}

/// Whose counters.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Whose {
    Server,
    Client(String),
    Others,
}

#[derive(Debug, Default)]
struct Counters {
    server: Vec<Used>,
    clients: HashMap<String, Vec<Used>>,
    others: Vec<Used>,
}

impl Counters {
    /// Those of one client; clients that use nothing are forgotten first when there are too many.
    fn whose(&mut self, client: &str, now: Instant) -> Whose {
        if !self.clients.contains_key(client) && self.clients.len() >= CLIENTS {
            let in_use = |used: &Used| used.running > 0 || used.full_at.is_some_and(|full_at| full_at > now);
            self.clients.retain(|_, counters| counters.iter().any(in_use));
            if self.clients.len() >= CLIENTS {
                return Whose::Others;
            }
        }
        Whose::Client(client.to_owned())
    }

    /// The counter of the limit with this index.
    fn at(&mut self, whose: &Whose, index: usize) -> &mut Used {
        let counters = match whose {
            Whose::Server => &mut self.server,
            Whose::Client(client) => self.clients.entry(client.clone()).or_default(),
            Whose::Others => &mut self.others,
        };
        if counters.len() <= index {
            counters.resize(index + 1, Used::default());
        }
        // It was made just now.
        #[expect(clippy::indexing_slicing, reason = "the line above makes the place")]
        &mut counters[index]
    }
}

/// All limits of a policy and how much of them is used.
#[derive(Debug)]
pub struct Limiter {
    limits: Vec<Limit>,
    counters: Mutex<Counters>,
}

/// Leave for one command or call. What limits at a time is taken until it is dropped.
#[derive(Debug)]
#[must_use = "a permit that is dropped gives its place back"]
pub struct Permit {
    limiter: Arc<Limiter>,
    places: Vec<(Whose, usize)>,
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.places.is_empty() {
            return;
        }
        let mut counters = self.limiter.counters();
        for (whose, index) in &self.places {
            let used = counters.at(whose, *index);
            used.running = used.running.saturating_sub(1);
        }
    }
}

impl Limiter {
    /// A limiter of which nothing is used. Without limits it admits everything.
    pub fn new(limits: Vec<Limit>) -> Self {
        Self { limits, counters: Mutex::default() }
    }

    fn counters(&self) -> MutexGuard<'_, Counters> {
        // A panic while the lock was held cannot leave a counter half written: each is replaced whole.
        self.counters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Admits what `client` asks for, or says which limit refuses it.
    ///
    /// # Errors
    /// [`Refused`] with the limit whose wait is longest.
    pub fn admit(self: &Arc<Self>, client: &str, about: About<'_>, now: Instant) -> Result<Permit, Refused> {
        let mut permit = Permit { limiter: Arc::clone(self), places: Vec::new() };
        let applying: Vec<_> = self.limits.iter().enumerate().filter(|(_, limit)| limit.scope.applies(about)).collect();
        if applying.is_empty() {
            return Ok(permit);
        }
        let mut counters = self.counters();
        let own = counters.whose(client, now);
        let mut after = Vec::with_capacity(applying.len());
        let mut refused: Option<Refused> = None;
        for (index, limit) in applying {
            let whose = if limit.scope == Scope::Server { Whose::Server } else { own.clone() };
            match limit.take(*counters.at(&whose, index), now) {
                Ok(used) => after.push((whose, index, used, limit.concurrent.is_some())),
                Err(one) if refused.as_ref().is_none_or(|longest| longest.retry_after < one.retry_after) => {
                    refused = Some(one);
                }
                Err(_) => {}
            }
        }
        if let Some(refused) = refused {
            return Err(refused);
        }
        for (whose, index, used, holds) in after {
            *counters.at(&whose, index) = used;
            if holds {
                permit.places.push((whose, index));
            }
        }
        Ok(permit)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed assumption is a failed test")]
mod tests {
    use super::*;

    fn limit(id: &str, scope: Scope, commands: u32, burst: u32) -> Limit {
        let rate = Rate { commands, per: "1m".parse().unwrap(), burst };
        Limit { id: id.into(), scope, rate: Some(rate), concurrent: None }
    }

    fn limiter(limits: Vec<Limit>) -> Arc<Limiter> {
        Arc::new(Limiter::new(limits))
    }

    fn admitted(limiter: &Arc<Limiter>, client: &str, now: Instant, tries: usize) -> usize {
        (0..tries).filter(|_| limiter.admit(client, About::Command, now).is_ok()).count()
    }

    #[test]
    fn a_burst_passes_and_then_the_rate_holds() {
        let limiter = limiter(vec![limit("calm", Scope::Client, 60, 10)]);
        let start = Instant::now();
        assert_eq!(admitted(&limiter, "a", start, 200), 10);
        let refused = limiter.admit("a", About::Command, start).unwrap_err();
        assert_eq!(refused.to_string(), "rate limit `calm` is used up; try again in 1 s");
        assert_eq!(admitted(&limiter, "a", start + Duration::from_secs(3), 200), 3);
        assert_eq!(admitted(&limiter, "a", start + Duration::from_secs(600), 200), 10, "a pause saves up one burst");
    }

    #[test]
    fn what_is_refused_takes_from_no_bucket() {
        let limits = vec![limit("own", Scope::Client, 60, 2), limit("all", Scope::Server, 60, 5)];
        let limiter = limiter(limits);
        let now = Instant::now();
        assert_eq!(admitted(&limiter, "a", now, 50), 2);
        assert_eq!(admitted(&limiter, "b", now, 50), 2, "the refusals of a cost the server nothing");
        assert_eq!(admitted(&limiter, "c", now, 50), 1);
        assert_eq!(limiter.admit("c", About::Command, now).unwrap_err().id, "all");
    }

    #[test]
    fn inventing_clients_buys_one_shared_bucket() {
        let limiter = limiter(vec![limit("own", Scope::Client, 60, 1)]);
        let now = Instant::now();
        let passed = (0..CLIENTS * 3).filter(|n| limiter.admit(&n.to_string(), About::Command, now).is_ok()).count();
        assert_eq!(passed, CLIENTS + 1);
        assert!(limiter.counters().clients.len() <= CLIENTS);
        let later = now + Duration::from_secs(60);
        assert!(limiter.admit("someone new", About::Command, later).is_ok(), "full buckets are forgotten");
    }

    #[test]
    fn zero_commands_admit_none_and_no_limits_admit_all() {
        let now = Instant::now();
        assert!(limiter(vec![limit("none", Scope::Server, 0, 0)]).admit("a", About::Command, now).is_err());
        assert_eq!(admitted(&limiter(Vec::new()), "a", now, 1000), 1000);
    }

    #[test]
    fn a_place_is_taken_until_its_permit_goes() {
        let limit = |id: &str, scope, most| Limit { id: id.into(), scope, rate: None, concurrent: Some(most) };
        let limiter = limiter(vec![limit("own", Scope::Client, 2), limit("all", Scope::Server, 3)]);
        let (now, ask) = (Instant::now(), |client: &str| limiter.admit(client, About::Command, Instant::now()));
        let mut held = vec![ask("a").unwrap(), ask("a").unwrap()];
        let refused = ask("a").unwrap_err();
        assert_eq!(refused.id, "own");
        assert!(refused.to_string().ends_with("2 at a time run, wait for one to end; try again in 1 s"), "{refused}");
        held.push(ask("b").unwrap());
        assert_eq!(ask("c").unwrap_err().id, "all");
        drop(held.remove(0));
        assert!(limiter.admit("c", About::Command, now).is_ok(), "what is refused took no place");
    }

    #[test]
    fn rules_and_tools_have_limits_of_their_own() {
        let limits = vec![limit("r", Scope::Rule("push".into()), 60, 1), limit("t", Scope::Tool("look".into()), 60, 1)];
        let (limiter, now) = (limiter(limits), Instant::now());
        let (push, pull) = (["pull".to_owned(), "push".to_owned()], ["pull".to_owned()]);
        let ask = |client, about| limiter.admit(client, about, now).map(drop).map_err(|refused| refused.id);
        assert_eq!(ask("a", About::Rules(&push)), Ok(()));
        assert_eq!(ask("a", About::Rules(&push)), Err("r".into()));
        assert_eq!(ask("a", About::Rules(&pull)), Ok(()));
        assert_eq!(ask("b", About::Rules(&push)), Ok(()), "each client by itself");
        assert_eq!(ask("a", About::Tool("look")), Ok(()));
        assert_eq!(ask("a", About::Tool("look")), Err("t".into()));
        assert_eq!(ask("a", About::Tool("other")), Ok(()));
        assert_eq!(ask("a", About::Command), Ok(()));
    }
}
