//! The JSON Schema accepts every file that loads, and helps to write one.

use regex::Regex;
use serde_json::{Value as Json, json};
use shellwarden::policy;

use crate::policy_problems::problems;

/// Does the schema accept the value? The keywords that our schema uses, and no others.
fn accepts(schema: &Json, value: &Json) -> bool {
    let types = |name: &str| match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        other => panic!("unknown type {other}"),
    };
    let Some(keywords) = schema.as_object() else { return true };
    keywords.iter().all(|(keyword, said)| match (keyword.as_str(), value) {
        ("type", _) => match said {
            Json::Array(names) => names.iter().any(|name| types(name.as_str().unwrap())),
            name => types(name.as_str().unwrap()),
        },
        ("enum", _) => said.as_array().unwrap().contains(value),
        ("pattern", Json::String(text)) => Regex::new(said.as_str().unwrap()).unwrap().is_match(text),
        ("minimum", Json::Number(number)) => number.as_f64() >= said.as_f64(),
        ("maximum", Json::Number(number)) => number.as_f64() <= said.as_f64(),
        ("items", Json::Array(items)) => items.iter().all(|item| accepts(said, item)),
        ("anyOf", _) => said.as_array().unwrap().iter().any(|choice| accepts(choice, value)),
        ("required", Json::Object(entries)) => {
            said.as_array().unwrap().iter().all(|key| entries.contains_key(key.as_str().unwrap()))
        }
        ("dependentRequired", Json::Object(entries)) => said.as_object().unwrap().iter().all(|(key, needed)| {
            let needed = needed.as_array().unwrap();
            !entries.contains_key(key) || needed.iter().all(|key| entries.contains_key(key.as_str().unwrap()))
        }),
        ("properties", Json::Object(entries)) => {
            entries.iter().all(|(key, item)| said.get(key).is_none_or(|schema| accepts(schema, item)))
        }
        ("additionalProperties", Json::Object(entries)) => {
            let listed = |key: &str| schema.get("properties").is_some_and(|all| all.get(key).is_some());
            entries.iter().filter(|(key, _)| !listed(key)).all(|(_, item)| match said {
                Json::Bool(allowed) => *allowed,
                schema => accepts(schema, item),
            })
        }
        _ => true,
    })
}

fn read(text: &str) -> Json {
    serde_yaml::from_str(text).unwrap()
}

#[test]
fn every_preset_is_accepted() {
    let schema = policy::schema();
    for (name, text) in policy::presets() {
        assert!(accepts(&schema, &read(text)), "{name}");
    }
}

#[test]
fn what_loads_is_accepted_and_what_the_schema_refuses_does_not_load() {
    let schema = policy::schema();
    // Each part alone, in ways that load and in ways that do not.
    let parts = [
        ("{}", false),
        ("version: 1", true),
        ("version: '1'", true),
        ("version: 2", false),
        ("version: 1\nname: 5", true),
        ("version: 1\nname: [a]", false),
        ("version: 1\nnmae: a", false),
        ("version: 1\nextends: builtin:readonly", true),
        ("version: 1\nextends: [builtin:readonly]", true),
        ("version: 1\ncommands: {default: ask, mode: argv}", true),
        ("version: 1\ncommands: {default: maybe}", false),
        ("version: 1\ncommands: {allow: [{id: a, program: ls}]}", true),
        ("version: 1\ncommands: {allow: [{id: 7, program: [ls, cat], options: [-a, '-n N'], operands: none}]}", true),
        ("version: 1\ncommands: {allow: [{program: ls}]}", false),
        ("version: 1\ncommands: {allow: {id: a, program: ls}}", false),
        ("version: 1\ncommands: {allow: [{id: a, program: ls, options: some}]}", false),
        ("version: 1\ncommands: {allow: [{id: a, program: ls, operands: {regex: a}}]}", true),
        ("version: 1\ncommands: {builtin: {dangerous: 'yes'}}", false),
        ("version: 1\ncommands: {builtin: {dangerous: false}}", true),
        ("version: 1\nlimits: {memory: 2 GiB, open_files: 64, wall_time: 10m}", true),
        ("version: 1\nlimits: {memory: 1048576, open_files: '64'}", true),
        ("version: 1\nlimits: {memory: 2GB}", false),
        ("version: 1\nlimits: {open_files: 1}", false),
        ("version: 1\nlimits: {wall_time: 10 minutes}", false),
        ("version: 1\nnetwork: none", true),
        ("version: 1\nnetwork: {mode: ports, connect: [443], dns: true}", true),
        ("version: 1\nnetwork: {mode: ports, connect: [0]}", false),
        ("version: 1\nnetwork: {connect: [443]}", false),
        ("version: 1\njobs: {concurrent: 0}", false),
        ("version: 1\nrate_limits: [{scope: client, commands: 5, per: 1m}]", true),
        ("version: 1\nrate_limits: [{scope: client, commands: 5}]", false),
        ("version: 1\nrate_limits: [{scope: client, per: 1m, concurrent: 2}]", false),
        ("version: 1\nrate_limits: [{scope: client, burst: 5, concurrent: 2}]", false),
        ("version: 1\nrate_limits: [{scope: server, concurrent: 2}]", true),
        ("version: 1\nrate_limits: [{scope: server, concurrent: 0}]", false),
        ("version: 1\nrate_limits: [{scope: tool, tool: list_jobs, commands: 5, per: 1m, burst: 2}]", true),
        ("version: 1\nrate_limits: [{scope: tool, tool: list_job, commands: 5, per: 1m}]", false),
        ("version: 1\nprofiles: {x: {limits: {processes: 5}}}", true),
        ("version: 1\nprofiles: {x: {limit: {processes: 5}}}", false),
    ];
    for (text, loads) in parts {
        let found = problems(text, false);
        assert_eq!(!found.iter().any(|problem| !problem.ends_with("path-skipped")), loads, "{text}: {found:?}");
        assert_eq!(accepts(&schema, &read(text)), loads, "{text}");
    }
}

#[test]
fn a_wrong_limit_is_told_where_it_stands() {
    for (limit, told) in [
        ("{scope: tool, commands: 5, per: 1m}", "2:15 missing-key"),
        ("{scope: rule, concurrent: 5}", "2:15 missing-key"),
        ("{scope: rule, rule: nothere, concurrent: 5}", "2:35 unknown-rule"),
        ("{scope: client, tool: list_jobs, concurrent: 5}", "2:37 wrong-value"),
        ("{scope: client}", "2:15 missing-key"),
        ("{scope: client, commands: 5}", "2:15 missing-key"),
        ("{scope: clients, commands: 5, per: 1m}", "2:23 unknown-value"),
    ] {
        let found = problems(&format!("version: 1\nrate_limits: [{limit}]"), false);
        let found: Vec<_> = found.into_iter().filter(|problem| !problem.ends_with("path-skipped")).collect();
        assert_eq!(found, [told], "{limit}");
    }
}

#[test]
fn an_editor_can_complete_from_it() {
    fn documented(schema: &Json, path: &str, undocumented: &mut Vec<String>) {
        for (key, inner) in schema.get("properties").and_then(Json::as_object).into_iter().flatten() {
            let path = format!("{path}.{key}");
            if inner.get("description").and_then(Json::as_str).is_none_or(str::is_empty) {
                undocumented.push(path.clone());
            }
            documented(inner, &path, undocumented);
            [inner.get("items"), inner.get("additionalProperties")]
                .into_iter()
                .flatten()
                .for_each(|inner| documented(inner, &path, undocumented));
        }
    }
    let schema = policy::schema();
    let mut undocumented = Vec::new();
    documented(&schema, "", &mut undocumented);
    assert!(undocumented.is_empty(), "{undocumented:?}");
    assert_eq!(schema["properties"]["commands"]["properties"]["default"]["enum"], json!(["deny", "ask", "allow"]));
}

#[test]
fn every_file_about_programs_is_accepted() {
    let schema = policy::catalogue_schema();
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("policies/programs");
    let mut files = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        assert!(accepts(&schema, &read(&std::fs::read_to_string(&path).unwrap())), "{}", path.display());
        files += 1;
    }
    assert!(files > 80, "only {files}");
    for wrong in [
        "{program: a}",
        "{sources: [b]}",
        "{program: a, sources: [b], unsafe: [-x]}",
        "{program: a, sources: [b], safes: []}",
    ] {
        assert!(!accepts(&schema, &read(wrong)), "{wrong}");
    }
}

/// Every default below these properties, as a dotted path with its value.
fn defaults(schema: &Json, path: &str, into: &mut Vec<(String, Json)>) {
    for (key, inner) in schema.get("properties").and_then(Json::as_object).into_iter().flatten() {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        into.extend(inner.get("default").map(|value| (path.clone(), value.clone())));
        defaults(inner, &path, into);
    }
}

#[test]
fn what_the_schema_calls_a_default_is_what_holds() {
    let mut all = Vec::new();
    defaults(&policy::schema(), "", &mut all);
    assert!(all.len() > 30, "{all:?}");
    let (dir, variables) = crate::policy::machine();
    let file = shellwarden::paths::AbsPath::new(dir.path().canonicalize().unwrap().join("policy.yaml")).unwrap();
    let load = |text: String| {
        std::fs::write(file.as_path(), text).unwrap();
        let loaded = policy::load(&policy::Origin::File(file.clone()), &variables);
        let policy = loaded.unwrap_or_else(|problems| panic!("{problems}")).policy;
        let parts = (policy.settings(), policy.default_profile(), policy.default_cwd(), policy.allows_by_default());
        // The file itself differs, and so does what stands for it.
        format!("{parts:?} {:?}", policy.http())
    };
    let silent = load("version: 1\n".to_owned());
    for (path, value) in all {
        let keys: Vec<&str> = path.split('.').collect();
        let said = keys.iter().rev().fold(value.clone(), |inner, key| json!({ *key: inner }));
        let mut said = said.as_object().unwrap().clone();
        said.insert("version".into(), json!(1));
        assert_eq!(load(Json::from(said).to_string()), silent, "{path}: {value}");
    }
}
