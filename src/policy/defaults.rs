//! What holds where a policy says nothing, for the JSON Schema.
//!
//! In: nothing, this is a table. Out: the same. The readers have their own copies, and a test loads both ways.

use serde_json::Value as Json;

/// Keys as dotted paths, with what they are when nobody writes them. Profiles take theirs from the policy.
pub(super) const DEFAULTS: &[(&str, &str)] = &[
    ("commands.mode", "shell"),
    ("commands.default", "deny"),
    ("commands.builtin.dangerous", "true"),
    ("cwd.default", "{workspace}"),
    ("network", "none"),
    ("limits.wall_time", "10m"),
    ("limits.cpu_time", "5m"),
    ("limits.memory", "2 GiB"),
    ("limits.file_size", "1 GiB"),
    ("limits.open_files", "1024"),
    ("limits.processes", "256"),
    ("limits.output", "64 MiB"),
    ("limits.on_output", "end"),
    ("limits.tmp", "1 GiB"),
    ("jobs.concurrent", "10"),
    ("jobs.queue", "100"),
    ("jobs.retain", "100"),
    ("jobs.retain_for", "1h"),
    ("jobs.stuck_after", "30s"),
    ("jobs.spill", "true"),
    ("jobs.spill_size", "16 MiB"),
    ("redact.builtin", "true"),
    ("redact.env_values", "true"),
    ("audit.file", "{state}/audit.jsonl"),
    ("audit.on_failure", "deny"),
    ("audit.sync", "interval"),
    ("audit.interval", "1s"),
    ("audit.syslog", "false"),
    ("sandbox.on_unsupported.protect", "refuse"),
    ("sandbox.on_unsupported.hide", "refuse"),
    ("sandbox.on_unsupported.metadata", "warn"),
    ("sandbox.on_unsupported.tmp", "warn"),
    ("sandbox.on_unsupported.shared_memory", "warn"),
    ("http.body", "4 MiB"),
    ("http.sessions", "64"),
    ("http.calls", "256"),
    ("http.connections", "512"),
];

/// Writes them into the schema of a policy.
pub(super) fn describe(schema: &mut Json) {
    for (path, text) in DEFAULTS {
        let at = path.split('.').try_fold(&mut *schema, |at, key| at.get_mut("properties")?.get_mut(key));
        let value = match *text {
            "true" => Json::from(true),
            "false" => Json::from(false),
            text => text.parse::<u64>().map_or_else(|_| Json::from(text), Json::from),
        };
        if let Some(key) = at.and_then(Json::as_object_mut) {
            key.insert("default".into(), value);
        }
    }
}
