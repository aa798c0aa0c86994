//! Copies of records for the machine's own log.
//!
//! In: lines that are on record already. Out: syslog messages, as far as the receiver keeps up. The copy decides nothing:
//! a receiver that is slow or gone loses messages, which the next one counts, and delays nobody.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use syslog::{Facility, Formatter3164, Logger, LoggerBackend};

use crate::paths::AbsPath;

/// Lines that wait for the receiver; further ones are counted and dropped.
const WAITING: usize = 1024;
/// A longer line is cut: syslog carries messages, no documents.
const LONGEST: usize = 4 << 10;

/// Where copies of records go.
#[derive(Clone)]
pub struct Forward(Arc<Shared>);

struct Shared {
    lines: SyncSender<Message>,
    dropped: AtomicU64,
}

struct Message {
    refusal: bool,
    text: String,
}

impl fmt::Debug for Forward {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Forward({} dropped)", self.dropped())
    }
}

impl Forward {
    /// Sends to the syslog socket at `socket`, or to the machine's, which journald serves where it runs. Nothing is
    /// opened before the first line.
    pub fn to_syslog(socket: Option<AbsPath>) -> std::io::Result<Self> {
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

    /// Takes one line; returns at once.
    pub(super) fn send(&self, kind: &str, line: &str) {
        let refusal = kind == "decision" && !line.contains(r#""decision":"allow""#);
        let text = line.char_indices().take_while(|(at, _)| *at < LONGEST).map(|(_, c)| c).collect::<String>();
        let text = text.trim_end().to_owned();
        if self.0.lines.try_send(Message { refusal, text }).is_err() {
            self.0.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// The receiver may come and go; each line that it does not take is lost and counted.
fn send_all(waiting: &Receiver<Message>, socket: Option<&AbsPath>, lost: &dyn Fn(u64)) {
    let mut logger = None;
    while let Ok(message) = waiting.recv() {
        if logger.is_none() {
            logger = connect(socket);
        }
        let sent = logger.as_mut().is_some_and(|logger| send(logger, &message));
        if !sent {
            logger = None;
            lost(1);
        }
    }
}

fn send(logger: &mut Logger<LoggerBackend, Formatter3164>, message: &Message) -> bool {
    match message.refusal {
        true => logger.notice(&message.text).is_ok(),
        false => logger.info(&message.text).is_ok(),
    }
}

fn connect(socket: Option<&AbsPath>) -> Option<Logger<LoggerBackend, Formatter3164>> {
    let process = env!("CARGO_PKG_NAME").to_owned();
    let form = Formatter3164 { facility: Facility::LOG_AUTHPRIV, hostname: None, process, pid: std::process::id() };
    match socket {
        None => syslog::unix(form).ok(),
        Some(path) => syslog::unix_custom(form, path.as_path()).ok(),
    }
}
