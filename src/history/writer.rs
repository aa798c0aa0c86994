//! The one thread that writes the history of this server.
//!
//! In: rows, from wherever jobs start and end. Out: rows in the database, many in one transaction when many come at once.
//! Questions are answered by the same thread, after what was written before them.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::row::Row;
use super::store::{Store, StoreError};

/// Rows of one transaction at most.
const AT_ONCE: usize = 256;

/// After so many rows, old ones are looked for.
const TIDY_EVERY: usize = 256;

/// How long an answer is waited for: a history that is stuck must not hold up a job.
const PATIENCE: Duration = Duration::from_secs(2);

/// For so long an answer about all jobs of a client is good: other servers seldom end, and a client that lists its jobs
/// without a pause would keep the database busy.
const RECENT: Duration = Duration::from_millis(200);

/// For how long jobs are kept, and how many.
#[derive(Debug, Clone, Copy)]
pub struct Keep {
    /// After its end.
    pub time: Duration,
    /// All clients together.
    pub most: usize,
}

enum Order {
    Put(Row, SyncSender<()>),
    Forget(Uuid),
    Find(String, Uuid, oneshot::Sender<Option<Row>>),
    List(String, oneshot::Sender<Vec<Row>>),
}

/// Jobs of a client whose servers were gone at this moment.
type Recent = (Instant, String, Arc<[Row]>);

/// What is done about a job that was cut off.
type OnCut = Box<dyn FnMut(&Row) + Send>;

/// The history of one server.
pub struct History {
    folder: PathBuf,
    keep: Keep,
    /// Told of each job that another server left running when it died.
    on_cut: Mutex<Option<OnCut>>,
    /// The last answer about all jobs of a client.
    recent: Mutex<Option<Recent>>,
    orders: OnceLock<Option<Sender<Order>>>,
}

impl std::fmt::Debug for History {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "History({})", self.folder.display())
    }
}

/// A row on its way to the database.
#[derive(Debug)]
#[must_use = "a job whose row is not waited for may be missing after a crash"]
pub struct Kept(Option<Receiver<()>>);

impl Kept {
    /// Returns once the row is there, or cannot be.
    pub fn wait(self) {
        if let Some(done) = self.0 {
            // A failure was told by the writer.
            let _ = done.recv_timeout(PATIENCE);
        }
    }
}

impl History {
    /// A history in `folder`; nothing is opened yet. `on_cut` is told of each job that a server left when it died, by
    /// whichever server notices first.
    pub fn new(folder: PathBuf, keep: Keep, on_cut: impl FnMut(&Row) + Send + 'static) -> Self {
        Self {
            folder,
            keep,
            on_cut: Mutex::new(Some(Box::new(on_cut))),
            recent: Mutex::default(),
            orders: OnceLock::new(),
        }
    }

    /// Writes what is known of a job.
    pub fn put(&self, row: Row) -> Kept {
        let (done, wait) = sync_channel(1);
        Kept(self.send(Order::Put(row, done)).map(|()| wait))
    }

    /// Forgets a job that never came to be.
    pub fn forget(&self, id: Uuid) {
        self.send(Order::Forget(id));
    }

    /// The job of that client with that id, when its server is gone.
    pub async fn find(&self, client: &str, id: Uuid) -> Option<Row> {
        let (answer, wait) = oneshot::channel();
        self.send(Order::Find(client.to_owned(), id, answer))?;
        tokio::time::timeout(PATIENCE, wait).await.ok()?.ok().flatten()
    }

    /// The jobs of that client whose servers are gone, or were a moment ago.
    pub async fn list(&self, client: &str) -> Arc<[Row]> {
        if let Some((at, of, rows)) = &*self.recent()
            && of == client
            && at.elapsed() < RECENT
        {
            return Arc::clone(rows);
        }
        let (answer, wait) = oneshot::channel();
        if self.send(Order::List(client.to_owned(), answer)).is_none() {
            return Arc::default();
        }
        let asked = Instant::now();
        let Ok(Ok(rows)) = tokio::time::timeout(PATIENCE, wait).await else { return Arc::default() };
        let rows: Arc<[Row]> = rows.into();
        *self.recent() = Some((asked, client.to_owned(), Arc::clone(&rows)));
        rows
    }

    fn recent(&self) -> MutexGuard<'_, Option<Recent>> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn send(&self, order: Order) -> Option<()> {
        let orders = self.orders.get_or_init(|| self.start());
        orders.as_ref()?.send(order).ok()
    }

    fn start(&self) -> Option<Sender<Order>> {
        let (orders, work) = channel();
        let (folder, keep) = (self.folder.clone(), self.keep);
        let on_cut = self.on_cut.lock().unwrap_or_else(PoisonError::into_inner).take();
        let thread = thread::Builder::new().name("history".into()).spawn(move || {
            let mut on_cut = on_cut.unwrap_or_else(|| Box::new(|_| {}));
            match Store::open(&folder, keep) {
                Ok(store) => serve(store, &work, &mut *on_cut),
                Err(error) => warn(&error),
            }
        });
        thread.map(|_| orders).map_err(|error| warn(&error.into())).ok()
    }
}

fn warn(error: &StoreError) {
    tracing::warn!(%error, "the history of jobs is not kept");
}

fn serve(mut store: Store, work: &Receiver<Order>, on_cut: &mut dyn FnMut(&Row)) {
    tidy(&mut store, on_cut);
    let mut since_tidy = 0;
    while let Ok(first) = work.recv() {
        let mut rows = Vec::new();
        let mut done = Vec::new();
        let mut next = Some(first);
        while let Some(Order::Put(row, told)) = next {
            rows.push(row);
            done.push(told);
            next = if rows.len() < AT_ONCE { work.try_recv().ok() } else { None };
        }
        since_tidy += rows.len();
        if let (false, Err(error)) = (rows.is_empty(), store.put(&rows)) {
            tracing::warn!(%error, "some jobs will be missing in the history");
        }
        // Whoever does not wait any more needs no answer.
        for told in done {
            let _ = told.try_send(());
        }
        if let Some(order) = next {
            answer(&mut store, order, on_cut);
        }
        if since_tidy >= TIDY_EVERY {
            since_tidy = 0;
            tidy(&mut store, on_cut);
        }
    }
}

fn answer(store: &mut Store, order: Order, on_cut: &mut dyn FnMut(&Row)) {
    let now = Timestamp::now();
    let failed = match order {
        Order::Put(row, told) => {
            let put = store.put(&[row]).err();
            let _ = told.try_send(());
            put
        }
        Order::Forget(id) => store.forget(id).err(),
        Order::Find(client, id, told) => {
            // Another server may have died since.
            tidy(store, on_cut);
            store.find(&client, id, now).map(|row| told.send(row).is_ok()).err()
        }
        Order::List(client, told) => {
            tidy(store, on_cut);
            store.list(&client, now).map(|rows| told.send(rows).is_ok()).err()
        }
    };
    if let Some(error) = failed {
        tracing::warn!(%error, "the history could not be read or written");
    }
}

fn tidy(store: &mut Store, on_cut: &mut dyn FnMut(&Row)) {
    if let Err(error) = store.tidy(Timestamp::now(), on_cut) {
        tracing::warn!(%error, "the history could not be tidied");
    }
}
