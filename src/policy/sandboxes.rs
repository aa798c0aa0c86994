//! The sandboxes of a policy: `filesystem`, `network` and `limits`, of the policy itself and of each profile.
//!
//! In: the tree that holds them and what a profile inherits. Out: [`Profile`]s, with every problem at its place.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::account::{Require, RunAs};
use super::compiled::Reading;
use super::names::Names;
use super::profile::{OnUnsupported, Profile, Root, Unsupported};
use super::settings::{self, Limits};
use super::toolchains::{self, Found};
use super::variables::Place;
use super::yaml::Node;
use crate::diag::Problem;
use crate::paths::AbsPath;

impl Reading<'_> {
    /// The toolchains that the policy names, as they are here.
    pub(super) fn find_toolchains(&mut self, node: &Node) -> Found {
        let named = node.get("toolchains");
        let names: Vec<&str> = named.map_or(&[][..], Node::items).iter().filter_map(Node::text).collect();
        match toolchains::find(&names, self.variables, self.disk) {
            Ok(mut found) => {
                let place = named.unwrap_or(node);
                let warnings = found.warnings.drain(..).map(|problem| problem.at(&place.source, place.span));
                warnings.for_each(|problem| self.problems.push(problem));
                found
            }
            Err(why) => {
                self.problems.push(named.unwrap_or(node).error("wrong-root", why));
                Found::default()
            }
        }
    }

    /// A sandbox: what `node` says, and what `base` has where it says nothing.
    pub(super) fn profile(
        &mut self,
        name: &str,
        node: &Node,
        base: Result<&Profile, OnUnsupported>,
    ) -> Option<Profile> {
        let on_unsupported = base.map_or_else(|own| own, |base| base.on_unsupported);
        let base = base.ok();
        let inherit = |get: fn(&Profile) -> &Vec<Root>| base.map_or_else(Vec::new, |base| get(base).clone());
        let limits = settings::limits(node, base.map(|base| &base.limits));
        let limits: Limits = self.keep(node, limits)?;
        let create = self.created(node, base);
        let mut profile = Profile {
            name: name.to_owned(),
            read: self.roots(node, "filesystem.read", &create, inherit(|base| &base.read)),
            write: self.roots(node, "filesystem.write", &create, inherit(|base| &base.write)),
            execute: self.roots(node, "filesystem.execute", &create, inherit(|base| &base.execute)),
            create,
            run_as: base.map_or_else(|| self.run_as(node), |base| base.run_as.clone()),
            require: base.map_or_else(|| Require::read(node), |base| base.require),
            approved_only: base.is_some_and(|base| base.approved_only),
            protect: base.map(|base| base.protect.clone()).unwrap_or_default(),
            hide: base.map(|base| base.hide.clone()).unwrap_or_default(),
            guarded: Vec::new(),
            on_unsupported,
            network: settings::network(node, base.map(|base| &base.network)),
            limits,
        };
        self.grant_toolchains(&mut profile);
        self.execute(node, &mut profile);
        self.names(node, &mut profile);
        for secret in &self.toolchains.secret {
            profile.hide.add_path(secret, self.disk);
        }
        // Whoever can read the records can lock them, and let the server wait.
        let state = &self.variables.state;
        profile.hide.add_path(&self.disk.canonical(state).unwrap_or_else(|| state.clone()), self.disk);
        self.guarded(node, &mut profile);
        Some(profile)
    }

    /// What the toolchains of the policy need, in every profile, but where jobs of this one may write.
    fn grant_toolchains(&self, profile: &mut Profile) {
        let Found { read, execute, .. } = &self.toolchains;
        let fixed = execute.iter().filter(|path| !profile.can_write(path));
        let fixed: Vec<Root> = fixed.cloned().map(Root::Path).collect();
        profile.execute.extend(fixed);
        profile.read.extend(read.iter().chain(execute).cloned().map(Root::Path));
        for list in [&mut profile.read, &mut profile.execute] {
            list.sort();
            list.dedup();
        }
    }

    /// `approved` stands for the readable trees that no job can change.
    fn execute(&self, node: &Node, profile: &mut Profile) {
        let Some(execute) = node.at("filesystem.execute") else { return };
        profile.approved_only = execute.text() == Some("approved");
        if profile.approved_only {
            let workspace = &self.variables.workspace;
            let fixed = |root: &&Root| matches!(root, Root::Path(path) if !path.is_within(workspace) && !profile.can_write(path));
            profile.execute = profile.read.iter().filter(fixed).cloned().collect();
        }
    }

    /// Names that are protected and hidden. A protected name that is a symlink could be replaced where it stands.
    fn names(&mut self, node: &Node, profile: &mut Profile) {
        for key in ["protect", "hide"] {
            let Some(list) = node.at(&format!("filesystem.{key}")) else { continue };
            let mut names = Names::default();
            for item in list.items() {
                let added = match names.add(item.text().unwrap_or(""), self.variables, self.disk) {
                    Ok(added) => added,
                    Err(why) => {
                        self.problems.push(item.error("wrong-name", why));
                        continue;
                    }
                };
                let replaceable = added.linked.iter().filter(|place| key == "protect" && profile.can_write(place));
                for place in replaceable {
                    let message = format!("`{place}` is reached through a symlink, which a job could replace");
                    let problem = match profile.on_unsupported.protect {
                        Unsupported::Refuse => item.error("unprotected", message),
                        Unsupported::Warn => item.warning("unprotected", message),
                    };
                    self.problems.push(problem.advise("put the file itself there, or protect the place of the link"));
                }
            }
            match key {
                "protect" => profile.protect = names,
                _ => profile.hide = names,
            }
        }
    }

    /// What judges jobs, where jobs of this profile may write. A symlink there could be replaced, so it is refused.
    fn guarded(&mut self, node: &Node, profile: &mut Profile) {
        for file in &self.guard {
            let real = self.disk.canonical(file).unwrap_or_else(|| file.clone());
            let beside = file.parent().and_then(|dir| self.disk.canonical(&dir)?.join(file.file_name()?).ok());
            let mut places = [Some(file), beside.as_ref()].into_iter().flatten();
            if let Some(link) = places.find(|place| **place != real && profile.can_write(place)) {
                let message = format!("`{link}` is a symlink where jobs of profile `{}` may write", profile.name);
                let problem = Problem::error("unprotected", message).at(&node.source, node.span);
                self.problems.push(problem.advise("move it out of the writable roots"));
            }
            if profile.can_write(&real) {
                profile.guarded.push(real);
            }
        }
    }

    /// A root behind a symlink that jobs can replace would be whatever they want at the next start.
    pub(super) fn links(&mut self, profiles: &BTreeMap<String, Arc<Profile>>) {
        for (item, written) in std::mem::take(&mut self.linked) {
            if profiles.values().any(|profile| profile.can_write(&written)) {
                let message = format!("`{written}` is reached through a symlink, which a job could replace");
                self.problems.push(item.error("linked-root", message).advise("name the place that it leads to"));
            }
        }
    }

    fn run_as(&mut self, node: &Node) -> Option<RunAs> {
        let said = node.get("run_as")?;
        RunAs::read(said.text().unwrap_or("")).map_err(|why| self.problems.push(said.error("wrong-value", why))).ok()
    }

    /// Folders that the engine makes: inside the workspace, and not behind a symlink.
    fn created(&mut self, node: &Node, base: Option<&Profile>) -> Vec<AbsPath> {
        let Some(list) = node.at("filesystem.create") else {
            return base.map(|base| base.create.clone()).unwrap_or_default();
        };
        let mut created = Vec::new();
        for item in list.items() {
            match self.created_folder(item.text().unwrap_or("")) {
                Ok(path) => created.push(path),
                Err(why) => self.problems.push(item.error("wrong-root", why)),
            }
        }
        created
    }

    fn created_folder(&self, text: &str) -> Result<AbsPath, String> {
        let workspace = &self.variables.workspace;
        let path = self.variables.path(text)?;
        if path == *workspace || !path.is_within(workspace) {
            return Err(format!(
                "`{text}` lies outside the workspace, where nothing is made; start it with `{{workspace}}/`"
            ));
        }
        let ancestors = std::iter::successors(Some(path.clone()), AbsPath::parent);
        let existing = ancestors.into_iter().find_map(|part| Some((self.disk.canonical(&part)?, part)));
        match existing {
            Some((real, part)) if real != part => Err(format!("`{part}` is a symlink, behind which nothing is made")),
            _ => Ok(path),
        }
    }

    fn roots(&mut self, node: &Node, path: &str, created: &[AbsPath], inherited: Vec<Root>) -> Vec<Root> {
        let Some(list) = node.at(path) else { return inherited };
        if list.text().is_some() {
            // `approved`, which only `execute` may be, is read there.
            return inherited;
        }
        let mut roots = BTreeSet::new();
        for item in list.items() {
            let text = item.text().unwrap_or("");
            let later = self.variables.path(text).ok().filter(|path| created.contains(path));
            if let Some(path) = later {
                roots.insert(Root::Path(path));
                continue;
            }
            match self.variables.roots(text, self.disk) {
                Ok(found) => {
                    for Place { root, linked } in found {
                        self.linked.extend(linked.map(|written| (item.clone(), written)));
                        roots.insert(root);
                    }
                }
                Err(why) => self.problems.push(item.error("wrong-root", why)),
            }
        }
        roots.into_iter().collect()
    }
}
