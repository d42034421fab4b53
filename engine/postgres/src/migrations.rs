//! The schema `daytona`, brought up to date at each start.
//!
//! Several replicas may start at once: one migrates, the others wait. During a rolling upgrade older replicas go on, so a migration
//! that they could not live with has to raise what it says about `oldest`.

use anyhow::{Context, bail};

use crate::connection::{Database, trying};
use crate::error::Error;
use crate::values::{bigint, int};

/// A step of the schema.
struct Migration {
    /// 1, 2, 3 …
    version: i32,
    /// The version of the oldest programs that can still work afterwards.
    oldest: i32,
    sql: &'static str,
}

const MIGRATIONS: [Migration; 1] = [Migration { version: 1, oldest: 1, sql: include_str!("../migrations/0001.sql") }];

/// The oldest server that has what is used: `pg_current_xact_id`.
const OLDEST_SERVER: i32 = 130_000;

/// Only one replica migrates at a time. Any number that nobody else uses; these are the letters of "daytona".
const LOCK: i64 = 0x0064_6179_746f_6e61;

/// What was found.
enum Found {
    Ready,
    OldServer(String),
    TooNew { oldest: i32 },
}

/// Applies the migrations that are missing.
pub async fn migrate(database: &Database) -> anyhow::Result<()> {
    let newest = MIGRATIONS.last().map_or(0, |migration| migration.version);
    let found = trying!(database, client => {
        let server = client.query_typed_one("SELECT current_setting('server_version_num')::int, current_setting('server_version')", &[]).await?;
        if server.get::<_, i32>(0) < OLDEST_SERVER {
            Found::OldServer(server.get(1))
        } else {
            client.batch_execute("BEGIN").await?;
            client.query_typed("SELECT pg_advisory_xact_lock($1)", &[bigint(&LOCK)]).await?;
            client
                .batch_execute(
                    "CREATE SCHEMA IF NOT EXISTS daytona;
                     CREATE TABLE IF NOT EXISTS daytona.migrations (
                         version integer PRIMARY KEY, oldest integer NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())",
                )
                .await?;
            let query = "SELECT coalesce(max(version), 0), coalesce(max(oldest), 0) FROM daytona.migrations";
            let row = client.query_typed_one(query, &[]).await?;
            let (version, oldest): (i32, i32) = (row.get(0), row.get(1));
            for migration in MIGRATIONS.iter().filter(|migration| migration.version > version) {
                client.batch_execute(migration.sql).await?;
                let values = [int(&migration.version), int(&migration.oldest)];
                client.execute_typed("INSERT INTO daytona.migrations (version, oldest) VALUES ($1, $2)", &values).await?;
            }
            client.batch_execute("COMMIT").await?;
            if oldest > newest { Found::TooNew { oldest } } else { Found::Ready }
        }
    });
    match found.map_err(explained).context("preparing the database")? {
        Found::Ready => Ok(()),
        Found::OldServer(version) => bail!("the database is PostgreSQL {version}; 13 or newer is needed"),
        Found::TooNew { oldest } => bail!(
            "a newer daytona has changed the database (to version {oldest}, this one knows {newest}): use that one, or its backup"
        ),
    }
}

fn explained(error: Error) -> anyhow::Error {
    anyhow::Error::new(error)
}
