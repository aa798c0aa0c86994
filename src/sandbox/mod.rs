//! What a job may touch, as plain data, and the calls that make the kernel hold it.
//!
//! In: a [`SandboxSpec`]. Out: a process that has given up everything else, or the step that failed. Whether the
//! command is allowed was settled in the policy; who forks and who waits is the launcher's part.
#![forbid(unsafe_code)]

pub(crate) mod child;
mod confinement;
mod in_force;
mod interpreters;
mod limits;
pub(crate) mod mounts;
pub(crate) mod namespace;
mod probe;
mod properties;
mod refusal;
pub(crate) mod ruleset;
mod run_as;
pub mod seccomp;
mod spec;
mod step;
mod support;
mod wire;

pub(crate) use confinement::Grants;
pub use confinement::{Confinement, ConfinementBuilder, Network, Unsupported};
pub use in_force::{InForce, SHARED_MEMORY, Unheld};
pub use interpreters::with_interpreters;
pub use limits::Limits;
pub use properties::{Promise, Property, Strength, properties};
pub use refusal::SandboxError;
pub use run_as::RunAs;
pub(crate) use spec::Job;
pub use spec::{Place, ProgramFile, SandboxSpec, SpecBuilder, SpecError};
pub use step::{Failure, Step};
pub use support::{Isolation, ProcessCount, Support};
