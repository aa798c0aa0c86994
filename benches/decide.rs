//! What a decision costs, next to the floor measured in the same run: reading the line at all.
//!
//! Bars: a typical line under 200 rules within 25 µs; cost linear in the line, and not growing with the number of rules
//! about other programs or other texts.

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

/// The `readonly` preset with this many more rules about other programs, or about other texts.
fn policy(dir: &tempfile::TempDir, rules: usize, rule: Rule) -> Option<Policy> {
    let at = |name: &str| {
        let path = dir.path().canonicalize().ok()?.join(name);
        std::fs::create_dir_all(&path).ok()?;
        AbsPath::new(path).ok()
    };
    let more: String = (0..rules).map(rule).collect();
    let text = format!("version: 1\nextends: builtin:readonly\ncommands:\n  allow:\n{more}");
    let file = dir.path().canonicalize().ok()?.join(format!("policy-{rules}.yaml"));
    std::fs::write(&file, text).ok()?;
    let environment = BTreeMap::from([("PATH".to_owned(), "/usr/bin".to_owned())]);
    let variables = Variables { workspace: at("work")?, home: None, state: at("state")?, environment };
    policy::load(&Origin::File(AbsPath::new(file).ok()?), &variables).ok().map(|loaded| loaded.policy)
}

/// Writes a rule of this number.
type Rule = fn(usize) -> String;

fn by_name(n: usize) -> String {
    format!("    - {{id: t{n}, program: t{n}, options: [-v]}}\n")
}

fn by_text(n: usize) -> String {
    format!("    - {{id: t{n}, regex: 't{n} (-v )?x'}}\n")
}

fn request(line: &str) -> Request {
    Request { text: Text::Line(line.to_owned()), cwd: None, env: BTreeMap::new(), timeout: None }
}

/// The floors: what the general parser takes for the line, and what analysis takes for all of its part.
fn floors(criterion: &mut Criterion) {
    let context = shell::Context::default();
    let options = brush_parser::ParserOptions::default();
    criterion.bench_function("floor: parse the line", |bench| {
        bench.iter(|| {
            let tokens = brush_parser::uncached_tokenize_str(black_box(LINE), &options.tokenizer_options());
            black_box(tokens.is_ok_and(|tokens| brush_parser::parse_tokens(&tokens, &options).is_ok()))
        });
    });
    criterion.bench_function("analyse the line", |bench| {
        bench.iter(|| black_box(shell::analyze(black_box(LINE), &context).is_ok()));
    });
}

/// Rules about other programs: 100 times as many must cost about the same.
fn rules(criterion: &mut Criterion) {
    let Ok(dir) = tempfile::tempdir() else { return };
    let asked = request(LINE);
    let kinds: [(&str, Rule); 2] = [("decide, rules by name", by_name), ("decide, rules by text", by_text)];
    for (name, rule) in kinds {
        for count in [20, 200, 2_000, 20_000] {
            let Some(policy) = policy(&dir, count, rule) else { return };
            // Once, for what is built when it is first needed.
            drop(black_box(policy.decide(&asked, &Instant)));
            criterion.bench_with_input(BenchmarkId::new(name, count), &asked, |bench, asked| {
                bench.iter(|| black_box(policy.decide(black_box(asked), &Instant)));
            });
        }
    }
}

/// Lines of 1 to 512 commands: the cost of one must not grow.
fn lengths(criterion: &mut Criterion) {
    let Ok(dir) = tempfile::tempdir() else { return };
    let Some(policy) = policy(&dir, 200, by_name) else { return };
    let mut group = criterion.benchmark_group("decide, commands in the line");
    for count in [1_usize, 8, 64, 512] {
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
    for rules in [0, 200, 2_000] {
        criterion.bench_with_input(BenchmarkId::new("load `readonly` and rules", rules), &rules, |bench, rules| {
            bench.iter(|| black_box(policy(&dir, *rules, by_name)));
        });
    }
}

criterion_group!(benches, floors, rules, lengths, loading);
criterion_main!(benches);
