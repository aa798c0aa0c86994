//! What a client is told before its first call: the instructions and the list of tools.
//!
//! In: the table of tools, a few words on the policy. Out: both as they travel. They cost a model tokens in every session,
//! hence the test that counts them.

use std::sync::Arc;

use rmcp::model::Tool as WireTool;
use serde_json::Value;

use super::parameters;
use super::tool::{Dialect, Tool};

/// What a model is told before its first call.
pub(super) fn instructions(policy: &str) -> String {
    format!(
        "Shell commands run here as jobs, judged by a policy and confined. {policy} A refused command says why and what \
         would be allowed: change the command, do not repeat it. A job still running is no error: wait with \
         `get_job_status`, read on with `get_job_output`."
    )
}

/// A tool as the list shows it.
pub(super) fn on_the_wire(tool: &Tool, dialect: Dialect) -> WireTool {
    let wire = WireTool::new(tool.name, tool.description, parameters::schema(tool.parameters))
        .with_title(tool.title)
        .with_annotations(tool.hints.annotations());
    match (dialect, (tool.answer)()) {
        // Programs build their result types from it; a model would pay for it in tokens.
        (Dialect::Program, Value::Object(schema)) => wire.with_raw_output_schema(Arc::new(schema)),
        _ => wire,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tools::TOOLS;
    use super::*;

    /// Hosts cut a server's name and a tool's name together at 60 characters, and descriptions at 2048.
    const SERVER_AND_TOOL: usize = 60 - "mcp__shellwarden__".len();

    #[test]
    fn the_list_and_the_instructions_cost_a_model_less_than_2500_tokens() {
        let list: Vec<_> = TOOLS.iter().map(|tool| on_the_wire(tool, Dialect::Model)).collect();
        let bytes = serde_json::to_string(&list).map_or(usize::MAX, |text| text.len());
        let bytes = bytes + instructions(&"p".repeat(600)).len();
        assert!(bytes / 4 < 2500, "{} tokens", bytes / 4);
    }

    #[test]
    fn every_tool_is_fit_for_every_known_host() {
        for tool in TOOLS {
            let wire = on_the_wire(tool, Dialect::Model);
            let hints = wire.annotations.unwrap_or_default();
            let all = [hints.read_only_hint, hints.destructive_hint, hints.idempotent_hint, hints.open_world_hint];
            assert!(all.iter().all(Option::is_some), "{}: all four hints are set", tool.name);
            assert!(tool.name.len() <= SERVER_AND_TOOL, "{}: too long a name", tool.name);
            assert!(tool.description.len() <= 2048, "{}: cut by hosts", tool.name);
            assert!(tool.description.contains("xample"), "{}: shows an example", tool.name);
            let schema = serde_json::to_string(&wire.input_schema).unwrap_or_default();
            for word in ["anyOf", "oneOf", "allOf", "$ref", "$schema", "[\"string\""] {
                assert!(!schema.contains(word), "{}: {word} is not flat", tool.name);
            }
        }
    }

    #[test]
    fn every_answer_of_the_program_dialect_has_a_schema() {
        for tool in TOOLS {
            let schema = (tool.answer)();
            assert!(schema.get("type").is_some_and(|kind| kind == "object"), "{}", tool.name);
        }
    }
}
