//! The policy: YAML as written, checked, compiled; the decision about a request and its explanation.
//!
//! In: a policy file, a request, and a [`World`] that answers what must be known of the machine. Out: a [`Decision`].
//! Nothing here runs anything, and only `load` opens files.
#![forbid(unsafe_code)]

mod account;
mod advice;
mod carried;
mod carriers;
mod catalogue;
mod check;
mod compiled;
mod covers;
mod decide;
mod decision;
mod defaults;
mod environment;
mod explain;
mod glob;
mod guards;
mod helpers;
mod http;
mod injection;
mod input;
mod judge;
mod lint;
mod load;
mod meets;
mod merge;
mod names;
mod narrow;
mod places;
mod presets;
mod profile;
mod prune;
mod rate_limits;
mod roles;
mod rule;
mod rules;
mod sandboxes;
mod settings;
mod shape;
mod subject;
mod suggestion;
mod tables;
mod toolchains;
mod trust;
mod variables;
mod wildcard;
mod world;
mod yaml;

pub use account::{Require, RunAs};
pub use check::{catalogue_schema, check, check_catalogue, schema};
pub use compiled::Policy;
pub use decide::{Request, Text};
pub use decision::{Answer, Approved, Decision, Denial, Pending, Plan};
pub use explain::{AssignmentReport, CommandReport, Explanation, RedirectReport, Unread, Verdict};
pub use http::{Http, Tls};
pub use load::{Loaded, Origin, load};
pub use names::Names;
pub use narrow::{Narrowing, TooWide};
pub use presets::{presets, show};
pub use profile::{OnUnsupported, Profile, Root, Unsupported};
pub use rate_limits::{Rate, RateLimit, Scope};
pub use rule::RuleRef;
pub use settings::{Audit, AuditSync, JobLimits, Limits, Network, OnOutput, Redact, RedactRule, Settings, Syslog};
pub use variables::Variables;
pub use world::{DirectoryFacts, ProgramFile, World, WorldError};
