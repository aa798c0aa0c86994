//! The database.
//!
//! In: rows of this server, questions about those of others. Out: rows of servers that are gone. SQLite in WAL mode: one
//! writes, the others read or wait their turn, and a server that is shot leaves it whole.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use uuid::Uuid;

use super::alive::Alive;
use super::row::Row;
use super::writer::Keep;

/// How long one server waits for another to finish a write.
const PATIENCE: Duration = Duration::from_secs(5);

/// The version of the tables.
const VERSION: i64 = 1;

const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS job (
        id TEXT PRIMARY KEY, server TEXT NOT NULL, client TEXT NOT NULL, created INTEGER NOT NULL,
        ended INTEGER, cut INTEGER NOT NULL, facts TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS job_of_client ON job (client, ended);
    CREATE INDEX IF NOT EXISTS job_open ON job (server) WHERE ended IS NULL;";

const COLUMNS: &str = "id, client, created, ended, facts, cut, server";

/// Why the history cannot be kept.
#[derive(Debug, thiserror::Error)]
pub(super) enum StoreError {
    #[error("{0}")]
    Database(#[from] rusqlite::Error),
    #[error("{0}")]
    Disk(#[from] io::Error),
    #[error("it was written by a newer version of this program")]
    Newer,
}

#[derive(Debug)]
pub(super) struct Store {
    database: Connection,
    alive: Alive,
    keep: Keep,
}

impl Store {
    /// Opens the database in `folder`; one that is damaged is put aside and begun anew.
    pub(super) fn open(folder: &Path, keep: Keep) -> Result<Self, StoreError> {
        let alive = Alive::here(&folder.join("servers"))?;
        let path = folder.join("history.db");
        let database = match connect(&path) {
            Err(StoreError::Database(error)) if is_damage(&error) => {
                tracing::warn!(database = %path.display(), %error, "the history is damaged and begins anew");
                fs::rename(&path, path.with_extension("damaged"))?;
                connect(&path)?
            }
            other => other?,
        };
        Ok(Self { database, alive, keep })
    }

    /// Writes rows of this server, all or none.
    pub(super) fn put(&mut self, rows: &[Row]) -> Result<(), StoreError> {
        let server = self.alive.name().to_string();
        let transaction = self.database.transaction()?;
        for row in rows {
            put_one(&transaction, &server, row)?;
        }
        Ok(transaction.commit()?)
    }

    /// Forgets a job that never came to be.
    pub(super) fn forget(&mut self, id: Uuid) -> Result<(), StoreError> {
        self.database.execute("DELETE FROM job WHERE id = ?1", [id.to_string()])?;
        Ok(())
    }

    /// Ends the jobs of servers that are gone, tells of each that was cut off, and forgets those whose time is over.
    pub(super) fn tidy(&mut self, now: Timestamp, on_cut: &mut dyn FnMut(&Row)) -> Result<(), StoreError> {
        for row in self.cut_off()? {
            let row = Row { ended: Some(now), cut: true, ..row };
            // Told before it counts: a crash in between tells of it twice, and never not at all.
            let transaction = self.database.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let changed = transaction.execute(
                "UPDATE job SET ended = ?2, cut = 1 WHERE id = ?1 AND ended IS NULL",
                params![row.id.to_string(), now.as_millisecond()],
            )?;
            // Another server may have been faster; then that one tells of it.
            if changed > 0 {
                on_cut(&row);
            }
            transaction.commit()?;
        }
        let oldest = self.oldest(now).as_millisecond();
        let most = i64::try_from(self.keep.most).unwrap_or(i64::MAX);
        // A deletion takes the place of the one writer, also when there is nothing to delete: looking takes none.
        if self.holds("SELECT EXISTS (SELECT 1 FROM job WHERE ended < ?1)", oldest)? {
            self.database.execute("DELETE FROM job WHERE ended < ?1", [oldest])?;
        }
        if self.holds("SELECT count(*) > ?1 FROM job WHERE ended IS NOT NULL", most)? {
            self.database.execute(
                "DELETE FROM job WHERE ended IS NOT NULL AND id NOT IN
                    (SELECT id FROM job WHERE ended IS NOT NULL ORDER BY ended DESC LIMIT ?1)",
                [most],
            )?;
        }
        Ok(())
    }

    /// The answer to a question about one number.
    fn holds(&self, question: &str, number: i64) -> Result<bool, StoreError> {
        Ok(self.database.prepare_cached(question)?.query_row([number], |row| row.get(0))?)
    }

    /// Jobs without an end whose servers are gone.
    fn cut_off(&self) -> Result<Vec<Row>, StoreError> {
        let mut open: Vec<(Row, Uuid)> = Vec::new();
        {
            let mut query = self.database.prepare_cached(&format!("SELECT {COLUMNS} FROM job WHERE ended IS NULL"))?;
            let mut rows = query.query([])?;
            while let Some(row) = rows.next()? {
                open.extend(read(row)?);
            }
        }
        let mut cut = Vec::new();
        for (row, server) in open {
            if self.is_gone(server)? {
                cut.push(row);
            }
        }
        Ok(cut)
    }

    /// The job of that client with that id, when its server is gone.
    pub(super) fn find(&self, client: &str, id: Uuid, now: Timestamp) -> Result<Option<Row>, StoreError> {
        let text = format!("SELECT {COLUMNS} FROM job WHERE id = ?1 AND client = ?2 AND ended >= ?3");
        let mut query = self.database.prepare_cached(&text)?;
        let oldest = self.oldest(now).as_millisecond();
        let found = query.query_row(params![id.to_string(), client, oldest], read).optional()?.flatten();
        match found {
            Some((row, server)) if self.is_gone(server)? => Ok(Some(row)),
            _ => Ok(None),
        }
    }

    /// The jobs of that client whose servers are gone.
    pub(super) fn list(&self, client: &str, now: Timestamp) -> Result<Vec<Row>, StoreError> {
        let text = format!("SELECT {COLUMNS} FROM job WHERE client = ?1 AND ended >= ?2");
        let mut query = self.database.prepare_cached(&text)?;
        let mut rows = query.query(params![client, self.oldest(now).as_millisecond()])?;
        let mut gone: HashMap<Uuid, bool> = HashMap::new();
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let Some((row, server)) = read(row)? else { continue };
            let is_gone = match gone.get(&server) {
                Some(known) => *known,
                None => *gone.entry(server).or_insert(self.is_gone(server)?),
            };
            found.extend(is_gone.then_some(row));
        }
        Ok(found)
    }

    /// The jobs of a server that lives are its own.
    fn is_gone(&self, server: Uuid) -> Result<bool, StoreError> {
        Ok(server != self.alive.name() && !self.alive.lives(server)?)
    }

    fn oldest(&self, now: Timestamp) -> Timestamp {
        let keep = SignedDuration::try_from(self.keep.time).unwrap_or(SignedDuration::MAX);
        now.checked_sub(keep).unwrap_or(Timestamp::MIN)
    }
}

fn connect(path: &Path) -> Result<Connection, StoreError> {
    let database = Connection::open(path)?;
    database.busy_timeout(PATIENCE)?;
    database.pragma_update(None, "journal_mode", "WAL")?;
    // The kernel has what was written: a power cut may take the last rows, and the record has them.
    database.pragma_update(None, "synchronous", "NORMAL")?;
    let version: i64 = database.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version > VERSION {
        return Err(StoreError::Newer);
    }
    if version < VERSION {
        database.execute_batch(TABLES)?;
        database.pragma_update(None, "user_version", VERSION)?;
    }
    Ok(database)
}

fn is_damage(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    matches!(error.sqlite_error_code(), Some(DatabaseCorrupt | NotADatabase))
}

fn put_one(transaction: &Transaction<'_>, server: &str, row: &Row) -> Result<(), StoreError> {
    let mut insert = transaction.prepare_cached(
        "INSERT INTO job (id, server, client, created, ended, cut, facts) VALUES (?1, ?2, ?3, ?4, ?5, 0, ?6)
         ON CONFLICT (id) DO UPDATE SET ended = excluded.ended, facts = excluded.facts",
    )?;
    let ended = row.ended.map(Timestamp::as_millisecond);
    insert.execute(params![row.id.to_string(), server, row.client, row.created.as_millisecond(), ended, row.facts])?;
    Ok(())
}

/// A row and its server; none when it is not one of ours.
fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Option<(Row, Uuid)>> {
    let (id, server): (String, String) = (row.get(0)?, row.get(6)?);
    let moment = |millis: i64| Timestamp::from_millisecond(millis).ok();
    let ended: Option<i64> = row.get(3)?;
    let (client, facts, cut) = (row.get(1)?, row.get(4)?, row.get(5)?);
    let created = moment(row.get(2)?);
    Ok(id.parse().ok().zip(server.parse().ok()).zip(created).map(|((id, server), created)| {
        (Row { id, client, created, ended: ended.and_then(moment), facts, cut }, server)
    }))
}
