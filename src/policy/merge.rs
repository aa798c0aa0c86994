//! One policy out of a file and those that it extends.
//!
//! In: trees in order. Out: one tree. Lists append, maps merge by key, scalars replace; `disable` takes inherited rules
//! away. What a file says for itself alone (its name, its tests, what it extends) is not inherited.

use super::yaml::{Node, Value};

const OWN: [&str; 3] = ["extends", "name", "tests"];
/// The lists that hold rules.
pub(super) const RULE_LISTS: [&str; 3] = ["deny", "ask", "allow"];

/// `over` on top of `base`.
pub(super) fn merge(base: Node, over: Node) -> Node {
    let value = match (base.value, over.value) {
        (Value::List(mut items), Value::List(more)) => {
            items.extend(more);
            Value::List(items)
        }
        (Value::Map(mut entries), Value::Map(more)) => {
            for entry in more {
                match entries.iter().position(|known| known.key == entry.key) {
                    None => entries.push(entry),
                    Some(at) => {
                        let known = entries.swap_remove(at);
                        entries.push(super::yaml::Entry { node: merge(known.node, entry.node.clone()), ..entry });
                    }
                }
            }
            Value::Map(entries)
        }
        (_, value) => value,
    };
    Node { source: over.source, span: over.span, value }
}

/// What of a base is handed on.
pub(super) fn inherited(mut base: Node) -> Node {
    if let Value::Map(entries) = &mut base.value {
        entries.retain(|entry| !OWN.contains(&entry.key.as_str()));
    }
    base
}

/// Takes the rule `id` away; says from which list.
pub(super) fn remove_rule(node: &mut Node, id: &str) -> Option<&'static str> {
    let Value::Map(entries) = &mut node.value else { return None };
    let commands = entries.iter_mut().find(|entry| entry.key == "commands")?;
    let Value::Map(lists) = &mut commands.node.value else { return None };
    for name in RULE_LISTS {
        let list = lists.iter_mut().find(|entry| entry.key == name).map(|entry| &mut entry.node.value);
        if let Some(Value::List(rules)) = list {
            let before = rules.len();
            rules.retain(|rule| rule.get("id").and_then(Node::text) != Some(id));
            if rules.len() < before {
                return Some(name);
            }
        }
    }
    None
}

/// The ids of all rules.
pub(super) fn rule_ids(node: &Node) -> impl Iterator<Item = &str> {
    let lists = RULE_LISTS.into_iter().filter_map(|name| node.get("commands")?.get(name));
    lists.flat_map(Node::items).filter_map(|rule| rule.get("id")?.text())
}
