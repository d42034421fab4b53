//! Which objects there are: an SQLite database beside the segments.
//!
//! A commit is what makes an object, or a part of one, exist. Files are complete on the disk before it and are removed after
//! it, so an engine that is killed in between leaves files without a name at worst, which the next one removes.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use serde::{Deserialize, Serialize};

use super::conditions::Replacing;
use super::grants::{Key, Prefix};
use super::segments::Segment;
use crate::clock;

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS objects (
    key TEXT PRIMARY KEY, object TEXT NOT NULL, used INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS uploads (
    id TEXT PRIMARY KEY, key TEXT NOT NULL, headers TEXT NOT NULL, begun INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS parts (
    upload TEXT NOT NULL, number INTEGER NOT NULL, part TEXT NOT NULL, PRIMARY KEY (upload, number)
) WITHOUT ROWID;
";

/// How much each organization has, so that nothing is summed up for each upload. It is counted anew at each start, and kept true by
/// the database itself from then on. Parts go before their upload does, and an object's row is changed, not replaced.
const TOTALS: &str = "
BEGIN;
DROP TABLE IF EXISTS totals;
CREATE TABLE totals (owner TEXT PRIMARY KEY, bytes INTEGER NOT NULL, entries INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO totals
    SELECT owner, sum(size), count(*) FROM (
        SELECT substr(key, 1, instr(key, '/')) AS owner, json_extract(object, '$.size') AS size FROM objects
        UNION ALL
        SELECT substr(key, 1, instr(key, '/')), json_extract(part, '$.segment.size') FROM parts JOIN uploads ON upload = id
    ) GROUP BY owner;
CREATE TRIGGER IF NOT EXISTS object_added AFTER INSERT ON objects BEGIN
    INSERT INTO totals VALUES (substr(NEW.key, 1, instr(NEW.key, '/')), json_extract(NEW.object, '$.size'), 1)
    ON CONFLICT DO UPDATE SET bytes = bytes + excluded.bytes, entries = entries + 1;
END;
CREATE TRIGGER IF NOT EXISTS object_changed AFTER UPDATE OF object ON objects BEGIN
    UPDATE totals SET bytes = bytes - json_extract(OLD.object, '$.size') + json_extract(NEW.object, '$.size')
    WHERE owner = substr(NEW.key, 1, instr(NEW.key, '/'));
END;
CREATE TRIGGER IF NOT EXISTS object_removed AFTER DELETE ON objects BEGIN
    UPDATE totals SET bytes = bytes - json_extract(OLD.object, '$.size'), entries = entries - 1
    WHERE owner = substr(OLD.key, 1, instr(OLD.key, '/'));
END;
CREATE TRIGGER IF NOT EXISTS part_added AFTER INSERT ON parts BEGIN
    INSERT INTO totals
    SELECT substr(key, 1, instr(key, '/')), json_extract(NEW.part, '$.segment.size'), 1 FROM uploads WHERE id = NEW.upload
    ON CONFLICT DO UPDATE SET bytes = bytes + excluded.bytes, entries = entries + 1;
END;
CREATE TRIGGER IF NOT EXISTS part_changed AFTER UPDATE OF part ON parts BEGIN
    UPDATE totals SET bytes = bytes - json_extract(OLD.part, '$.segment.size') + json_extract(NEW.part, '$.segment.size')
    WHERE owner = (SELECT substr(key, 1, instr(key, '/')) FROM uploads WHERE id = NEW.upload);
END;
CREATE TRIGGER IF NOT EXISTS part_removed AFTER DELETE ON parts BEGIN
    UPDATE totals SET bytes = bytes - json_extract(OLD.part, '$.segment.size'), entries = entries - 1
    WHERE owner = (SELECT substr(key, 1, instr(key, '/')) FROM uploads WHERE id = OLD.upload);
END;
COMMIT;
";

/// The most objects and parts of an organization: each is a file, and a disk has room for so many.
const MOST_ENTRIES: i64 = 100_000;

/// How long an upload in parts may take, in milliseconds. What was not completed by then is removed.
const UPLOAD_MILLIS: i64 = 7 * 24 * 60 * 60 * 1000;

/// How long it may be before another use of an object is noted, in milliseconds.
const USE_NOTED_EVERY: i64 = 60 * 60 * 1000;

/// An organization has as much as it may have.
#[derive(Debug, thiserror::Error)]
pub enum QuotaExceeded {
    /// How many bytes that are.
    #[error("an organization has at most {0} bytes in the object storage")]
    Bytes(u64),
    /// How many objects, and parts of them, that are.
    #[error("an organization has at most {0} objects in the object storage")]
    Objects(i64),
}

/// What a client says about an object and is told again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Headers {
    /// `Content-Type`.
    pub content_type: Option<String>,
    /// `x-amz-meta-…`, without the prefix.
    pub metadata: BTreeMap<String, String>,
}

/// An object as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Object {
    /// Bytes.
    pub size: u64,
    /// Without quotes: the MD5 of the bytes, or that of the parts' and their number.
    pub etag: String,
    /// Milliseconds since 1970.
    pub modified: i64,
    /// See [`Headers`].
    pub headers: Headers,
    /// Where the bytes are.
    pub segments: Vec<Segment>,
}

/// A part of an upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Where the bytes are.
    pub segment: Segment,
    /// Their MD5 in hexadecimal digits.
    pub etag: String,
    /// Milliseconds since 1970.
    pub modified: i64,
}

/// An upload in parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// Random.
    pub id: String,
    /// The name of the object it makes.
    pub key: String,
    /// Milliseconds since 1970.
    pub begun: i64,
}

/// The open database.
pub struct Index {
    connection: Mutex<Connection>,
}

impl Index {
    /// Opens or creates the database.
    pub fn open(path: &Path) -> Result<Self> {
        let connection = Connection::open(path).with_context(|| format!("opening {}", path.display()))?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.execute_batch(SCHEMA)?;
        if connection.prepare("SELECT used FROM objects").is_err() {
            connection.execute_batch("ALTER TABLE objects ADD COLUMN used INTEGER NOT NULL DEFAULT 0")?;
        }
        connection.execute_batch(TOTALS)?;
        Ok(Self { connection: Mutex::new(connection) })
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An object.
    pub fn object(&self, key: &Key) -> Result<Option<Object>> {
        object(&self.lock(), key)
    }

    /// The first `most` objects whose names begin with `prefix` and come after `after`, in the order of their names.
    pub fn list(&self, prefix: &Prefix, after: &str, most: usize) -> Result<Vec<(String, Object)>> {
        let connection = self.lock();
        let mut statement = connection.prepare_cached(
            "SELECT key, object FROM objects WHERE key >= ?1 AND key < ?2 AND key > ?3 ORDER BY key LIMIT ?4",
        )?;
        let end = end_of(prefix.text());
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let range = params![prefix.text(), end, after, most];
        let rows = statement.query_map(range, |row| Ok((row.get(0)?, document(row, 1)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Notes that the objects whose names begin with a text are used.
    pub fn note_use(&self, beginning: &str) -> Result<()> {
        let now = clock::millis(clock::now());
        let statement = "UPDATE objects SET used = ?1 WHERE key >= ?2 AND key < ?3 AND used < ?4";
        let values = params![now, beginning, end_of(beginning), now - USE_NOTED_EVERY];
        self.lock().prepare_cached(statement)?.execute(values)?;
        Ok(())
    }

    /// Says when an object was last used.
    #[cfg(test)]
    pub fn set_used(&self, key: &Key, used: i64) {
        self.lock().execute("UPDATE objects SET used = ?1 WHERE key = ?2", params![used, key.name()]).unwrap();
    }

    /// Bytes of all objects, and of parts of objects, of the organization that an object belongs to.
    pub fn bytes(&self, key: &Key) -> Result<u64> {
        totals(&self.lock(), key).map(|(bytes, _)| bytes)
    }

    /// Makes an object of an organization that may have `most` bytes; returns what it replaces.
    ///
    /// # Errors
    /// [`QuotaExceeded`].
    pub fn put(&self, key: &Key, object: &Object, most: u64) -> Result<Option<Object>> {
        self.put_if(key, object, most, &Replacing::Anything)
    }

    /// The same, if it may take the place of what is there: [`Unmet`](super::conditions::Unmet) otherwise.
    pub fn put_if(&self, key: &Key, object: &Object, most: u64, replacing: &Replacing) -> Result<Option<Object>> {
        let mut connection = self.lock();
        let transaction = connection.transaction()?;
        let replaced = put(&transaction, key, object)?;
        replacing.check(replaced.as_ref())?;
        check(&transaction, key, most)?;
        transaction.commit()?;
        Ok(replaced)
    }

    /// Removes all objects and uploads whose names begin with `prefix`; returns their segments.
    pub fn delete_all(&self, prefix: &Prefix) -> Result<Vec<Segment>> {
        let mut connection = self.lock();
        let transaction = connection.transaction()?;
        let (begin, end) = (prefix.text(), end_of(prefix.text()));
        let mut removed = Vec::new();
        {
            let mut statement =
                transaction.prepare("DELETE FROM objects WHERE key >= ?1 AND key < ?2 RETURNING object")?;
            for object in statement.query_map(params![begin, end], |row| document::<Object>(row, 0))? {
                removed.extend(object?.segments);
            }
            let mut statement = transaction.prepare(
                "DELETE FROM parts WHERE upload IN (SELECT id FROM uploads WHERE key >= ?1 AND key < ?2) RETURNING part",
            )?;
            for part in statement.query_map(params![begin, end], |row| document::<Part>(row, 0))? {
                removed.push(part?.segment);
            }
        }
        transaction.execute("DELETE FROM uploads WHERE key >= ?1 AND key < ?2", params![begin, end])?;
        transaction.commit()?;
        Ok(removed)
    }

    /// Removes contexts of builds that nobody has used since a time; returns their segments.
    pub fn delete_unused(&self, since: i64) -> Result<Vec<Segment>> {
        let mut connection = self.lock();
        let transaction = connection.transaction()?;
        let mut removed = Vec::new();
        {
            let mut statement = transaction.prepare(
                "DELETE FROM objects WHERE key LIKE '%/context.tar' AND used < ?1 \
                 AND json_extract(object, '$.modified') < ?1 RETURNING object",
            )?;
            for object in statement.query_map([since], |row| document::<Object>(row, 0))? {
                removed.extend(object?.segments);
            }
        }
        transaction.commit()?;
        Ok(removed)
    }

    /// Puts an object in the place of another, unless that has changed.
    pub fn exchange(&self, key: &Key, known: &Object, other: &Object) -> Result<bool> {
        let mut connection = self.lock();
        let transaction = connection.transaction()?;
        if object(&transaction, key)?.as_ref() != Some(known) {
            return Ok(false);
        }
        put(&transaction, key, other)?;
        transaction.commit()?;
        Ok(true)
    }

    /// Removes an object; returns it.
    pub fn delete(&self, key: &Key) -> Result<Option<Object>> {
        let mut connection = self.lock();
        let transaction = connection.transaction()?;
        let deleted = object(&transaction, key)?;
        transaction.execute("DELETE FROM objects WHERE key = ?1", [key.name()])?;
        transaction.commit()?;
        Ok(deleted)
    }

    /// Begins an upload in parts.
    pub fn begin(&self, id: &str, key: &Key, headers: &Headers) -> Result<()> {
        let headers = serde_json::to_string(headers)?;
        let statement = "INSERT INTO uploads (id, key, headers, begun) VALUES (?1, ?2, ?3, ?4)";
        self.lock().execute(statement, params![id, key.name(), headers, clock::millis(clock::now())])?;
        Ok(())
    }

    /// What an upload's object is to have, if there is such an upload of an object of this name.
    pub fn upload(&self, id: &str, key: &Key) -> Result<Option<Headers>> {
        upload(&self.lock(), id, key)
    }

    /// The uploads of objects whose names begin with `prefix`.
    pub fn uploads(&self, prefix: &Prefix) -> Result<Vec<Upload>> {
        let connection = self.lock();
        let mut statement = connection.prepare_cached("SELECT id, key, begun FROM uploads ORDER BY key, begun")?;
        let rows =
            statement.query_map([], |row| Ok(Upload { id: row.get(0)?, key: row.get(1)?, begun: row.get(2)? }))?;
        let uploads: Vec<_> = rows.collect::<rusqlite::Result<_>>()?;
        Ok(uploads.into_iter().filter(|upload| upload.key.starts_with(prefix.text())).collect())
    }

    /// Adds a part to an upload; `None` when there is no such upload, else the part it replaces.
    ///
    /// # Errors
    /// [`QuotaExceeded`], where the organization may have `most` bytes.
    pub fn add_part(&self, id: &str, key: &Key, number: u32, part: &Part, most: u64) -> Result<Option<Option<Part>>> {
        let mut connection = self.lock();
        let transaction = connection.transaction()?;
        if upload(&transaction, id, key)?.is_none() {
            return Ok(None);
        }
        let query = "SELECT part FROM parts WHERE upload = ?1 AND number = ?2";
        let replaced = transaction.query_row(query, params![id, number], |row| document(row, 0)).optional()?;
        let statement = "INSERT INTO parts (upload, number, part) VALUES (?1, ?2, ?3) \
                         ON CONFLICT DO UPDATE SET part = excluded.part";
        transaction.execute(statement, params![id, number, serde_json::to_string(part)?])?;
        check(&transaction, key, most)?;
        transaction.commit()?;
        Ok(Some(replaced))
    }

    /// The parts of an upload by number.
    pub fn parts(&self, id: &str) -> Result<BTreeMap<u32, Part>> {
        parts(&self.lock(), id)
    }

    /// Makes an object of an upload's parts and ends the upload; `None` when there is no such upload any more. Returns the
    /// object it replaces and the parts that are in neither.
    pub fn complete(
        &self,
        id: &str,
        key: &Key,
        object: &Object,
        replacing: &Replacing,
    ) -> Result<Option<Vec<Segment>>> {
        let mut connection = self.lock();
        let transaction = connection.transaction()?;
        if upload(&transaction, id, key)?.is_none() {
            return Ok(None);
        }
        let mut unnamed: Vec<_> = parts(&transaction, id)?.into_values().map(|part| part.segment).collect();
        unnamed.retain(|segment| !object.segments.contains(segment));
        let replaced = put(&transaction, key, object)?;
        replacing.check(replaced.as_ref())?;
        unnamed.extend(replaced.into_iter().flat_map(|replaced| replaced.segments));
        end(&transaction, id)?;
        transaction.commit()?;
        Ok(Some(unnamed))
    }

    /// Ends an upload without an object; `None` when there is no such upload. Returns its parts.
    pub fn abort(&self, id: &str, key: &Key) -> Result<Option<Vec<Segment>>> {
        let mut connection = self.lock();
        let transaction = connection.transaction()?;
        if upload(&transaction, id, key)?.is_none() {
            return Ok(None);
        }
        let unnamed = parts(&transaction, id)?.into_values().map(|part| part.segment).collect();
        end(&transaction, id)?;
        transaction.commit()?;
        Ok(Some(unnamed))
    }

    /// Ends uploads that were begun too long ago.
    pub fn forget_old_uploads(&self) -> Result<()> {
        let mut connection = self.lock();
        let transaction = connection.transaction()?;
        let oldest = clock::millis(clock::now()).saturating_sub(UPLOAD_MILLIS);
        transaction.execute("DELETE FROM parts WHERE upload IN (SELECT id FROM uploads WHERE begun < ?1)", [oldest])?;
        transaction.execute("DELETE FROM uploads WHERE begun < ?1", [oldest])?;
        Ok(transaction.commit()?)
    }

    /// Every segment that an object or a part names.
    pub fn segments(&self) -> Result<Vec<Segment>> {
        let connection = self.lock();
        let mut statement = connection.prepare("SELECT object FROM objects")?;
        let objects = statement.query_map([], |row| document::<Object>(row, 0))?;
        let mut segments = Vec::new();
        for object in objects {
            segments.extend(object?.segments);
        }
        let mut statement = connection.prepare("SELECT part FROM parts")?;
        for part in statement.query_map([], |row| document::<Part>(row, 0))? {
            segments.push(part?.segment);
        }
        Ok(segments)
    }
}

/// A column that holds JSON.
fn document<T: serde::de::DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(error))
    })
}

fn object(connection: &Connection, key: &Key) -> Result<Option<Object>> {
    let mut statement = connection.prepare_cached("SELECT object FROM objects WHERE key = ?1")?;
    Ok(statement.query_row([key.name()], |row| document(row, 0)).optional()?)
}

fn put(transaction: &Transaction<'_>, key: &Key, made: &Object) -> Result<Option<Object>> {
    let replaced = object(transaction, key)?;
    let statement = "INSERT INTO objects (key, object, used) VALUES (?1, ?2, ?3) \
                     ON CONFLICT DO UPDATE SET object = excluded.object, used = excluded.used";
    transaction.execute(statement, params![key.name(), serde_json::to_string(made)?, clock::millis(clock::now())])?;
    Ok(replaced)
}

/// Comes after all names that begin with a text.
fn end_of(beginning: &str) -> String {
    format!("{beginning}{}", char::MAX)
}

/// Bytes, and number of objects and parts, of the organization that an object belongs to.
fn totals(connection: &Connection, key: &Key) -> Result<(u64, i64)> {
    let mut statement = connection.prepare_cached("SELECT bytes, entries FROM totals WHERE owner = ?1")?;
    let found = statement.query_row([key.whole().text()], |row| Ok((row.get::<_, i64>(0)?, row.get(1)?))).optional()?;
    Ok(found.map_or((0, 0), |(bytes, entries)| (u64::try_from(bytes).unwrap_or(0), entries)))
}

fn check(transaction: &Transaction<'_>, key: &Key, most: u64) -> Result<()> {
    match totals(transaction, key)? {
        (bytes, _) if bytes > most => Err(QuotaExceeded::Bytes(most).into()),
        (_, entries) if entries > MOST_ENTRIES => Err(QuotaExceeded::Objects(MOST_ENTRIES).into()),
        _ => Ok(()),
    }
}

fn upload(connection: &Connection, id: &str, key: &Key) -> Result<Option<Headers>> {
    let query = "SELECT headers FROM uploads WHERE id = ?1 AND key = ?2";
    Ok(connection.query_row(query, [id, key.name()], |row| document(row, 0)).optional()?)
}

fn parts(connection: &Connection, id: &str) -> Result<BTreeMap<u32, Part>> {
    let mut statement = connection.prepare_cached("SELECT number, part FROM parts WHERE upload = ?1")?;
    let rows = statement.query_map([id], |row| Ok((row.get(0)?, document(row, 1)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn end(transaction: &Transaction<'_>, id: &str) -> rusqlite::Result<()> {
    transaction.execute("DELETE FROM parts WHERE upload = ?1", [id])?;
    transaction.execute("DELETE FROM uploads WHERE id = ?1", [id])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::grants::Grant;

    fn object(size: u64) -> Object {
        let segments = vec![Segment { file: size.to_string(), size }];
        Object { size, etag: String::new(), modified: 0, headers: Headers::default(), segments }
    }

    fn part(size: u64) -> Part {
        Part { segment: Segment { file: size.to_string(), size }, etag: String::new(), modified: 0 }
    }

    #[test]
    fn what_an_organization_has_is_counted_with_each_change_and_at_each_start() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("index.db");
        let index = Index::open(&path).unwrap();
        let key = |name: &str| Grant::of(name.split('/').next().unwrap()).key(name).unwrap();
        let (one, two, other) = (key("ours/one"), key("ours/two"), key("theirs/one"));
        let counted = |index: &Index| [&one, &other].map(|key| totals(&index.lock(), key).unwrap());
        index.put(&one, &object(5), 100).unwrap();
        index.put(&one, &object(7), 100).unwrap();
        index.put(&other, &object(90), 100).unwrap();
        assert_eq!(counted(&index), [(7, 1), (90, 1)]);
        index.begin("upload", &two, &Headers::default()).unwrap();
        for size in [10, 20] {
            index.add_part("upload", &two, 1, &part(size), 100).unwrap();
        }
        index.add_part("upload", &two, 2, &part(30), 100).unwrap();
        assert_eq!(counted(&index)[0], (57, 3));
        index.add_part("upload", &two, 3, &part(44), 100).unwrap_err();
        assert_eq!(counted(&index)[0], (57, 3));
        drop(index);
        let index = Index::open(&path).unwrap();
        assert_eq!(counted(&index), [(57, 3), (90, 1)]);
        index.complete("upload", &two, &object(50), &Replacing::Anything).unwrap().unwrap();
        assert_eq!(counted(&index)[0], (57, 2));
        index.begin("given up", &one, &Headers::default()).unwrap();
        index.add_part("given up", &one, 1, &part(1), 100).unwrap();
        index.abort("given up", &one).unwrap().unwrap();
        index.delete(&two).unwrap();
        assert_eq!(counted(&index), [(7, 1), (90, 1)]);
        index.delete_all(&one.whole()).unwrap();
        assert_eq!(counted(&index), [(0, 0), (90, 1)]);
    }

    #[test]
    fn an_organization_has_so_many_objects_and_no_more() {
        let directory = tempfile::tempdir().unwrap();
        let index = Index::open(&directory.path().join("index.db")).unwrap();
        let key = |name: &str| Grant::of("ours").key(name).unwrap();
        index.put(&key("ours/one"), &object(0), 100).unwrap();
        index.lock().execute("UPDATE totals SET entries = ?1", [MOST_ENTRIES]).unwrap();
        let refused = index.put(&key("ours/two"), &object(0), 100).unwrap_err();
        assert!(matches!(refused.downcast_ref(), Some(QuotaExceeded::Objects(MOST_ENTRIES))), "{refused}");
        index.put(&key("ours/one"), &object(0), 100).expect("it replaces one");
    }
}
