//! A server with the fixtures of the public conformance suite, on the transport that `serve --http` uses.
//!
//! In: an address of this machine. Out: tools, prompts and resources that do what the suite's scenarios ask for. It judges
//! and runs nothing; it exists so that the transport can be tried with everything that the protocol has.
//!
//! ```sh
//! cargo run --example everything -- 127.0.0.1:8080
//! conformance server --url http://localhost:8080/mcp --requirements 2026-07-28
//! ```
#![forbid(unsafe_code)]
#![expect(deprecated, reason = "the suite asks for sampling, roots and logging as long as a revision has them")]

mod calls;
mod listen;
mod rounds;
mod shapes;
mod tasks;

use std::process::ExitCode;

use rmcp::handler::server::ServerHandler;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CancelTaskParams, CompleteRequestParams, CompleteResult,
    GetPromptRequestParams, GetPromptResponse, GetTaskParams, GetTaskResult, ListPromptsResult,
    ListResourceTemplatesResult, ListResourcesResult, ListToolsResult, PaginatedRequestParams,
    ReadResourceRequestParams, ReadResourceResponse, ServerCapabilities, ServerConfig, SetLevelRequestParams,
    SubscribeRequestParams, SubscriptionFilter, Tool, UnsubscribeRequestParams, UpdateTaskParams,
};
use rmcp::service::{RequestContext, SubscriptionContext};
use rmcp::{ErrorData, RoleServer};
use serde_json::json;
use shellwarden::mcp::http::{Options, serve_handler};

/// Answers everything from tables.
struct Everything;

type Call = RequestContext<RoleServer>;

/// A value of the protocol from its JSON.
fn of<T: serde::de::DeserializeOwned>(value: serde_json::Value) -> Result<T, ErrorData> {
    serde_json::from_value(value).map_err(|error| ErrorData::internal_error(error.to_string(), None))
}

/// The same for a result, which says that it is complete.
fn result<T: serde::de::DeserializeOwned>(mut value: serde_json::Value) -> Result<T, ErrorData> {
    if let Some(object) = value.as_object_mut() {
        object.insert("resultType".to_owned(), "complete".into());
    }
    of(value)
}

impl ServerHandler for Everything {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(
            ServerCapabilities::builder()
                .enable_tools()
                .enable_tool_list_changed()
                .enable_prompts()
                .enable_prompts_list_changed()
                .enable_resources()
                .enable_resources_subscribe()
                .enable_completions()
                .enable_logging()
                .enable_tasks()
                .build(),
        )
    }

    async fn list_tools(&self, _: Option<PaginatedRequestParams>, _: Call) -> Result<ListToolsResult, ErrorData> {
        result(json!({"tools": shapes::tools()}))
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        shapes::tools().into_iter().find(|tool| tool["name"] == name).and_then(|tool| of(tool).ok())
    }

    async fn call_tool(&self, request: CallToolRequestParams, call: Call) -> Result<CallToolResponse, ErrorData> {
        calls::answer(request, call).await
    }

    async fn get_task(&self, request: GetTaskParams, _: Call) -> Result<GetTaskResult, ErrorData> {
        Ok(GetTaskResult::new(tasks::TASKS.get_task(&request.task_id)?))
    }

    async fn update_task(&self, request: UpdateTaskParams, _: Call) -> Result<(), ErrorData> {
        tasks::TASKS.update_task(&request.task_id, request.input_responses)
    }

    async fn cancel_task(&self, request: CancelTaskParams, _: Call) -> Result<(), ErrorData> {
        tasks::TASKS.cancel_task(&request.task_id)
    }

    async fn list_prompts(&self, _: Option<PaginatedRequestParams>, _: Call) -> Result<ListPromptsResult, ErrorData> {
        result(json!({"prompts": shapes::prompts()}))
    }

    async fn get_prompt(&self, request: GetPromptRequestParams, _: Call) -> Result<GetPromptResponse, ErrorData> {
        shapes::prompt(request)
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: Call,
    ) -> Result<ListResourcesResult, ErrorData> {
        result(json!({"resources": shapes::resources()}))
    }

    async fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        _: Call,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        result(json!({"resourceTemplates": [
            {"uriTemplate": "test://template/{id}/data", "name": "template", "mimeType": "application/json"}]}))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _: Call,
    ) -> Result<ReadResourceResponse, ErrorData> {
        shapes::resource(&request.uri)
    }

    async fn complete(&self, _: CompleteRequestParams, _: Call) -> Result<CompleteResult, ErrorData> {
        result(json!({"completion": {"values": ["test"], "total": 1, "hasMore": false}}))
    }

    async fn set_level(&self, _: SetLevelRequestParams, _: Call) -> Result<(), ErrorData> {
        Ok(())
    }

    async fn subscribe(&self, _: SubscribeRequestParams, _: Call) -> Result<(), ErrorData> {
        Ok(())
    }

    async fn unsubscribe(&self, _: UnsubscribeRequestParams, _: Call) -> Result<(), ErrorData> {
        Ok(())
    }

    fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        Some(requested.clone())
    }

    async fn listen(&self, subscription: SubscriptionContext) -> Result<(), ErrorData> {
        listen::serve(&subscription).await;
        Ok(())
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let Some(Ok(address)) = std::env::args().nth(1).map(|address| address.parse()) else {
        return ExitCode::from(2);
    };
    let options = Options {
        address,
        tokens: None,
        hosts: Vec::new(),
        origins: Vec::new(),
        metrics: Vec::new(),
        tls: None,
        body: 4 << 20,
        sessions: 64,
        calls: 256,
        connections: 512,
    };
    let said = |address: &str| {
        use std::io::Write;
        // Nobody is there to tell when this fails.
        let _ = writeln!(std::io::stderr(), "serving MCP at {address}");
    };
    match serve_handler(options, || Everything, said).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
