//! The local engine: Daytona's API and sandboxes on one Linux machine, without account or containers.
//!
//! [`serve`] runs the control plane (`/api`), the event gateway (`/api/socket.io/`) and the proxy to the
//! sandboxes (`/toolbox/{id}/…`, `{port}-{id}.localhost`) on one port, HTTP/1.1 and HTTP/2. A sandbox is
//! this same executable started again inside its own namespaces, where it serves the toolbox on a Unix
//! socket; see [`isolation`]. Clients find a running engine through [`discovery`].
//!
//! | room | subject |
//! |---|---|
//! | `accounts` | whoever uses the engine, what they may do, how much, and the audit log of it |
//! | `control` | the API: routes, what requests say, events |
//! | `gateway` | the ways into a sandbox: proxy, previews, and who may use them |
//! | `sandboxes` | records, where they are kept, and what changes their state |
//! | `snapshots` | what sandboxes are made from, and how that comes to be |
//! | `backend` | what runs sandboxes, as the rest sees it: this machine is one |
//! | `isolation` | processes, mounts and limits of a running sandbox |
//! | `network` | what sandboxes reach, and what never |
//! | `ssh` | the SSH gateway |
//! | `volumes` | directories that sandboxes share |
//! | `secrets` | values that sandboxes use without having them |
//! | `store` | where all of that is kept; the local engine's SQLite databases are one way |
//! | `storage` | the object storage for contexts of builds |
//! | `webhooks` | what happens, told to other servers |
//! | `otlp` | what sandboxes print and use, told to the server that their organization names |
//! | `setup` | what sandboxes find beyond the machine's own programs |
//! | `testing` | moved time, faults and known sandboxes for tests |
//!
//! Routes that are not implemented answer 501 and say so. The isolation level in force and the limits that
//! cannot be enforced are printed at start and answered by `GET /api/health`.

mod accounts;
pub mod backend;
mod clock;
mod control;
mod dashboard;
mod engine;
mod errors;
pub mod fault;
mod gateway;
mod idle_body;
pub mod isolation;
mod network;
mod otlp;
mod outgoing;
mod sandboxes;
mod secret;
mod secrets;
mod server;
pub mod setup;
mod snapshots;
mod ssh;
mod storage;
mod store;
mod testing;
mod volumes;
mod webhooks;

pub use accounts::audit::Retention;
pub use accounts::oidc::Issuer;
pub use accounts::rate_limits::Limits;
pub use daytona_discovery as discovery;
pub use daytona_toolbox::Compat;
pub use errors::in_words;
pub use network::Cidr;
pub use server::{BackendChoice, ServeOptions, serve};
pub use testing::faults;
pub use testing::replay::Replay;
