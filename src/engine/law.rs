//! What a policy makes of the engine: its judge and its limits, exchanged as a whole.
//!
//! In: a loaded policy. Out: a [`Law`] that each trip takes once, at its start. A trip keeps the one that it took, so one
//! command is judged, limited and redacted by exactly one policy, whatever is loaded meanwhile.

use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};

use tokio::sync::watch;

use super::judge::Judge;
use super::shared::Shared;
use crate::output::RuleError;
use crate::policy::{self, Policy};
use crate::rate::{Limit, Limiter, Rate, Refusals, Scope};

/// What several engines of one server count together: those with the same limits have the same counters, so a limit on
/// the server is one on all of its clients. Clones are the same.
#[derive(Debug, Clone, Default)]
pub(super) struct SharedLimits(Arc<Mutex<Vec<Counted>>>);

/// Limits, and what counts them as long as an engine has it.
type Counted = (Vec<policy::RateLimit>, Weak<Limiter>);

impl SharedLimits {
    /// The counters of these limits, new ones if nobody has any.
    pub(super) fn of(&self, limits: &[policy::RateLimit]) -> Arc<Limiter> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|(_, limiter)| limiter.strong_count() > 0);
        let known = all.iter().find(|(known, _)| known == limits).and_then(|(_, limiter)| limiter.upgrade());
        known.unwrap_or_else(|| {
            let limiter = Arc::new(Limiter::new(limits.iter().enumerate().map(limit).collect()));
            all.push((limits.to_vec(), Arc::downgrade(&limiter)));
            limiter
        })
    }
}

/// One policy in force.
#[derive(Debug)]
pub(super) struct Law {
    /// Shared with other engines of the same policy: it is large, and judging changes nothing in it.
    pub(super) judge: Arc<Judge>,
    pub(super) limiter: Arc<Limiter>,
    /// What this policy refused, and to whom.
    pub(super) refusals: Refusals,
    shared: Shared,
}

impl Law {
    /// # Errors
    /// A redaction rule of the policy is no regex.
    pub(super) fn new(policy: Policy, shared: Shared) -> Result<Self, RuleError> {
        let limiter = shared.limits.of(&policy.settings().rate_limits);
        Ok(Self { judge: shared.judges.of(policy)?, limiter, refusals: Refusals::default(), shared })
    }

    /// The law of a policy that takes the place of another. The same limits go on counting.
    ///
    /// # Errors
    /// A redaction rule of the policy is no regex.
    pub(super) fn after(policy: Policy, old: &Self) -> Result<Self, RuleError> {
        Self::new(policy, old.shared.clone())
    }

    /// The policy.
    pub(super) fn policy(&self) -> &Policy {
        &self.judge.policy
    }
}

/// The law of the moment.
#[derive(Debug)]
pub(super) struct InForce {
    law: RwLock<Arc<Law>>,
    /// Tells of each exchange.
    exchanged: watch::Sender<()>,
}

impl InForce {
    pub(super) fn new(law: Law) -> Self {
        Self { law: RwLock::new(Arc::new(law)), exchanged: watch::Sender::new(()) }
    }

    /// Puts another law in the place of this one, for whoever asks from now on.
    pub(super) fn exchange(&self, law: Law) {
        *self.law.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(law);
        self.exchanged.send_replace(());
    }

    /// Changes with each exchange from now on.
    pub(super) fn exchanges(&self) -> watch::Receiver<()> {
        self.exchanged.subscribe()
    }

    /// The law now. Take it once and use that.
    pub(super) fn now(&self) -> Arc<Law> {
        // The lock guards one pointer, which is whole whatever panicked.
        Arc::clone(&self.law.read().unwrap_or_else(PoisonError::into_inner))
    }
}

fn limit((index, limit): (usize, &policy::RateLimit)) -> Limit {
    let (scope, name) = match &limit.scope {
        policy::Scope::Client => (Scope::Client, "client"),
        policy::Scope::Server => (Scope::Server, "server"),
        policy::Scope::Tool(tool) => (Scope::Tool(tool.clone()), "tool"),
        policy::Scope::Rule(rule) => (Scope::Rule(rule.clone()), "rule"),
    };
    let number = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
    let rate = limit.rate.as_ref().map(|rate| Rate {
        commands: number(rate.commands),
        per: rate.per,
        burst: number(rate.burst),
    });
    Limit { id: format!("{name}-{}", index + 1), scope, rate, concurrent: limit.concurrent.map(number) }
}
