//! [`Store`] and [`Documents`] of an engine in PostgreSQL.
//!
//! The generations that this replica knows are kept beside the connection: a record is changed from the generation in which it was last
//! read or written here, and when another replica has changed it meanwhile, the change fails with a conflict. One thread writes, in the
//! order in which changes were made, and commits together what arrived while it waited.
//!
//! A conflict is told once. Changes of the record that were on their way by then fail with it, for they were made from what it no longer
//! was. Later ones are made from what it is now and overwrite that: whoever does not want this reads the rows again first. A record
//! that another replica has removed stays removed: it can be removed here as well and is then new, and until then, or until the rows are
//! read again, changes of it fail.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use anyhow::{Context, Result};
use daytona_store::{Change, Documents, Store, StoreError, Stored, Storing, Table};
use tokio::sync::mpsc as queue;
use uuid::Uuid;

use crate::connection::{Database, trying};
use crate::error::Error;
use crate::records::{Content, Key, Swap, swap};
use crate::values::text;

/// Changes committed at once, at most.
const BATCH: usize = 256;

/// Failed changes of a record that are remembered, in case one of them took effect.
const MOST_UNKNOWN: usize = 64;

/// An engine's store. What blocks waits for the store's own thread, so it may be called anywhere.
pub struct PostgresStore {
    queue: queue::UnboundedSender<Task>,
    /// How many changes were asked for.
    asked: Arc<AtomicU64>,
}

/// What the thread is asked for.
enum Task {
    Change(Wanted),
    Flush(Storing),
    Rows(String, Answer<Vec<(String, String)>>),
    Setting(String, Answer<Option<String>>),
    Set(String, String, Answer<()>),
}

type Answer<T> = mpsc::SyncSender<crate::Result<T>>;

/// A change with whoever waits for it.
struct Wanted {
    key: Key,
    content: Content,
    change: Uuid,
    /// Its place among all changes that were asked for.
    number: u64,
    done: Done,
}

/// Whoever waits for a change.
enum Done {
    Later(Storing),
    Here(Answer<()>),
}

impl Done {
    fn complete(self, result: crate::Result<()>) {
        match self {
            Self::Later(storing) => storing.complete(result.map_err(Error::into_store_error)),
            // Nobody has to wait for it.
            Self::Here(answer) => drop(answer.send(result)),
        }
    }
}

impl PostgresStore {
    /// Connects; see [`Database::connect`]. Blocks.
    ///
    /// # Errors
    /// Those of [`Database::connect`].
    pub fn open(address: &str, replica: &str) -> Result<Self> {
        Self::open_within(address, replica, Duration::from_secs(10))
    }

    /// The same, with another limit on how long each change is tried.
    ///
    /// # Errors
    /// Those of [`Database::connect`].
    pub fn open_within(address: &str, replica: &str, patience: Duration) -> Result<Self> {
        let (queue, arriving) = queue::unbounded_channel();
        let (opened, opening) = mpsc::sync_channel(1);
        let (address, replica) = (address.to_owned(), replica.to_owned());
        let asked = Arc::new(AtomicU64::new(0));
        let asked_there = Arc::clone(&asked);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let run = move || {
            runtime.block_on(async move {
                let database = match Database::connect_within(&address, &replica, patience).await {
                    Ok(database) => database,
                    Err(error) => return drop(opened.send(Err(error))),
                };
                let _ = opened.send(Ok(()));
                let (known, unknown, outdated) = (HashMap::new(), HashMap::new(), HashMap::new());
                let writer = Writer { database, asked: asked_there, known, unknown, outdated };
                writer.run(arriving).await;
            });
        };
        std::thread::Builder::new().name("store".to_owned()).spawn(run)?;
        opening.recv().context("the store's thread has ended")??;
        Ok(Self { queue, asked })
    }

    fn ask<T>(&self, task: impl FnOnce(Answer<T>) -> Task) -> crate::Result<T> {
        let (answer, answered) = mpsc::sync_channel(1);
        let _ = self.queue.send(task(answer));
        answered.recv().unwrap_or_else(|_| Err(Error::Refused("the store has ended".to_owned())))
    }

    fn wanted(&self, key: Key, content: Content, done: Done) -> Task {
        let number = self.asked.fetch_add(1, Ordering::SeqCst);
        Task::Change(Wanted { key, content, change: Uuid::new_v4(), number, done })
    }

    fn change_here(&self, key: Key, content: Content) -> Result<(), StoreError> {
        self.ask(|answer| self.wanted(key, content, Done::Here(answer))).map_err(Error::into_store_error)
    }
}

impl Store for PostgresStore {
    fn rows(&self, table: Table) -> Result<Vec<(String, String)>> {
        Ok(self.ask(|answer| Task::Rows(table.name().to_owned(), answer))?)
    }

    fn write(&self, change: Change) -> Stored {
        let (done, stored) = Stored::pending();
        let task = match change {
            Change::Save { table, id, record } => {
                self.wanted(Key::new(table.name(), id), Content::Is(record), Done::Later(done))
            }
            Change::Remove { table, id } => self.wanted(Key::new(table.name(), id), Content::Gone, Done::Later(done)),
            Change::Nothing => Task::Flush(done),
        };
        // Without a thread the other end is dropped, which says so.
        let _ = self.queue.send(task);
        stored
    }

    fn setting(&self, name: &str) -> Result<Option<String>> {
        Ok(self.ask(|answer| Task::Setting(name.to_owned(), answer))?)
    }

    fn set(&self, name: &str, value: &str) -> Result<(), StoreError> {
        let set = self.ask(|answer| Task::Set(name.to_owned(), value.to_owned(), answer));
        set.map_err(Error::into_store_error)
    }
}

/// The kind of record that has the documents of a kind.
fn documents(kind: &str) -> String {
    format!("document/{kind}")
}

impl Documents for PostgresStore {
    fn documents(&self, kind: &str) -> Result<Vec<(String, String)>> {
        Ok(self.ask(|answer| Task::Rows(documents(kind), answer))?)
    }

    fn put(&self, kind: &str, id: &str, document: &str) -> Result<(), StoreError> {
        self.change_here(Key::new(documents(kind), id), Content::Is(document.to_owned()))
    }

    fn remove(&self, kind: &str, id: &str) -> Result<(), StoreError> {
        self.change_here(Key::new(documents(kind), id), Content::Gone)
    }
}

/// The thread's work.
struct Writer {
    database: Database,
    asked: Arc<AtomicU64>,
    /// The generations in which this replica knows records.
    known: HashMap<Key, i64>,
    /// Its changes that failed without it being known whether they took effect.
    unknown: HashMap<Key, Vec<Uuid>>,
    /// Of records that were in conflict, the number of the first change that was asked for afterwards.
    outdated: HashMap<Key, u64>,
}

impl Writer {
    async fn run(mut self, mut arriving: queue::UnboundedReceiver<Task>) {
        let mut tasks = Vec::new();
        while arriving.recv_many(&mut tasks, BATCH).await > 0 {
            let mut changes = Vec::new();
            for task in tasks.drain(..) {
                match task {
                    Task::Change(wanted) => changes.push(wanted),
                    // Everything else comes after the changes before it.
                    other => {
                        self.store(std::mem::take(&mut changes)).await;
                        self.answer(other).await;
                    }
                }
            }
            self.store(changes).await;
        }
    }

    async fn answer(&mut self, task: Task) {
        match task {
            Task::Change(..) => unreachable!("changes are stored together"),
            Task::Flush(done) => done.complete(Ok(())),
            Task::Rows(kind, answer) => {
                let records = self.database.records(&kind).await;
                if let Ok(records) = &records {
                    self.known.retain(|key, _| key.kind != kind);
                    self.unknown.retain(|key, _| key.kind != kind);
                    self.outdated.retain(|key, _| key.kind != kind);
                    let known = |record: &crate::Record| (Key::new(kind.clone(), record.id.clone()), record.generation);
                    self.known.extend(records.iter().map(known));
                }
                let rows = records.map(|all| all.into_iter().map(|record| (record.id, record.record)).collect());
                let _ = answer.send(rows);
            }
            Task::Setting(name, answer) => {
                let database = &self.database;
                let query = "SELECT value FROM daytona.settings WHERE name = $1";
                let row = trying!(database, client => client.query_typed_opt(query, &[text(&name)]).await?);
                let _ = answer.send(row.map(|row| row.map(|row| row.get(0))));
            }
            Task::Set(name, value, answer) => {
                let database = &self.database;
                let statement = "INSERT INTO daytona.settings (name, value) VALUES ($1, $2)
                    ON CONFLICT (name) DO UPDATE SET value = excluded.value";
                let set = trying!(database, client => {
                    client.execute_typed(statement, &[text(&name), text(&value)]).await?;
                });
                let _ = answer.send(set);
            }
        }
    }

    /// Stores changes in as few transactions as possible, and tells whoever waits.
    async fn store(&mut self, mut changes: Vec<Wanted>) {
        while !changes.is_empty() {
            // Of changes of the same record, each is made from what the one before it has made.
            let mut keys = HashSet::new();
            let together = changes.iter().take_while(|wanted| keys.insert(wanted.key.clone())).count();
            let rest = changes.split_off(together);
            let batch = std::mem::replace(&mut changes, rest);
            let batch: Vec<_> = batch.into_iter().filter_map(|wanted| self.unless_outdated(wanted)).collect();
            let outcomes = self.commit(&batch).await;
            for (wanted, outcome) in batch.into_iter().zip(outcomes) {
                self.settle(wanted, outcome);
            }
        }
        self.database.notify().await;
    }

    /// The change, unless it was asked for before it was known that another replica has changed the record: then it fails as well.
    fn unless_outdated(&self, wanted: Wanted) -> Option<Wanted> {
        if self.outdated.get(&wanted.key).is_none_or(|first| wanted.number >= *first) {
            return Some(wanted);
        }
        let (subject, current) = (wanted.key.to_string(), self.known.get(&wanted.key).copied());
        wanted.done.complete(Err(Error::Conflict { subject, current }));
        None
    }

    /// The outcome of each change. Those that are refused do not keep others from being stored.
    async fn commit(&self, batch: &[Wanted]) -> Vec<crate::Result<Option<i64>>> {
        let swaps: Vec<_> = batch.iter().map(|wanted| self.swap(wanted)).collect();
        let (database, origin) = (&self.database, self.database.replica());
        if swaps.len() > 1 {
            let together = trying!(database, client => {
                client.batch_execute("BEGIN").await?;
                let mut outcomes = Vec::with_capacity(swaps.len());
                for wanted in &swaps {
                    match swap(&client, origin, wanted).await {
                        Err(error @ Error::Conflict { .. }) => outcomes.push(Err(error)),
                        outcome => outcomes.push(Ok(outcome?)),
                    }
                }
                client.batch_execute("COMMIT").await?;
                outcomes
            });
            match together {
                Ok(outcomes) => return outcomes,
                Err(error) if error.is_passing() => return swaps.iter().map(|_| Err(error.clone())).collect(),
                // One of them cannot be stored: each by itself.
                Err(_) => {}
            }
        }
        let mut outcomes = Vec::with_capacity(swaps.len());
        for wanted in &swaps {
            outcomes.push(trying!(database, client => swap(&client, origin, wanted).await?));
        }
        outcomes
    }

    fn swap(&self, wanted: &Wanted) -> Swap {
        Swap {
            key: wanted.key.clone(),
            from: self.known.get(&wanted.key).copied(),
            or: self.unknown.get(&wanted.key).cloned().unwrap_or_default(),
            content: wanted.content.clone(),
            change: wanted.change,
        }
    }

    fn settle(&mut self, wanted: Wanted, outcome: crate::Result<Option<i64>>) {
        let Wanted { key, change, done, .. } = wanted;
        match &outcome {
            Ok(generation) => {
                self.unknown.remove(&key);
                self.outdated.remove(&key);
                match generation {
                    Some(generation) => drop(self.known.insert(key, *generation)),
                    None => drop(self.known.remove(&key)),
                }
            }
            Err(error) if error.is_passing() => {
                let changes = self.unknown.entry(key).or_default();
                // Those before have had time to take effect or be given up by the server.
                changes.drain(..changes.len().saturating_sub(MOST_UNKNOWN - 1));
                changes.push(change);
            }
            // Whoever is told may read the record again, and change it then.
            Err(Error::Conflict { current: Some(generation), .. }) => {
                self.outdated.insert(key.clone(), self.asked.load(Ordering::SeqCst));
                self.known.insert(key, *generation);
            }
            Err(_) => {}
        }
        done.complete(outcome.map(drop));
    }
}
