//! `check_command`: what the policy says to a command; nothing runs.
//!
//! In: a command line, where and with what it would run. Out: the decision, the rule and why.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::engine::{Call, Text};

use super::super::parameters::{Kind, Parameter};
use super::super::reply::Reply;
use super::super::tool::{Arguments, Context, Hints, Tool, Trouble};

pub(super) const TOOL: Tool = Tool {
    name: "check_command",
    title: "Would this run?",
    description: "Says whether the policy allows a command, by which rule and why. Nothing runs. \
                  Example: {\"command\": \"git push --force\"}",
    hints: Hints::LOOKS,
    parameters: &[
        Parameter::required("command", Kind::Text, ""),
        Parameter::optional("cwd", Kind::Text, ""),
        Parameter::optional("env", Kind::TextMap, ""),
    ],
    answer,
    run: |context, arguments| Box::pin(run(context, arguments)),
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    command: String,
    cwd: Option<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
}

fn answer() -> Value {
    json!({"type": "object", "properties": {"decision": {"type": "string", "enum": ["allow", "ask", "deny"]}}, "required": ["decision"]})
}

async fn run(context: &Context, arguments: Arguments) -> Result<Reply, Trouble> {
    let wish: Wish = arguments.read()?;
    let call = Call { command: Text::Line(wish.command), cwd: wish.cwd, env: wish.env, ..Call::default() };
    let checked = context.engine.check(&context.client, call).await;
    Ok(Reply::both(format!("{}: {}", checked.decision, checked.for_model), checked.json))
}
