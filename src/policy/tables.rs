//! The keys of a policy file, of the catalogues, and what this version does not enforce yet.
//!
//! In: nothing, these are tables. Out: the same. `shape` checks files against them and writes the JSON Schema.

use super::shape::{Field, Shape, field, required};
use super::toolchains;

/// Keys that are understood and cannot be held yet, as dotted paths; `key=value` refuses a single value. What stands
/// under `profiles.NAME` is looked up without these two steps.
pub(super) const NOT_ENFORCED: &[&str] = &[];

const TEXTS: Shape = Shape::List(&Shape::Text);
const RULE_NAME: &str = "name by which denials and `disable` refer to the rule";

/// One rule of a list.
const RULE: Shape = Shape::Record(&[
    required("id", Shape::Text, RULE_NAME),
    field("program", Shape::OneOrMore(&Shape::Text), "program names, or absolute paths"),
    field(
        "subcommands",
        Shape::AnyOf(&[Shape::OneOf(&["any", "none"]), TEXTS]),
        "first words that the program may be given; several words for a nested one",
    ),
    field(
        "options",
        Shape::AnyOf(&[Shape::OneOf(&["safe", "any", "none"]), TEXTS]),
        "`safe`: the harmless ones of the catalogue; or patterns such as `-n N` and `--lines=*`",
    ),
    field(
        "operands",
        Shape::AnyOf(&[
            Shape::OneOf(&["paths", "found", "any", "none"]),
            Shape::Record(&[required("regex", Shape::Regex, "each operand matches all of it")]),
        ]),
        "`paths`: files under the readable roots; `found`: also words that commands or the input supply, where a program can only read",
    ),
    field("regex", Shape::Regex, "allow: matches the whole simple command; deny and ask: is found in it"),
    field("reason", Shape::Text, "told to whoever meets the rule"),
    field("profile", Shape::Text, "the sandbox of what the rule allows"),
]);

const RULES: Shape = Shape::List(&RULE);

const FILESYSTEM: Shape = Shape::Record(&[
    field("read", TEXTS, "roots that jobs may read"),
    field("write", TEXTS, "roots that jobs may write, and read"),
    field(
        "execute",
        Shape::AnyOf(&[Shape::OneOf(&["approved"]), TEXTS]),
        "roots from which jobs may execute; `approved`: only the programs of the line, out of readable trees that jobs \
         cannot change",
    ),
    field(
        "protect",
        TEXTS,
        "names that jobs cannot change, relative to the workspace; patterns such as `**/*.key` find what is there at load",
    ),
    field("hide", TEXTS, "names that jobs cannot read, as above"),
    field(
        "create",
        TEXTS,
        "folders inside the workspace that are made when they are missing, so that roots may name them",
    ),
]);

const WHETHER: Shape = Shape::OneOf(&["refuse", "warn"]);

const ON_UNSUPPORTED: Shape = Shape::Record(&[
    field("default", WHETHER, "`refuse`: nothing starts; `warn`: jobs start, status and record say what is not held"),
    field("protect", WHETHER, "protected names; refused unless something is said"),
    field("hide", WHETHER, "hidden names; refused unless something is said"),
    field("metadata", WHETHER, "mode, times and attributes of files outside the write roots; told unless refused"),
    field("tmp", WHETHER, "the size of a job's own temporary directory; told unless refused here by name"),
    field("shared_memory", WHETHER, "a /dev/shm of the job's own; told unless refused here by name"),
]);

const NETWORK: Shape = Shape::AnyOf(&[
    Shape::OneOf(&["none", "loopback", "full"]),
    Shape::Record(&[
        required(
            "mode",
            Shape::OneOf(&["none", "loopback", "ports", "full"]),
            "what jobs may reach; `loopback`: one of the job's own, with nothing else on it",
        ),
        field("connect", Shape::List(&Shape::Count(1, 65_535)), "with `ports`: TCP ports that jobs may connect to"),
        field("dns", Shape::Bool, "with `ports`: name lookups, over TCP alone"),
    ]),
]);

const LIMITS: Shape = Shape::Record(&[
    field("wall_time", Shape::Period, "longest run of a job"),
    field("cpu_time", Shape::Period, "processor time of a process"),
    field("memory", Shape::Size, "memory of a process"),
    field("file_size", Shape::Size, "largest file that a job may write"),
    field("open_files", Shape::Count(16, 1 << 20), "descriptors of a process"),
    field("processes", Shape::Count(1, 1 << 20), "processes of a job, by the best means that the machine has"),
    field("output", Shape::Size, "bytes that a job may print"),
    field(
        "on_output",
        Shape::OneOf(&["end", "drop"]),
        "what happens then: the job ends, or the rest is dropped and counted",
    ),
    field("tmp", Shape::Size, "bytes that fit into a job's own temporary directory, where it may mount"),
]);

const SANDBOX: &[Field] = &[
    field("filesystem", FILESYSTEM, "what jobs may reach on disk; a list replaces the one of the policy"),
    field("network", NETWORK, "what jobs may reach on the network"),
    field("limits", LIMITS, "resource limits"),
];

const COMMANDS: Shape = Shape::Record(&[
    field("mode", Shape::OneOf(&["shell", "argv"]), "`shell`: bash syntax, analysed; `argv`: one program, no shell"),
    field("default", Shape::OneOf(&["deny", "ask", "allow"]), "the answer where no rule applies"),
    field("allow", RULES, "what runs"),
    field("ask", RULES, "what runs after a person said yes"),
    field("deny", RULES, "what never runs, whatever else allows it"),
    field(
        "builtin",
        Shape::Record(&[field(
            "dangerous",
            Shape::Bool,
            "deny rules for destructive commands; `disable` takes single ones away",
        )]),
        "rules that come with the program",
    ),
    field("assignments", TEXTS, "variables that a command line may set; `*` stands for any characters"),
]);

const REDACT: Shape = Shape::Record(&[
    field("builtin", Shape::Bool, "mask well-known kinds of secrets"),
    field("env_values", Shape::Bool, "mask the values of scrubbed variables"),
    field(
        "rules",
        Shape::List(&Shape::Record(&[
            required("id", Shape::Text, "name of the rule"),
            required("regex", Shape::Regex, "what to mask"),
            field("replace", Shape::Text, "what to show instead"),
        ])),
        "own patterns",
    ),
]);

const TOOLS: &[&str] = &[
    "execute_command",
    "check_command",
    "get_job_status",
    "get_job_output",
    "tail_job_output",
    "interact_with_job",
    "kill_job",
    "list_jobs",
    "wait_for_jobs",
];

const RATE_LIMITS: Shape = Shape::List(&Shape::Together(
    &[
        required("scope", Shape::OneOf(&["client", "server", "tool", "rule"]), "what is counted"),
        field("tool", Shape::OneOf(TOOLS), "with `scope: tool`: calls of this tool, for each client by itself"),
        field("rule", Shape::Text, "with `scope: rule`: commands that this rule decides, for each client by itself"),
        field("commands", Shape::Count(1, 1_000_000), "how many in each period"),
        field("per", Shape::Period, "the period"),
        field("burst", Shape::Count(1, 1_000_000), "how many at once; `commands` when absent"),
        field("concurrent", Shape::Count(1, 10_000), "how many at the same time, those that wait for a place included"),
    ],
    &[("commands", "per"), ("per", "commands"), ("burst", "commands")],
));

const AUDIT: Shape = Shape::Record(&[
    field("file", Shape::Text, "where decisions and ends of jobs are recorded"),
    field("on_failure", Shape::OneOf(&["deny"]), "what happens when a record cannot be written"),
    field(
        "sync",
        Shape::OneOf(&["interval", "batch", "record", "none"]),
        "when the disk has it: some time later, at once with many others, before anything starts, or when the kernel likes",
    ),
    field("interval", Shape::Period, "with `sync: interval`: how much later at most; `1s` when absent"),
    field("key_file", Shape::Text, "a secret that seals each record; no job may be able to read it"),
    field(
        "rotate",
        Shape::Record(&[
            field("size", Shape::Size, "begin another file above this size"),
            field("age", Shape::Period, "begin another file when the first record is older than this"),
            field("keep", Shape::Count(0, 1_000_000), "closed files that are kept; all when absent"),
        ]),
        "when another file is begun; the chain runs through all of them",
    ),
    field(
        "syslog",
        Shape::Text,
        "`true` for journald or the machine's syslog, or the path of a syslog socket: copies of all records go there as far as it keeps up",
    ),
]);

const TESTS: Shape = Shape::List(&Shape::Record(&[
    required("command", Shape::Text, "a command line"),
    required("expect", Shape::OneOf(&["allow", "ask", "deny"]), "the decision"),
    field("rule", Shape::Text, "id of the rule that decides"),
    field("cwd", Shape::Text, "where it would run"),
]));

const HTTP: Shape = Shape::Record(&[
    field("tokens", Shape::Text, "file with the hashes of bearer tokens, written by `shellwarden token`"),
    field("hosts", TEXTS, "host names by which clients reach the server; its own addresses need no mention"),
    field("origins", TEXTS, "origins of web pages that may call, such as `https://console.example`; none when absent"),
    field("metrics", TEXTS, "clients whose `/metrics` tells about all clients; others see what they did themselves"),
    field(
        "tls",
        Shape::Record(&[
            required("certificate", Shape::Text, "the server's certificate chain, PEM"),
            required("key", Shape::Text, "its private key, PEM"),
            field("client_ca", Shape::Text, "issuers of clients' certificates, PEM"),
        ]),
        "encrypted connections; the files are read again when they change",
    ),
    field("body", Shape::Size, "longest request"),
    field("sessions", Shape::Count(1, 10_000), "sessions of one client; the one that was idle longest makes room"),
    field("calls", Shape::Count(1, 100_000), "calls of one client that are answered at the same time"),
    field("connections", Shape::Count(1, 100_000), "connections of all clients"),
]);

/// A policy file.
pub(super) const POLICY: Shape = Shape::Record(&[
    required("version", Shape::OneOf(&["1"]), "version of the format: `version: 1`"),
    field("name", Shape::Text, "name of the policy, for people"),
    field("extends", Shape::OneOrMore(&Shape::Text), "`builtin:NAME`, or files relative to this one"),
    field("disable", TEXTS, "ids of inherited rules that do not apply"),
    field("commands", COMMANDS, "which commands run"),
    field(
        "cwd",
        Shape::Record(&[
            field("roots", TEXTS, "where commands may start"),
            field("default", Shape::Text, "where they start when nobody says"),
        ]),
        "working directories",
    ),
    field(
        "env",
        Shape::Record(&[
            field("inherit", TEXTS, "variables taken from the server; `*` stands for any characters"),
            field("set", Shape::Map(&Shape::Text), "variables with their values"),
            field("scrub", TEXTS, "variables that never pass, and whose values are masked in output"),
            field("request", TEXTS, "variables that a caller may set"),
        ]),
        "the environment of jobs, made from an empty one",
    ),
    field("filesystem", FILESYSTEM, "what jobs may reach on disk"),
    field("network", NETWORK, "what jobs may reach on the network"),
    field("limits", LIMITS, "resource limits"),
    field("profiles", Shape::Map(&Shape::Record(SANDBOX)), "other sandboxes, by the name that rules use"),
    field(
        "jobs",
        Shape::Record(&[
            field("concurrent", Shape::Count(1, 10_000), "jobs that run at the same time"),
            field("queue", Shape::Count(0, 100_000), "jobs that wait"),
            field("retain", Shape::Count(1, 100_000), "ended jobs that are remembered"),
            field("retain_for", Shape::Period, "how long they are remembered"),
            field("stuck_after", Shape::Period, "silence after which a running job is called stuck"),
            field("spill", Shape::Bool, "keep on disk what has no room in memory; true unless you say otherwise"),
            field("spill_size", Shape::Size, "bytes of each output stream that the disk keeps: 16 MiB"),
        ]),
        "the job manager",
    ),
    field("rate_limits", RATE_LIMITS, "how many commands in which time, and how many at a time"),
    field("redact", REDACT, "what is masked in output"),
    field("audit", AUDIT, "the record"),
    field(
        "sandbox",
        Shape::Record(&[
            field("on_unsupported", ON_UNSUPPORTED, "where this machine cannot hold a property"),
            field(
                "require",
                Shape::OneOf(&["namespaces", "mounts"]),
                "the weakest mode that will do; without it every mode that holds the properties does",
            ),
        ]),
        "what the kernel must hold",
    ),
    field("http", HTTP, "`serve --http`; read from the server's own policy alone"),
    field("run_as", Shape::Text, "account of the jobs, for a server that root starts: a name, or `uid:gid`"),
    field(
        "toolchains",
        Shape::List(&Shape::OneOf(toolchains::NAMES)),
        "toolchains whose homes jobs may read and execute, wherever they are; credentials in them stay hidden",
    ),
    field("tests", TESTS, "command lines with the decision they must get"),
]);

const EFFECTS: Shape = Shape::Record(&[
    field("run", TEXTS, "runs a program"),
    field("write", TEXTS, "writes or removes files"),
    field("outside", TEXTS, "reads elsewhere than its operands say"),
    field("load", TEXTS, "loads code or configuration"),
    field("network", TEXTS, "uses the network"),
]);

const ROLE: Shape = Shape::OneOf(&[
    "paths",
    "output",
    "into",
    "removed",
    "remote",
    "peer",
    "peer-output",
    "host",
    "url",
    "text",
    "name",
    "target",
    "none",
    "sed",
    "awk",
    "jq",
    "any",
]);

const OPERANDS: Shape = Shape::AnyOf(&[
    ROLE,
    Shape::Record(&[
        field("first", ROLE, "role of the first operand"),
        field("given_by", TEXTS, "options that take the place of the first operand"),
        field("each", ROLE, "role of the others"),
        field("last", ROLE, "role of the last of several"),
        field(
            "with",
            Shape::Record(&[
                field("options", TEXTS, "options that change what all operands are"),
                field("each", ROLE, "what they are then"),
            ]),
            "another role for all, given by options",
        ),
    ]),
]);

/// One entry of the catalogue of programs.
pub(super) const PROGRAM: Shape = Shape::Record(&[
    required("program", Shape::OneOrMore(&Shape::Text), "name, and names that behave the same"),
    required("sources", TEXTS, "manual pages and advisories"),
    field("parsing", Shape::OneOf(&["gnu", "posix", "single-dash", "tar", "words"]), "how options are written"),
    field("inert", Shape::Bool, "runs nothing but itself under its safe options"),
    field("interpreter", Shape::Bool, "runs any code that it can read"),
    field("safe", TEXTS, "options that do no harm"),
    field("unsafe", EFFECTS, "the others, by what they do"),
    field("operands", OPERANDS, "what the other words are"),
    field("requires", TEXTS, "options of which one must be given, for it to do no harm"),
    field("writes_here", Shape::Bool, "it writes into the directory where it runs"),
    field("helpers", TEXTS, "programs that it starts"),
    field("dangerous", RULES, "uses that destroy, as deny rules; their program is this one"),
    field(
        "subcommands",
        Shape::Map(&Shape::Record(&[
            field("inert", Shape::Bool, "as above"),
            field("safe", TEXTS, "options that do no harm"),
            field("unsafe", EFFECTS, "the others, by what they do"),
            field("operands", OPERANDS, "what the other words are"),
            field("requires", TEXTS, "options of which one must be given, for it to do no harm"),
            field("writes_here", Shape::Bool, "it writes into the directory where it runs"),
            field("included", Shape::Bool, "a rule that names its first word means it as well"),
        ])),
        "by their words",
    ),
]);
