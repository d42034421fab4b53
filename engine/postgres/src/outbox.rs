//! What replicas tell each other: events in a table, in the order of the transactions that wrote them.
//!
//! `NOTIFY` only wakes readers. Whoever misses one, because its connection was broken or the writer died before it sent it, finds the
//! events in the table by the position it has read to.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::connection::{Database, jittered, trying};
use crate::error::Result;
use crate::values::{bigint, double};

/// How long a reader sleeps at most before it looks by itself.
const LOOK: Duration = Duration::from_secs(1);

/// Events read at once.
const PART: i64 = 500;

/// Events that wait for a reader that is slow; then they wait in the table.
const QUEUE: usize = 1024;

/// How far a reader has read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The transaction.
    transaction: i64,
    /// In it.
    number: i64,
}

/// What a reader learns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A record was changed.
    Changed {
        /// Its kind: `sandboxes`, ….
        kind: String,
        /// Its id.
        id: String,
        /// After the change; none when it is gone. It may have changed again since.
        generation: Option<i64>,
        /// The replica that changed it, which may be the reader.
        origin: String,
        /// To read on from.
        position: Position,
    },
    /// Events that the reader had not read were removed: everything has to be read anew.
    Missed,
}

/// Events as they come, until dropped.
#[derive(Debug)]
pub struct Events {
    arriving: mpsc::Receiver<Event>,
    reader: JoinHandle<()>,
}

impl Events {
    /// The next event. It waits for as long as there is none, also while the database cannot be reached.
    pub async fn next(&mut self) -> Option<Event> {
        self.arriving.recv().await
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

const READ: &str = "SELECT transaction, number, kind, subject, generation, origin FROM daytona.outbox
    WHERE (transaction, number) > ($1, $2)
        -- Older transactions are complete: none of them can still add an event.
        AND transaction < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
    ORDER BY transaction, number LIMIT $3";

impl Database {
    /// The position after everything that happened until now. Take it before the records are read, and events from there on tell of
    /// every change that the records do not show.
    ///
    /// # Errors
    /// That the database cannot be reached.
    pub async fn position(&self) -> Result<Position> {
        let query = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint - 1";
        let row = trying!(self, client => client.query_typed_one(query, &[]).await?)?;
        Ok(Position { transaction: row.get(0), number: i64::MAX })
    }

    /// Events after a position. They are read by connections of their own.
    pub fn events(&self, since: Position) -> Events {
        let (events, arriving) = mpsc::channel(QUEUE);
        let reader = Reader { database: self.another(), position: since, events };
        Events { arriving, reader: tokio::spawn(reader.run()) }
    }

    /// Removes events that are older than `age`; how many. Readers that are as far behind are told that they missed some.
    ///
    /// # Errors
    /// That the database cannot be reached.
    pub async fn forget_events(&self, age: Duration) -> Result<u64> {
        let seconds = age.as_secs_f64();
        let row = trying!(self, client => {
            let statement = "WITH old AS (DELETE FROM daytona.outbox
                    WHERE written_at < clock_timestamp() - make_interval(secs => $1)
                        AND transaction < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
                    RETURNING transaction, number),
                last AS (SELECT transaction, number FROM old ORDER BY transaction DESC, number DESC LIMIT 1),
                floor AS (UPDATE daytona.outbox_floor AS f SET transaction = last.transaction, number = last.number FROM last
                    WHERE (f.transaction, f.number) < (last.transaction, last.number))
                SELECT count(*) FROM old";
            client.query_typed_one(statement, &[double(&seconds)]).await?
        })?;
        Ok(row.get::<_, i64>(0).unsigned_abs())
    }

    /// Wakes readers. They would look by themselves, so a failure costs a moment only.
    pub(crate) async fn notify(&self) {
        let Ok(client) = self.client().await else { return };
        if client.batch_execute("NOTIFY daytona").await.is_ok() {
            client.keep();
        }
    }
}

/// Reads events into a channel.
struct Reader {
    database: Database,
    position: Position,
    events: mpsc::Sender<Event>,
}

impl Reader {
    async fn run(mut self) {
        let mut pause = Duration::from_millis(20);
        while !self.events.is_closed() {
            if let Err(error) = self.listen(&mut pause).await {
                tracing::debug!(%error, "events are read again in a moment");
            }
            tokio::time::sleep(jittered(pause)).await;
            pause = (pause * 2).min(LOOK);
        }
    }

    /// Reads until the connection breaks or nobody wants events any more.
    async fn listen(&mut self, pause: &mut Duration) -> Result<()> {
        let (woken, mut wakes) = mpsc::channel(1);
        // Any number of notifications while events are read count as one.
        let client = self.database.listening(move |_| _ = woken.try_send(())).await?;
        client.batch_execute("LISTEN daytona").await?;
        *pause = Duration::from_millis(20);
        loop {
            self.catch_up().await?;
            tokio::select! {
                woken = wakes.recv() => if woken.is_none() { return Ok(()) },
                () = tokio::time::sleep(LOOK) => {}
                () = self.events.closed() => return Ok(()),
            }
        }
    }

    async fn catch_up(&mut self) -> Result<()> {
        loop {
            let Position { transaction, number } = self.position;
            let (rows, floor) = trying!(self.database, client => {
                let values = [bigint(&transaction), bigint(&number), bigint(&PART)];
                let rows = client.query_typed(READ, &values).await?;
                // Afterwards: what is removed while it is read counts as missed.
                let floor = client.query_typed_one("SELECT transaction, number FROM daytona.outbox_floor", &[]).await?;
                (rows, Position { transaction: floor.get(0), number: floor.get(1) })
            })?;
            if self.position < floor {
                self.position = floor;
                if self.events.send(Event::Missed).await.is_err() {
                    return Ok(());
                }
                continue;
            }
            for row in &rows {
                self.position = Position { transaction: row.get(0), number: row.get(1) };
                let event = Event::Changed {
                    kind: row.get(2),
                    id: row.get(3),
                    generation: row.get(4),
                    origin: row.get(5),
                    position: self.position,
                };
                if self.events.send(event).await.is_err() {
                    return Ok(());
                }
            }
            if rows.is_empty() {
                return Ok(());
            }
        }
    }
}
