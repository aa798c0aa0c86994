//! Every integration test, one binary.
#![forbid(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a failed assumption is a failed test"
)]

mod audit;
mod audit_files;
mod audit_tamper;
mod contained;
mod containment;
mod environment;
mod http;
mod journal;
mod layering;
mod licences;
mod mcp;
mod output;
mod places;
mod policy;
mod policy_cases;
mod policy_lint;
mod policy_problems;
mod policy_rules;
mod policy_schema;
mod policy_suggestions;
mod record;
mod redact_command;
mod redact_corpus;
mod replaced;
mod run;
mod security;
mod serving;
mod shell;
mod shell_judge;
mod shell_property;
mod shell_seeds;
mod site;
mod stalling;
mod toolchains;
mod workspace_preset;
