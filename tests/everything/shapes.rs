//! What the fixtures look like, as the suite describes them.
//!
//! In: names and addresses. Out: JSON of the protocol.

use rmcp::ErrorData;
use rmcp::model::{
    GetPromptRequestParams, GetPromptResponse, GetPromptResult, ReadResourceResponse, ReadResourceResult,
};
use serde_json::{Value, json};

use super::{result, rounds};

/// One red pixel.
pub(super) const PNG: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==";
/// No sound.
pub(super) const WAV: &str = "UklGRiQAAABXQVZFZm10IBAAAAABAAEARKwAAIhYAQACABAAZGF0YQAAAAA=";

/// Tools without arguments.
const PLAIN: &[&str] = &[
    "test_simple_text",
    "test_image_content",
    "test_audio_content",
    "test_embedded_resource",
    "test_multiple_content_types",
    "test_tool_with_logging",
    "test_tool_with_progress",
    "test_error_handling",
    "test_elicitation_sep1034_defaults",
    "test_elicitation_sep1330_enums",
    "test_reconnection",
    "test_missing_capability",
    "test_streaming_elicitation",
    "test_logging_tool",
    "test_trigger_tool_change",
    "test_trigger_prompt_change",
    "test_input_required_result_elicitation",
    "test_input_required_result_sampling",
    "test_input_required_result_list_roots",
    "test_input_required_result_request_state",
    "test_input_required_result_multiple_inputs",
    "test_input_required_result_multi_round",
    "test_input_required_result_tampered_state",
    "test_input_required_result_capabilities",
    "failing_job",
    "protocol_error_job",
    "multi_input",
    "test_tool_with_task",
];

/// All tools.
pub(super) fn tools() -> Vec<Value> {
    let tool = |name: &str, schema: Value| json!({"name": name, "description": format!("fixture {name}"), "inputSchema": schema});
    let with = |key: &str| json!({"type": "object", "properties": {key: {"type": "string"}}, "required": [key]});
    let mut all: Vec<_> = PLAIN.iter().map(|name| tool(name, json!({"type": "object", "properties": {}}))).collect();
    all.push(tool("test_sampling", with("prompt")));
    all.push(tool("test_elicitation", with("message")));
    all.push(tool("greet", with("name")));
    all.push(tool("confirm_delete", with("filename")));
    all.push(tool(
        "slow_compute",
        json!({"type": "object", "properties": {"seconds": {"type": "integer"}, "label": {"type": "string"}}}),
    ));
    // Proxies may route by this argument: it must stand in a header as well.
    all.push(tool(
        "test_header_argument",
        json!({"type": "object", "properties": {"region": {"type": "string", "x-mcp-header": "Region"}}}),
    ));
    all.push(tool(
        "json_schema_2020_12_tool",
        json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "$defs": {"address": {"$anchor": "addressDef", "type": "object", "properties": {
                "street": {"type": "string"}, "city": {"type": "string"}}}},
            "properties": {
                "name": {"type": "string"}, "address": {"$ref": "#/$defs/address"},
                "contactMethod": {"type": "string", "enum": ["phone", "email"]},
                "phone": {"type": "string"}, "email": {"type": "string"}},
            "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
            "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
            "then": {"required": ["phone"]},
            "else": {"required": ["email"]},
            "additionalProperties": false,
        }),
    ));
    all
}

/// All prompts.
pub(super) fn prompts() -> Value {
    let argument = |name: &str| json!({"name": name, "description": "an argument", "required": true});
    json!([
        {"name": "test_simple_prompt", "description": "a text"},
        {"name": "test_prompt_with_arguments", "description": "a text with arguments",
         "arguments": [argument("arg1"), argument("arg2")]},
        {"name": "test_prompt_with_embedded_resource", "description": "a resource",
         "arguments": [argument("resourceUri")]},
        {"name": "test_prompt_with_image", "description": "an image"},
        {"name": "test_input_required_result_prompt", "description": "asks first"},
    ])
}

/// One prompt.
pub(super) fn prompt(request: GetPromptRequestParams) -> Result<GetPromptResponse, ErrorData> {
    let given = |name: &str| {
        let value = request.arguments.as_ref().and_then(|all| all.get(name)).and_then(Value::as_str);
        value.unwrap_or_default().to_owned()
    };
    let text = |text: &str| json!({"role": "user", "content": {"type": "text", "text": text}});
    let messages = match request.name.as_str() {
        "test_simple_prompt" => json!([text("This is a simple prompt for testing.")]),
        "test_prompt_with_arguments" => {
            let (one, two) = (given("arg1"), given("arg2"));
            json!([text(&format!("Prompt with arguments: arg1='{one}', arg2='{two}'"))])
        }
        "test_prompt_with_embedded_resource" => json!([
            {"role": "user", "content": {"type": "resource", "resource": {
                "uri": given("resourceUri"), "mimeType": "text/plain", "text": "Embedded resource content for testing."}}},
            text("Please process the embedded resource above."),
        ]),
        "test_prompt_with_image" => json!([
            {"role": "user", "content": {"type": "image", "data": PNG, "mimeType": "image/png"}},
            text("Please analyze the image above."),
        ]),
        "test_input_required_result_prompt" => {
            let answers = request.input_responses.clone().unwrap_or_default();
            match answers.get("user_context") {
                None => {
                    return rounds::ask(
                        &[rounds::form("user_context", "What context should the prompt use?", "context")],
                        None,
                    )
                    .map(Into::into);
                }
                Some(answer) => json!([text(&format!("Use the context {answer}"))]),
            }
        }
        other => return Err(ErrorData::invalid_params(format!("no prompt `{other}`"), None)),
    };
    result::<GetPromptResult>(json!({"messages": messages})).map(Into::into)
}

/// All resources.
pub(super) fn resources() -> Value {
    json!([
        {"uri": "test://static-text", "name": "text", "mimeType": "text/plain"},
        {"uri": "test://static-binary", "name": "binary", "mimeType": "image/png"},
        {"uri": "test://watched-resource", "name": "watched", "mimeType": "text/plain"},
    ])
}

/// One resource.
pub(super) fn resource(uri: &str) -> Result<ReadResourceResponse, ErrorData> {
    let template = uri.strip_prefix("test://template/").and_then(|rest| rest.strip_suffix("/data"));
    let content = match (uri, template) {
        ("test://static-text", _) => {
            json!({"mimeType": "text/plain", "text": "This is the content of the static text resource."})
        }
        ("test://static-binary", _) => json!({"mimeType": "image/png", "blob": PNG}),
        ("test://watched-resource", _) => json!({"mimeType": "text/plain", "text": "watched"}),
        (_, Some(id)) => {
            let text = json!({"id": id, "templateTest": true, "data": format!("Data for ID: {id}")});
            json!({"mimeType": "application/json", "text": text.to_string()})
        }
        _ => return Err(ErrorData::resource_not_found(format!("nothing at `{uri}`"), Some(json!({"uri": uri})))),
    };
    let mut content = content;
    if let Some(object) = content.as_object_mut() {
        object.insert("uri".to_owned(), uri.into());
    }
    result::<ReadResourceResult>(json!({"contents": [content]})).map(Into::into)
}
