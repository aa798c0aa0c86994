//! Programs that approved programs start of their own accord.
//!
//! In: the programs of a line. Out: the files that the catalogue names for them and that are there. Only
//! `execute: approved` asks: without it, the roots say what may be executed.

use super::catalogue;
use super::compiled::Policy;
use super::world::{ProgramFile, World};
use crate::paths::AbsPath;

impl Policy {
    /// The helpers of `programs`; one that is not installed is no loss.
    pub(super) fn helpers(&self, programs: &[ProgramFile], world: &dyn World) -> Vec<AbsPath> {
        let mut found = Vec::new();
        for program in programs {
            let real = world.resolve(&program.path).ok();
            let names = [Some(&program.path), real.as_ref()].into_iter().flatten().filter_map(AbsPath::file_name);
            let entries = names.filter_map(|name| catalogue::entry(name.to_str()?));
            for helper in entries.flat_map(|entry| &entry.helpers) {
                let file = match AbsPath::new(helper) {
                    Ok(path) => world.program_file(&path),
                    Err(_) => world.find_program(helper, &self.path),
                };
                found.extend(file.ok().flatten().map(|file| file.path));
            }
        }
        found.sort();
        found.dedup();
        found
    }
}
