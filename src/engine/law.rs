//! What a policy makes of the engine: its judge and its limits, exchanged as a whole.
//!
//! In: a loaded policy. Out: a [`Law`] that each trip takes once, at its start. A trip keeps the one that it took, so one
//! command is judged, limited and redacted by exactly one policy, whatever is loaded meanwhile.

use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::watch;

use super::judge::Judge;
use crate::output::RuleError;
use crate::policy::{self, Policy};
use crate::rate::{Limit, Limiter, Scope};

/// One policy in force.
#[derive(Debug)]
pub(super) struct Law {
    pub(super) judge: Judge,
    pub(super) limiter: Arc<Limiter>,
}

impl Law {
    /// # Errors
    /// A redaction rule of the policy is no regex.
    pub(super) fn new(policy: Policy) -> Result<Self, RuleError> {
        let limiter = Limiter::new(policy.settings().rate_limits.iter().enumerate().map(limit).collect());
        Ok(Self { judge: Judge::new(policy)?, limiter: Arc::new(limiter) })
    }

    /// The law of a policy that takes the place of another. The same limits go on counting.
    ///
    /// # Errors
    /// A redaction rule of the policy is no regex.
    pub(super) fn after(policy: Policy, old: &Self) -> Result<Self, RuleError> {
        let same = policy.settings().rate_limits == old.policy().settings().rate_limits;
        let law = Self::new(policy)?;
        Ok(if same { Self { limiter: Arc::clone(&old.limiter), ..law } } else { law })
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
    let (scope, name) = match limit.scope {
        policy::Scope::Client => (Scope::Client, "client"),
        policy::Scope::Server => (Scope::Server, "server"),
    };
    let number = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
    let id = format!("{name}-{}", index + 1);
    Limit { id, scope, commands: number(limit.commands), per: limit.per, burst: number(limit.burst) }
}
