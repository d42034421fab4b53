//! Which replica reconciles a shard: a row per shard, which its holder renews and another takes over once it has expired.

use std::time::Duration;

use crate::connection::{Database, trying};
use crate::error::Result;
use crate::values::{bigint, double, int, text};

/// The right to reconcile a shard, until it expires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The shard.
    pub shard: i32,
    /// Larger than that of all earlier holders.
    pub epoch: i64,
}

impl Database {
    /// Takes or renews a lease on a shard for this replica; `None` while another one has it.
    ///
    /// Renew it well before it expires (a third of `duration` is usual), and stop working on the shard when that fails for longer than
    /// `duration` since the last success began. What is done on the shard is safe beyond that too, as it is done by compare-and-swap.
    ///
    /// # Errors
    /// That the database cannot be reached. Whether the lease was taken is then not known.
    pub async fn lease(&self, shard: i32, duration: Duration) -> Result<Option<Lease>> {
        let (holder, seconds) = (self.replica(), duration.as_secs_f64());
        let row = trying!(self, client => {
            // Its own lease keeps its epoch, except one that had expired: another may have been holder in between.
            let statement = "INSERT INTO daytona.leases AS held (shard, holder, epoch, expires_at)
                VALUES ($1, $2, 1, clock_timestamp() + make_interval(secs => $3))
                ON CONFLICT (shard) DO UPDATE SET holder = excluded.holder, expires_at = excluded.expires_at,
                    epoch = CASE WHEN held.holder = excluded.holder AND held.expires_at > clock_timestamp() THEN held.epoch ELSE held.epoch + 1 END
                WHERE held.holder = excluded.holder OR held.expires_at <= clock_timestamp()
                RETURNING epoch";
            let values = [int(&shard), text(&holder), double(&seconds)];
            client.query_typed_opt(statement, &values).await?
        })?;
        Ok(row.map(|row| Lease { shard, epoch: row.get(0) }))
    }

    /// Gives a lease back, for another replica to take at once.
    ///
    /// # Errors
    /// That the database cannot be reached.
    pub async fn release(&self, lease: &Lease) -> Result<()> {
        let holder = self.replica();
        trying!(self, client => {
            let statement = "UPDATE daytona.leases SET expires_at = clock_timestamp() WHERE shard = $1 AND holder = $2 AND epoch = $3";
            let values = [int(&lease.shard), text(&holder), bigint(&lease.epoch)];
            client.execute_typed(statement, &values).await?;
        })
    }
}
