//! Does an awk program only select and print?
//!
//! In: the text of a program. Out: nothing, or the first thing that is not certain to be harmless. Source: POSIX awk,
//! "Input Functions and getline" and "Output Statements"; gawk manual, "Indirect Calls" and "Dynamic Extensions".
//!
//! A regex literal cannot be told from a division without a full parser, so a string cannot be told from text around
//! it either: the names below are refused wherever they stand, and `>` and `|` wherever a `print` stands before them.

/// Names that reach beyond input and output.
const REFUSED: [(&str, &str); 6] = [
    ("system", "runs programs"),
    ("getline", "reads other files and programs"),
    ("@", "loads code, or calls a function by a computed name"),
    ("ARGV", "changes which files are read"),
    ("ARGC", "changes which files are read"),
    ("\\\n", "continues a line, which can hide a name"),
];

/// Reads a whole program.
///
/// # Errors
/// What is refused, in words.
pub(in crate::policy) fn only_prints(program: &str) -> Result<(), String> {
    if let Some((name, why)) = REFUSED.iter().find(|(name, _)| program.contains(name)) {
        return Err(format!("`{}` in the program {why}", name.escape_default()));
    }
    let Some((_, after)) = program.split_once("print") else { return Ok(()) };
    // `||` and `>=` are no redirections.
    let after = after.replace("||", "").replace(">=", "");
    match after.contains(['>', '|']) {
        true => Err("`>` or `|` after `print` writes a file or runs a program".into()),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::only_prints;

    #[test]
    fn programs_that_only_print_pass_and_others_do_not() {
        for program in ["{print $1}", "$3 > 10 {print $1 \";\" $2}", "/a|b/ {n++} END {print n}", "NR>=5||/x/{print}"] {
            assert_eq!(only_prints(program), Ok(()), "{program:?}");
        }
        let refused = [
            ("a file", "{print > \"/tmp/x\"}"),
            ("a string that holds a semicolon", "{print \"a;b\" > \"/tmp/x\"}"),
            ("a pipe", "{print | \"sh\"}"),
            ("two pipes and one more", "{print ||| \"sh\"}"),
            ("a call behind a quote in a regex", "/\"/ {system(\"id\")}"),
            ("another file", "BEGIN {while ((getline x < \"/etc/shadow\") > 0) n++}"),
            ("an indirect call", "BEGIN {f = \"sys\" \"tem\"; @f(\"id\")}"),
            ("a list of files", "BEGIN {ARGV[1] = \"/etc/shadow\"}"),
            ("appending that looks like a comparison", "{print >= \"x\" >\"y\"}"),
        ];
        for (why, program) in refused {
            assert!(only_prints(program).is_err(), "{why}: {program:?}");
        }
    }
}
