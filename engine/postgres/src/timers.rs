//! What is due at a time, such as that a sandbox stops by itself. Each is taken by one replica, and by another if that one dies.

use std::time::Duration;

use uuid::Uuid;

use crate::connection::{Database, trying};
use crate::error::Result;
use crate::values::{bigint, double, text, uuid};

/// Something that is due and was taken by this replica.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// Whom it is about, such as the id of a sandbox.
    pub subject: String,
    /// What is due.
    pub kind: String,
    claim: Uuid,
}

impl Database {
    /// Says that something is due after a while, in place of what was said of the same subject and kind before.
    ///
    /// # Errors
    /// That the database cannot be reached.
    pub async fn set_timer(&self, subject: &str, kind: &str, after: Duration) -> Result<()> {
        let seconds = after.as_secs_f64();
        trying!(self, client => {
            let statement = "INSERT INTO daytona.timers (subject, kind, due_at)
                VALUES ($1, $2, clock_timestamp() + make_interval(secs => $3))
                ON CONFLICT (subject, kind) DO UPDATE SET due_at = excluded.due_at, claim = NULL, claimed_until = NULL";
            let values = [text(&subject), text(&kind), double(&seconds)];
            client.execute_typed(statement, &values).await?;
        })
    }

    /// Says that something is not due any more.
    ///
    /// # Errors
    /// That the database cannot be reached.
    pub async fn clear_timer(&self, subject: &str, kind: &str) -> Result<()> {
        trying!(self, client => {
            let statement = "DELETE FROM daytona.timers WHERE subject = $1 AND kind = $2";
            client.execute_typed(statement, &[text(&subject), text(&kind)]).await?;
        })
    }

    /// Takes what is due, the longest due first, so many at most. What is not [`done`](Self::done) within `lease` is taken again, by
    /// whomever: doing it twice has to be harmless.
    ///
    /// # Errors
    /// That the database cannot be reached. What was taken nonetheless is due again after `lease`.
    pub async fn take_due(&self, most: u32, lease: Duration) -> Result<Vec<Due>> {
        let (claim, most, seconds) = (Uuid::new_v4(), i64::from(most), lease.as_secs_f64());
        let rows = trying!(self, client => {
            let statement = "UPDATE daytona.timers AS timer
                SET claim = $1, claimed_until = clock_timestamp() + make_interval(secs => $3)
                FROM (SELECT subject, kind FROM daytona.timers
                    WHERE due_at <= clock_timestamp() AND (claimed_until IS NULL OR claimed_until <= clock_timestamp())
                    ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED) AS due
                WHERE timer.subject = due.subject AND timer.kind = due.kind
                RETURNING timer.subject, timer.kind";
            let values = [uuid(&claim), bigint(&most), double(&seconds)];
            client.query_typed(statement, &values).await?
        })?;
        Ok(rows.iter().map(|row| Due { subject: row.get(0), kind: row.get(1), claim }).collect())
    }

    /// Forgets what is done, unless it was set again or taken by another replica meanwhile; whether it was still this one's.
    ///
    /// # Errors
    /// That the database cannot be reached.
    pub async fn done(&self, due: &Due) -> Result<bool> {
        let deleted = trying!(self, client => {
            let statement = "DELETE FROM daytona.timers WHERE subject = $1 AND kind = $2 AND claim = $3";
            let values = [text(&due.subject), text(&due.kind), uuid(&due.claim)];
            client.execute_typed(statement, &values).await?
        })?;
        Ok(deleted > 0)
    }
}
