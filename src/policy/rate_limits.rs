//! How often, and how many at a time.
//!
//! In: the `rate_limits` of a policy, their shape already right. Out: limits, or what is wrong with one. Counting is the
//! engine's matter.

use super::catalogue;
use super::compiled::Reading;
use super::merge::rule_ids;
use super::settings::number;
use super::yaml::Node;
use crate::diag::nearest;
use crate::units::Period;

/// What a limit counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Commands of each client by itself.
    Client,
    /// Commands of all clients together.
    Server,
    /// Calls of this tool, for each client by itself.
    Tool(String),
    /// Commands that this rule decides, for each client by itself.
    Rule(String),
}

/// How many in which time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rate {
    /// How many in each period.
    pub commands: u64,
    /// The period.
    pub per: Period,
    /// How many at once.
    pub burst: u64,
}

/// One limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateLimit {
    /// What it counts.
    pub scope: Scope,
    /// How many in which time.
    pub rate: Option<Rate>,
    /// How many at the same time.
    pub concurrent: Option<u64>,
}

impl Reading<'_> {
    /// The limits of a whole policy.
    pub(super) fn rate_limits(&mut self, node: &Node) -> Vec<RateLimit> {
        let items = node.get("rate_limits").map_or(&[][..], Node::items);
        items.iter().filter_map(|item| self.rate_limit(node, item)).collect()
    }

    fn rate_limit(&mut self, policy: &Node, item: &Node) -> Option<RateLimit> {
        let scope = self.scope(policy, item)?;
        let limit = self.keep(item, limit(item, scope))?;
        if limit.rate.is_none() && limit.concurrent.is_none() {
            let problem = item.error("missing-key", "this limit limits nothing".to_owned());
            self.problems.push(problem.advise("write `commands: 60, per: 1m`, or `concurrent: 4`, or both"));
        }
        Some(limit)
    }

    fn scope(&mut self, policy: &Node, item: &Node) -> Option<Scope> {
        let text = |key: &str| item.get(key).and_then(Node::text);
        let scope = text("scope").unwrap_or_default();
        for key in ["tool", "rule"] {
            match item.get(key) {
                None if scope == key => {
                    let problem = item.error("missing-key", format!("`scope: {key}` does not say which {key}"));
                    self.problems.push(problem.advise(format!("write `{key}: NAME` beside it")));
                    return None;
                }
                Some(named) if scope != key => {
                    let problem =
                        named.error("wrong-value", format!("`{key}` means something with `scope: {key}` alone"));
                    self.problems.push(problem.advise(format!("write `scope: {key}`, or remove `{key}`")));
                    return None;
                }
                _ => {}
            }
        }
        if let Some(rule) = item.get("rule") {
            self.is_rule(policy, rule);
        }
        let named = |key: &str| text(key).unwrap_or_default().to_owned();
        Some(match scope {
            "client" => Scope::Client,
            "tool" => Scope::Tool(named("tool")),
            "rule" => Scope::Rule(named("rule")),
            _ => Scope::Server,
        })
    }

    /// A limit on a rule that is not there would limit nothing.
    fn is_rule(&mut self, policy: &Node, rule: &Node) {
        let id = rule.text().unwrap_or_default();
        let known = || rule_ids(policy);
        if !known().any(|known| known == id) && !catalogue::is_dangerous_id(id) {
            let problem = rule.error("unknown-rule", format!("there is no rule `{id}`"));
            let near = nearest(id, known());
            let advice =
                near.map_or_else(|| "name a rule by its `id`".into(), |near| format!("did you mean `{near}`?"));
            self.problems.push(problem.advise(advice));
        }
    }
}

fn limit(item: &Node, scope: Scope) -> Result<RateLimit, String> {
    let has = |key: &str| item.get(key).is_some();
    let rate = |commands: u64| {
        let burst = number(item, "burst", &commands.to_string())?;
        Ok(Rate { commands, per: number(item, "per", "1m")?, burst })
    };
    let rate = if has("commands") { Some(number(item, "commands", "1").and_then(rate)?) } else { None };
    let concurrent = has("concurrent").then(|| number(item, "concurrent", "")).transpose()?;
    Ok(RateLimit { scope, rate, concurrent })
}
