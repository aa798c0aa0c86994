//! What a decision costs, next to the floor measured in the same run: reading the line at all.
//!
//! Bars: a typical line under 200 rules within 25 µs; cost linear in the line, and not growing with the number of rules
//! about other programs.

use std::collections::BTreeMap;
use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use shellwarden::paths::AbsPath;
use shellwarden::policy::{
    self, DirectoryFacts, Origin, Policy, ProgramFile, Request, Text, Variables, World, WorldError,
};
use shellwarden::shell;

const LINE: &str = "git log --oneline -n 20 -- src | grep -v merge | head -n 5";

/// A machine that answers at once, so that only our own work is measured.
struct Instant;

impl World for Instant {
    fn find_program(&self, name: &str, _dirs: &[AbsPath]) -> Result<Option<ProgramFile>, WorldError> {
        let path = AbsPath::new(format!("/usr/bin/{name}"));
        Ok(path.ok().map(|path| ProgramFile { path, device: 1, inode: 1 }))
    }

    fn program_file(&self, path: &AbsPath) -> Result<Option<ProgramFile>, WorldError> {
        Ok(Some(ProgramFile { path: path.clone(), device: 1, inode: 1 }))
    }

    fn resolve(&self, path: &AbsPath) -> Result<AbsPath, WorldError> {
        Ok(path.clone())
    }

    fn directory(&self, path: &AbsPath) -> Result<DirectoryFacts, WorldError> {
        Ok(DirectoryFacts { path: path.clone(), device: 1, inode: 1 })
    }

    fn list(&self, _path: &AbsPath) -> Result<Vec<String>, WorldError> {
        Ok(Vec::new())
    }
}

/// The `readonly` preset with this many more rules about other programs.
fn policy(dir: &tempfile::TempDir, rules: usize) -> Option<Policy> {
    let at = |name: &str| {
        let path = dir.path().canonicalize().ok()?.join(name);
        std::fs::create_dir_all(&path).ok()?;
        AbsPath::new(path).ok()
    };
    let more: String = (0..rules)
        .map(|n| {
            format!("    - {{id: tool-{n}, program: tool-{n}, options: [--verbose, \"-n N\"], operands: paths}}\n")
        })
        .collect();
    let text = format!("version: 1\nextends: builtin:readonly\ncommands:\n  allow:\n{more}");
    let file = dir.path().canonicalize().ok()?.join(format!("policy-{rules}.yaml"));
    std::fs::write(&file, text).ok()?;
    let environment = BTreeMap::from([("PATH".to_owned(), "/usr/bin".to_owned())]);
    let variables = Variables { workspace: at("work")?, home: None, state: at("state")?, environment };
    policy::load(&Origin::File(AbsPath::new(file).ok()?), &variables).ok().map(|loaded| loaded.policy)
}

fn request(line: &str) -> Request {
    Request { text: Text::Line(line.to_owned()), cwd: None, env: BTreeMap::new(), timeout: None }
}

fn decisions(criterion: &mut Criterion) {
    let Ok(dir) = tempfile::tempdir() else { return };
    let context = shell::Context::default();
    criterion.bench_function("floor: analyse the line", |bench| {
        bench.iter(|| black_box(shell::analyze(black_box(LINE), &context).is_ok()));
    });
    for rules in [20, 200, 2000] {
        let Some(policy) = policy(&dir, rules) else { return };
        let asked = request(LINE);
        criterion.bench_with_input(BenchmarkId::new("decide, rules", rules), &asked, |bench, asked| {
            bench.iter(|| black_box(policy.decide(black_box(asked), &Instant)));
        });
    }
}

fn lengths(criterion: &mut Criterion) {
    let Ok(dir) = tempfile::tempdir() else { return };
    let Some(policy) = policy(&dir, 200) else { return };
    let mut group = criterion.benchmark_group("decide, length");
    for count in [1_usize, 8, 64] {
        let asked = request(&vec!["head -n 5 README.md"; count].join(" && "));
        group.throughput(Throughput::Elements(count as u64));
        group.bench_with_input(BenchmarkId::from_parameter(count), &asked, |bench, asked| {
            bench.iter(|| black_box(policy.decide(black_box(asked), &Instant)));
        });
    }
    group.finish();
}

fn loading(criterion: &mut Criterion) {
    let Ok(dir) = tempfile::tempdir() else { return };
    criterion.bench_function("load `readonly` and 200 rules", |bench| bench.iter(|| black_box(policy(&dir, 200))));
}

criterion_group!(benches, decisions, lengths, loading);
criterion_main!(benches);
