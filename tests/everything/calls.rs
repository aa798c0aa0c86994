//! The tools of the fixtures.
//!
//! In: a call. Out: what the suite wants to see of it, and messages to the client on the way.

use std::time::Duration;

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ClientCapabilities, LoggingLevel,
    LoggingMessageNotificationParam, ProgressNotificationParam,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer};
use serde_json::{Value, json};

use super::listen::{self, Changed};
use super::{of, result, rounds, shapes, tasks};

type Call = RequestContext<RoleServer>;

/// A pause between two messages of one call.
const PAUSE: Duration = Duration::from_millis(50);

/// A result of these blocks.
fn blocks(content: Value) -> Result<CallToolResponse, ErrorData> {
    result::<CallToolResult>(json!({"content": content, "isError": false})).map(Into::into)
}

/// A result of text.
pub(super) fn text(text: &str) -> Result<CallToolResponse, ErrorData> {
    blocks(json!([{"type": "text", "text": text}]))
}

fn failed(error: impl ToString) -> ErrorData {
    ErrorData::internal_error(error.to_string(), None)
}

pub(super) async fn answer(request: CallToolRequestParams, call: Call) -> Result<CallToolResponse, ErrorData> {
    let able = call.client_capabilities().unwrap_or_default();
    if let Some(answer) = tasks::call(&request, &able).await {
        return answer;
    }
    let image = json!({"type": "image", "data": shapes::PNG, "mimeType": "image/png"});
    match request.name.as_ref() {
        "test_simple_text" => text("This is a simple text response for testing."),
        "test_image_content" => blocks(json!([image])),
        "test_audio_content" => blocks(json!([{"type": "audio", "data": shapes::WAV, "mimeType": "audio/wav"}])),
        "test_embedded_resource" => blocks(json!([{"type": "resource", "resource": {
            "uri": "test://embedded-resource", "mimeType": "text/plain", "text": "This is an embedded resource content."}}])),
        "test_multiple_content_types" => blocks(json!([
            {"type": "text", "text": "Multiple content types test:"},
            image,
            {"type": "resource", "resource": {"uri": "test://mixed-content-resource", "mimeType": "application/json",
                "text": json!({"test": "data", "value": 123}).to_string()}},
        ])),
        "test_error_handling" => result::<CallToolResult>(json!({"isError": true, "content": [
            {"type": "text", "text": "This tool intentionally returns an error for testing"}]}))
        .map(Into::into),
        "test_tool_with_logging" | "test_logging_tool" => logging(&call).await,
        "test_tool_with_progress" => progress(&call).await,
        "test_sampling" => sampling(&request, &call).await,
        "test_elicitation" => {
            let schema = json!({"type": "object", "required": ["username", "email"], "properties": {
                "username": {"type": "string", "description": "User's response"},
                "email": {"type": "string", "description": "User's email address"}}});
            elicitation("User response", &given(&request, "message"), schema, &call).await
        }
        "test_elicitation_sep1034_defaults" => {
            elicitation("Elicitation completed", "defaults", defaults(), &call).await
        }
        "test_elicitation_sep1330_enums" => elicitation("Elicitation completed", "enums", enums(), &call).await,
        "test_missing_capability" => missing(&able),
        "test_streaming_elicitation" => {
            rounds::ask(&[rounds::form("user_name", "What is your name?", "name")], None).map(Into::into)
        }
        "test_trigger_tool_change" => {
            listen::change(Changed::Tools);
            text("changed")
        }
        "test_trigger_prompt_change" => {
            listen::change(Changed::Prompts);
            text("changed")
        }
        "test_reconnection" | "json_schema_2020_12_tool" | "test_header_argument" => text("done"),
        name if name.starts_with("test_input_required_result_") => rounds::answer(&request, &able),
        other => Err(ErrorData::invalid_params(format!("no tool `{other}`"), None)),
    }
}

fn given(request: &CallToolRequestParams, name: &str) -> String {
    let value = request.arguments.as_ref().and_then(|all| all.get(name)).and_then(Value::as_str);
    value.unwrap_or_default().to_owned()
}

fn missing(able: &ClientCapabilities) -> Result<CallToolResponse, ErrorData> {
    if able.sampling.is_some() {
        return text("the client can sample");
    }
    Err(ErrorData::missing_required_client_capability(of(json!({"sampling": {}}))?))
}

async fn logging(call: &Call) -> Result<CallToolResponse, ErrorData> {
    // The era without handshake wants messages only where the request asked for them.
    let new_era = call.protocol_version().is_some_and(|version| version.to_string().as_str() >= "2026-07-28");
    if !new_era || call.meta.log_level().is_some() {
        for said in ["Tool execution started", "Tool processing data", "Tool execution completed"] {
            let message = LoggingMessageNotificationParam::new(LoggingLevel::Info, said.into());
            call.peer.notify_logging_message(message).await.map_err(failed)?;
            tokio::time::sleep(PAUSE).await;
        }
    }
    text("logged")
}

async fn progress(call: &Call) -> Result<CallToolResponse, ErrorData> {
    for done in [0.0, 50.0, 100.0] {
        if let Some(token) = call.meta.get_progress_token() {
            let told = ProgressNotificationParam::new(token, done).with_total(100.0);
            call.peer.notify_progress(told).await.map_err(failed)?;
        }
        tokio::time::sleep(PAUSE).await;
    }
    text("done")
}

async fn sampling(request: &CallToolRequestParams, call: &Call) -> Result<CallToolResponse, ErrorData> {
    let message = json!({"role": "user", "content": {"type": "text", "text": given(request, "prompt")}});
    let params = of(json!({"messages": [message], "maxTokens": 100}))?;
    let answer = call.peer.create_message(params).await.map_err(failed)?;
    let said = serde_json::to_string(&answer).map_err(failed)?;
    text(&format!("LLM response: {said}"))
}

async fn elicitation(before: &str, message: &str, schema: Value, call: &Call) -> Result<CallToolResponse, ErrorData> {
    let params = of(json!({"mode": "form", "message": message, "requestedSchema": schema}))?;
    let answer = call.peer.create_elicitation(params).await.map_err(failed)?;
    let answer = serde_json::to_value(&answer).map_err(failed)?;
    let part = |name: &str| answer.get(name).cloned().unwrap_or_default();
    text(&format!("{before}: action={}, content={}", part("action"), part("content")))
}

fn defaults() -> Value {
    json!({"type": "object", "required": [], "properties": {
        "name": {"type": "string", "default": "John Doe"},
        "age": {"type": "integer", "default": 30},
        "score": {"type": "number", "default": 95.5},
        "status": {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
        "verified": {"type": "boolean", "default": true}}})
}

fn enums() -> Value {
    let titled = |values: [(&str, &str); 3]| values.map(|(value, title)| json!({"const": value, "title": title}));
    let options = titled([("value1", "First Option"), ("value2", "Second Option"), ("value3", "Third Option")]);
    let choices = titled([("value1", "First Choice"), ("value2", "Second Choice"), ("value3", "Third Choice")]);
    json!({"type": "object", "required": [], "properties": {
        "untitledSingle": {"type": "string", "enum": ["option1", "option2", "option3"]},
        "titledSingle": {"type": "string", "oneOf": options},
        "legacyEnum": {"type": "string", "enum": ["opt1", "opt2", "opt3"],
            "enumNames": ["Option One", "Option Two", "Option Three"]},
        "untitledMulti": {"type": "array", "items": {"type": "string", "enum": ["option1", "option2", "option3"]}},
        "titledMulti": {"type": "array", "items": {"anyOf": choices}}}})
}
