//! What a browser wants to hear before it lets a web page of another origin read an answer.
//!
//! In: requests that came through the door with an origin of the policy's list. Out: headers that say so, and answers to
//! the questions that a browser asks first. Who may ask at all is decided by tokens: the page has to have one.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};

/// What a page may send, see the streamable HTTP transport.
const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, DELETE");
const HEADERS: HeaderValue = HeaderValue::from_static(
    "authorization, content-type, accept, last-event-id, mcp-session-id, mcp-protocol-version, mcp-method, mcp-name",
);

/// What it may read beside the body.
const READABLE: HeaderValue = HeaderValue::from_static("mcp-session-id, retry-after, www-authenticate");

/// For how long a browser need not ask again, in seconds.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");

/// Is this a browser's question whether a page may send something?
pub(super) fn asks_first(method: &Method, headers: &HeaderMap) -> bool {
    method == Method::OPTIONS && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// The answer to that, for a page that may.
pub(super) fn may_send() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HEADERS);
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
    response
}

/// Lets a page of this origin read a response.
pub(super) fn may_read(response: &mut Response<Body>, origin: HeaderValue) {
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, READABLE);
    headers.append(header::VARY, HeaderValue::from_static("origin"));
}
