//! Changes of lists, told to those who listen for them.
//!
//! In: tools that pretend a change. Out: notifications on every open subscription that asked for that kind.

use rmcp::service::SubscriptionContext;
use tokio::sync::broadcast;

/// What changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Changed {
    Tools,
    Prompts,
}

fn changes() -> &'static broadcast::Sender<Changed> {
    static CHANGES: std::sync::OnceLock<broadcast::Sender<Changed>> = std::sync::OnceLock::new();
    CHANGES.get_or_init(|| broadcast::channel(16).0)
}

/// Pretends that something changed.
pub(super) fn change(what: Changed) {
    // Without listeners there is nobody to tell.
    let _ = changes().send(what);
}

/// Serves one subscription until it ends.
pub(super) async fn serve(subscription: &SubscriptionContext) {
    let mut news = changes().subscribe();
    let accepted = subscription.accepted();
    loop {
        let what = tokio::select! {
            what = news.recv() => what,
            () = subscription.cancelled() => return,
        };
        let sink = subscription.sink();
        let sent = match what {
            Ok(Changed::Tools) if accepted.tools_list_changed == Some(true) => sink.notify_tool_list_changed().await,
            Ok(Changed::Prompts) if accepted.prompts_list_changed == Some(true) => {
                sink.notify_prompt_list_changed().await
            }
            Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => Ok(()),
            Err(broadcast::error::RecvError::Closed) => return,
        };
        if sent.is_err() {
            return;
        }
    }
}
