//! What several engines of one server have together.
//!
//! In: the settings of their policies. Out: counters of the same limits, and one open log and one writer of the history
//! for all engines that keep them in the same place: many writers of one file would wait for each other, and a client
//! with few jobs for one with many.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use sha2::{Digest as _, Sha256};

use super::judge::Judge;
use super::law::SharedLimits;
use super::recording;
use crate::audit::{Audit, AuditError};
use crate::history::History;
use crate::output::RuleError;
use crate::paths::AbsPath;
use crate::policy::{self, Policy, Settings};

/// Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Shared {
    pub(super) limits: SharedLimits,
    pub(super) judges: Judges,
    records: Arc<Mutex<Vec<Known>>>,
}

/// Judges of policies that are the same to the last detail: text, and what it was found to mean on this machine.
#[derive(Debug, Clone, Default)]
pub(super) struct Judges(Arc<Mutex<Vec<Alike>>>);

/// A judge as long as an engine has it.
type Alike = (Likeness, Weak<Judge>);

/// The digest of a policy's text, and one of all that was made of it.
type Likeness = (String, Digest);

type Digest = [u8; 32];

impl Judges {
    /// The judge of a policy, made if nobody has one.
    pub(super) fn of(&self, policy: Policy) -> Result<Arc<Judge>, RuleError> {
        // What is made later, when it is first needed, is not there yet in either.
        let likeness = (policy.digest().to_owned(), Sha256::digest(format!("{policy:?}")).into());
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|(_, judge)| judge.strong_count() > 0);
        let known = all.iter().find(|(known, _)| *known == likeness);
        if let Some(judge) = known.and_then(|(_, judge)| judge.upgrade()) {
            return Ok(judge);
        }
        let judge = Arc::new(Judge::new(policy)?);
        all.push((likeness, Arc::downgrade(&judge)));
        Ok(judge)
    }
}

/// Where an engine writes.
#[derive(Debug)]
pub(super) struct Records {
    pub(super) audit: Audit,
    /// Writes rows; questions have a history of their own, or many of one client would keep the rows of others waiting.
    pub(super) keeper: Arc<History>,
}

/// Records that are open as long as an engine writes there.
#[derive(Debug)]
struct Known {
    settings: (AbsPath, policy::Audit, policy::JobLimits),
    audit: Audit,
    keeper: Weak<History>,
}

impl Shared {
    /// The records of these settings, opened if nobody has them.
    pub(super) fn records(&self, settings: &Settings) -> Result<Records, AuditError> {
        let mut all = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|known| known.keeper.strong_count() > 0);
        let wanted = (settings.state.clone(), settings.audit.clone(), settings.jobs.clone());
        let known = all.iter().find(|known| known.settings == wanted);
        if let Some((known, keeper)) = known.and_then(|known| Some((known, known.keeper.upgrade()?))) {
            return Ok(Records { audit: known.audit.clone(), keeper });
        }
        let audit = recording::open(&settings.audit)?;
        let keeper = Arc::new(recording::history(settings, &audit));
        all.push(Known { settings: wanted, audit: audit.clone(), keeper: Arc::downgrade(&keeper) });
        Ok(Records { audit, keeper })
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed assumption is a failed test")]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::policy::{Origin, Variables, load};

    #[test]
    fn policies_that_are_the_same_to_the_last_detail_have_one_judge_as_long_as_somebody_has_it() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let (workspace, state) = (root.join("workspace"), root.join("state"));
        std::fs::create_dir_all(&workspace).unwrap();
        std::fs::create_dir_all(&state).unwrap();
        let path = |path| AbsPath::new(path).unwrap();
        let variables = |of: BTreeMap<String, String>| Variables {
            workspace: path(workspace.clone()),
            home: None,
            state: path(state.clone()),
            environment: of,
        };
        let policy = |name: &str, environment: &[(&str, &str)]| {
            let environment =
                environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            load(&Origin::Builtin(name.to_owned()), &variables(environment)).unwrap().policy
        };
        let plain = [("PATH", "/usr/bin")];
        let judges = Judges::default();
        let first = judges.of(policy("readonly", &plain)).unwrap();
        // What it has found out meanwhile is no difference.
        first.clean("nothing secret");
        assert!(Arc::ptr_eq(&first, &judges.of(policy("readonly", &plain)).unwrap()));
        assert!(!Arc::ptr_eq(&first, &judges.of(policy("workspace", &plain)).unwrap()));
        let elsewhere = judges.of(policy("readonly", &[("PATH", "/bin")])).unwrap();
        assert!(!Arc::ptr_eq(&first, &elsewhere), "the same text that means something else");
        drop((first, elsewhere));
        judges.of(policy("workspace", &plain)).unwrap();
        assert_eq!(judges.0.lock().unwrap().len(), 1, "what nobody has is forgotten");
    }
}
