//! From a request to the client that answers it.
//!
//! In: requests of anybody. Out: replies. In this order: names and pages, who asks, how much, whose turn. Whoever may not
//! ask gets one and the same refusal, whatever was asked for: it tells nobody what there is.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, HttpBody as _};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use axum::middleware::{self, Next};
use axum::routing::get;
use http_body_util::{BodyExt, Full};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::access::{Connection, Presented};
use super::body;
use super::client::Client;
use super::clients::Clients;
use super::doors::Doors;
use super::pages;
use crate::mcp::long::Left;
use crate::metrics;
use crate::turns::Turns;

/// Where the protocol is spoken.
pub(super) const MCP: &str = "/mcp";

/// Numbers for whoever watches the server. A client sees those about itself; those of all together show what others do, so
/// they are for clients that the policy names.
const METRICS: &str = "/metrics";

/// The longest that one request keeps others waiting for their turn: it is then waiting itself, for a job or a person.
const TURN: Duration = Duration::from_millis(5);

/// What all requests share.
pub(super) struct Hall {
    pub(super) clients: Clients,
    pub(super) doors: Doors,
    /// Clients that see the numbers of all.
    pub(super) watchers: Vec<String>,
    /// Longest body in bytes.
    pub(super) body: usize,
    /// Places where requests are worked on, round robin by client.
    pub(super) turns: Turns<Arc<str>>,
    /// Calls that are not answered to their end.
    pub(super) calls: TaskTracker,
    /// No more requests are taken.
    pub(super) draining: CancellationToken,
}

/// All addresses of the server.
pub(super) fn routes(hall: Arc<Hall>) -> Router {
    Router::new()
        // For whoever looks after the server: they say nothing about clients, and need no token.
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .fallback(answer)
        .layer(middleware::from_fn_with_state(Arc::clone(&hall), at_the_door))
        .with_state(hall)
}

async fn ready(State(hall): State<Arc<Hall>>) -> (StatusCode, &'static str) {
    if hall.draining.is_cancelled() || !hall.clients.ready() {
        return (StatusCode::SERVICE_UNAVAILABLE, "not ready\n");
    }
    (StatusCode::OK, "ready\n")
}

/// Stops requests under foreign names and from foreign pages.
async fn at_the_door(State(hall): State<Arc<Hall>>, request: Request, next: Next) -> Response<Body> {
    let connection = request.extensions().get::<Connection>();
    if !connection.is_some_and(|connection| hall.doors.open(request.uri(), request.headers(), connection)) {
        return refusal(StatusCode::FORBIDDEN);
    }
    let Some(origin) = hall.doors.listed(request.headers()) else { return next.run(request).await };
    let mut response = match pages::asks_first(request.method(), request.headers()) {
        true => pages::may_send(),
        false => next.run(request).await,
    };
    pages::may_read(&mut response, origin);
    response
}

async fn answer(State(hall): State<Arc<Hall>>, mut request: Request) -> Response<Body> {
    let Some(client) = identify(&hall, &mut request).await else { return unauthorised() };
    if request.uri().path() == METRICS && request.method() == Method::GET {
        let everything = hall.watchers.iter().any(|name| **name == **client.name()) || hall.clients.is_one();
        let text = if everything { metrics::global().text() } else { client.numbers() };
        let mut reply = Response::new(Body::from(text));
        reply.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; version=0.0.4"));
        return reply;
    }
    if request.uri().path() != MCP {
        return refusal(StatusCode::NOT_FOUND);
    }
    let Ok(permit) = Arc::clone(client.calls()).try_acquire_owned() else {
        return later(StatusCode::TOO_MANY_REQUESTS);
    };
    // A stream that only listens has no end of its own, so nothing waits for it.
    let open = (request.method() != Method::GET).then(|| hall.calls.token());
    let (mut parts, body) = request.into_parts();
    let (body, room) = match body::read(body, hall.body, client.room()).await {
        Ok(body) => body,
        Err(StatusCode::TOO_MANY_REQUESTS) => return later(StatusCode::TOO_MANY_REQUESTS),
        Err(status) => return refusal(status),
    };
    // It may have been revoked while it sent.
    if client.is_gone() {
        return unauthorised();
    }
    if opens_session(&parts.headers) && client.endpoint().full() {
        return later(StatusCode::SERVICE_UNAVAILABLE);
    }
    let ends_session = parts.method == Method::DELETE;
    let left = CancellationToken::new();
    let leaves = left.clone().drop_guard();
    parts.extensions.insert(Left(left));
    let mut reply = in_turn(&hall, &client, Request::from_parts(parts, Full::new(body))).await;
    if ends_session && reply.status() == StatusCode::ACCEPTED {
        // Clients take "accepted" for a session that may go on.
        *reply.status_mut() = StatusCode::NO_CONTENT;
    }
    if reply.body().is_end_stream() {
        return reply;
    }
    // Held as long as there is something to say.
    reply.map(|body| {
        Body::new(body.map_frame(move |frame| {
            let _held = (&permit, &open, &room, &leaves);
            frame
        }))
    })
}

/// Waits until it is this client's turn, and for the head of the reply.
async fn in_turn(
    hall: &Hall,
    client: &Client,
    request: axum::http::Request<Full<axum::body::Bytes>>,
) -> Response<Body> {
    let turn = hall.turns.take(Arc::clone(client.name())).await;
    let mut reply = std::pin::pin!(client.endpoint().answer(request));
    match tokio::time::timeout(TURN, &mut reply).await {
        Ok(reply) => reply,
        Err(_) => {
            drop(turn);
            reply.await
        }
    }
}

async fn identify(hall: &Hall, request: &mut Request) -> Option<Arc<Client>> {
    let connection = request.extensions().get::<Connection>()?.clone();
    let presented = Presented::take(request.headers_mut(), &connection);
    let client = hall.clients.find(&presented).await?;
    connection.proven.by(client.name());
    Some(client)
}

/// May this be the first message of a session? Requests of the era without sessions say so.
fn opens_session(headers: &HeaderMap) -> bool {
    let version = headers.get("mcp-protocol-version").and_then(|version| version.to_str().ok());
    !headers.contains_key("mcp-session-id") && version.is_none_or(|version| version < "2026-07-28")
}

fn refusal(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::from(status.canonical_reason().unwrap_or("refused")));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    response
}

fn later(status: StatusCode) -> Response<Body> {
    let mut response = refusal(status);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

/// The answer to everybody who may not ask, whatever the reason.
fn unauthorised() -> Response<Body> {
    let mut response = refusal(StatusCode::UNAUTHORIZED);
    response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response
}
