//! Rules that say less or more than they seem.
//!
//! In: a policy. Out: problems at its rules: errors where a rule can never apply, warnings where it allows more than a
//! reader would think. Nothing here decides about commands.

use std::collections::HashMap;

use super::catalogue::{self, Effect, Entry, OptionSpec, Takes};
use super::compiled::Policy;
use super::explain::Verdict;
use super::rule::{LazyRegex, List, OperandRule, Options, ProgramName, Rule, Subcommands};
use super::rules::starts_of;
use super::yaml::Node;
use crate::diag::{Problem, Problems, nearest};
use crate::shell;

/// Adds what is wrong with the rules of a policy.
pub(super) fn lint(policy: &Policy, problems: &mut Problems) {
    let lists = [(List::Allow, &policy.allow), (List::Ask, &policy.ask), (List::Deny, &policy.deny)];
    for (list, rule) in lists.into_iter().flat_map(|(list, rules)| rules.iter().map(move |rule| (list, rule))) {
        regexes(rule, list, problems);
        options(rule, list, problems);
        subcommands(rule, list, problems);
        if list != List::Deny {
            runs_others(policy, rule, problems);
            never(policy, rule, problems);
            found(rule, problems);
        }
    }
    hidden(policy, problems);
    if policy.default == Verdict::Allow {
        let message = "`commands.default: allow` runs everything that no rule is about";
        let problem = Problem::warning("default-allow", message);
        problems.push(problem.advise("deny by default, and list what runs"));
    }
}

/// Words that are found at run time may be options, so they are for programs whose every option only reads.
fn found(rule: &Rule, problems: &mut Problems) {
    if !matches!(rule.operands, OperandRule::Found) {
        return;
    }
    for name in rule.programs.iter().filter_map(ProgramName::last_part) {
        let reads = catalogue::entry(name).is_some_and(|entry| entry.grammar.only_reads() || entry.needs_subcommand());
        if !reads {
            let message = format!("`{name}` may do more than read, whatever its words turn out to be");
            let problem = at(rule, "operands").error("found-operands", message);
            problems.push(problem.advise("give it a rule of its own, with `operands: paths`"));
        }
    }
}

fn at<'r>(rule: &'r Rule, key: &str) -> &'r Node {
    rule.node.get(key).unwrap_or(&rule.node)
}

fn problem(node: &Node, severe: bool, code: &'static str, message: String) -> Problem {
    if severe { node.error(code, message) } else { node.warning(code, message) }
}

/// Rules that another one leaves nothing to do. Only rules with a program or a text in common are compared.
fn hidden(policy: &Policy, problems: &mut Problems) {
    let mut texts: HashMap<&str, &Rule> = HashMap::new();
    for rule in policy.allow.iter() {
        let text = rule.regex.as_ref().filter(|_| rule.programs.is_empty()).map(LazyRegex::text);
        let name = rule.programs.first().and_then(ProgramName::last_part);
        let mut before = policy.allow.named(name.as_slice()).take_while(|earlier| !std::ptr::eq(*earlier, rule));
        let same = text.and_then(|text| texts.get(text).copied());
        let allows_as_much = |earlier: &&Rule| hides(earlier, rule) && earlier.profile == rule.profile;
        if let Some(hiding) = before.find(allows_as_much).or_else(|| same.filter(allows_as_much)) {
            let message = format!("rule `{}` can never apply: `{}` before it allows all of that", rule.id, hiding.id);
            problems.push(rule.error("hidden-rule", message).advise("remove one of them"));
        }
        let mut denies = policy.deny.named(name.as_slice());
        if let Some(denying) = denies.find(|denying| hides(denying, rule) && certain(denying)) {
            let message = format!("rule `{}` can never apply: `{}` denies all of that", rule.id, denying.id);
            problems.push(rule.error("hidden-rule", message).advise("remove one of them"));
        }
        texts.extend(text.map(|text| (text, rule)));
    }
    for denying in policy.deny.iter().filter(|rule| rule.programs.is_empty()) {
        let Some(hidden) = denying.regex.as_ref().and_then(|regex| texts.get(regex.text())) else { continue };
        let message = format!("rule `{}` can never apply: `{}` denies all of that", hidden.id, denying.id);
        problems.push(hidden.error("hidden-rule", message).advise("remove one of them"));
    }
}

/// Does a deny rule meet everything that it is about, whatever the options and operands are?
fn certain(rule: &Rule) -> bool {
    rule.regex.is_some() || matches!((&rule.options, &rule.operands), (Options::Any, OperandRule::Any))
}

/// Does `first` take everything that `second` could apply to? Only what is plain to see is said.
fn hides(first: &Rule, second: &Rule) -> bool {
    let programs = match first.programs.is_empty() {
        true => second.programs.is_empty(),
        false => !second.programs.is_empty() && second.programs.iter().all(|name| first.programs.contains(name)),
    };
    let regex = match (&first.regex, &second.regex) {
        (None, _) => !first.programs.is_empty(),
        (Some(first), Some(second)) => first.text() == second.text(),
        (Some(_), None) => false,
    };
    let subcommands = match (&first.subcommands, &second.subcommands) {
        (Subcommands::Any, _) if matches!(first.options, Options::Any) => true,
        (Subcommands::Listed(first), Subcommands::Listed(second)) => second.iter().all(|words| first.contains(words)),
        (first, second) => first == second,
    };
    let options = match (&first.options, &second.options) {
        (Options::Any, _) | (_, Options::None) | (Options::Safe, Options::Safe) => true,
        (Options::Listed(first), Options::Listed(second)) => second.iter().all(|spec| first.contains(spec)),
        _ => false,
    };
    let operands = match (&first.operands, &second.operands) {
        (OperandRule::Any, _) | (_, OperandRule::None) | (OperandRule::Paths, OperandRule::Paths) => true,
        (OperandRule::Found, OperandRule::Paths | OperandRule::Found) => true,
        (OperandRule::Regex(first), OperandRule::Regex(second)) => first.text() == second.text(),
        _ => false,
    };
    programs && regex && subcommands && options && operands
}

/// Builds every regex, and tells of those that match nothing at all or everything.
fn regexes(rule: &Rule, list: List, problems: &mut Problems) {
    let operands = if let OperandRule::Regex(regex) = &rule.operands { Some(regex) } else { None };
    let regexes = [(rule.regex.as_ref(), at(rule, "regex"), "it"), (operands, at(rule, "operands"), "each operand")];
    for (regex, node, what) in regexes.into_iter().filter_map(|(regex, node, what)| Some((regex?, node, what))) {
        match regex.get() {
            Err(error) => {
                let message = format!("the regex of rule `{}` cannot be built: {error}", rule.id);
                problems.push(node.error("bad-regex", message));
            }
            Ok(built) if built.is_match("") => {
                let message = match list {
                    List::Allow => {
                        format!("the regex of rule `{}` matches the empty text, so it says less than it seems", rule.id)
                    }
                    _ => {
                        format!("the regex of rule `{}` matches the empty text, so it is found in everything", rule.id)
                    }
                };
                let advice = format!("write what {what} must hold, without `*` or `?` around all of it");
                problems.push(node.warning("empty-regex", message).advise(advice));
            }
            Ok(_) => {}
        }
    }
    let Some(regex) = rule.regex.as_ref().filter(|_| list == List::Allow) else { return };
    let joins = ["&&", "\\|\\|", " \\| ", "; ", " > ", " < "];
    if let Some(found) = joins.into_iter().find(|join| regex.text().contains(join)) {
        let message = format!("the regex of rule `{}` holds `{found}`, but sees one command at a time", rule.id);
        let advice = "write a rule for each command; redirections are judged by `filesystem`";
        problems.push(at(rule, "regex").warning("one-command", message).advise(advice));
    }
}

/// Programs of a rule that the catalogue knows, by the last part of their names.
fn known(rule: &Rule) -> impl Iterator<Item = (&str, &'static Entry)> {
    rule.programs.iter().filter_map(|name| {
        let name = name.last_part()?;
        Some((name, catalogue::entry(name)?))
    })
}

/// The options that a program has where a rule applies.
fn has<'e>(entry: &'e Entry, rule: &Rule) -> Vec<&'e OptionSpec> {
    let nested = entry.subcommands.iter().filter(|(words, _)| match &rule.subcommands {
        Subcommands::Any => true,
        Subcommands::None => false,
        Subcommands::Listed(listed) => {
            listed.iter().any(|listed| words.starts_with(listed) || listed.starts_with(words))
        }
    });
    entry.grammar.options.iter().chain(nested.flat_map(|(_, grammar)| grammar.options.iter())).collect()
}

/// Options that the program does not have, has in another form, or that do more than their names say.
fn options(rule: &Rule, list: List, problems: &mut Problems) {
    let Options::Listed(specs) = &rule.options else { return };
    let written = at(rule, "options");
    for (name, entry) in known(rule) {
        let has = has(entry, rule);
        let aliases = || has.iter().flat_map(|spec| &spec.aliases);
        for spec in specs {
            let node = written.items().iter().find(|item| item.text().is_some_and(|text| text.contains(spec.name())));
            let node = node.unwrap_or(written);
            for alias in &spec.aliases {
                let Some(found) = aliases().find(|known| known.name == alias.name) else {
                    let message = format!("the catalogue knows no option `{}` of `{name}`", alias.name);
                    let near = nearest(&alias.name, aliases().map(|known| known.name.as_str()));
                    let advice =
                        near.map_or_else(|| format!("see `{name} --help`"), |near| format!("did you mean `{near}`?"));
                    problems.push(node.warning("unknown-option", message).advise(advice));
                    continue;
                };
                if list == List::Allow && (found.takes == Takes::Nothing) != (alias.takes == Takes::Nothing) {
                    let message = format!(
                        "`{}` of `{name}` {}",
                        alias.name,
                        match found.takes {
                            Takes::Nothing => "takes no value",
                            Takes::Required | Takes::Optional => "takes a value",
                        }
                    );
                    let advice = "write `-n N`, `--lines=*` or `--color[=WHEN]` where there is one, and the name alone where not";
                    problems.push(node.warning("option-value", message).advise(advice));
                }
            }
            let effect = has.iter().find(|known| known.is(spec.name())).map(|known| known.effect);
            if let (List::Allow, Some(Effect::Run | Effect::Load)) = (list, effect) {
                let message = format!("rule `{}` allows `{}` of `{name}`, which runs other code", rule.id, spec.name());
                let advice = "what that code may reach is bounded by the sandbox of the rule alone";
                problems.push(node.warning("runs-programs", message).advise(advice));
            }
        }
    }
}

/// Subcommands that the program does not have.
fn subcommands(rule: &Rule, list: List, problems: &mut Problems) {
    let Subcommands::Listed(listed) = &rule.subcommands else { return };
    let written = at(rule, "subcommands");
    for (name, entry) in known(rule).filter(|(_, entry)| !entry.subcommands.is_empty()) {
        for (index, words) in listed.iter().enumerate() {
            let fits = |known: &Vec<String>| known.starts_with(words) || words.starts_with(known);
            if words.is_empty() || entry.subcommands.iter().any(|(known, _)| fits(known)) {
                continue;
            }
            let node = written.items().get(index).unwrap_or(written);
            let shown = words.join(" ");
            // Without an entry no option is known to be safe, not even none: that is what the rule asks for.
            let never = list == List::Allow && matches!(rule.options, Options::Safe);
            let message = format!("the catalogue knows no subcommand `{shown}` of `{name}`");
            let names: Vec<String> = entry.subcommands.iter().map(|(words, _)| words.join(" ")).collect();
            let advice = match (nearest(&shown, names.iter().map(String::as_str)), never) {
                (Some(near), _) => format!("did you mean `{near}`?"),
                (None, true) => "list its options, or write `options: any`: none is known to be safe".to_owned(),
                (None, false) => format!("see `{name} help`"),
            };
            let code = if never { "never-matches" } else { "unknown-subcommand" };
            problems.push(problem(node, never, code, message).advise(advice));
        }
    }
}

/// An interpreter or a build tool runs any code that it can read, and other programs run what an option says.
fn runs_others(policy: &Policy, rule: &Rule, problems: &mut Problems) {
    let profile = rule.profile.as_ref().unwrap_or(&policy.default_profile);
    let bounded = match profile.approved_only {
        true => {
            "`execute: approved` keeps it from starting programs that the line does not name; builds need a profile"
        }
        false => "what it may reach is then bounded by the sandbox of the rule alone",
    };
    for (name, entry) in known(rule) {
        if entry.interpreter {
            let message = format!("rule `{}` allows `{name}`, which runs any code that it can read", rule.id);
            problems.push(rule.node.warning("interpreter", message).advise(bounded));
        } else if let (Options::Any, None) = (&rule.options, &rule.regex) {
            let runs = |spec: &&&OptionSpec| matches!(spec.effect, Effect::Run | Effect::Load);
            if let Some(spec) = has(entry, rule).iter().find(runs) {
                let message =
                    format!("rule `{}` allows any options of `{name}`, and `{}` runs other code", rule.id, spec.name());
                problems.push(at(rule, "options").warning("runs-programs", message).advise(bounded));
            }
        }
    }
    let text = rule.regex.as_ref().filter(|_| rule.programs.is_empty()).map(|regex| regex.text());
    for start in text.and_then(starts_of).into_iter().flatten() {
        let start = String::from_utf8_lossy(&start).into_owned();
        let Some(name) =
            start.split(' ').next().filter(|name| catalogue::entry(name).is_some_and(|entry| entry.interpreter))
        else {
            continue;
        };
        let message = format!("rule `{}` allows `{name}`, which runs any code that it can read", rule.id);
        return problems.push(at(rule, "regex").warning("interpreter", message).advise(bounded));
    }
}

/// Programs that no line can start.
fn never(policy: &Policy, rule: &Rule, problems: &mut Problems) {
    for (index, name) in rule.programs.iter().enumerate() {
        let names = at(rule, "program");
        let node = names.items().get(index).unwrap_or(names);
        match name {
            ProgramName::Bare(name) => {
                let refused = shell::analyze(&format!("{name} x"), &shell::Context::default()).err();
                if let Some(refusal) = refused.filter(|refusal| refusal.code == "builtin") {
                    let message = format!("rule `{}` can never apply: {}", rule.id, refusal.message);
                    problems.push(node.error("never-matches", message).advise("remove it"));
                }
            }
            ProgramName::Path(path) => {
                if !policy.profiles.values().any(|profile| profile.may_execute(path)) {
                    let message = format!("rule `{}` can never apply: `{path}` lies under no executable root", rule.id);
                    let problem = node.error("never-matches", message);
                    problems.push(problem.advise("name its directory under `filesystem.execute`"));
                }
            }
        }
    }
}
