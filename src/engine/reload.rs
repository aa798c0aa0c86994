//! Another policy while the server runs.
//!
//! In: a policy that was loaded anew. Out: it is in force for every trip that begins from here on, or it is refused with a
//! reason and the old one stays. Both are on record. Trips and jobs that have begun keep theirs.

use std::fmt;
use std::sync::{Arc, PoisonError};

use super::Engine;
use super::law::Law;
use crate::policy::Policy;

/// Loads the policy of an engine anew.
#[derive(Clone)]
pub struct Loader(Arc<dyn Fn() -> Result<Policy, String> + Send + Sync>);

impl Loader {
    /// A loader; what it does may block.
    pub fn new(load: impl Fn() -> Result<Policy, String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(load))
    }

    pub(super) fn load(&self) -> Result<Policy, String> {
        (self.0)()
    }
}

impl fmt::Debug for Loader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Loader(..)")
    }
}

/// Why a policy is loaded anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// A file changed; the same text again is nothing new.
    File,
    /// Somebody asked for it: what its patterns find may have changed.
    Asked,
}

/// What became of a reload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reload {
    /// The new one holds.
    InForce,
    /// It is the same as before.
    Same,
    /// The old one stays, for this reason.
    Refused(String),
}

impl Engine {
    /// Puts what `load` gives in force, or leaves everything as it is.
    pub(super) fn reload(&self, cause: Cause, load: &dyn Fn() -> Result<Policy, String>) -> Reload {
        // One at a time: what is compared with the old policy must still be compared with it when it is exchanged.
        let _alone = self.reloading.lock().unwrap_or_else(PoisonError::into_inner);
        let old = self.law.now();
        match load().and_then(|policy| self.next_law(policy, &old, cause)) {
            Ok(None) => Reload::Same,
            Ok(Some(law)) => {
                let record = self.policy_record("in_force", law.policy(), None);
                tracing::info!(policy = law.policy().name(), "the policy was loaded anew");
                // On record first: no decision may be by a policy that the record does not know.
                self.tell("policy_reload", record);
                self.law.exchange(law);
                self.count(|numbers| numbers.reloaded("in_force"));
                Reload::InForce
            }
            Err(why) => {
                let why = old.judge.clean(&why);
                tracing::error!("the policy was not loaded anew, the old one stays: {why}");
                self.count(|numbers| numbers.reloaded("refused"));
                self.tell("policy_reload", self.policy_record("refused", old.policy(), Some(why.clone())));
                Reload::Refused(why)
            }
        }
    }

    /// The law that a policy makes, when it can be held here and differs from the old one in no part that is set up once.
    fn next_law(&self, policy: Policy, old: &Law, cause: Cause) -> Result<Option<Law>, String> {
        let before = old.policy();
        if policy.digest() == before.digest() && cause == Cause::File {
            return Ok(None);
        }
        let (new, set) = (policy.settings(), before.settings());
        let fixed = [
            ("audit", new.audit == set.audit),
            ("jobs", new.jobs == set.jobs),
            ("http", policy.http() == before.http()),
        ];
        if let Some((part, _)) = fixed.iter().find(|(_, same)| !same) {
            return Err(format!("`{part}` is set up once, and the new policy changes it; restart the server"));
        }
        let check = |profile| self.ground.check(profile);
        policy.profiles().values().try_for_each(|profile| check(profile)).map_err(|error| error.to_string())?;
        Law::after(policy, old).map(Some).map_err(|error| error.to_string())
    }
}
