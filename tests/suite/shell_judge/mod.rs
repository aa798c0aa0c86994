//! bash is the judge of shell analysis: what it really runs is compared with what analysis listed.
//!
//! Snippets from `tests/cases/shell/judged.txt` and from a generator run under bash in a throw-away namespace where it is
//! permitted. PATH holds stand-ins that log their words, and a few real wrappers; a tracer sees whatever else is executed.
//! Then: every program that ran was listed with words that match, or the snippet was refused; and the rendered text runs
//! the same programs with the same words as the snippet itself.

mod generate;
mod run;
mod trace;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use shellwarden::shell::{self, Analysis, Context, Head, Rendered, Slot, Word};

use run::{Record, Stage};
use trace::Executed;

/// Snippets of the case file, one a paragraph.
pub(crate) fn written() -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/shell/judged.txt");
    let text = fs::read_to_string(path).unwrap();
    let paragraphs = text.split("\n\n").map(|paragraph| paragraph.trim_end_matches('\n').to_owned());
    paragraphs.filter(|paragraph| !paragraph.starts_with("# One snippet")).collect()
}

/// Does what ran match what was listed?
fn matches(words: &[Word], ran: &[String]) -> bool {
    match (words, ran) {
        ([], []) => true,
        ([Word::Known(text), words @ ..], [first, rest @ ..]) => text == first && matches(words, rest),
        ([Word::Unknown(unknown), rest_words @ ..], _) if unknown.splits => {
            (0..=ran.len()).any(|taken| matches(rest_words, ran.get(taken..).unwrap()))
        }
        ([Word::Unknown(_), words @ ..], [_, rest @ ..]) => matches(words, rest),
        ([Word::Pipe(_), words @ ..], [first, rest @ ..]) => first.starts_with("/dev/fd/") && matches(words, rest),
        ([Word::Glob(glob), words @ ..], [_, ..]) => {
            let found = |text: &String| is_match(&glob.pattern, text);
            let most = ran.iter().take_while(|text| found(text)).count();
            // Of several starts of `find`, one may lead to nothing.
            let least = usize::from(!glob.pattern.contains("**"));
            (least..=most).any(|taken| matches(words, ran.get(taken..).unwrap()))
        }
        ([Word::Glob(glob), words @ ..], []) if glob.pattern.contains("**") => matches(words, ran),
        _ => false,
    }
}

/// A name that the pattern matches, or the pattern itself without its quoting.
fn is_match(pattern: &str, text: &str) -> bool {
    if let Some((start, rest)) = pattern.split_once("/**") {
        // What `find` supplies: the start itself, or anything below it.
        let below = text.strip_prefix(start).and_then(|below| below.strip_suffix(rest));
        return below.is_some_and(|below| below.is_empty() || below.starts_with('/'));
    }
    let matcher = globset::GlobBuilder::new(pattern).literal_separator(true).backslash_escape(true).build();
    let literal: String = {
        let mut characters = pattern.chars();
        let mut out = String::new();
        while let Some(c) = characters.next() {
            out.extend(if c == '\\' { characters.next() } else { Some(c) });
        }
        out
    };
    literal == text || matcher.is_ok_and(|glob| glob.compile_matcher().is_match(text.trim_start_matches("./")))
}

fn is_listed(analysis: &Analysis, record: &Record) -> bool {
    // What `take` read is compared between the runs alone.
    if record.program == "INPUT" {
        return true;
    }
    let is = |command: &shell::Command| {
        let name = command.words.first().and_then(Word::known).unwrap_or_default();
        let arguments = command.words.get(1..).unwrap();
        matches!(command.head, Head::Program(_)) && name == record.program && matches(arguments, &record.arguments)
    };
    analysis.commands.iter().any(is)
}

/// Was the file that ran listed, under whatever name it was given? Its words may be those of the rendered text.
fn is_file_listed(analysis: &Analysis, stage: &Stage, executed: &Executed) -> bool {
    let is = |command: &shell::Command| {
        let name = command.words.first().and_then(Word::known).unwrap_or_default();
        let file = fs::canonicalize(stage.program(name)).ok();
        matches!(command.head, Head::Program(_)) && file.as_ref() == Some(&executed.file)
    };
    analysis.commands.iter().any(is)
}

fn programs(analysis: &Analysis, stage: &Stage) -> BTreeMap<Slot, String> {
    let slots = analysis.commands.iter().filter_map(|command| match command.head {
        Head::Program(slot) => Some((slot, stage.program(command.words.first().and_then(Word::known).unwrap()))),
        Head::Builtin | Head::Elsewhere => None,
    });
    slots.collect()
}

#[test]
fn bash_runs_nothing_that_was_not_listed() {
    let mut snippets = written();
    snippets.extend(generate::snippets(320));
    let stage = Stage::new();
    let variables = BTreeMap::from([("LANG".to_owned(), "C".to_owned()), ("HOME".to_owned(), stage.home())]);
    let context = Context { variables: variables.into(), home: None };
    let mut accepted = Vec::new();
    let mut plan = Vec::new();
    for snippet in snippets {
        let Ok(analysis) = shell::analyze(&snippet, &context) else { continue };
        plan.push(run::Work::Bash(snippet.clone()));
        plan.push(match analysis.render(&programs(&analysis, &stage)).unwrap() {
            Rendered::Bash(text) => run::Work::Bash(text),
            Rendered::Exec(words) => run::Work::Exec(words),
        });
        accepted.push((snippet, analysis));
    }
    assert!(accepted.len() >= 300, "only {} snippets are accepted", accepted.len());
    let logs = stage.run(&plan);
    let mut wrong = Vec::new();
    let (mut records, mut traced) = (0, 0);
    for ((snippet, analysis), logs) in accepted.iter().zip(logs.chunks(2)) {
        let [(typed, first), (rendered, second)] = logs else { panic!("two runs for each snippet") };
        records += typed.len();
        traced += first.len();
        for executed in first.iter().chain(second).filter(|executed| !is_file_listed(analysis, &stage, executed)) {
            wrong.push(format!("EXECUTED {executed:?}\n  by {snippet:?}"));
        }
        for record in typed.iter().chain(rendered).filter(|record| !is_listed(analysis, record)) {
            wrong.push(format!("NOT LISTED {record:?}\n  by {snippet:?}"));
        }
        if typed != rendered {
            let only = |these: &[Record], those: &[Record]| -> Vec<Record> {
                these.iter().filter(|record| !those.contains(record)).cloned().collect()
            };
            let (typed, rendered) = (only(typed, rendered), only(rendered, typed));
            wrong.push(format!("DIFFERENT {snippet:?}\n  typed {typed:?}\n  rendered {rendered:?}"));
        }
    }
    assert!(records > 500, "only {records} programs ran: the stand-ins do not work");
    assert!(traced > 100, "only {traced} wrappers were seen: nothing is traced");
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), accepted.len(), wrong.join("\n"));
}

#[test]
fn the_tracer_sees_what_no_stand_in_logs() {
    let texts = ["p; /bin/true", "(exec -a p /usr/bin/id)", "env sh -c '/bin/true x'", "p a"];
    let works: Vec<run::Work> = texts.iter().map(|text| run::Work::Bash((*text).to_owned())).collect();
    let found: Vec<Vec<String>> = Stage::new().run(&works).iter().map(|(_, executed)| names(executed)).collect();
    assert_eq!(found, [vec!["true"], vec!["id"], vec!["env", "sh", "true"], vec![]].map(|names| names.to_vec()));
}

/// The files without their folders; what `sh` is differs between systems.
fn names(executed: &[Executed]) -> Vec<String> {
    let shell = fs::canonicalize("/bin/sh").unwrap();
    let name = |one: &Executed| match one.file == shell {
        true => "sh".to_owned(),
        false => one.file.file_name().unwrap().to_string_lossy().into_owned(),
    };
    executed.iter().map(name).collect()
}
