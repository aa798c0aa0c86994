//! What is rendered reads back as the same tree, and no text makes analysis panic or hang.

use std::collections::HashSet;

use proptest::prelude::*;
use proptest::sample::select;
use shellwarden::shell::{self, Analysis, Assignment, Head, Redirect, Rendered, Word};

use crate::shell::{context, programs};

/// Parts of lines; joined at random they make sense often enough.
const FRAGMENTS: &[&str] = &[
    " ",
    " ",
    " ",
    "ls",
    "cat",
    "a",
    "b",
    "x=",
    "x",
    "$x",
    "${x}",
    "\"$x\"",
    "'",
    "\"",
    "\\",
    "\\\n",
    "\n",
    ";",
    "; ",
    "&",
    " && ",
    " || ",
    " | ",
    "|&",
    "(",
    ")",
    "{ ",
    "; }",
    "$(",
    "`",
    "if ",
    "; then ",
    "; else ",
    "; fi",
    "for x in ",
    "; do ",
    "; done",
    "while ",
    "case ",
    " in ",
    "a) ",
    ";;",
    " esac",
    "[[ ",
    " ]]",
    "[ ",
    " ]",
    " == ",
    "*",
    "?",
    "[a-z]",
    "{a,b}",
    "{1..3}",
    "~",
    "~/",
    "=",
    "$((",
    "))",
    "1 + 2",
    "${x:-",
    "${x%",
    "}",
    " > ",
    " < ",
    " 2>&1",
    " >> ",
    " <<< ",
    " <(",
    " >(",
    "<<E\n",
    "\nE\n",
    "#",
    "!",
    "! ",
    "time ",
    "cd ",
    "echo ",
    "read -r x",
    "exit",
    "env ",
    "xargs ",
    "find . -exec ",
    " {} \\;",
    "sh -c ",
    "$'",
    "\\n",
    "-n ",
    "--",
    "é",
    "\u{1f600}",
    "1",
    "2>",
    "$?",
    "$1",
    "$@",
    "break",
    "HOME",
    "'a b'",
    "\"c d\"",
];

/// A tree as the two readings must agree on it: no places, and no program names, which are paths the second time.
type Essence = (
    HashSet<(Vec<Word>, Vec<String>, shell::Cwd)>,
    HashSet<(shell::RedirectOp, u32, shell::Target)>,
    HashSet<(String, Word)>,
);

fn essence(analysis: &Analysis) -> Essence {
    let base = |text: &String| text.rsplit('/').next().unwrap_or_default().to_owned();
    // `cd` is written with options, and its target with `./`.
    let arguments = |command: &shell::Command| {
        let is_cd = command.head == Head::Builtin && command.words.first().and_then(Word::known) == Some("cd");
        if is_cd { Vec::new() } else { command.words.get(1..).unwrap().to_vec() }
    };
    let plain = |cwd: &shell::Cwd| match cwd {
        shell::Cwd::Moved(steps) => {
            shell::Cwd::Moved(steps.iter().map(|step| step.trim_start_matches("./").to_owned()).collect())
        }
        unknown => unknown.clone(),
    };
    let via = |command: &shell::Command| command.via.iter().map(base).collect();
    let commands = analysis.commands.iter().map(|command| (arguments(command), via(command), plain(&command.cwd)));
    let redirects = analysis.redirects.iter().map(|Redirect { op, fd, target, .. }| (*op, *fd, target.clone()));
    let assignments = analysis.assignments.iter().map(|Assignment { name, value, .. }| (name.clone(), value.clone()));
    (commands.collect(), redirects.collect(), assignments.collect())
}

/// Words of wrappers hold paths the second time, so only lines without one are compared word by word.
fn has_wrapper(analysis: &Analysis) -> bool {
    analysis.commands.iter().any(|command| !command.via.is_empty())
}

fn check(line: &str) -> Result<(), TestCaseError> {
    let Ok(analysis) = shell::analyze(line, &context()) else { return Ok(()) };
    let Rendered::Bash(text) = analysis.render(&programs(&analysis)).unwrap() else { return Ok(()) };
    let again = shell::analyze(&text, &context());
    let again = again.map_err(|refusal| TestCaseError::fail(format!("{line:?} as {text:?}: {refusal}")))?;
    let paths = again.commands.iter().filter_map(|command| match command.head {
        Head::Program(slot) => Some((slot, command.words.first().and_then(Word::known).unwrap().to_owned())),
        Head::Builtin | Head::Elsewhere => None,
    });
    if let Rendered::Bash(second) = again.render(&paths.collect()).unwrap() {
        prop_assert_eq!(&second, &text, "{:?}", line);
    }
    if !has_wrapper(&analysis) {
        prop_assert_eq!(essence(&again), essence(&analysis), "{:?} as {:?}", line, text);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, max_shrink_iters: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn rendered_text_reads_back_as_the_same_tree(parts in prop::collection::vec(select(FRAGMENTS), 1..24)) {
        check(&parts.concat())?;
    }

    #[test]
    fn any_text_is_answered(text in "\\PC{0,200}") {
        check(&text)?;
    }

    #[test]
    fn known_words_arrive_as_they_are(words in prop::collection::vec("[^\0]{0,20}", 1..5)) {
        let line: Vec<String> = words.iter().map(|word| format!("'{}'", word.replace('\'', r"'\''"))).collect();
        if let Ok(analysis) = shell::analyze(&format!("p {}", line.join(" ")), &context()) {
            let want = [vec!["/bin/p".to_owned()], words].concat();
            prop_assert_eq!(analysis.render(&programs(&analysis)).unwrap(), Rendered::Exec(want));
        }
    }
}

#[test]
fn characters_that_no_line_may_hold_are_written_as_escapes() {
    for line in [r#"p <""$'\1'"#, r"p $'\x7f'; q", r"p > $'a\302\205b\'\\'", r"p && sh -c $'q \x01'"] {
        check(line).unwrap();
    }
}

#[test]
fn the_snippets_that_bash_judges_read_back_as_well() {
    for snippet in crate::shell_judge::written() {
        check(&snippet).unwrap();
    }
}
