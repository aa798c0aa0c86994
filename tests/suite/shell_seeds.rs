//! The fuzz target `decide` for a moment, without a fuzzer: every seed, cut short and joined with another, gets an answer.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use shellwarden::paths::AbsPath;
use shellwarden::policy::{self, Decision, Origin, Request, Text, Variables};

use crate::policy_cases::Bench;

#[derive(Deserialize)]
struct Seed {
    line: String,
}

fn seeds() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/shell");
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let mut seeds: Vec<String> = read("judged.txt").split("\n\n").skip(1).map(str::to_owned).collect();
    for name in ["accepted.yaml", "refused.yaml"] {
        let cases: Vec<Seed> = serde_yaml::from_str(&read(name)).unwrap();
        seeds.extend(cases.into_iter().map(|seed| seed.line));
    }
    seeds
}

/// The first part of one text and the last of another, cut where `at` says.
fn spliced(one: &str, other: &str, at: usize) -> String {
    let cut = |text: &str, at: usize| text.char_indices().map(|(index, _)| index).nth(at).unwrap_or(text.len());
    let (head, tail) = (cut(one, at % (one.len() + 1)), cut(other, at / 3 % (other.len() + 1)));
    format!("{}{}", one.get(..head).unwrap(), other.get(tail..).unwrap())
}

#[test]
fn every_seed_and_its_splices_get_an_answer() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap();
    let at = |name: &str| {
        std::fs::create_dir_all(root.join(name)).unwrap();
        AbsPath::new(root.join(name)).unwrap()
    };
    let environment = BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]);
    let variables = Variables { workspace: at("work"), home: Some(at("home")), state: at("state"), environment };
    let policy = policy::load(&Origin::Builtin("workspace".to_owned()), &variables).unwrap().policy;
    let seeds = seeds();
    assert!(seeds.len() > 200, "the seeds are lost");
    let splices = (0..500).map(|n: usize| spliced(&seeds[n * 7 % seeds.len()], &seeds[n * 13 % seeds.len()], n * 31));
    for line in seeds.iter().cloned().chain(splices) {
        let request = Request { text: Text::Line(line.clone()), cwd: None, env: BTreeMap::new(), timeout: None };
        let answer = match policy.decide(&request, &Bench) {
            Decision::Allow(approved) => format!("{:?}", approved.plan()),
            Decision::Ask(pending) => pending.reason().to_owned(),
            Decision::Deny(denial) => denial.for_operator(),
        };
        assert!(!answer.is_empty(), "{line}");
    }
}
