//! Asking a person, where a rule of the policy wants one to confirm.
//!
//! In: the client's abilities and the call. Out: an answer for the engine. Clients with handshake are asked while the
//! call waits. Clients without are answered with the question; they repeat the call with the answer, which counts once,
//! for the same arguments and the same question, within [`VALID`]. What the client echoes is only a random handle: what
//! it stands for is kept here.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rmcp::RoleServer;
use rmcp::model::{
    CallToolRequestParams, ElicitRequest, ElicitRequestParams, ElicitResult, ElicitationAction, ElicitationSchema,
    InputRequest, InputRequests, InputRequiredResult, InputResponses, JsonObject, ProtocolVersion,
};
use rmcp::service::{Peer, RequestContext};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::engine::{Confirm, Question};

/// How long a person may take, and how long a question can be answered.
const VALID: Duration = Duration::from_secs(300);

/// Open questions at a time. A client that asks without answering loses the oldest.
const OPEN: usize = 64;

/// Name of the one question of a call.
const KEY: &str = "confirm";

/// Questions that were handed out and not answered yet.
#[derive(Debug, Clone, Default)]
pub(super) struct Questions {
    open: Arc<Mutex<HashMap<String, Asked>>>,
}

/// A question that was handed out.
#[derive(Debug)]
struct Asked {
    tool: String,
    arguments: JsonObject,
    question: Question,
    until: Instant,
}

/// A question that a call raised, and the way to answer it.
#[derive(Debug)]
pub(super) struct Raised {
    pub(super) question: Question,
    pub(super) answer: oneshot::Sender<bool>,
}

/// Whoever can be asked during one call.
pub(super) struct Person {
    how: How,
    /// The question that the client must carry to the person.
    unanswered: Mutex<Option<Question>>,
}

enum How {
    /// The client cannot ask.
    Not,
    /// Over the open session.
    Now(Peer<RoleServer>, CancellationToken),
    /// By an answer that asks.
    Later,
    /// The person was asked this before and answered.
    Answered(Question, bool),
    /// Behind a task: the question goes there, once.
    InTask(Mutex<Option<oneshot::Sender<Raised>>>),
}

impl Person {
    /// Somebody who is asked behind a task; the call waits.
    pub(super) fn behind_a_task(line: oneshot::Sender<Raised>) -> Self {
        Self { how: How::InTask(Mutex::new(Some(line))), unanswered: Mutex::new(None) }
    }
}

/// Can this client carry a question to a person, and does it know tasks that wait for input?
pub(super) fn asks_behind_tasks(call: &RequestContext<RoleServer>) -> bool {
    let knows_tasks = call.client_capabilities().is_some_and(|able| able.supports_tasks());
    knows_tasks && can_ask(call) && is_new_era(call)
}

fn can_ask(call: &RequestContext<RoleServer>) -> bool {
    call.client_capabilities().and_then(|able| able.elicitation).is_some_and(|forms| {
        // Neither named means forms, as in the first version of the capability.
        forms.form.is_some() || forms.url.is_none()
    })
}

fn is_new_era(call: &RequestContext<RoleServer>) -> bool {
    call.protocol_version().is_some_and(|version| version >= ProtocolVersion::V_2026_07_28)
}

/// The question as a client carries it.
pub(super) fn requests(question: &Question) -> InputRequests {
    InputRequests::from([(KEY.to_owned(), InputRequest::Elicitation(ElicitRequest::new(form(question))))])
}

/// What the person said, if anything can be read.
pub(super) fn accepted(responses: &InputResponses) -> Option<bool> {
    let answer: ElicitResult = serde_json::from_value(responses.get(KEY)?.clone()).ok()?;
    Some(answer.action == ElicitationAction::Accept)
}

impl Questions {
    /// Whom this call can reach. An answer that the call brings along is used up by this.
    pub(super) fn person(&self, request: &CallToolRequestParams, call: &RequestContext<RoleServer>) -> Person {
        let how = match (can_ask(call), is_new_era(call)) {
            (false, _) => How::Not,
            (true, false) => How::Now(call.peer.clone(), call.ct.clone()),
            (true, true) => match self.take(request) {
                Some((question, yes)) => How::Answered(question, yes),
                None => How::Later,
            },
        };
        Person { how, unanswered: Mutex::new(None) }
    }

    /// The result that carries the question of this call to the person, if it raised one.
    pub(super) fn hand_out(&self, person: &Person, tool: &str, arguments: JsonObject) -> Option<InputRequiredResult> {
        let question = person.unanswered.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        let handle = Uuid::new_v4().simple().to_string();
        let requests = requests(&question);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.len() >= OPEN
            && let Some(oldest) = open.iter().min_by_key(|(_, asked)| asked.until).map(|(handle, _)| handle.clone())
        {
            open.remove(&oldest);
        }
        let asked = Asked { tool: tool.to_owned(), arguments, question, until: Instant::now() + VALID };
        open.insert(handle.clone(), asked);
        Some(InputRequiredResult::new(Some(requests), Some(handle)))
    }

    /// The answer that a repeated call brings, if it answers what was asked of exactly this call.
    fn take(&self, request: &CallToolRequestParams) -> Option<(Question, bool)> {
        let handle = request.request_state.as_ref()?;
        let answer = accepted(request.input_responses.as_ref()?);
        // Removed whatever comes of it: no handle works twice.
        let asked = self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(handle)?;
        let arguments = request.arguments.clone().unwrap_or_default();
        let same = asked.tool == request.name && asked.arguments == arguments && Instant::now() < asked.until;
        Some((asked.question, answer.filter(|_| same)?))
    }
}

impl Confirm for Person {
    async fn confirm(&self, question: &Question) -> Option<bool> {
        match &self.how {
            How::Not => None,
            How::Now(peer, cancelled) => tokio::select! {
                answer = peer.create_elicitation_with_timeout(form(question), Some(VALID)) => {
                    answer.ok().map(|answer| answer.action == ElicitationAction::Accept)
                }
                () = cancelled.cancelled() => None,
            },
            How::Later => {
                *self.unanswered.lock().unwrap_or_else(PoisonError::into_inner) = Some(question.clone());
                None
            }
            How::InTask(line) => {
                let line = line.lock().unwrap_or_else(PoisonError::into_inner).take()?;
                let (answer, answered) = oneshot::channel();
                line.send(Raised { question: question.clone(), answer }).ok()?;
                tokio::time::timeout(VALID, answered).await.ok()?.ok()
            }
            // Another question than the one that was answered has no answer.
            How::Answered(answered, yes) => (answered == question).then_some(*yes),
        }
    }
}

/// The form that a person sees: accepting it is the answer, there is nothing to fill in.
fn form(question: &Question) -> ElicitRequestParams {
    ElicitRequestParams::FormElicitationParams {
        meta: None,
        message: format!("Run this command?\n\n{}\n\n{}", question.command, question.reason),
        requested_schema: ElicitationSchema::new(std::collections::BTreeMap::new()),
    }
}
