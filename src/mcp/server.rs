//! The protocol's questions answered: who are you, which tools, call this one.
//!
//! In: requests that the library has parsed, of either era. Out: results. A refusal, a mistake in the arguments and a
//! panic are results with `isError`, because hosts show a model those and hide protocol errors from it.

use std::sync::{Arc, OnceLock};

use rmcp::handler::server::ServerHandler;
use rmcp::model::ProtocolVersion;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, CancelTaskParams, CompleteRequestParams, CompleteResult,
    GetTaskParams, GetTaskResult, Implementation, InitializeRequestParams, InitializeResult, JsonObject,
    ListPromptsResult, ListResourceTemplatesResult, ListResourcesResult, ListToolsResult, PaginatedRequestParams,
    ReadResourceRequestParams, ReadResourceResponse, ServerCapabilities, ServerConfig, SubscribeRequestParams,
    SubscriptionFilter, Tool as WireTool, UnsubscribeRequestParams, UpdateTaskParams,
};
use rmcp::service::{RequestContext, SubscriptionContext};
use rmcp::{ErrorData, RoleServer};
use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;

use crate::engine::{Engine, JobId};

use super::given_up::GivenUp;
use super::guard::{Panicked, caught};
use super::listing::{instructions, on_the_wire};
use super::long::Long;
use super::pending::{self, Pending};
use super::person::{self, Person, Questions};
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
    pending: Pending,
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
            pending: Pending::default(),
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
        tool: &'static Tool,
        request: CallToolRequestParams,
        call: RequestContext<RoleServer>,
    ) -> CallToolResponse {
        self.meet(&call);
        let knows_tasks = call.client_capabilities().is_some_and(|able| able.supports_tasks());
        if person::asks_behind_tasks(&call) {
            return self.answer_by_task(tool, request, call).await;
        }
        let person = self.questions.person(&request, &call);
        let context = self.context(&call, person, GivenUp::of(&call));
        let sent = request.arguments.unwrap_or_default();
        let result = run(tool, &context, sent.clone()).await;
        if let Some(question) = self.questions.hand_out(&context.person, tool.name, sent) {
            return question.into();
        }
        match knows_tasks {
            true => as_task(tool, result),
            false => in_full(tool, result).into(),
        }
    }

    /// What a tool may use while it answers a call.
    fn context(&self, call: &RequestContext<RoleServer>, person: Person, given_up: GivenUp) -> Context {
        Context {
            engine: Arc::clone(&self.engine),
            client: self.client.to_string(),
            dialect: self.dialect,
            job: JobId::random(),
            progress: Progress::of(call),
            person,
            long: Long::of(call, given_up.clone()),
            given_up,
        }
    }

    /// The same for a client to which a question of the policy goes as a task that waits for input. The call goes on
    /// behind that task.
    async fn answer_by_task(
        &self,
        tool: &'static Tool,
        request: CallToolRequestParams,
        call: RequestContext<RoleServer>,
    ) -> CallToolResponse {
        let ((line, mut raised), cancelled) = (pending::line(), CancellationToken::new());
        let context = self.context(&call, Person::behind_a_task(line), GivenUp::by(cancelled.clone()));
        let (waiting, owed) = (GivenUp::of(&call), cancelled.clone().drop_guard());
        let (id, progress) = (context.job.to_string(), context.progress.clone());
        let sent = request.arguments.unwrap_or_default();
        let mut run = tokio::spawn(async move { run(tool, &context, sent).await });
        let question = tokio::select! {
            question = &mut raised => question.ok(),
            () = waiting.happens() => None,
            result = &mut run => return as_task(tool, unwound(result)),
        };
        let Some(question) = question else {
            // Given up, or nothing was asked. A question that comes now has nobody to go to.
            drop(raised);
            tokio::select! {
                result = &mut run => return as_task(tool, unwound(result)),
                () = waiting.happens() => cancelled.cancel(),
            }
            return as_task(tool, unwound(run.await));
        };
        progress.end();
        // From here on the task can be cancelled, not the call.
        owed.disarm();
        let task = self.pending.ask(&id, question, cancelled);
        let pending = self.pending.clone();
        tokio::spawn(async move {
            let result = unwound(run.await);
            let started = matches!(&result, Ok(Ok(_)));
            let told = (!started).then(|| tasks::json(in_full(tool, result)));
            pending.settle(&id, told);
        });
        task.into()
    }
}

/// Runs a tool to its answer. What it started lives on when that goes out, and not otherwise.
async fn run(tool: &'static Tool, context: &Context, sent: JsonObject) -> Result<Result<Reply, String>, Panicked> {
    let arguments = Arguments { sent, table: tool.parameters };
    let answer = caught((tool.run)(context, arguments)).await?;
    let answer = answer.and_then(|reply| reply.goes_out(&context.given_up).ok_or(Trouble::GivenUp));
    // A failure may repeat what was sent, and nobody else has looked at that.
    Ok(answer.map_err(|trouble| context.engine.clean(&in_words(&trouble, context.dialect))))
}

/// A call that ran as a task of the runtime; its panics were caught inside.
fn unwound<T>(result: Result<Result<T, Panicked>, JoinError>) -> Result<T, Panicked> {
    result.unwrap_or_else(|error| Err(Panicked(error.to_string())))
}

/// What became of a call, for a client that knows tasks.
fn as_task(tool: &Tool, result: Result<Result<Reply, String>, Panicked>) -> CallToolResponse {
    if let Ok(Ok(reply)) = &result
        && let Some(job) = reply.running()
    {
        return tasks::create(job).into();
    }
    in_full(tool, result).into()
}

/// What became of a call, as the client gets it.
fn in_full(tool: &Tool, result: Result<Result<Reply, String>, Panicked>) -> CallToolResult {
    match result {
        Ok(Ok(reply)) => reply.into_result(),
        Ok(Err(trouble)) => reply::error(trouble),
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
        match self.engine.tool_called(&self.client, tool.name).await {
            Ok(_while_it_lasts) => Ok(self.answer(tool, request, call).await),
            Err(refused) => Ok(reply::error(refused.to_string()).into()),
        }
    }

    /// There are none. Clients that ask without looking at the capabilities get an answer that they can use.
    async fn list_prompts(
        &self,
        _page: Option<PaginatedRequestParams>,
        _call: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        Ok(ListPromptsResult::default())
    }

    /// No log messages are sent, at any level.
    #[expect(deprecated, reason = "clients with handshake may still set a level")]
    async fn set_level(
        &self,
        _level: rmcp::model::SetLevelRequestParams,
        _call: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        Ok(())
    }

    async fn list_resources(
        &self,
        _page: Option<PaginatedRequestParams>,
        _call: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        Ok(ListResourcesResult::with_all_items(resources::list(&self.engine, &self.client).await))
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
        call: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let long = Long::of(&call, GivenUp::of(&call));
        Ok(resources::read(&self.engine, &self.client, &request.uri, &long).await?.into())
    }

    async fn complete(
        &self,
        request: CompleteRequestParams,
        _call: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        let found = resources::complete(&self.engine, &self.client, &request.r#ref, &request.argument).await;
        Ok(CompleteResult::new(found))
    }

    async fn subscribe(
        &self,
        request: SubscribeRequestParams,
        call: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        // Reading it once says whether there is anything to follow.
        let long = Long::of(&call, GivenUp::of(&call));
        resources::read(&self.engine, &self.client, &request.uri, &long).await?;
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
        match (self.engine.status(&self.client, &request.task_id).await, self.pending.get(&request.task_id)) {
            (Err(_), Some(waiting)) => Ok(GetTaskResult::new(waiting)),
            _ => tasks::get(&self.engine, &self.client, &request.task_id).await,
        }
    }

    async fn update_task(&self, request: UpdateTaskParams, _call: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        match self.pending.answer(&request.task_id, &request.input_responses) {
            true => Ok(()),
            false => tasks::update(&self.engine, &self.client, &request.task_id).await,
        }
    }

    async fn cancel_task(&self, request: CancelTaskParams, _call: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        let waited = self.pending.cancel(&request.task_id);
        // Its job may have come into being meanwhile.
        let killed = tasks::cancel(&self.engine, &self.client, &request.task_id).await;
        if waited { Ok(()) } else { killed }
    }

    fn get_tool(&self, name: &str) -> Option<WireTool> {
        self.list.iter().find(|tool| tool.name == name).cloned()
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
