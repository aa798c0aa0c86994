//! A tree without what is wrong in it.
//!
//! In: a tree and the problems that were found. Out: the same tree without the smallest entries and items that hold
//! them, so that everything else in it can be checked as well. What was pruned is never used: it has errors.

use super::yaml::{Node, Value};
use crate::diag::{Problem, Problems, Severity, Span};

/// Takes out everything that an error points at.
pub(super) fn prune(node: &mut Node, problems: &Problems) {
    for problem in problems.iter().filter(|problem| problem.severity == Severity::Error) {
        if let Some(span) = inside(node, problem) {
            take_out(node, span);
        }
    }
}

/// Where in the text of this node a problem is.
fn inside(node: &Node, problem: &Problem) -> Option<Span> {
    let place = problem.place.as_ref()?;
    (place.source.name() == node.source.name()).then_some(place.span)
}

fn holds(node: &Node, span: Span) -> bool {
    node.span.start <= span.start && span.end <= node.span.end.max(node.span.start + 1)
}

/// Does everything below the node start before this place and reach it?
fn reaches(node: &Node, span: Span) -> bool {
    match &node.value {
        Value::Scalar { .. } => holds(node, span) || node.span == span,
        Value::List(items) => node.span == span || items.iter().any(|item| reaches(item, span)),
        Value::Map(entries) => {
            node.span == span || entries.iter().any(|entry| entry.key_span == span || reaches(&entry.node, span))
        }
    }
}

fn take_out(node: &mut Node, span: Span) {
    match &mut node.value {
        Value::Scalar { .. } => {}
        Value::List(items) => {
            items.retain(|item| item.span != span && !(is_leaf(item) && reaches(item, span)) && !loses_all(item, span));
            items.iter_mut().filter(|item| reaches(item, span)).for_each(|item| take_out(item, span));
        }
        Value::Map(entries) => {
            let wrong = |entry: &super::yaml::Entry| {
                entry.key_span == span || entry.node.span == span || is_leaf(&entry.node) && reaches(&entry.node, span)
            };
            entries.retain(|entry| !wrong(entry));
            entries
                .iter_mut()
                .filter(|entry| reaches(&entry.node, span))
                .for_each(|entry| take_out(&mut entry.node, span));
        }
    }
}

/// Does a rule lose what it is about? What is left of it would say something else.
fn loses_all(item: &Node, span: Span) -> bool {
    let about = ["program", "regex"].into_iter().filter_map(|key| item.get(key));
    item.get("id").is_some() && about.into_iter().any(|node| reaches(node, span))
}

fn is_leaf(node: &Node) -> bool {
    matches!(node.value, Value::Scalar { .. })
}
