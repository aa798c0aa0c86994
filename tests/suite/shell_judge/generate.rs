//! Snippets from a small grammar, the same ones in every run.

/// A linear congruential generator: reproducible, and random enough to mix constructs.
struct Dice {
    state: u64,
    /// Substitutions that are open: bash writes the text of one anew and loses lines of here-documents in it.
    open: usize,
}

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.state = self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.state >> 33).unwrap() % sides
    }

    fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of.get(self.roll(of.len())).unwrap()
    }
}

/// This many snippets.
pub(super) fn snippets(count: usize) -> Vec<String> {
    (0..count).map(|seed| list(&mut Dice { state: seed as u64 * 7919 + 17, open: 0 }, 2)).collect()
}

fn list(dice: &mut Dice, depth: usize) -> String {
    let mut text = String::new();
    for _ in 0..=dice.roll(2) {
        text.push_str(&and_or(dice, depth));
        text.push_str(&ending(dice));
    }
    text
}

/// What stands behind a command: a separator, or a here-document, whose body ends the line.
fn ending(dice: &mut Dice) -> String {
    if dice.roll(9) > 0 || dice.open > 0 {
        return dice.pick(&["; ", "; ", "\n", "\n", " & wait; ", "; # q $(r)\n"]).to_owned();
    }
    let operator = dice.pick(&["<<E", "<<'E'", "<<-E", "<<\\E", "3<<E"]);
    let body = dice.pick(&[
        "a $x \"$y\"\n",
        "\ta\n\t\tb c\n",
        "$(q a)\\$x `r`\n",
        "it's ) here\n\nE x\n",
        "$((1 + 2)) ${x:-d}\n",
        "\\\n  a\\\nb\n",
        "",
    ]);
    format!(" {operator}\n{body}E\n")
}

fn and_or(dice: &mut Dice, depth: usize) -> String {
    let mut text = pipeline(dice, depth);
    while dice.roll(3) == 0 {
        text.push_str(dice.pick(&[" && ", " || ", "&&", " ||\n"]));
        text.push_str(&pipeline(dice, depth));
    }
    text
}

fn pipeline(dice: &mut Dice, depth: usize) -> String {
    let mut text = dice.pick(&["", "", "", "", "! "]).to_owned();
    text.push_str(&command(dice, depth));
    while dice.roll(5) == 0 {
        text.push_str(dice.pick(&[" | ", " |& ", "|"]));
        text.push_str(&command(dice, depth));
    }
    text
}

fn command(dice: &mut Dice, depth: usize) -> String {
    if depth == 0 || dice.roll(3) > 0 {
        return simple(dice, depth);
    }
    let inner = |dice: &mut Dice| list(dice, depth - 1);
    let mut text = match dice.roll(14) {
        0 => format!("{{ {} }}", inner(dice)),
        1 => format!("( {} )", inner(dice)),
        2 => format!("if {} then {} else {} fi", inner(dice), inner(dice), inner(dice)),
        3 => format!("for {} in {}; do {} done", variable(dice), words(dice, depth), inner(dice)),
        4 => format!("while no; do {} done", inner(dice)),
        5 => format!("case {} in {}) {} ;; *) {} ;; esac", word(dice, depth), pattern(dice), inner(dice), inner(dice)),
        6 => format!("for {} in a 'b c'; do {} {} done", variable(dice), inner(dice), jump(dice)),
        7 => format!("until p; do {} done", inner(dice)),
        8 => format!("if {} then {} elif {} then {} fi", inner(dice), inner(dice), inner(dice), inner(dice)),
        9 => {
            let (first, second, third) = (pattern(dice), pattern(dice), pattern(dice));
            let word = quoted(dice);
            format!("case {word} in ({first}|{second}) {} ;; {third}) ;; esac", inner(dice))
        }
        10 => format!("for n in {}; do {} p $((n + 1)); done", dice.pick(&["1 2", "{1..3}", "3"]), inner(dice)),
        11 => {
            let source = dice.pick(&["< <(out)", "<<< $'a b\nc'", "< <(p a; out; out)"]);
            format!("while read -r {}; do {} done {source}", variable(dice), inner(dice))
        }
        _ => format!("[[ {} ]]", test(dice)),
    };
    if dice.roll(5) == 0 {
        text.push_str(redirect(dice));
    }
    text
}

fn simple(dice: &mut Dice, depth: usize) -> String {
    match dice.roll(13) {
        0 => format!("{}={}", variable(dice), word(dice, depth)),
        1 => format!("{}={} {} {}", variable(dice), word(dice, depth), program(dice), words(dice, depth)),
        2 => format!("cd {}", dice.pick(&["sub", "..", "none", ".", "\"$HOME\"", "./sub"])),
        3 => {
            let wrapper = wrapper(dice);
            let end = if wrapper.starts_with("find") { " \\;" } else { "" };
            format!("{wrapper} {} {}{end}", program(dice), words(dice, depth))
        }
        4 => format!("[ {} = {} ]", quoted(dice), quoted(dice)),
        5 => dice
            .pick(&[
                "n=3",
                "n=$((n+1))",
                "export x=a",
                "export y",
                "unset x",
                "read -r y <<< 'c d'",
                "take",
                "out | take",
            ])
            .to_owned(),
        _ => {
            let redirect = if dice.roll(5) == 0 { redirect(dice) } else { "" };
            format!("{} {}{redirect}", program(dice), words(dice, depth))
        }
    }
}

/// An expression of `[[ ]]`.
fn test(dice: &mut Dice) -> String {
    match dice.roll(7) {
        0 => format!("-n {}", quoted(dice)),
        1 => format!("! -z {}", quoted(dice)),
        2 => format!("-f {}", dice.pick(&["a.rs", "none", "\"$x\""])),
        3 => format!("{} != {} && {} < b", quoted(dice), pattern(dice), quoted(dice)),
        4 => format!("( -d sub || {} = {} ) && 1 -lt 2", quoted(dice), pattern(dice)),
        _ => format!("{} == {}", quoted(dice), pattern(dice)),
    }
}

/// `<( )` or `>( )` over programs that read no input that others read as well.
fn process(dice: &mut Dice) -> &'static str {
    dice.pick(&["<(p a)", "<(q \"$x\"; r)", "<(out | s)", "<(x=1; p $x)", ">(q b)", ">(xargs r)", "<(p <(q))"])
}

fn words(dice: &mut Dice, depth: usize) -> String {
    let mut words: Vec<String> = (0..dice.roll(4)).map(|_| word(dice, depth)).collect();
    if dice.roll(9) == 0 {
        words.push(process(dice).to_owned());
    }
    words.join(" ")
}

fn word(dice: &mut Dice, depth: usize) -> String {
    let mut text = String::new();
    for _ in 0..=dice.roll(2) {
        let part = match dice.roll(12) {
            0 => quoted(dice),
            1 => format!("${}", variable(dice)),
            2 => format!("\"${{{}}}\"", variable(dice)),
            3 if depth > 0 => {
                dice.open += 1;
                let inner = list(dice, depth - 1);
                dice.open -= 1;
                format!("$({inner})")
            }
            4 if depth > 0 => format!("\"$({})\"", simple(dice, depth - 1)),
            5 => dice
                .pick(&[
                    "{a,b}",
                    "{1..3}",
                    "{x,}",
                    "{a}",
                    "{a,b",
                    "{c..a}",
                    "{a,{b,'c d'}}",
                    "{1..7..3}",
                    "\"{a,b}\"",
                    "{$x,b}",
                ])
                .to_owned(),
            6 => dice.pick(&["*.rs", "?.rs", "[ab]*", "*.none", "\\*"]).to_owned(),
            7 => dice.pick(&["~", "$HOME", "${LANG:-x}", "${x:-y z}", "\"${y-}\"", "${LANG%C}", "$'a\\n'"]).to_owned(),
            8 => dice
                .pick(&[
                    "$((1+2))",
                    "$((n * 2))",
                    "$(( (n - 1) % 2 ))",
                    "$((${n} > 2))",
                    "\\\n",
                    "\\;",
                    "a\\ b",
                    "x=~",
                    "=",
                    "-n",
                    "--",
                ])
                .to_owned(),
            _ => dice.pick(&["a", "b", "cc", "if", "in", "x1", "#", "!"]).to_owned(),
        };
        text.push_str(&part);
    }
    if text.starts_with('#') || text.trim().is_empty() { "w".to_owned() } else { text }
}

fn quoted(dice: &mut Dice) -> String {
    dice.pick(&["'a b'", "\"c;d\"", "''", "\"\"", "'$x'", "\"$x\"", "\"a*\"", "'it'\\''s'", "\"`out`\"", "\"$(out)\""])
        .to_owned()
}

fn program(dice: &mut Dice) -> &'static str {
    dice.pick(&["p", "q", "r", "s", "no", "out", "'p'", "\"q\"", "\\r", "r\\m"])
}

fn wrapper(dice: &mut Dice) -> &'static str {
    dice.pick(&[
        "env",
        "env A=1",
        "nice -n 1",
        "timeout 9",
        "env -u X nice",
        "command",
        "echo a b | xargs",
        "find a.rs -exec",
    ])
}

fn variable(dice: &mut Dice) -> &'static str {
    dice.pick(&["x", "y", "z"])
}

fn pattern(dice: &mut Dice) -> &'static str {
    dice.pick(&["a", "'a b'", "a*", "[ab]", "\"*\"", "?c", "*"])
}

fn redirect(dice: &mut Dice) -> &'static str {
    dice.pick(&[" > o", " 2>&1", " >> o 2>/dev/null", " < a.rs", " <<< \"$x\"", " &> o", " < none"])
}

fn jump(dice: &mut Dice) -> &'static str {
    dice.pick(&["break;", "continue;", "no || break;", "p && continue; q;"])
}
