//! Does a script of sed or awk that is not certain to be harmless start programs?
//!
//! In: the text of a script. Out: whether it does, or the commands that it starts. What only writes or reads files is no
//! matter here; in doubt the answer is that it runs something.

use std::sync::LazyLock;

use regex::Regex;

use super::{awk_only_prints, sed_only_edits};

static SED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?m)(^|[^A-Za-z0-9_\\])[gpiImMw0-9]*e[gpiImM0-9]*\s*($|[;}\n#])|(^|[;{}!0-9$/])\s*e\b").ok()
});
static CALL: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r#"system\s*\(\s*"([^"\\\n]*)"\s*\)"#).ok());
static PIPE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"[^|](\|&?)\s*"([^"\\\n]*)"\s*(?:$|[;}\n])|"([^"\\\n]*)"\s*\|&?\s*getline"#).ok());
static QUIET: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"(^|[{;(,~!&|\n])\s*/[^/\\\[\n]*/|"(?:[^"\\\n]|\\.)*"|\|\|"#).ok());

/// May a sed script run a program?
pub(in crate::policy) fn sed_runs(script: &str) -> bool {
    match sed_only_edits(script) {
        Ok(()) => false,
        Err(why) if why.contains("`e`") => true,
        Err(_) => SED.as_ref().is_none_or(|regex| regex.is_match(script)),
    }
}

/// The commands that an awk program runs; none where they are not all plain text in it.
pub(in crate::policy) fn awk_runs(program: &str) -> Option<Vec<String>> {
    if awk_only_prints(program).is_ok() {
        return Some(Vec::new());
    }
    let (call, pipe, quiet) = (CALL.as_ref()?, PIPE.as_ref()?, QUIET.as_ref()?);
    let mut commands: Vec<String> =
        call.captures_iter(program).filter_map(|found| Some(found.get(1)?.as_str().to_owned())).collect();
    if program.matches("system").count() > commands.len() {
        return None;
    }
    let piped = pipe.captures_iter(program);
    commands.extend(piped.filter_map(|found| Some(found.get(2).or_else(|| found.get(3))?.as_str().to_owned())));
    let rest = pipe.replace_all(program, " ; ");
    let rest = quiet.replace_all(&rest, " ");
    let hidden = rest.contains('/') && program.contains('|');
    (!hidden && !rest.contains(['|', '@'])).then_some(commands)
}
