//! The audit log: who did what, when, and how it ended (wire, additions; `AuditLog`).
//!
//! Entries are in `audit.db`, which nothing changes: an entry is written before the action, its outcome in a second row after it, and
//! the database refuses to update or delete either. Both survive the engine's death at any moment; an entry without an outcome is
//! one that the engine died in. They are not waited for on the disk, so a loss of power may take the last moments.
//!
//! Only [`Audit::forget`] removes any: the oldest, when they are older or more than is to be kept ([`Retention`]).

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use rusqlite::types::Value as Sql;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params, params_from_iter};
use serde_json::{Map, Value, json};

use crate::accounts::caller::Caller;
use crate::clock;
use crate::errors::{ApiError, ApiResult};

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS entries (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    organization_id TEXT NOT NULL,
    actor_id TEXT NOT NULL,
    actor_email TEXT NOT NULL,
    key_prefix TEXT,
    key_suffix TEXT,
    action TEXT NOT NULL,
    target_type TEXT,
    target_id TEXT,
    ip_address TEXT,
    user_agent TEXT,
    source TEXT,
    metadata TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS outcomes (
    number INTEGER PRIMARY KEY,
    status_code INTEGER NOT NULL,
    error_message TEXT,
    target_id TEXT
);
CREATE INDEX IF NOT EXISTS by_organization ON entries (organization_id, number);
CREATE TRIGGER IF NOT EXISTS entries_stay BEFORE UPDATE ON entries BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER IF NOT EXISTS outcomes_stay BEFORE UPDATE ON outcomes BEGIN SELECT RAISE(ABORT, 'append-only'); END;
";

const PROTECTION: &str = "
CREATE TRIGGER IF NOT EXISTS entries_last BEFORE DELETE ON entries BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER IF NOT EXISTS outcomes_last BEFORE DELETE ON outcomes BEGIN SELECT RAISE(ABORT, 'append-only'); END;
";

/// How often the oldest entries are looked at.
const LOOK: Duration = Duration::from_secs(600);

/// The most entries, and pages of the file, that are given up at once: whoever writes waits as long as that takes.
const AT_ONCE: i64 = 500;

/// How much of the log is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Days after which an entry goes; 0 = never.
    pub days: u32,
    /// MiB of the whole log, beyond which the oldest entries go; 0 = any size.
    pub mebibytes: u32,
}

impl Default for Retention {
    /// A year, and half a GiB: about a million entries.
    fn default() -> Self {
        Self { days: 365, mebibytes: 512 }
    }
}

const COLUMNS: &str = "entries.number, id, created_at, organization_id, actor_id, actor_email, key_prefix, key_suffix, \
     action, target_type, coalesce(outcomes.target_id, entries.target_id), status_code, error_message, ip_address, \
     user_agent, source, metadata";

/// The actor of what the engine does by itself.
pub const SYSTEM: &str = "system";

/// The longest text that is kept of what clients send, in characters.
const LONGEST: usize = 512;

/// What is done, and to what.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Deed {
    /// The documented word.
    pub action: &'static str,
    /// The kind of what it is done to.
    pub target_type: &'static str,
    /// Its id, as far as it is known before.
    pub target_id: Option<String>,
}

/// The open log.
pub struct Audit {
    connection: Mutex<Connection>,
    /// Removes the oldest entries while others read and write.
    forgetting: Mutex<Connection>,
}

/// Which entries are wanted. Everything that is given must hold.
#[derive(Debug, Default)]
pub struct Filter {
    /// Conditions with their values.
    conditions: Vec<(&'static str, Sql)>,
}

impl Filter {
    /// Those of an organization.
    pub fn of(organization_id: &str) -> Self {
        Self::default().and("organization_id = ?", Sql::Text(organization_id.to_owned()))
    }

    /// Adds a condition.
    pub fn and(mut self, condition: &'static str, value: Sql) -> Self {
        self.conditions.push((condition, value));
        self
    }

    fn sql(&self) -> (String, Vec<Sql>) {
        let conditions: Vec<_> = self.conditions.iter().map(|(condition, _)| *condition).collect();
        let all = if conditions.is_empty() { "1".to_owned() } else { conditions.join(" AND ") };
        (all, self.conditions.iter().map(|(_, value)| value.clone()).collect())
    }
}

/// An entry, with the number that orders it.
pub struct Entry {
    /// Larger than that of all earlier entries.
    pub number: i64,
    /// As the wire shows it.
    pub document: Value,
}

impl Audit {
    /// Opens or creates the log.
    pub fn open(state_dir: &Path) -> Result<Self> {
        use std::os::unix::fs::OpenOptionsExt;
        let path = state_dir.join("audit.db");
        let opened = || -> Result<(Connection, Connection)> {
            std::fs::OpenOptions::new().create(true).append(true).mode(0o600).open(&path)?;
            let connection = Connection::open(&path)?;
            // Of a new file only; an older one keeps its size and fills what becomes free.
            connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
            connection.pragma_update(None, "journal_mode", "WAL")?;
            connection.pragma_update(None, "synchronous", "NORMAL")?;
            connection.execute_batch(SCHEMA)?;
            connection.execute_batch(PROTECTION)?;
            Ok((connection, Connection::open(&path)?))
        };
        let (connection, forgetting) =
            opened().with_context(|| format!("opening {}; move it away to begin another one", path.display()))?;
        Ok(Self { connection: Mutex::new(connection), forgetting: Mutex::new(forgetting) })
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes that something is about to be done; `None` when that failed, which is logged and stops nobody.
    pub fn begin(&self, caller: &Caller, deed: &Deed, metadata: &Value) -> Option<i64> {
        let (prefix, suffix) = caller.key.clone().unzip();
        let row = params![
            uuid::Uuid::new_v4().to_string(),
            clock::millis(clock::now()),
            caller.organization_id,
            caller.user_id,
            caller.email,
            prefix,
            suffix,
            deed.action,
            deed.target_type,
            deed.target_id.as_deref().map(short),
            caller.ip,
            short(&caller.user_agent),
            short(&caller.source),
            metadata.to_string(),
        ];
        let connection = self.connection();
        let statement = connection.prepare_cached(
            "INSERT INTO entries (id, created_at, organization_id, actor_id, actor_email, key_prefix, key_suffix, action, \
             target_type, target_id, ip_address, user_agent, source, metadata) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
        );
        let written = statement.and_then(|mut statement| statement.insert(row));
        written.inspect_err(|error| tracing::error!(%error, "an audit entry could not be written")).ok()
    }

    /// Writes how it ended.
    pub fn end(&self, number: Option<i64>, status: u16, error: Option<&str>, target_id: Option<&str>) {
        let Some(number) = number else { return };
        let connection = self.connection();
        let statement = "INSERT INTO outcomes (number, status_code, error_message, target_id) VALUES (?1, ?2, ?3, ?4)";
        let row = params![number, status, error.map(short), target_id.map(short)];
        let written = connection.prepare_cached(statement).and_then(|mut statement| statement.execute(row));
        if let Err(error) = written {
            tracing::error!(%error, "the outcome of an audit entry could not be written");
        }
    }

    /// Writes what the engine did by itself, and why.
    pub fn by_engine(&self, organization_id: &str, action: &'static str, sandbox_id: &str, cause: &str) {
        let caller = Caller {
            user_id: SYSTEM.to_owned(),
            organization_id: organization_id.to_owned(),
            source: "local-engine".to_owned(),
            ..Caller::default()
        };
        let deed = Deed { action, target_type: "sandbox", target_id: Some(sandbox_id.to_owned()) };
        let number = self.begin(&caller, &deed, &json!({"cause": cause}));
        self.end(number, 200, None, None);
    }

    /// Removes the oldest entries from time to time, until dropped.
    pub async fn keep_within(self: Arc<Self>, retention: Retention) {
        loop {
            let audit = Arc::clone(&self);
            match tokio::task::spawn_blocking(move || audit.forget(retention)).await {
                // There are more.
                Ok(Ok(true)) => continue,
                Ok(Ok(false)) => {}
                Ok(Err(error)) => tracing::warn!(%error, "the oldest audit entries could not be removed"),
                Err(error) => tracing::warn!(%error, "the oldest audit entries were not looked at"),
            }
            clock::sleep(LOOK).await;
        }
    }

    /// Removes the oldest entries that are not to be kept, so many at once; whether there may be more. Blocks.
    pub fn forget(&self, retention: Retention) -> rusqlite::Result<bool> {
        let mut connection = self.forgetting.lock().unwrap_or_else(PoisonError::into_inner);
        let page: i64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
        let used = |connection: &Connection| -> rusqlite::Result<i64> {
            let pages: i64 = connection.pragma_query_value(None, "page_count", |row| row.get(0))?;
            let free: i64 = connection.pragma_query_value(None, "freelist_count", |row| row.get(0))?;
            Ok((pages - free).saturating_mul(page))
        };
        let count = |connection: &Connection| -> rusqlite::Result<(i64, i64)> {
            connection.query_row("SELECT coalesce(min(number), 0), count(*) FROM entries", [], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
        };
        let mut last = 0;
        if retention.days > 0 {
            let since = clock::millis(clock::now()).saturating_sub(i64::from(retention.days) * 24 * 60 * 60 * 1000);
            // Numbers grow with time, except where the clock was set back: what comes after is kept.
            let query = "SELECT number FROM entries WHERE created_at >= ?1 ORDER BY number LIMIT 1";
            let kept: Option<i64> = connection.query_row(query, [since], |row| row.get(0)).optional()?;
            let newest = "SELECT coalesce(max(number), 0) FROM entries";
            last = match kept {
                Some(first) => first - 1,
                None => connection.query_row(newest, [], |row| row.get(0))?,
            };
        }
        let most = i64::from(retention.mebibytes) << 20;
        let size = used(&connection)?;
        if most > 0 && size > most {
            let (first, entries) = count(&connection)?;
            // As large as the average, and some more, so that this is not done each time.
            let surplus = i128::from(size - most / 10 * 9) * i128::from(entries) / i128::from(size.max(1));
            last = last.max(first - 1 + i64::try_from(surplus).unwrap_or(entries));
        }
        let (first, _) = count(&connection)?;
        if last < first || first == 0 {
            return Ok(false);
        }
        let until = last.min(first.saturating_add(AT_ONCE - 1));
        // From its beginning a writer, which waits for others: one that becomes it after somebody else has written fails instead.
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch("DROP TRIGGER entries_last; DROP TRIGGER outcomes_last;")?;
        transaction.execute("DELETE FROM outcomes WHERE number <= ?1", [until])?;
        transaction.execute("DELETE FROM entries WHERE number <= ?1", [until])?;
        transaction.execute_batch(PROTECTION)?;
        transaction.commit()?;
        let all = |connection: &Connection, statement: &str| -> rusqlite::Result<()> {
            let mut statement = connection.prepare(statement)?;
            let mut rows = statement.query([])?;
            while rows.next()?.is_some() {}
            Ok(())
        };
        let free = |connection: &Connection| -> rusqlite::Result<i64> {
            connection.pragma_query_value(None, "freelist_count", |row| row.get(0))
        };
        let mut left = free(&connection)?;
        while left > 0 {
            all(&connection, &format!("PRAGMA incremental_vacuum({AT_ONCE})"))?;
            let now = free(&connection)?;
            // A file of an older engine gives nothing back.
            if now >= left {
                break;
            }
            left = now;
        }
        // Waits for nobody; what others still read is given back next time.
        all(&connection, "PRAGMA wal_checkpoint(PASSIVE)")?;
        Ok(until < last)
    }

    /// Number of entries that a filter accepts.
    pub fn count(&self, filter: &Filter) -> ApiResult<u64> {
        let (conditions, values) = filter.sql();
        let query = format!("SELECT count(*) FROM entries LEFT JOIN outcomes USING (number) WHERE {conditions}");
        let count = self.connection().query_row(&query, params_from_iter(values), |row| row.get::<_, i64>(0));
        count.map(i64::unsigned_abs).map_err(|error| ApiError::internal(&error))
    }

    /// Entries that a filter accepts, the latest first.
    pub fn select(&self, filter: &Filter, limit: usize, offset: usize) -> ApiResult<Vec<Entry>> {
        let (conditions, values) = filter.sql();
        let query = format!(
            "SELECT {COLUMNS} FROM entries LEFT JOIN outcomes USING (number) WHERE {conditions} \
             ORDER BY entries.number DESC LIMIT {limit} OFFSET {offset}"
        );
        let read = || -> rusqlite::Result<Vec<Entry>> {
            let connection = self.connection();
            let mut statement = connection.prepare(&query)?;
            let rows = statement.query_map(params_from_iter(values), entry)?;
            rows.collect()
        };
        read().map_err(|error| ApiError::internal(&error))
    }
}

fn short(text: &str) -> String {
    text.chars().take(LONGEST).collect()
}

fn entry(row: &rusqlite::Row<'_>) -> rusqlite::Result<Entry> {
    let text = |index: usize| row.get::<_, Option<String>>(index);
    let mut document = Map::new();
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            document.insert(name.to_owned(), value);
        }
    };
    let given = |value: Option<String>| value.filter(|value| !value.is_empty()).map(Value::String);
    set("id", text(1)?.map(Value::String));
    set("actorId", text(4)?.map(Value::String));
    set("actorEmail", text(5)?.map(Value::String));
    set("actorApiKeyPrefix", given(text(6)?));
    set("actorApiKeySuffix", given(text(7)?));
    set("organizationId", given(text(3)?));
    set("action", text(8)?.map(Value::String));
    set("targetType", given(text(9)?));
    set("targetId", given(text(10)?));
    set("statusCode", row.get::<_, Option<u16>>(11)?.map(Value::from));
    set("errorMessage", given(text(12)?));
    set("ipAddress", given(text(13)?));
    set("userAgent", given(text(14)?));
    set("source", given(text(15)?));
    set("metadata", text(16)?.and_then(|text| serde_json::from_str(&text).ok()));
    set("createdAt", Some(json!(clock::iso(clock::from_millis(row.get(2)?)))));
    Ok(Entry { number: row.get(0)?, document: Value::Object(document) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_stay_as_they_were_written() {
        let directory = std::env::temp_dir().join(format!("daytona-audit-{}", crate::secret::token(12)));
        std::fs::create_dir_all(&directory).unwrap();
        let audit = Audit::open(&directory).unwrap();
        let caller = Caller { user_id: "u".to_owned(), organization_id: "o".to_owned(), ..Caller::default() };
        let deed = Deed { action: "start", target_type: "sandbox", target_id: Some("s".to_owned()) };
        let first = audit.begin(&caller, &deed, &json!({}));
        audit.end(first, 200, None, None);
        audit.begin(&caller, &Deed { action: "stop", ..deed }, &json!({"cause": "x"}));
        for change in [
            "UPDATE entries SET action = 'x'",
            "DELETE FROM entries",
            "UPDATE outcomes SET status_code = 1",
            "DELETE FROM outcomes",
        ] {
            assert!(audit.connection().execute(change, []).is_err(), "{change}");
        }
        drop(audit);
        let again = Audit::open(&directory).unwrap();
        let entries = again.select(&Filter::of("o"), 10, 0).unwrap();
        let told: Vec<_> =
            entries.iter().map(|entry| (&entry.document["action"], &entry.document["statusCode"])).collect();
        assert_eq!(told, [(&json!("stop"), &Value::Null), (&json!("start"), &json!(200))]);
        assert_eq!(again.count(&Filter::of("other")).unwrap(), 0);
        std::fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn nobody_waits_to_read_or_write_until_the_oldest_are_removed() {
        let directory = tempfile::tempdir().unwrap();
        let audit = Audit::open(directory.path()).unwrap();
        let caller = Caller { user_id: "u".to_owned(), organization_id: "o".to_owned(), ..Caller::default() };
        let deed = Deed { action: "start", target_type: "sandbox", target_id: None };
        let write = || audit.end(audit.begin(&caller, &deed, &json!({})), 200, None, None);
        (0..AT_ONCE * 2).for_each(|_| write());
        let forgetting = audit.forgetting.lock().unwrap();
        write();
        assert_eq!(audit.count(&Filter::of("o")).unwrap(), AT_ONCE.unsigned_abs() * 2 + 1);
        forgetting.execute_batch("BEGIN; DROP TRIGGER entries_last; DELETE FROM entries WHERE number < 10").unwrap();
        assert_eq!(audit.count(&Filter::of("o")).unwrap(), AT_ONCE.unsigned_abs() * 2 + 1, "as it was before");
        forgetting.execute_batch("ROLLBACK").unwrap();
        drop(forgetting);
        audit.connection().execute_batch("DROP TRIGGER entries_stay; UPDATE entries SET created_at = 0").unwrap();
        let keep = Retention { days: 1, mebibytes: 0 };
        assert!(audit.forget(keep).unwrap(), "more is left for the next time");
        assert_eq!(audit.count(&Filter::of("o")).unwrap(), AT_ONCE.unsigned_abs() + 1);
        while audit.forget(keep).unwrap() {}
        assert_eq!(audit.count(&Filter::of("o")).unwrap(), 0);
    }

    #[test]
    fn the_oldest_entries_go_when_they_are_too_old_or_too_many() {
        let directory = tempfile::tempdir().unwrap();
        let audit = Audit::open(directory.path()).unwrap();
        let caller = Caller { user_id: "u".to_owned(), organization_id: "o".to_owned(), ..Caller::default() };
        let deed = Deed { action: "start", target_type: "sandbox", target_id: None };
        let write = |count: usize| {
            for _ in 0..count {
                audit.end(audit.begin(&caller, &deed, &json!({"text": "x".repeat(2000)})), 200, None, None);
            }
        };
        let left = || audit.count(&Filter::of("o")).unwrap();
        write(1000);
        let keep = Retention { days: 1, mebibytes: 1 };
        while audit.forget(keep).unwrap() {}
        assert!((100..500).contains(&left()), "{} entries of 2 kB in a MiB", left());
        let (newest, most) = (audit.select(&Filter::of("o"), 1, 0).unwrap()[0].number, left());
        assert_eq!(newest, 1000, "the latest are kept");
        assert!(!audit.forget(keep).unwrap());
        assert_eq!(left(), most);
        assert!(
            std::fs::metadata(directory.path().join("audit.db")).unwrap().len() < 2 << 20,
            "the room is given back"
        );

        audit.connection().execute_batch("DROP TRIGGER entries_stay; UPDATE entries SET created_at = 0").unwrap();
        write(3);
        audit.forget(Retention { days: 0, mebibytes: 0 }).unwrap();
        assert_eq!(left(), most + 3);
        audit.forget(keep).unwrap();
        assert_eq!(left(), 3);
        assert!(audit.connection().execute("DELETE FROM entries", []).is_err(), "nobody else removes any");
    }
}
