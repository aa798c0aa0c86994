//! What the command line may hold.
//!
//! In: argv. Out: typed arguments, or clap's own message. Nothing is opened here.

use std::path::PathBuf;

/// Judges shell commands by a policy and runs the approved ones inside Landlock, seccomp and rlimits.
#[derive(Debug, clap::Parser)]
#[command(name = "shellwarden", version, max_term_width = 100)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) subcommand: Subcommand,
}

#[derive(Debug, clap::Subcommand)]
pub(super) enum Subcommand {
    /// Serve the tools over MCP on stdin and stdout
    Serve(Serve),
    /// Run one command through the whole trip and print its output
    Run(Run),
    /// Show what the policy says of a command line; runs nothing
    Explain(Explain),
    /// Validate policies and run their own tests
    Check(Check),
    /// Write a commented policy to start from
    Init(Init),
    /// Look at policies
    Policy(Policy),
    /// Print the JSON Schema of the policy file
    Schema(Schema),
    /// Show what this kernel and account can hold, property by property
    Doctor(Doctor),
    /// Copy stdin to stdout without secrets
    Redact(Redact),
    /// Verify or print an audit log
    Audit(Audit),
    /// Let clients in over HTTP, and keep them out again
    Token(Token),
}

/// Where things are; the same on each subcommand that judges or runs.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct Places {
    /// Policy file, or `builtin:NAME` [default: builtin:workspace]
    #[arg(long, value_name = "FILE")]
    pub(super) policy: Option<String>,
    /// Directory that the policy calls {workspace} [default: $CLAUDE_PROJECT_DIR, else the current directory]
    #[arg(long, value_name = "DIR")]
    pub(super) workspace: Option<PathBuf>,
    /// Directory to start commands in [default: the policy's]
    #[arg(long, value_name = "DIR")]
    pub(super) cwd: Option<String>,
    /// Directory for audit and state [default: $SHELLWARDEN_STATE_DIR, else below $XDG_STATE_HOME or ~/.local/state]
    #[arg(long, value_name = "DIR")]
    pub(super) state: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(super) struct Serve {
    #[command(flatten)]
    pub(super) places: Places,
    /// Serve over HTTP at this address instead, such as 127.0.0.1:8080; clients then speak to http://ADDR/mcp
    #[arg(long, value_name = "ADDR")]
    pub(super) http: Option<std::net::SocketAddr>,
    /// Answer in the shape of the Python server mcp-background-job
    #[arg(long)]
    pub(super) structured: bool,
    /// Keep numbers for Prometheus in this file, written anew every 15 seconds; over HTTP they are at /metrics too
    #[arg(long, value_name = "FILE")]
    pub(super) metrics_file: Option<std::path::PathBuf>,
}

/// `run 'LINE'` takes one line of shell; `run -- PROGRAM ARG…` takes exact words and no shell.
#[derive(Debug, clap::Args)]
pub(super) struct Run {
    #[command(flatten)]
    pub(super) places: Places,
    /// One line of shell
    #[arg(value_name = "LINE", num_args = 0..)]
    pub(super) line: Vec<String>,
    /// A program and its arguments, exactly as they are
    #[arg(last = true, value_name = "PROGRAM ARG", num_args = 1..)]
    pub(super) words: Vec<String>,
    /// End the command after so many seconds; narrows the policy's limit
    #[arg(long, value_name = "SECONDS")]
    pub(super) timeout: Option<u64>,
}

#[derive(Debug, clap::Args)]
pub(super) struct Explain {
    #[command(flatten)]
    pub(super) places: Places,
    /// The line of shell to judge
    #[arg(value_name = "LINE", required_unless_present = "jsonl")]
    pub(super) line: Option<String>,
    /// Print the answer as JSON
    #[arg(long)]
    pub(super) json: bool,
    /// Read `{"id", "command", "cwd"}` lines on stdin and answer each with a line
    #[arg(long, conflicts_with = "line")]
    pub(super) jsonl: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct Check {
    #[command(flatten)]
    pub(super) places: CheckPlaces,
    /// Policy files, builtin:NAME, or builtin:catalogue for what is known of programs
    #[arg(required = true, value_name = "FILE")]
    pub(super) files: Vec<String>,
    /// Fail on warnings too
    #[arg(long)]
    pub(super) deny_warnings: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct CheckPlaces {
    /// Directory that the policies call {workspace} [default: $CLAUDE_PROJECT_DIR, else the current directory]
    #[arg(long, value_name = "DIR")]
    pub(super) workspace: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(super) struct Init {
    /// Preset to start from: workspace, readonly, ci or argv-only
    #[arg(default_value = "workspace")]
    pub(super) preset: String,
    /// Where to write; outside the workspace, so that no job can change it
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(super) struct Policy {
    #[command(subcommand)]
    pub(super) subcommand: PolicySubcommand,
}

#[derive(Debug, clap::Subcommand)]
pub(super) enum PolicySubcommand {
    /// Print a preset as it is loaded
    Show {
        /// workspace, readonly, ci or argv-only
        name: String,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct Doctor {
    #[command(flatten)]
    pub(super) places: Places,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct Schema {
    /// That of a file about programs, which `check` takes as well
    #[arg(long)]
    pub(super) programs: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct Redact {
    /// Print on stderr which rules fired how often
    #[arg(long)]
    pub(super) stats: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct Audit {
    #[command(subcommand)]
    pub(super) subcommand: AuditSubcommand,
}

#[derive(Debug, clap::Subcommand)]
pub(super) enum AuditSubcommand {
    /// Check the chain of a log, closed files included
    Verify {
        /// The log
        file: PathBuf,
        /// The key that seals it; without it sealed records are checked for their order alone
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
        /// The end of the chain at an earlier time, as this command printed it then: NUMBER:HASH
        #[arg(long, value_name = "HEAD")]
        head: Option<String>,
        /// Take the earlier end from this file, and keep the new one there when the chain is whole
        #[arg(long, value_name = "FILE", conflicts_with = "head")]
        remember: Option<PathBuf>,
    },
    /// Print the records of a log, closed files included
    Show(AuditShow),
}

#[derive(Debug, clap::Args)]
pub(super) struct AuditShow {
    /// The log
    pub(super) file: PathBuf,
    /// Not older than this: a time such as `2026-01-31T08:00:00Z`, or `2h` for the last two hours
    #[arg(long, value_name = "TIME")]
    pub(super) since: Option<String>,
    /// Older than this
    #[arg(long, value_name = "TIME")]
    pub(super) until: Option<String>,
    /// Who asked
    #[arg(long, value_name = "NAME")]
    pub(super) client: Option<String>,
    /// allow, deny, ask_refused or rate_limited
    #[arg(long, value_name = "WORD")]
    pub(super) decision: Option<String>,
    /// Id of a rule or limit that decided
    #[arg(long, value_name = "ID")]
    pub(super) rule: Option<String>,
    /// Id of a job, or its beginning
    #[arg(long, value_name = "ID")]
    pub(super) job: Option<String>,
    /// Kind of the records, such as `decision` or `end`
    #[arg(long, value_name = "WORD")]
    pub(super) kind: Option<String>,
    /// Print the records as they are, a JSON object a line
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct Token {
    #[command(flatten)]
    pub(super) places: Places,
    #[command(subcommand)]
    pub(super) subcommand: TokenSubcommand,
}

#[derive(Debug, clap::Subcommand)]
pub(super) enum TokenSubcommand {
    /// Make a token for a client and print it, this once
    Add {
        /// Name of the client; a name that there is already gets one more token, for the time of a change
        client: String,
        /// The client's own policy [default: the server's]
        #[arg(long, value_name = "FILE")]
        client_policy: Option<String>,
        /// After this time it is worth nothing, such as `12h` or `90d` [default: never]
        #[arg(long, value_name = "TIME")]
        expires: Option<String>,
        /// Let in whoever has the key of this certificate (PEM), instead of a token
        #[arg(long, value_name = "FILE")]
        certificate: Option<PathBuf>,
    },
    /// Print who may come in; tokens are not known here
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Make every token of a client worthless, or the one with this id; its calls, sessions and jobs end
    Revoke {
        /// Name of the client, or id of a token
        name_or_id: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        use clap::CommandFactory;
        Arguments::command().debug_assert();
    }
}
