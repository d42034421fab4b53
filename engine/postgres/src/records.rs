//! Records, each changed by compare-and-swap on its generation.
//!
//! A change and the event that tells of it are one statement, so neither is there without the other. Each change carries an id of its
//! own: an attempt whose outcome was lost with the connection is recognised by it when the change is repeated.

use serde::Deserialize;
use tokio_postgres::{Client, Row};
use uuid::Uuid;

use crate::connection::{Database, trying};
use crate::error::{Error, Result};
use crate::values::{Value, bigint, text, uuid, uuids};

/// The kind of sandboxes, which have a table of their own.
pub const SANDBOXES: &str = "sandboxes";

/// What a record is, and which.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// `sandboxes`, or any other word.
    pub kind: String,
    /// Unique among those of its kind.
    pub id: String,
}

impl Key {
    /// A key of these parts.
    pub fn new(kind: impl Into<String>, id: impl Into<String>) -> Self {
        Self { kind: kind.into(), id: id.into() }
    }

    /// A sandbox's.
    pub fn sandbox(id: impl Into<String>) -> Self {
        Self::new(SANDBOXES, id)
    }

    fn is_sandbox(&self) -> bool {
        self.kind == SANDBOXES
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = match self.is_sandbox() {
            true => "sandbox",
            false => self.kind.strip_suffix('s').unwrap_or(&self.kind),
        };
        write!(formatter, "{kind} {}", self.id)
    }
}

/// What is stored under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its id.
    pub id: String,
    /// Which change made it what it is. Later changes have larger ones.
    pub generation: i64,
    /// All of it, as JSON.
    pub record: String,
}

impl Record {
    fn of(row: &Row) -> Self {
        Self { id: row.get(0), generation: row.get(1), record: row.get(2) }
    }
}

/// What a record is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// This JSON. A sandbox's has to have `name`, `state` and `desired_state`, and may have `organization_id`.
    Is(String),
    /// Gone.
    Gone,
}

/// The parts of a sandbox's record that the database knows.
#[derive(Deserialize)]
struct Known {
    name: String,
    #[serde(default)]
    organization_id: Option<String>,
    state: String,
    desired_state: String,
}

/// A change of one record.
#[derive(Debug, Clone)]
pub(crate) struct Swap {
    pub key: Key,
    /// The generation it was made from; none for a record that is new.
    pub from: Option<i64>,
    /// Changes of this replica whose outcome is not known: what they may have made counts as `from` too.
    pub or: Vec<Uuid>,
    pub content: Content,
    /// Names this change.
    pub change: Uuid,
}

const NEW_SANDBOX: &str = "WITH changed AS (
    INSERT INTO daytona.sandboxes AS t (id, organization, name, desired, observed, record, change)
    VALUES ($1, $5, $6, $7, $8, $9, $3) ON CONFLICT (id) DO UPDATE SET organization = excluded.organization, name = excluded.name,
        desired = excluded.desired, observed = excluded.observed, record = excluded.record, change = excluded.change,
        generation = nextval('daytona.generations') WHERE t.generation = $2 OR t.change = ANY($4)
    RETURNING id, generation),
event AS (INSERT INTO daytona.outbox (origin, kind, subject, generation) SELECT $10, 'sandboxes', id, generation FROM changed)
SELECT generation FROM changed";

const CHANGE_SANDBOX: &str = "WITH changed AS (
    UPDATE daytona.sandboxes SET organization = $5, name = $6, desired = $7, observed = $8, record = $9, change = $3,
        generation = nextval('daytona.generations') WHERE id = $1 AND (generation = $2 OR change = ANY($4))
    RETURNING id, generation),
event AS (INSERT INTO daytona.outbox (origin, kind, subject, generation) SELECT $10, 'sandboxes', id, generation FROM changed)
SELECT generation FROM changed";

const REMOVE_SANDBOX: &str = "WITH changed AS (
    DELETE FROM daytona.sandboxes WHERE id = $1 AND (generation = $2 OR change = ANY($3)) RETURNING id, generation),
event AS (INSERT INTO daytona.outbox (origin, kind, subject) SELECT $4, 'sandboxes', id FROM changed)
SELECT generation FROM changed";

const NEW_RECORD: &str = "WITH changed AS (
    INSERT INTO daytona.records AS t (kind, id, record, change)
    VALUES ($6, $1, $5, $3) ON CONFLICT (kind, id) DO UPDATE SET record = excluded.record, change = excluded.change,
        generation = nextval('daytona.generations') WHERE t.generation = $2 OR t.change = ANY($4)
    RETURNING kind, id, generation),
event AS (INSERT INTO daytona.outbox (origin, kind, subject, generation) SELECT $7, kind, id, generation FROM changed)
SELECT generation FROM changed";

const CHANGE_RECORD: &str = "WITH changed AS (
    UPDATE daytona.records SET record = $5, change = $3, generation = nextval('daytona.generations')
    WHERE kind = $6 AND id = $1 AND (generation = $2 OR change = ANY($4))
    RETURNING kind, id, generation),
event AS (INSERT INTO daytona.outbox (origin, kind, subject, generation) SELECT $7, kind, id, generation FROM changed)
SELECT generation FROM changed";

const REMOVE_RECORD: &str = "WITH changed AS (
    DELETE FROM daytona.records WHERE kind = $5 AND id = $1 AND (generation = $2 OR change = ANY($3)) RETURNING kind, id, generation),
event AS (INSERT INTO daytona.outbox (origin, kind, subject) SELECT $4, kind, id FROM changed)
SELECT generation FROM changed";

/// Makes a change, once. The generation afterwards; none when the record is gone.
pub(crate) async fn swap(client: &Client, origin: &str, swap: &Swap) -> Result<Option<i64>> {
    let Swap { key, from, or, content, change } = swap;
    let (id, before, unknown) = (text(&key.id), bigint(from), uuids(or));
    let done = match content {
        Content::Is(record) => {
            let mut values: Vec<Value<'_>> = vec![id, before, uuid(change), unknown];
            // One whose first change may not have been made is new as well.
            let is_new = from.is_none();
            if key.is_sandbox() {
                let known: Known = serde_json::from_str(record)
                    .map_err(|_| Error::Refused(format!("the record of {key} has no name, state or desired state")))?;
                let organization = known.organization_id.unwrap_or_default();
                values.extend([
                    text(&organization),
                    text(&known.name),
                    text(&known.desired_state),
                    text(&known.state),
                    text(record),
                    text(&origin),
                ]);
                let statement = if is_new { NEW_SANDBOX } else { CHANGE_SANDBOX };
                let done = client.query_typed_opt(statement, &values).await;
                done.map_err(|error| match error.as_db_error().and_then(|said| said.constraint()) {
                    Some("sandboxes_by_name") => Error::NameTaken(known.name.clone()),
                    _ => error.into(),
                })?
            } else {
                values.extend([text(record), text(&key.kind), text(&origin)]);
                client.query_typed_opt(if is_new { NEW_RECORD } else { CHANGE_RECORD }, &values).await?
            }
        }
        Content::Gone => {
            let mut values: Vec<Value<'_>> = vec![id, before, unknown, text(&origin)];
            if !key.is_sandbox() {
                values.push(text(&key.kind));
            }
            client.query_typed_opt(if key.is_sandbox() { REMOVE_SANDBOX } else { REMOVE_RECORD }, &values).await?
        }
    };
    if let Some(row) = done {
        return Ok(matches!(content, Content::Is(_)).then(|| row.get(0)));
    }
    // Somebody else was faster, or an earlier attempt at this very change.
    let now = match key.is_sandbox() {
        true => {
            client
                .query_typed_opt("SELECT generation, change FROM daytona.sandboxes WHERE id = $1", &[text(&key.id)])
                .await?
        }
        false => {
            let query = "SELECT generation, change FROM daytona.records WHERE id = $1 AND kind = $2";
            client.query_typed_opt(query, &[text(&key.id), text(&key.kind)]).await?
        }
    };
    match (now, content) {
        (None, Content::Gone) => Ok(None),
        (Some(row), Content::Is(_)) if row.get::<_, Uuid>(1) == *change => Ok(Some(row.get(0))),
        (now, _) => Err(Error::Conflict { subject: key.to_string(), current: now.map(|row| row.get(0)) }),
    }
}

impl Database {
    /// Changes a record that has the generation `from`, or adds one where that is none. Its generation afterwards; none when it is
    /// gone.
    ///
    /// # Errors
    /// [`Error::Conflict`] when it has another generation, [`Error::NameTaken`] for a sandbox whose organization has another of its
    /// name.
    pub async fn change(&self, key: &Key, from: Option<i64>, content: Content) -> Result<Option<i64>> {
        let wanted = Swap { key: key.clone(), from, or: Vec::new(), content, change: Uuid::new_v4() };
        let changed = trying!(self, client => swap(&client, self.replica(), &wanted).await?)?;
        self.notify().await;
        Ok(changed)
    }

    /// The record under a key, if there is one.
    ///
    /// # Errors
    /// That the database cannot be read.
    pub async fn record(&self, key: &Key) -> Result<Option<Record>> {
        let row = trying!(self, client => match key.is_sandbox() {
            true => {
                let query = "SELECT id, generation, record FROM daytona.sandboxes WHERE id = $1";
                client.query_typed_opt(query, &[text(&key.id)]).await?
            }
            false => {
                let query = "SELECT id, generation, record FROM daytona.records WHERE kind = $1 AND id = $2";
                client.query_typed_opt(query, &[text(&key.kind), text(&key.id)]).await?
            }
        })?;
        Ok(row.as_ref().map(Record::of))
    }

    /// All records of a kind, in no order.
    ///
    /// # Errors
    /// That the database cannot be read.
    pub async fn records(&self, kind: &str) -> Result<Vec<Record>> {
        let rows = trying!(self, client => match kind == SANDBOXES {
            true => client.query_typed("SELECT id, generation, record FROM daytona.sandboxes", &[]).await?,
            false => {
                let query = "SELECT id, generation, record FROM daytona.records WHERE kind = $1";
                client.query_typed(query, &[text(&kind)]).await?
            }
        })?;
        Ok(rows.iter().map(Record::of).collect())
    }
}
