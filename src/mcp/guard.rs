//! A panic in a tool becomes an answer.
//!
//! In: the future of a call. Out: its result, or the panic's message. The server library does not catch panics: the
//! client would wait forever for a reply.

use std::any::Any;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

/// What a panic said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Panicked(pub(super) String);

/// Runs the future to its end, or to its panic; after that it is not polled again.
pub(super) async fn caught<T>(call: impl Future<Output = T>) -> Result<T, Panicked> {
    let mut call = pin!(call);
    poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| call.as_mut().poll(context))) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(value)) => Poll::Ready(Ok(value)),
        Err(payload) => Poll::Ready(Err(Panicked(said(payload.as_ref())))),
    })
    .await
}

/// The text of a panic, where it has one.
fn said(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}

#[cfg(test)]
#[expect(clippy::panic, reason = "the panic is what is tested")]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_before_and_after_an_await_is_caught() {
        let early = caught(async { panic!("early") as u8 }).await;
        assert_eq!(early, Err(Panicked("early".to_owned())));
        let late = caught(async {
            tokio::task::yield_now().await;
            panic!("late {}", 1) as u8
        });
        assert_eq!(late.await, Err(Panicked("late 1".to_owned())));
        assert_eq!(caught(async { 7 }).await, Ok(7));
    }
}
