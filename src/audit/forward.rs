//! Copies of records for the machine's own log.
//!
//! In: lines that are on record already. Out: journal entries with fields of their own, or syslog messages, as far as the
//! receiver keeps up. The copy decides nothing: a receiver that is slow or gone loses messages and delays nobody.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use serde_json::{Map, Value};
use syslog::{Facility, Formatter3164, Logger, LoggerBackend};
use tracing::Dispatch;
use tracing_journald::{Priority, PriorityMappings};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;

use crate::paths::AbsPath;

/// Lines that wait for the receiver; further ones are counted and dropped.
const WAITING: usize = 1024;
/// A longer line is cut: syslog carries messages, no documents.
const LONGEST: usize = 4 << 10;
/// The same for the journal, which takes documents; it bounds what waits.
const LONGEST_ENTRY: usize = 16 << 10;
/// Where journald listens.
const JOURNAL: &str = "/run/systemd/journal/socket";

/// Where copies of records go.
#[derive(Clone)]
pub struct Forward(Arc<Shared>);

struct Shared {
    lines: SyncSender<Order>,
    dropped: AtomicU64,
}

struct Message {
    kind: &'static str,
    refusal: bool,
    text: String,
}

enum Order {
    Send(Message),
    /// Whoever waits for those before it.
    Tell(SyncSender<()>),
}

/// Whoever takes the copies.
enum Receiving {
    Journal(Dispatch),
    Syslog(Logger<LoggerBackend, Formatter3164>),
}

impl fmt::Debug for Forward {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Forward({} dropped)", self.dropped())
    }
}

impl Forward {
    /// Sends to the syslog socket at `socket`; without one to the journal, or to the machine's syslog where there is none.
    /// Nothing is opened before the first line.
    pub fn to(socket: Option<AbsPath>) -> std::io::Result<Self> {
        let (lines, waiting) = sync_channel(WAITING);
        let shared = Arc::new(Shared { lines, dropped: AtomicU64::new(0) });
        let counts = Arc::downgrade(&shared);
        let lost = move |count: u64| {
            if let Some(shared) = counts.upgrade() {
                shared.dropped.fetch_add(count, Ordering::Relaxed);
            }
        };
        thread::Builder::new().name("syslog".into()).spawn(move || send_all(&waiting, socket.as_ref(), &lost))?;
        Ok(Self(shared))
    }

    /// Lines that never reached the receiver.
    pub fn dropped(&self) -> u64 {
        self.0.dropped.load(Ordering::Relaxed)
    }

    /// Returns when the receiver has what was sent until now, or after this time at the latest.
    pub(super) fn drain(&self, patience: Duration) {
        let (tell, told) = sync_channel(1);
        if self.0.lines.try_send(Order::Tell(tell)).is_ok() {
            // What a receiver that is stuck does not take is lost.
            let _ = told.recv_timeout(patience);
        }
    }

    /// Takes one line; returns at once.
    pub(super) fn send(&self, kind: &'static str, line: &str) {
        // What a client wrote stands in the line with its quotes escaped, so it cannot say this.
        let refusal = kind == "decision" && !line.contains(r#""decision":"allow""#);
        let text = cut(line, LONGEST_ENTRY).trim_end().to_owned();
        if self.0.lines.try_send(Order::Send(Message { kind, refusal, text })).is_err() {
            self.0.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// The beginning of a text, at most so many bytes.
fn cut(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    end.and_then(|end| text.get(..end)).unwrap_or_default()
}

/// The receiver may come and go; each line that it does not take is lost and counted.
fn send_all(waiting: &Receiver<Order>, socket: Option<&AbsPath>, lost: &dyn Fn(u64)) {
    let mut receiving = None;
    while let Ok(order) = waiting.recv() {
        let message = match order {
            Order::Send(message) => message,
            Order::Tell(tell) => {
                // Nobody waits that long any more, perhaps.
                let _ = tell.try_send(());
                continue;
            }
        };
        if receiving.is_none() {
            receiving = connect(socket);
        }
        let sent = match &mut receiving {
            None => false,
            Some(Receiving::Syslog(logger)) => to_syslog(logger, &message),
            Some(Receiving::Journal(journal)) => to_journal(journal, &message),
        };
        if !sent {
            receiving = None;
            lost(1);
        }
    }
}

fn to_syslog(logger: &mut Logger<LoggerBackend, Formatter3164>, message: &Message) -> bool {
    let text = cut(&message.text, LONGEST);
    match message.refusal {
        true => logger.notice(text).is_ok(),
        false => logger.info(text).is_ok(),
    }
}

/// What an operator looks for has fields of its own: `journalctl SHELLWARDEN_JOB=…`.
fn to_journal(journal: &Dispatch, message: &Message) -> bool {
    // One that was cut is no JSON any more; its text says what can be said.
    let fields: Map<String, Value> = serde_json::from_str(&message.text).unwrap_or_default();
    let field = |name: &str| fields.get(name).and_then(Value::as_str);
    let (job, client, decision) = (field("job"), field("client"), field("decision"));
    let seq = fields.get("seq").and_then(Value::as_u64);
    let Message { kind, text, .. } = message;
    tracing::dispatcher::with_default(journal, || match message.refusal {
        true => tracing::warn!(kind, seq, job, client, decision, "{text}"),
        false => tracing::info!(kind, seq, job, client, decision, "{text}"),
    });
    // The layer keeps failures to itself.
    Path::new(JOURNAL).exists()
}

fn connect(socket: Option<&AbsPath>) -> Option<Receiving> {
    if socket.is_none()
        && let Ok(journal) = tracing_journald::layer()
    {
        let priorities =
            PriorityMappings { warn: Priority::Notice, info: Priority::Informational, ..PriorityMappings::new() };
        let journal = journal
            .with_syslog_identifier(env!("CARGO_PKG_NAME").to_owned())
            .with_field_prefix(Some("SHELLWARDEN".to_owned()))
            .with_priority_mappings(priorities);
        // Only what is sent here; without the limit every event of the process would be weighed for it.
        let journal = tracing_subscriber::registry().with(journal).with(LevelFilter::INFO);
        return Some(Receiving::Journal(Dispatch::new(journal)));
    }
    let process = env!("CARGO_PKG_NAME").to_owned();
    let form = Formatter3164 { facility: Facility::LOG_AUTHPRIV, hostname: None, process, pid: std::process::id() };
    let logger = match socket {
        None => syslog::unix(form),
        Some(path) => syslog::unix_custom(form, path.as_path()),
    };
    logger.ok().map(Receiving::Syslog)
}
