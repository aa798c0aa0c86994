//! All clients, and which of them a request comes from.
//!
//! In: what requests prove, and the file of tokens. Out: the client, or nobody. The file is looked at before each request
//! and when it changes, so a revoked token is worth nothing from that moment on; its client's calls, sessions and jobs end.
//!
//! INVARIANT: while the file cannot be read, nobody is let in.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::access::Presented;
use super::client::{Client, Maker};
use super::options::Options;
use super::serve::HttpError;
use super::tokens::{self, Entry, Proof};
use crate::engine::Watch;
use crate::mcp::serve;
use crate::paths::AbsPath;

/// How often the file is looked at where the kernel does not tell of changes.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// The wall clock may be set, so no sleep for it is longer.
const LONG: Duration = Duration::from_secs(60);

/// Who there is.
pub(super) enum Clients {
    /// Whoever reaches the address is this one.
    Everybody(Arc<Client>),
    /// Those in a file.
    Listed(Box<Listed>),
}

/// Clients by their proofs.
pub(super) struct Listed {
    path: AbsPath,
    options: Options,
    dialect: serve::Options,
    maker: Arc<dyn Maker>,
    book: Mutex<Arc<Book>>,
    /// Held while the file is read again.
    reading: tokio::sync::Mutex<()>,
}

/// What the file said when it looked like this.
#[derive(Default)]
struct Book {
    stamp: Option<Stamp>,
    entries: Vec<(Entry, Arc<Client>)>,
    /// Those that have jobs; more than `entries` has while the file is broken.
    clients: BTreeMap<String, (Option<String>, Arc<Client>)>,
}

/// What tells one state of a file from another.
type Stamp = (u64, u64, u64, i64, i64, i64, i64);

fn stamp(path: &AbsPath) -> Option<Stamp> {
    let of = fs::metadata(path).ok()?;
    Some((of.dev(), of.ino(), of.size(), of.mtime(), of.mtime_nsec(), of.ctime(), of.ctime_nsec()))
}

impl Clients {
    /// The client that a request comes from.
    pub(super) async fn find(&self, presented: &Presented) -> Option<Arc<Client>> {
        match self {
            Self::Everybody(client) => Some(Arc::clone(client)),
            Self::Listed(listed) => listed.find(presented).await,
        }
    }

    /// Is there only one, whoever asks?
    pub(super) fn is_one(&self) -> bool {
        matches!(self, Self::Everybody(_))
    }

    /// Can clients be let in?
    pub(super) fn ready(&self) -> bool {
        match self {
            Self::Everybody(_) => true,
            Self::Listed(listed) => listed.book().stamp.is_some(),
        }
    }

    /// Everybody who may have jobs.
    pub(super) fn all(&self) -> Vec<Arc<Client>> {
        match self {
            Self::Everybody(client) => vec![Arc::clone(client)],
            Self::Listed(listed) => listed.book().clients.values().map(|(_, client)| Arc::clone(client)).collect(),
        }
    }

    /// Follows the file and ends clients whose time is over, until told to stop.
    pub(super) async fn watch(&self, until: CancellationToken) {
        let Self::Listed(listed) = self else { return };
        until.run_until_cancelled(listed.follow()).await;
    }
}

impl Listed {
    /// Reads the file for the first time; here every mistake in it, and in a policy that it names, counts.
    pub(super) async fn open(
        path: AbsPath,
        options: Options,
        dialect: serve::Options,
        maker: Arc<dyn Maker>,
    ) -> Result<Self, HttpError> {
        let listed =
            Self { path, options, dialect, maker, book: Mutex::default(), reading: tokio::sync::Mutex::default() };
        let stamp = stamp(&listed.path);
        let entries = tokens::read(&listed.path)?;
        let (book, failed) = listed.book_of(stamp, entries).await;
        if let Some(why) = failed.into_iter().next() {
            return Err(HttpError::Client(why));
        }
        *listed.book.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(book);
        Ok(listed)
    }

    fn slot(&self) -> MutexGuard<'_, Arc<Book>> {
        // What is in there is replaced as a whole.
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn book(&self) -> Arc<Book> {
        Arc::clone(&self.slot())
    }

    async fn find(&self, presented: &Presented) -> Option<Arc<Client>> {
        self.look().await;
        let (book, now) = (self.book(), Timestamp::now());
        let mut found = None;
        // Every entry is compared, whatever the others say: how long it takes tells nothing.
        for (entry, client) in &book.entries {
            let same = match &entry.proof {
                Proof::Token(known) => presented.token.as_ref().is_some_and(|sent| known.same(sent)),
                Proof::Certificate(known) => presented.certificate.as_ref().is_some_and(|shown| known.same(shown)),
            };
            if same && entry.valid_at(now) {
                found = Some(Arc::clone(client));
            }
        }
        found
    }

    /// Reads the file again if it changed.
    async fn look(&self) {
        if stamp(&self.path) == self.book().stamp {
            return;
        }
        let _reading = self.reading.lock().await;
        let seen = stamp(&self.path);
        let old = self.book();
        if seen.is_some() && seen == old.stamp {
            return;
        }
        match tokens::read(&self.path) {
            Ok(entries) => {
                let (book, failed) = self.book_of(seen, entries).await;
                for why in failed {
                    tracing::error!("{why}; its tokens are refused");
                }
                self.turn_page(book);
            }
            // Jobs go on; the file may be mended.
            Err(error) => {
                if old.stamp.is_some() || !old.entries.is_empty() {
                    tracing::error!("{error}; nobody is let in until it is mended");
                }
                *self.slot() = Arc::new(Book { clients: old.clients.clone(), ..Book::default() });
            }
        }
    }

    /// The book that these entries make. Clients that were there before stay what they are, unless their policy is
    /// another one now.
    async fn book_of(&self, stamp: Option<Stamp>, entries: Vec<Entry>) -> (Book, Vec<String>) {
        let old = self.book();
        let (mut book, mut failed) = (Book { stamp, ..Book::default() }, Vec::new());
        for entry in entries.into_iter().filter(|entry| entry.valid_at(Timestamp::now())) {
            let made = book.clients.get(&entry.client).or_else(|| old.clients.get(&entry.client));
            let client = match made.filter(|(policy, _)| *policy == entry.policy) {
                Some((_, client)) => Arc::clone(client),
                None => match self.make(&entry).await {
                    Ok(client) => Arc::new(client),
                    Err(why) => {
                        failed.push(format!("client `{}`: {why}", entry.client));
                        continue;
                    }
                },
            };
            book.clients.insert(entry.client.clone(), (entry.policy.clone(), Arc::clone(&client)));
            book.entries.push((entry, client));
        }
        (book, failed)
    }

    async fn make(&self, entry: &Entry) -> Result<Client, String> {
        let (maker, policy) = (Arc::clone(&self.maker), entry.policy.clone());
        let made = tokio::task::spawn_blocking(move || maker.make(policy.as_deref())).await;
        let engine = made.map_err(|error| error.to_string())??;
        Ok(Client::of_engine(&entry.client, engine, self.dialect, &self.options))
    }

    /// Puts another book in force and ends whoever is not in it.
    fn turn_page(&self, book: Book) {
        let book = Arc::new(book);
        let old = std::mem::replace(&mut *self.slot(), Arc::clone(&book));
        for (name, (_, client)) in &old.clients {
            let stays = book.clients.get(name).is_some_and(|(_, other)| Arc::ptr_eq(client, other));
            if !stays {
                client.cut_off();
                tracing::warn!("client `{name}` is no more; its sessions and jobs end");
                let client = Arc::clone(client);
                tokio::spawn(async move { client.end_jobs().await });
            }
        }
    }

    async fn follow(&self) {
        let file = std::slice::from_ref(&self.path);
        let unwatched = |error: &io::Error| {
            tracing::warn!(%error, "changes of the token file are looked for: the kernel does not tell of them");
        };
        let mut watch = Watch::of(file).inspect_err(unwatched);
        loop {
            // Also once before the first change: the file may be another one since it was read.
            self.look().await;
            self.drop_expired().await;
            let over = match &mut watch {
                Ok(watch) => tokio::select! {
                    changed = watch.changed() => changed.is_none().then(|| io::Error::other("the watch has ended")),
                    () = self.next_end() => None,
                },
                Err(_) => {
                    tokio::time::sleep(LOOK_EVERY).await;
                    if let Ok(again) = Watch::of(file) {
                        tracing::warn!("the kernel tells of changes of the token file again");
                        watch = Ok(again);
                    }
                    continue;
                }
            };
            // Links may lead elsewhere now.
            let again = watch.as_mut().map_or(Ok(()), |watch| watch.add(file));
            if let Some(error) = over.or(again.err()) {
                unwatched(&error);
                watch = Err(error);
            }
        }
    }

    /// Returns when the next proof runs out, or much later.
    async fn next_end(&self) {
        let (book, now) = (self.book(), Timestamp::now());
        let ends = book.entries.iter().filter_map(|(entry, _)| entry.expires);
        let left = ends.min().map(|end| Duration::try_from(end.duration_since(now)).unwrap_or_default());
        // A moment more, for it holds until then.
        tokio::time::sleep(left.unwrap_or(LONG).min(LONG) + Duration::from_millis(1)).await;
    }

    /// Ends clients whose last proof has run out.
    async fn drop_expired(&self) {
        // A book that is being read is not put aside for an older one.
        let _reading = self.reading.lock().await;
        let (book, now) = (self.book(), Timestamp::now());
        if book.entries.iter().all(|(entry, _)| entry.valid_at(now)) {
            return;
        }
        let entries: Vec<_> = book.entries.iter().filter(|(entry, _)| entry.valid_at(now)).cloned().collect();
        let named = |name: &String| entries.iter().any(|(entry, _)| entry.client == *name);
        let clients = book.clients.iter().filter(|(name, _)| named(name));
        let clients = clients.map(|(name, of)| (name.clone(), of.clone())).collect();
        self.turn_page(Book { stamp: book.stamp, entries, clients });
    }
}
