//! The body of a request, read to its end.
//!
//! In: bytes as they arrive. Out: all of them, or the status that says why not: too many, too many together with those of
//! other requests of the same client, or too slowly.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody as _};
use axum::http::StatusCode;
use http_body_util::{BodyExt, Limited};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long a client may take for the body of one request.
const PATIENCE: Duration = Duration::from_secs(20);

/// A body, and the room that it takes until this is dropped.
pub(super) type Whole = (Bytes, OwnedSemaphorePermit);

/// Reads a body of at most `most` bytes, each of which takes one permit of `room`.
pub(super) async fn read(body: Body, most: usize, room: &Arc<Semaphore>) -> Result<Whole, StatusCode> {
    // What a client announces is refused before it sends it.
    if body.size_hint().lower() > u64::try_from(most).unwrap_or(u64::MAX) {
        return Err(StatusCode::PAYLOAD_TOO_LARGE);
    }
    tokio::time::timeout(PATIENCE, collect(Limited::new(body, most), room))
        .await
        .unwrap_or(Err(StatusCode::REQUEST_TIMEOUT))
}

async fn collect(mut body: Limited<Body>, room: &Arc<Semaphore>) -> Result<Whole, StatusCode> {
    let take = |bytes: usize| {
        let permits = u32::try_from(bytes).map_err(|_| StatusCode::PAYLOAD_TOO_LARGE)?;
        Arc::clone(room).try_acquire_many_owned(permits).map_err(|_| StatusCode::TOO_MANY_REQUESTS)
    };
    let (mut whole, mut held) = (Vec::new(), take(0)?);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| match error.is::<http_body_util::LengthLimitError>() {
            true => StatusCode::PAYLOAD_TOO_LARGE,
            false => StatusCode::BAD_REQUEST,
        })?;
        let Ok(bytes) = frame.into_data() else { continue };
        held.merge(take(bytes.len())?);
        whole.extend_from_slice(&bytes);
    }
    Ok((whole.into(), held))
}
