//! How long a call may wait, and what ends the wait early.
//!
//! In: seconds that a client asked for. Out: a duration below what clients tolerate, and a note when it was cut; the
//! state of a job at its end, at the end of the wait, or when the client cancels.

use std::pin::pin;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::engine::{NoSuchJob, Status};

use super::render;
use super::tool::Context;

/// Clients cut a call off at 45 to 60 seconds; below that an answer always arrives.
const LONGEST: f64 = 45.0;

/// The most that a client may write; it is cut to [`LONGEST`] and said so, never refused.
pub(super) const MAY_ASK: f64 = 86_400.0;

/// A wait within bounds.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Wait {
    /// How long.
    pub(super) limit: Duration,
    /// What to tell the client when it asked for more.
    pub(super) note: Option<String>,
}

impl Wait {
    /// The wait for what was asked, or for the default.
    pub(super) fn of(asked: Option<f64>, default: f64) -> Self {
        let seconds = asked.unwrap_or(default);
        let note =
            (seconds > LONGEST).then(|| format!("waited {LONGEST} s, the most one call may; call again to wait on"));
        let limit = Duration::try_from_secs_f64(seconds.min(LONGEST)).unwrap_or_default();
        Self { limit, note }
    }
}

/// Waits for the end of a job and gives signs of life meanwhile. None when the client cancelled the call.
pub(super) async fn until_end(context: &Context, id: &str, limit: Duration) -> Result<Option<Status>, NoSuchJob> {
    let started = Instant::now();
    let state = async || {
        let status = context.engine.status(&context.client, id).await?;
        Ok(render::line(&status, Timestamp::now()))
    };
    context.progress.tell(Duration::ZERO, limit, &state().await?).await;
    let mut end = pin!(context.engine.wait(&context.client, id, limit));
    loop {
        let ended = tokio::select! {
            // A call that was given up has no answer, also when there is nothing to wait for.
            biased;
            () = context.given_up.happens() => return Ok(None),
            ended = &mut end => Some(ended?),
            () = context.progress.due() => None,
        };
        context.progress.tell(started.elapsed().min(limit), limit, &state().await?).await;
        if ended.is_some() {
            return Ok(ended);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_cut_at_what_clients_tolerate_and_says_so() {
        assert_eq!(Wait::of(None, 10.0), Wait { limit: Duration::from_secs(10), note: None });
        assert_eq!(Wait::of(Some(0.0), 10.0), Wait { limit: Duration::ZERO, note: None });
        assert_eq!(Wait::of(Some(45.0), 10.0).note, None);
        let cut = Wait::of(Some(600.0), 10.0);
        assert_eq!(cut.limit, Duration::from_secs(45));
        assert_eq!(cut.note.as_deref(), Some("waited 45 s, the most one call may; call again to wait on"));
    }
}
