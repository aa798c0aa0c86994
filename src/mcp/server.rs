//! The protocol's questions answered: who are you, which tools, call this one.
//!
//! In: requests that the library has parsed, of either era. Out: results. A refusal, a mistake in the arguments and a
//! panic are results with `isError`, because hosts show a model those and hide protocol errors from it.

use std::sync::{Arc, OnceLock};

use rmcp::handler::server::ServerHandler;
use rmcp::model::ProtocolVersion;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, CancelTaskParams, CompleteRequestParams, CompleteResult,
    GetTaskParams, GetTaskResult, Implementation, InitializeRequestParams, InitializeResult,
    ListResourceTemplatesResult, ListResourcesResult, ListToolsResult, PaginatedRequestParams,
    ReadResourceRequestParams, ReadResourceResponse, ServerCapabilities, ServerConfig, SubscribeRequestParams,
    SubscriptionFilter, Tool as WireTool, UnsubscribeRequestParams, UpdateTaskParams,
};
use rmcp::service::{RequestContext, SubscriptionContext};
use rmcp::{ErrorData, RoleServer};
use serde_json::Value;

use crate::engine::Engine;

use super::guard::{Panicked, caught};
use super::parameters;
use super::person::Questions;
use super::progress::Progress;
use super::reply::{self, Reply};
use super::resources;
use super::serve::Options;
use super::tasks;
use super::tool::{Arguments, Context, Dialect, Tool, Trouble};
use super::tools::TOOLS;
use super::updates::{self, Subscriptions};

/// The server of one client: everything that it answers is about that client's jobs and nobody else's. Clones share
/// what was asked of the client's person and what it subscribed to.
#[derive(Clone)]
pub(super) struct Server {
    engine: Arc<Engine>,
    /// Who asks; jobs of others do not exist for it.
    client: Arc<str>,
    dialect: Dialect,
    questions: Questions,
    subscriptions: Subscriptions,
    info: Arc<ServerConfig>,
    list: Arc<Vec<WireTool>>,
    /// A client without handshake is on record with its first call.
    met: Arc<OnceLock<()>>,
}

impl Server {
    /// A server for the client of this name.
    pub(super) fn new(engine: Arc<Engine>, client: &str, options: Options) -> Self {
        let dialect = if options.structured { Dialect::Program } else { Dialect::Model };
        let able = ServerCapabilities::builder()
            .enable_tools()
            .enable_resources()
            .enable_resources_subscribe()
            .enable_completions()
            .enable_tasks()
            .build();
        let info = ServerConfig::new(able)
            .with_server_info(Implementation::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION")))
            .with_instructions(instructions(&engine.instructions()));
        let list = TOOLS.iter().map(|tool| on_the_wire(tool, dialect)).collect();
        Self {
            engine,
            client: client.into(),
            dialect,
            questions: Questions::default(),
            subscriptions: Subscriptions::default(),
            info: Arc::new(info),
            list: Arc::new(list),
            met: Arc::default(),
        }
    }

    /// Puts a client of the era without handshake on record, once.
    fn meet(&self, call: &RequestContext<RoleServer>) {
        let Some(version) = call.protocol_version().filter(|version| *version >= ProtocolVersion::V_2026_07_28) else {
            return;
        };
        if let Some(client) = call.client_info().filter(|_| self.met.set(()).is_ok()) {
            self.engine.connected(&self.client, &client.name, &client.version, version.as_str());
        }
    }

    /// The same client in another session: it has subscriptions of its own, which end with it.
    pub(super) fn session(&self) -> Self {
        Self { subscriptions: Subscriptions::default(), ..self.clone() }
    }

    async fn answer(
        &self,
        tool: &Tool,
        request: CallToolRequestParams,
        call: RequestContext<RoleServer>,
    ) -> CallToolResponse {
        self.meet(&call);
        let knows_tasks = call.client_capabilities().is_some_and(|able| able.supports_tasks());
        let context = Context {
            engine: Arc::clone(&self.engine),
            client: self.client.to_string(),
            dialect: self.dialect,
            progress: Progress::of(&call),
            person: self.questions.person(&request, &call),
            cancelled: call.ct,
        };
        let sent = request.arguments.unwrap_or_default();
        let arguments = Arguments { sent: sent.clone(), table: tool.parameters };
        let result = caught((tool.run)(&context, arguments)).await;
        if let Some(question) = self.questions.hand_out(&context.person, tool.name, sent) {
            return question.into();
        }
        if let (true, Ok(Ok(reply))) = (knows_tasks, &result)
            && let Some(job) = reply.running()
        {
            return tasks::create(job).into();
        }
        in_full(tool, result, self.dialect).into()
    }
}

/// What became of a call, as the client gets it.
fn in_full(tool: &Tool, result: Result<Result<Reply, Trouble>, Panicked>, dialect: Dialect) -> CallToolResult {
    match result {
        Ok(Ok(reply)) => reply.into_result(),
        Ok(Err(trouble)) => reply::error(in_words(&trouble, dialect)),
        Err(Panicked(said)) => {
            tracing::error!(tool = tool.name, "a tool panicked: {said}");
            reply::error(format!("`{}` failed inside the server; this is a bug of shellwarden: {said}", tool.name))
        }
    }
}

impl ServerHandler for Server {
    async fn initialize(
        &self,
        request: InitializeRequestParams,
        call: RequestContext<RoleServer>,
    ) -> Result<InitializeResult, ErrorData> {
        call.peer.set_peer_info(request.clone());
        let result = self.negotiate_initialize(&request)?;
        let (name, version) = (&request.client_info.name, &request.client_info.version);
        self.engine.connected(&self.client, name, version, result.protocol_version.as_str());
        Ok(result)
    }

    fn get_info(&self) -> ServerConfig {
        self.info.as_ref().clone()
    }

    async fn list_tools(
        &self,
        _page: Option<PaginatedRequestParams>,
        _call: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(self.list.as_ref().clone()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        call: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let Some(tool) = TOOLS.iter().find(|tool| tool.name == request.name) else {
            let names: Vec<_> = TOOLS.iter().map(|tool| tool.name).collect();
            return Err(ErrorData::invalid_params(format!("no such tool; there are {}", names.join(", ")), None));
        };
        Ok(self.answer(tool, request, call).await)
    }

    async fn list_resources(
        &self,
        _page: Option<PaginatedRequestParams>,
        _call: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        Ok(ListResourcesResult::with_all_items(resources::list(&self.engine, &self.client)))
    }

    async fn list_resource_templates(
        &self,
        _page: Option<PaginatedRequestParams>,
        _call: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        Ok(ListResourceTemplatesResult::with_all_items(resources::templates()))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _call: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        Ok(resources::read(&self.engine, &self.client, &request.uri)?.into())
    }

    async fn complete(
        &self,
        request: CompleteRequestParams,
        _call: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        let found = resources::complete(&self.engine, &self.client, &request.r#ref, &request.argument);
        Ok(CompleteResult::new(found))
    }

    async fn subscribe(
        &self,
        request: SubscribeRequestParams,
        call: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        // Reading it once says whether there is anything to follow.
        resources::read(&self.engine, &self.client, &request.uri)?;
        self.subscriptions.follow(&self.engine, &self.client, request.uri, call.peer)
    }

    async fn unsubscribe(
        &self,
        request: UnsubscribeRequestParams,
        _call: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.subscriptions.close(&request.uri);
        Ok(())
    }

    fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        Some(updates::accepted(requested))
    }

    async fn listen(&self, subscription: SubscriptionContext) -> Result<(), ErrorData> {
        updates::listen(&self.engine, &self.client, &subscription).await;
        Ok(())
    }

    async fn get_task(
        &self,
        request: GetTaskParams,
        _call: RequestContext<RoleServer>,
    ) -> Result<GetTaskResult, ErrorData> {
        tasks::get(&self.engine, &self.client, &request.task_id)
    }

    async fn update_task(&self, request: UpdateTaskParams, _call: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        tasks::update(&self.engine, &self.client, &request.task_id)
    }

    async fn cancel_task(&self, request: CancelTaskParams, _call: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        tasks::cancel(&self.engine, &self.client, &request.task_id)
    }

    fn get_tool(&self, name: &str) -> Option<WireTool> {
        self.list.iter().find(|tool| tool.name == name).cloned()
    }
}

/// What a model is told before its first call.
fn instructions(policy: &str) -> String {
    format!(
        "Shell commands run here as jobs, judged by a policy and confined. {policy} A refused command says why and what \
         would be allowed: change the command, do not repeat it. A job still running is no error: wait with \
         `get_job_status`, read on with `get_job_output`."
    )
}

/// A tool as the list shows it.
fn on_the_wire(tool: &Tool, dialect: Dialect) -> WireTool {
    let wire = WireTool::new(tool.name, tool.description, parameters::schema(tool.parameters))
        .with_title(tool.title)
        .with_annotations(tool.hints.annotations());
    match (dialect, (tool.answer)()) {
        // Programs build their result types from it; a model would pay for it in tokens.
        (Dialect::Program, Value::Object(schema)) => wire.with_raw_output_schema(Arc::new(schema)),
        _ => wire,
    }
}

/// A failure as the client reads it.
fn in_words(trouble: &Trouble, dialect: Dialect) -> String {
    match (trouble, dialect) {
        // The words of `mcp-background-job`, which its clients look for.
        (Trouble::NoSuchJob(missing), Dialect::Program) => format!("Job {} not found", missing.0),
        _ => trouble.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hosts cut a server's name and a tool's name together at 60 characters, and descriptions at 2048.
    const SERVER_AND_TOOL: usize = 60 - "mcp__shellwarden__".len();

    #[test]
    fn the_list_and_the_instructions_cost_a_model_less_than_2500_tokens() {
        let list: Vec<_> = TOOLS.iter().map(|tool| on_the_wire(tool, Dialect::Model)).collect();
        let bytes = serde_json::to_string(&list).map_or(usize::MAX, |text| text.len());
        let bytes = bytes + instructions(&"p".repeat(600)).len();
        assert!(bytes / 4 < 2500, "{} tokens", bytes / 4);
    }

    #[test]
    fn every_tool_is_fit_for_every_known_host() {
        for tool in TOOLS {
            let wire = on_the_wire(tool, Dialect::Model);
            let hints = wire.annotations.unwrap_or_default();
            let all = [hints.read_only_hint, hints.destructive_hint, hints.idempotent_hint, hints.open_world_hint];
            assert!(all.iter().all(Option::is_some), "{}: all four hints are set", tool.name);
            assert!(tool.name.len() <= SERVER_AND_TOOL, "{}: too long a name", tool.name);
            assert!(tool.description.len() <= 2048, "{}: cut by hosts", tool.name);
            assert!(tool.description.contains("xample"), "{}: shows an example", tool.name);
            let schema = serde_json::to_string(&wire.input_schema).unwrap_or_default();
            for word in ["anyOf", "oneOf", "allOf", "$ref", "$schema", "[\"string\""] {
                assert!(!schema.contains(word), "{}: {word} is not flat", tool.name);
            }
        }
    }

    #[test]
    fn every_answer_of_the_program_dialect_has_a_schema() {
        for tool in TOOLS {
            let schema = (tool.answer)();
            assert!(schema.get("type").is_some_and(|kind| kind == "object"), "{}", tool.name);
        }
    }
}
