//! What the operands and option values of a program are, and whether the job may use them so.
//!
//! In: the roles that the catalogue gives, words, and the places that the command sees. Out: nothing, or why not. Which
//! options may stand there is decided in `covers`.

use super::catalogue::{
    Grammar, Invocation, Item, Kind, OptionSpec, Role, awk_only_prints, jq_only_filters, sed_only_edits,
};
use super::places::{Access, Places};
use crate::shell::Word;

/// Where the command starts, and where each `-C DIR` takes it.
pub(super) struct Scene<'a>(pub(super) Vec<Places<'a>>);

impl Scene<'_> {
    /// Programs differ in which paths a `-C DIR` changes, so a path has to be right from each directory.
    pub(super) fn everywhere(&self, word: &Word, access: Access) -> Result<(), String> {
        self.0.iter().try_for_each(|places| places.allow(word, access))
    }

    /// Does it write only where it runs, and may it?
    pub(super) fn writes_here(&self) -> Result<(), String> {
        self.everywhere(&Word::Known(".".to_owned()), Access::Write)
    }

    /// The value of an option.
    pub(super) fn value(&self, kind: Kind, pattern: &str, value: &Word) -> Result<(), String> {
        match kind {
            // The directories are followed before.
            Kind::Text | Kind::Command | Kind::Cwd => Ok(()),
            Kind::Read | Kind::Archive if value.known() == Some("-") => Ok(()),
            Kind::Archive if names_a_host(value) => Err(format!("{} names a host; write `./` before it", show(value))),
            Kind::Read | Kind::Archive => self.everywhere(value, Access::Read),
            Kind::Write if pattern == "OUT-" && value.known() == Some("-") => Ok(()),
            Kind::Write => self.everywhere(value, Access::Write),
            Kind::Literal => script(value, literal),
            Kind::Sed => script(value, sed_only_edits),
            Kind::Awk => script(value, awk_only_prints),
            Kind::Jq => script(value, jq_only_filters),
            Kind::Pretty => script(value, pretty),
            Kind::OneOf if value.known().is_some_and(|text| pattern.split('|').any(|one| one == text)) => Ok(()),
            Kind::OneOf => Err(format!("{} is not one of `{pattern}`", show(value))),
        }
    }

    /// One operand in one of its roles.
    pub(super) fn place(&self, role: Role, word: &Word) -> Result<(), String> {
        match role {
            Role::Any => Ok(()),
            Role::Text => match word {
                Word::Glob(_) => self.everywhere(word, Access::Read),
                Word::Known(_) | Word::Unknown(_) | Word::Pipe(_) => Ok(()),
            },
            Role::Name if word.known().is_some_and(|text| !text.contains('/')) => Ok(()),
            Role::Name => Err(format!("{} may be a path, where a name is expected", show(word))),
            Role::Target if word.known().is_some_and(|text| !text.contains('=')) => Ok(()),
            Role::Target => Err(format!("{} may set a variable", show(word))),
            Role::None => Err(format!("{} is one operand too many", show(word))),
            Role::Paths | Role::Peer | Role::PeerOutput if word.known() == Some("-") => Ok(()),
            Role::Paths => self.everywhere(word, Access::Read),
            Role::Remote => self.remote(word),
            Role::Peer | Role::PeerOutput if names_a_host(word) => host(word),
            Role::Peer => self.everywhere(word, Access::Read),
            Role::Output | Role::Into | Role::PeerOutput => self.everywhere(word, Access::Write),
            Role::Removed => {
                self.everywhere(word, Access::Write)?;
                self.0.iter().try_for_each(|places| places.holds_nothing_kept(word))
            }
            Role::Host => host(word),
            Role::Url => url(word),
            Role::Sed => script(word, sed_only_edits),
            Role::Awk => script(word, awk_only_prints),
            Role::Jq => script(word, jq_only_filters),
        }
    }

    /// A repository by name or by a path below the roots.
    fn remote(&self, word: &Word) -> Result<(), String> {
        match word.known() {
            Some(text) if text.contains(':') => {
                Err(format!("`{text}` names a transport or a host; a rule for it needs a regex for its operands"))
            }
            Some(text) if text.starts_with('-') => Err(format!("`{text}` looks like an option")),
            _ => self.everywhere(word, Access::Read),
        }
    }

    /// What gets the names of the other operands, when it is a directory, may not make a protected name.
    pub(super) fn takes_in(&self, target: &Word, sources: &[&Word]) -> Result<(), String> {
        let Some(target) = target.known() else { return Ok(()) };
        let names = sources.iter().filter_map(|source| source.known()?.trim_end_matches('/').rsplit('/').next());
        for name in names.filter(|name| !matches!(*name, "" | "." | "..")) {
            let inner = Word::Known(format!("{target}/{name}"));
            for places in self.0.iter().filter(|places| places.is_directory(target)) {
                places.allow(&inner, Access::Write)?;
            }
        }
        Ok(())
    }
}

/// The options and operands of an invocation.
fn items<'a, 'b>(sorted: &'b Invocation<'a>) -> impl Iterator<Item = &'b Item<'a>> {
    sorted.global.iter().chain(&sorted.items)
}

fn gives(item: &Item<'_>, names: &[String]) -> bool {
    match item {
        Item::Option { spec, .. } => names.iter().any(|name| spec.is(name)),
        Item::Operand { .. } | Item::Odd { .. } => false,
    }
}

/// Does an option that has to be there lack?
pub(super) fn lacks<'a>(grammar: &'a Grammar, sorted: &Invocation<'_>) -> Option<&'a [String]> {
    let required = &grammar.requires;
    (!required.is_empty() && !items(sorted).any(|item| gives(item, required))).then_some(required)
}

/// The role that an option gives to all operands, and to the working directory when there are none.
pub(super) fn role_of_all(sorted: &Invocation<'_>) -> Option<Role> {
    let with = sorted.grammar.and_then(|grammar| grammar.operands.with.as_ref());
    with.filter(|(names, _)| items(sorted).any(|item| gives(item, names))).map(|(_, role)| *role)
}

/// The roles that the operand at `index` of `count` can have: one that may be several words can have those of all that
/// follow.
pub(super) fn roles(sorted: &Invocation<'_>, word: &Word, (index, count): (usize, usize)) -> Vec<Role> {
    let Some(grammar) = sorted.grammar else { return vec![Role::Paths] };
    let operands = &grammar.operands;
    if let Some(role) = role_of_all(sorted) {
        return vec![role];
    }
    let given = items(sorted).any(|item| gives(item, &operands.given_by));
    let at = |index: usize, count: usize| match (operands.first, operands.last) {
        (Some(first), _) if index == 0 && !given => first,
        (_, Some(last)) if index + 1 == count && count > 1 => last,
        _ => operands.each,
    };
    let mut roles = vec![at(index, count)];
    let several = match word {
        Word::Glob(_) => true,
        Word::Unknown(unknown) => unknown.splits,
        Word::Known(_) | Word::Pipe(_) => false,
    };
    if several {
        roles.extend([at(index + 1, count + 2), at(index + 1, count + 1)]);
        roles.dedup();
    }
    roles
}

/// Is every word in every place as good as any other? Then unknown ones are as well.
pub(super) fn is_indifferent(grammar: &Grammar) -> bool {
    let operands = &grammar.operands;
    let text = |role: Option<Role>| role.is_none_or(|role| role == Role::Text);
    let all = operands.each == Role::Text && text(operands.first) && text(operands.last);
    all && grammar.inert && grammar.options.is_indifferent()
}

/// The pattern of the value at `index`, as the catalogue writes it.
pub(super) fn pattern(spec: &OptionSpec, index: usize) -> &str {
    spec.patterns.get(index).map_or("", String::as_str)
}

/// `host:path`, as tar, scp and rsync read it: a colon before any slash.
fn names_a_host(word: &Word) -> bool {
    match word {
        Word::Known(text) => text.split('/').next().is_some_and(|start| start.contains(':')),
        // The signs of a pattern may stand for anything.
        Word::Glob(glob) => !glob.literal_prefix.contains('/'),
        Word::Unknown(_) => true,
        Word::Pipe(_) => false,
    }
}

fn host(word: &Word) -> Result<(), String> {
    match word.known() {
        Some(text) if !text.starts_with('-') && !text.contains(['`', '$', '%', '|', ';', '&', '\'', '"']) => Ok(()),
        _ => Err(format!("{} is no plain host", show(word))),
    }
}

/// An address that is fetched over the network; a scheme may be left out.
fn url(word: &Word) -> Result<(), String> {
    let Some(text) = word.known() else { return Err(format!("{} may lead anywhere", show(word))) };
    let lower = text.to_ascii_lowercase();
    let scheme = lower.split_once("://").map(|(scheme, _)| scheme);
    let plain = scheme.is_none_or(|scheme| matches!(scheme, "http" | "https"));
    if plain && !lower.starts_with("file:") && !lower.starts_with('-') && !text.contains(['{', '[', '\\']) {
        Ok(())
    } else {
        Err(format!("`{text}` is no plain address of the web"))
    }
}

fn literal(text: &str) -> Result<(), String> {
    let plain = !text.starts_with('@') && !text.contains("%output{");
    if plain { Ok(()) } else { Err("`@` reads a file, `%output{` writes one".into()) }
}

fn pretty(text: &str) -> Result<(), String> {
    let plain = !text.contains("%G") && !text.contains("signature");
    if plain { Ok(()) } else { Err("`%G` and `signature` start gpg".into()) }
}

fn script(word: &Word, judge: fn(&str) -> Result<(), String>) -> Result<(), String> {
    word.known().map_or_else(|| Err("its text is not known".into()), judge)
}

/// A word for a message.
pub(super) fn show(word: &Word) -> String {
    match word {
        Word::Known(text) => format!("`{text}`"),
        Word::Glob(glob) => format!("`{}`", glob.pattern),
        Word::Unknown(unknown) => unknown.reason.clone(),
        Word::Pipe(_) => "a process substitution".to_owned(),
    }
}
