//! Where files that judge jobs may lie.
//!
//! In: a path and every sandbox of the policy. Out: a problem where a job could reach it. Who else could is decided in
//! `trust`.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::compiled::Reading;
use super::profile::Profile;
use super::yaml::Node;
use crate::diag::Problem;
use crate::paths::AbsPath;

impl Reading<'_> {
    /// A key that jobs can read seals nothing.
    pub(super) fn outside_readable(&mut self, node: &Node, key: &AbsPath, profiles: &BTreeMap<String, Arc<Profile>>) {
        if let Some(profile) = profiles.values().find(|profile| profile.may_read(key)) {
            let message = format!("the audit key `{key}` lies where jobs of profile `{}` may read", profile.name);
            let problem = Problem::error("unprotected", message).at(&node.source, node.span);
            self.problems.push(problem.advise("move it out of the readable roots, or name it under `filesystem.hide`"));
        }
    }

    /// What judges jobs must lie where no job can change it, or in a folder that is guarded.
    pub(super) fn outside_writable(
        &mut self,
        node: &Node,
        what: &str,
        path: &AbsPath,
        profiles: &BTreeMap<String, Arc<Profile>>,
    ) {
        let guarded = |profile: &Profile| profile.guarded.iter().any(|folder| path.is_within(folder));
        if let Some(profile) = profiles.values().find(|profile| profile.can_write(path) && !guarded(profile)) {
            let message = format!("{what} `{path}` lies where jobs of profile `{}` may write", profile.name);
            let problem = Problem::error("unprotected", message).at(&node.source, node.span);
            self.problems.push(problem.advise("move it out of the writable roots"));
        }
    }
}
