//! What an engine stores, in PostgreSQL, where several equal control planes ("replicas") share it.
//!
//! | file | subject |
//! |---|---|
//! | `connection.rs` | one connection that is made again when it breaks, and how long that is tried |
//! | `tls.rs` | TLS to the server |
//! | `migrations.rs` | the schema, and which programs it fits |
//! | `records.rs` | changes of sandboxes and other records by compare-and-swap |
//! | `leases.rs` | which replica reconciles what |
//! | `timers.rs` | what is due, each taken by one replica |
//! | `outbox.rs` | what replicas tell each other |
//! | `values.rs` | parameters of statements |
//! | `store.rs` | [`daytona_store::Store`] and its documents, as an engine uses them |
//!
//! The contract of all of them:
//!
//! * A result of `Ok` means that PostgreSQL has committed, durably (`synchronous_commit` is never off).
//! * [`Error::Conflict`] means that nothing was changed, since another replica was faster: read again.
//! * [`Error::Unavailable`] means that it is not known to be stored. Changes of records may be repeated safely: an attempt whose
//!   outcome was lost is recognised by its own id.
//! * Times are the database's, never a replica's, so that clocks need not agree.
//!
//! PostgreSQL 13 or newer is needed. Long transactions that write, of any program on the same server, delay events by their length.

mod connection;
mod error;
mod leases;
mod migrations;
mod outbox;
mod records;
mod store;
mod timers;
mod tls;
mod values;

pub use connection::Database;
pub use error::{Error, Result};
pub use leases::Lease;
pub use outbox::{Event, Events, Position};
pub use records::{Content, Key, Record, SANDBOXES};
pub use store::PostgresStore;
pub use timers::Due;
