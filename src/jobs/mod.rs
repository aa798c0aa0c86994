//! Jobs: admission, states, one worker each, retention.
//!
//! A job is started from an [`Order`], which only an approval of the policy and the receipt of its audit record can
//! make. What a job wrote is kept redacted.
//!
//! What an order needs can be named from outside:
//! ```
//! use shellwarden::{audit::Receipt, jobs::{Order, Terms}, policy::Approved, sandbox::SandboxSpec};
//! fn order(approved: Approved, receipt: Receipt, spec: SandboxSpec) -> Order {
//!     Order::new(approved, receipt, spec, Terms::default())
//! }
//! ```
//! but neither made nor used twice:
//! ```compile_fail,E0451
//! fn forge(of: shellwarden::policy::Approved) -> shellwarden::policy::Approved {
//!     shellwarden::policy::Approved { timeout: None, ..of }
//! }
//! ```
//! ```compile_fail,E0599
//! fn twice(approved: shellwarden::policy::Approved) -> [shellwarden::policy::Approved; 2] {
//!     [approved.clone(), approved]
//! }
//! ```
//! ```compile_fail,E0599
//! fn again(receipt: shellwarden::audit::Receipt) -> [shellwarden::audit::Receipt; 2] {
//!     [receipt.clone(), receipt]
//! }
//! ```
//! ```compile_fail,E0599
//! let approved = shellwarden::policy::Approved::new();
//! ```
//! ```compile_fail,E0061
//! use shellwarden::{audit::Receipt, jobs::{Order, Terms}, sandbox::SandboxSpec};
//! fn unjudged(receipt: Receipt, spec: SandboxSpec) -> Order {
//!     Order::new(receipt, spec, Terms::default())
//! }
//! ```
#![forbid(unsafe_code)]

mod activity;
mod gate;
mod job;
mod manager;
mod retired;
mod screen;
mod sequence;
mod started;
mod state;
mod stream;
mod tmp;
mod watched;
mod worker;

pub use activity::Usage;
pub use gate::Priority;
pub use job::{InputError, Job};
pub use manager::{Admission, Label, Limits, Manager, Turned};
pub use screen::{Shown, Size};
pub use sequence::Run;
pub use started::Started;
pub use state::{End, Exit, JobId, Outcome, State, Status};
pub use stream::{Channel, Tap};
pub use tmp::remove_tree;
pub use worker::{Order, Terms};
