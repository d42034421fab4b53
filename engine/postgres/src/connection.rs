//! One connection, which is made again when it breaks.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::sync::{Mutex, MutexGuard};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::{AsyncMessage, Client, Config};

use crate::error::{Error, Result};
use crate::migrations;
use crate::tls::Tls;

/// How long something is tried before it counts as failed, unless [`Database::with_patience`] says otherwise.
const PATIENCE: Duration = Duration::from_secs(10);

/// The longest that an attempt takes. The server gives up before, so that no attempt takes effect after the next one.
const ATTEMPT: Duration = Duration::from_secs(15);

/// Limits that the server keeps: of a statement, of waiting for a lock, and of a transaction in which nothing happens.
const SESSION: &str = "SET statement_timeout = '10s'; SET lock_timeout = '5s'; SET idle_in_transaction_session_timeout = '10s';
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') IN ('off', 'local')";

/// Between attempts: at first, and at most.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));

/// A database, by one connection: what is asked at once is answered one after the other. Clones share the connection.
#[derive(Clone)]
pub struct Database(Arc<Inner>);

struct Inner {
    config: Config,
    tls: Tls,
    replica: String,
    patience: Duration,
    session: Mutex<Option<Session>>,
}

/// A connection that works as far as is known.
struct Session {
    client: Client,
    driver: JoinHandle<()>,
}

impl Drop for Session {
    fn drop(&mut self) {
        // Also in the middle of a transaction, which the server then takes back.
        self.driver.abort();
    }
}

impl std::fmt::Debug for Database {
    /// Without the address, in which a password may be.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Database").field("replica", &self.0.replica).finish_non_exhaustive()
    }
}

impl Database {
    /// Connects to `postgres://user:password@host/database` (or libpq's `key=value` form) and brings the schema `daytona` up to date.
    /// `replica` names this control plane; no other one may have the same name at the same time.
    ///
    /// To another machine, TLS is required unless the address says `sslmode=disable`. The server's certificate is always verified.
    ///
    /// # Errors
    /// That the address is malformed, the server cannot be reached within 10 seconds, is older than PostgreSQL 13, refuses, or that a
    /// newer program has changed the schema so that this one does not understand it. The address is never part of the error.
    pub async fn connect(address: &str, replica: &str) -> anyhow::Result<Self> {
        Self::connect_within(address, replica, PATIENCE).await
    }

    /// The same with another limit, of this and of everything that is done later.
    ///
    /// # Errors
    /// See [`Self::connect`].
    pub async fn connect_within(address: &str, replica: &str, patience: Duration) -> anyhow::Result<Self> {
        // The parser's error tells where, not what.
        let mut config: Config = address.parse().context("reading the address of the database")?;
        if config.get_hosts().is_empty() {
            bail!("the address of the database names no host: postgres://user:password@host/database");
        }
        if config.get_ssl_mode() == SslMode::Prefer {
            let mode = if stays_here(&config) { SslMode::Disable } else { SslMode::Require };
            config.ssl_mode(mode);
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(Duration::from_secs(5));
        }
        config.keepalives_idle(Duration::from_secs(15)).tcp_user_timeout(Duration::from_secs(10));
        config.application_name(format!("daytona {replica}"));
        let session = Mutex::default();
        let database =
            Self(Arc::new(Inner { config, tls: Tls::new()?, replica: replica.to_owned(), patience, session }));
        migrations::migrate(&database).await?;
        Ok(database)
    }

    /// Another connection to the same database.
    #[must_use]
    pub fn another(&self) -> Self {
        let Inner { config, tls, replica, patience, .. } = &*self.0;
        let (config, tls, replica) = (config.clone(), tls.clone(), replica.clone());
        Self(Arc::new(Inner { config, tls, replica, patience: *patience, session: Mutex::default() }))
    }

    /// The name of this control plane.
    pub fn replica(&self) -> &str {
        &self.0.replica
    }

    /// The connection, for as long as the result lives. One that is not given back by [`Borrowed::keep`] is closed.
    pub(crate) async fn client(&self) -> Result<Borrowed<'_>> {
        let mut place = self.0.session.lock().await;
        let session = match place.take().filter(|session| !session.client.is_closed()) {
            Some(session) => session,
            None => self.open(|_| {}).await?,
        };
        Ok(Borrowed { place, session })
    }

    /// A connection of its own, which tells `notified` whenever the server sends something unasked.
    pub(crate) async fn listening(&self, notified: impl Fn(AsyncMessage) + Send + 'static) -> Result<Listening> {
        self.open(notified).await.map(Listening)
    }

    async fn open(&self, notified: impl Fn(AsyncMessage) + Send + 'static) -> Result<Session> {
        let (client, mut connection) = self.0.config.connect(self.0.tls.clone()).await?;
        let driver = tokio::spawn(async move {
            while let Some(Ok(message)) = std::future::poll_fn(|context| connection.poll_message(context)).await {
                notified(message);
            }
        });
        let session = Session { client, driver };
        session.client.batch_execute(SESSION).await?;
        Ok(session)
    }

    /// Attempts at something, until one succeeds or it has taken too long.
    pub(crate) fn tries(&self) -> Tries {
        Tries { until: Instant::now() + self.0.patience, pause: BACKOFF.0 }
    }
}

/// Whether every server is this machine, by name and by address: `hostaddr` is where a connection goes, whatever the name.
fn stays_here(config: &Config) -> bool {
    config.get_hosts().iter().all(is_near) && config.get_hostaddrs().iter().all(std::net::IpAddr::is_loopback)
}

/// Whether a host is this machine.
fn is_near(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => {
            name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        }
        Host::Unix(_) => true,
    }
}

/// The connection in use.
pub(crate) struct Borrowed<'a> {
    place: MutexGuard<'a, Option<Session>>,
    session: Session,
}

impl Borrowed<'_> {
    /// Gives it back, with no transaction open.
    pub(crate) fn keep(self) {
        let Self { mut place, session } = self;
        *place = Some(session);
    }
}

impl Deref for Borrowed<'_> {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.session.client
    }
}

/// See [`Database::listening`].
pub(crate) struct Listening(Session);

impl Deref for Listening {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.0.client
    }
}

/// See [`Database::tries`].
pub(crate) struct Tries {
    until: Instant,
    pause: Duration,
}

impl Tries {
    /// The limit of one attempt.
    pub(crate) async fn limited<T>(attempt: impl Future<Output = Result<T>>) -> Result<T> {
        let late = |_| Error::Unavailable(format!("no answer within {} seconds", ATTEMPT.as_secs()));
        tokio::time::timeout(ATTEMPT, attempt).await.unwrap_or_else(|error| Err(late(error)))
    }

    /// The result, if this was the last attempt; otherwise waits until the next one.
    pub(crate) async fn over<T>(&mut self, outcome: Result<T>) -> Option<Result<T>> {
        match outcome {
            Err(error) if error.is_passing() && Instant::now() + self.pause < self.until => {
                tracing::debug!(%error, "the database is tried again");
                tokio::time::sleep(jittered(self.pause)).await;
                self.pause = (self.pause * 2).min(BACKOFF.1);
                None
            }
            outcome => Some(outcome),
        }
    }
}

/// Between half and all of it, so that replicas do not come back at once.
pub(crate) fn jittered(pause: Duration) -> Duration {
    let random = f64::from(uuid::Uuid::new_v4().as_bytes()[0]) / 255.0;
    pause.mul_f64(0.5 + random / 2.0)
}

/// Runs a block with the connection, again on a new one while that may help. The block is run as often as it takes: it has to mean the
/// same each time. Inside, `?` ends the attempt.
macro_rules! trying {
    ($database:expr, $client:ident => $body:expr) => {{
        let mut tries = $database.tries();
        loop {
            let outcome = $crate::connection::Tries::limited(async {
                let $client = $database.client().await?;
                let value = $body;
                $client.keep();
                $crate::error::Result::Ok(value)
            })
            .await;
            if let Some(result) = tries.over(outcome).await {
                break result;
            }
        }
    }};
}
pub(crate) use trying;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stays_on_this_machine_goes_without_tls() {
        for near in ["postgres://localhost/d", "postgres://127.0.0.1/d", "postgres://[::1]/d", "host=/run/postgresql"] {
            assert!(stays_here(&near.parse().unwrap()), "{near}");
        }
        assert!(stays_here(&"host=localhost hostaddr=127.0.0.2".parse().unwrap()));
        for far in [
            "postgres://database.example.com/d",
            "postgres://localhost,10.0.0.5/d",
            "host=localhost hostaddr=10.0.0.5",
            "host=/run/postgresql hostaddr=10.0.0.5",
            "host=localhost,localhost hostaddr=127.0.0.1,10.0.0.5",
            "host=database.example.com hostaddr=127.0.0.1",
        ] {
            assert!(!stays_here(&far.parse().unwrap()), "{far}");
        }
    }
}
