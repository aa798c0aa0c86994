//! What is published about the server agrees with the server.

use serde_json::{Value, json};

use super::session::{Session, Wires};

fn published(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn both_manifests_carry_the_version_of_the_crate() {
    let registry = published(include_str!("../../../packaging/server.json"));
    let bundle = published(include_str!("../../../packaging/mcpb/manifest.json"));
    for version in [&registry["version"], &registry["packages"][0]["version"], &bundle["version"]] {
        assert_eq!(version, env!("CARGO_PKG_VERSION"));
    }
    let about = registry["description"].as_str().unwrap();
    assert!(about.len() <= 100, "the registry cuts descriptions at 100 characters");
}

#[test]
fn the_bundle_lists_the_tools_that_the_server_has() {
    let bundle = published(include_str!("../../../packaging/mcpb/manifest.json"));
    let mut session = Session::open(Wires::Pipes);
    let tools = session.ask("tools/list", json!({}));
    let names =
        |list: &Value| -> Vec<Value> { list.as_array().unwrap().iter().map(|tool| tool["name"].clone()).collect() };
    assert_eq!(names(&bundle["tools"]), names(&tools["result"]["tools"]));
}

/// The part of the README between two headings.
fn readme(heading: &str) -> &'static str {
    let text = include_str!("../../../README.md");
    let start = text.find(heading).unwrap() + heading.len();
    let rest = &text[start..];
    &rest[..rest.find("\n## ").unwrap_or(rest.len())]
}

#[test]
fn the_readme_lists_the_tools_and_shows_configurations_that_parse() {
    let clients = readme("## Add it to an MCP client");
    let mut session = Session::open(Wires::Pipes);
    let tools = session.ask("tools/list", json!({}));
    let has: Vec<_> =
        tools["result"]["tools"].as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    let rows = clients.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    assert_eq!(rows.collect::<Vec<_>>(), has);
    let blocks: Vec<_> = clients.split("```json\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(blocks.len() >= 5);
    for block in blocks {
        serde_json::from_str::<Value>(block).unwrap_or_else(|error| panic!("{error}: {block}"));
    }
    let registry = published(include_str!("../../../packaging/server.json"));
    let visible = format!("mcp-name: {}", registry["name"].as_str().unwrap());
    assert!(include_str!("../../../README.md").contains(&visible), "the registry looks for it");
}

#[test]
fn the_try_of_the_readme_is_refused_and_on_record() {
    let clients = readme("## Add it to an MCP client");
    let command = clients.split("“run `").nth(1).and_then(|rest| rest.split('`').next()).unwrap();
    let site = crate::site::Site::new();
    let output = site.run(command);
    assert_eq!(crate::site::code(&output), 126);
    assert!(crate::site::stderr(&output).contains("/var/tmp"), "{}", crate::site::stderr(&output));
    let records = site.records();
    assert!(records.iter().any(|record| record["decision"] == "deny"), "{records:?}");
}
