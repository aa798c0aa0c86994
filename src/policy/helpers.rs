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
            let (typed, real) = (program.path.file_name(), real.as_ref().and_then(AbsPath::file_name));
            let names = [typed, real.filter(|real| Some(*real) != typed)];
            let entries = names.into_iter().flatten().filter_map(|name| catalogue::entry(name.to_str()?));
            for helper in entries.flat_map(|entry| &entry.helpers) {
                let file = match helper.starts_with('/').then(|| AbsPath::new(helper)) {
                    Some(path) => path.ok().and_then(|path| world.program_file(&path).ok().flatten()),
                    None => world.find_program(helper, &self.path).ok().flatten(),
                };
                found.extend(file.map(|file| file.path));
            }
        }
        found.sort();
        found.dedup();
        found
    }
}
