//! What a tool is: a name, words for the model, a table of parameters, and a function.
//!
//! In: checked arguments and a [`Context`]. Out: a [`Reply`] or [`Trouble`], which become the result of the call.

use std::pin::Pin;
use std::sync::Arc;

use rmcp::model::{JsonObject, ToolAnnotations};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::engine::{Engine, JobId, NoSuchJob};

use super::given_up::GivenUp;
use super::long::Long;
use super::parameters::{self, BadArguments, Parameter};
use super::person::Person;
use super::progress::Progress;
use super::reply::Reply;

/// Whom an answer is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// A model: text, read once.
    Model,
    /// A program written against `mcp-background-job`: its JSON, its states, its defaults.
    Program,
}

/// What a tool may use while it answers one call.
pub(super) struct Context {
    pub(super) engine: Arc<Engine>,
    /// Who asks; jobs of others do not exist for it.
    pub(super) client: String,
    pub(super) dialect: Dialect,
    /// The id of the job that the call starts, if it starts one.
    pub(super) job: JobId,
    /// Fires when the client cancels this call, or leaves.
    pub(super) given_up: GivenUp,
    /// Makes answers that are long.
    pub(super) long: Long,
    /// Signs of life while the call waits.
    pub(super) progress: Progress,
    /// Whoever can confirm what the policy wants confirmed.
    pub(super) person: Person,
}

impl Context {
    /// Makes what may be long, once there is room for it.
    pub(super) async fn long<T: Send + 'static>(
        &self,
        make: impl FnOnce(&Engine) -> T + Send + 'static,
    ) -> Result<T, Trouble> {
        self.long.answer(&self.engine, make).await.ok_or(Trouble::GivenUp)
    }
}

/// Why a call has no answer. Each becomes a tool result with `isError`, so that the model reads it.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum Trouble {
    #[error(transparent)]
    Arguments(#[from] BadArguments),
    #[error(transparent)]
    NoSuchJob(#[from] NoSuchJob),
    /// Nobody reads this.
    #[error("cancelled; what the call started was ended")]
    GivenUp,
    /// The engine's own words.
    #[error("{0}")]
    Refused(String),
}

/// The future of one call.
pub(super) type Answer<'a> = Pin<Box<dyn Future<Output = Result<Reply, Trouble>> + Send + 'a>>;

/// One tool.
pub(super) struct Tool {
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    /// For the model: what it does, when to use it, one example.
    pub(super) description: &'static str,
    pub(super) hints: Hints,
    pub(super) parameters: &'static [Parameter],
    /// JSON Schema of the answer in [`Dialect::Program`].
    pub(super) answer: fn() -> Value,
    pub(super) run: for<'a> fn(&'a Context, Arguments) -> Answer<'a>,
}

/// What a host may assume of a tool. All four are always sent: an absent one counts as the most dangerous.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hints {
    pub(super) read_only: bool,
    pub(super) destructive: bool,
    pub(super) idempotent: bool,
    pub(super) open_world: bool,
}

impl Hints {
    /// Looks and changes nothing.
    pub(super) const LOOKS: Self = Self { read_only: true, destructive: false, idempotent: true, open_world: false };

    pub(super) fn annotations(self) -> ToolAnnotations {
        ToolAnnotations::new()
            .read_only(self.read_only)
            .destructive(self.destructive)
            .idempotent(self.idempotent)
            .open_world(self.open_world)
    }
}

/// The arguments of a call as sent, with the table that they must fit.
pub(super) struct Arguments {
    pub(super) sent: JsonObject,
    pub(super) table: &'static [Parameter],
}

impl Arguments {
    /// Checks them and reads them into the tool's own type.
    pub(super) fn read<T: DeserializeOwned>(self) -> Result<T, BadArguments> {
        parameters::read(self.table, self.sent)
    }
}
