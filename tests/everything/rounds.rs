//! Fixtures that answer with a question, and are asked again with the answer.
//!
//! In: a call, perhaps with answers and state. Out: the next question, or the result. State is a handle to what is kept
//! here: whatever else comes back as state is refused.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use rmcp::ErrorData;
use rmcp::model::{CallToolRequestParams, CallToolResponse, ClientCapabilities, InputRequiredResult, InputResponses};
use serde_json::{Value, json};

use super::{calls, of};

/// States that were handed out, with the round that they stand for.
static STATES: Mutex<Option<HashMap<String, usize>>> = Mutex::new(None);

fn remember(round: usize) -> String {
    let mut states = STATES.lock().unwrap_or_else(PoisonError::into_inner);
    let handle = uuid::Uuid::new_v4().to_string();
    states.get_or_insert_default().insert(handle.clone(), round);
    handle
}

/// The round that a state stands for; zero without one.
fn round_of(state: Option<&String>) -> Result<usize, ErrorData> {
    let Some(state) = state else { return Ok(0) };
    let mut states = STATES.lock().unwrap_or_else(PoisonError::into_inner);
    let known = states.get_or_insert_default().remove(state);
    known.ok_or_else(|| ErrorData::invalid_params("the state is not one that was handed out", None))
}

/// A question with one field of text.
pub(super) fn form(key: &str, message: &str, field: &str) -> (String, Value) {
    let schema = json!({"type": "object", "properties": {field: {"type": "string"}}, "required": [field]});
    (key.to_owned(), json!({"method": "elicitation/create", "params": {"message": message, "requestedSchema": schema}}))
}

fn confirm() -> (String, Value) {
    let schema = json!({"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"]});
    let params = json!({"message": "Please confirm", "requestedSchema": schema});
    ("confirm".to_owned(), json!({"method": "elicitation/create", "params": params}))
}

fn sampling(key: &str, text: &str) -> (String, Value) {
    let message = json!({"role": "user", "content": {"type": "text", "text": text}});
    (key.to_owned(), json!({"method": "sampling/createMessage", "params": {"messages": [message], "maxTokens": 100}}))
}

fn roots() -> (String, Value) {
    ("client_roots".to_owned(), json!({"method": "roots/list", "params": {}}))
}

/// A result that asks.
pub(super) fn ask(questions: &[(String, Value)], state: Option<String>) -> Result<InputRequiredResult, ErrorData> {
    let requests: serde_json::Map<_, _> = questions.iter().cloned().collect();
    Ok(InputRequiredResult::new(Some(of(requests.into())?), state))
}

/// Answers by key, as far as they are objects.
fn answered(answers: &InputResponses, keys: &[(String, Value)]) -> bool {
    keys.iter().all(|(key, _)| answers.get(key).is_some_and(Value::is_object))
}

/// The tools that ask.
pub(super) fn answer(
    request: &CallToolRequestParams,
    able: &ClientCapabilities,
) -> Result<CallToolResponse, ErrorData> {
    let answers = request.input_responses.clone().unwrap_or_default();
    let round = round_of(request.request_state.as_ref())?;
    let short = request.name.strip_prefix("test_input_required_result_").unwrap_or_default();
    let name = form("user_name", "What is your name?", "name");
    let (questions, state, done) = match (short, round) {
        ("elicitation", _) => (vec![name], None, "Hello"),
        ("sampling", _) => (vec![sampling("capital_question", "What is the capital of France?")], None, "Sampled"),
        ("list_roots", _) => (vec![roots()], None, "Roots"),
        ("request_state", _) => (vec![confirm()], Some(1), "state-ok"),
        ("tampered_state", _) => (vec![confirm()], Some(1), "untouched"),
        ("multiple_inputs", _) => (vec![name, sampling("greeting", "Generate a greeting"), roots()], Some(1), "All"),
        ("multi_round", 0) => (vec![form("step1", "Step 1: What is your name?", "name")], Some(1), ""),
        ("multi_round", 1) => (vec![form("step2", "Step 2: What is your favorite color?", "color")], Some(2), "Round"),
        ("multi_round", _) => (Vec::new(), None, "Round"),
        ("capabilities", _) => {
            let mut possible = Vec::new();
            possible.extend(able.sampling.as_ref().map(|_| sampling("greeting", "Generate a greeting")));
            possible.extend(able.elicitation.as_ref().map(|_| name));
            (possible, None, "All that you can")
        }
        _ => return Err(ErrorData::invalid_params("no such tool", None)),
    };
    // A second round of its own asks whatever came before; everything else is done once all is answered.
    let asks = short == "multi_round" && round < 2 || !answered(&answers, &questions);
    if asks && !questions.is_empty() {
        return ask(&questions, state.map(remember)).map(Into::into);
    }
    let said: Vec<_> = answers.iter().map(|(key, value)| format!("{key}={value}")).collect();
    calls::text(&format!("{done}: {}", said.join(" ")))
}
