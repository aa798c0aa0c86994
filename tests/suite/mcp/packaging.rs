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
