//! The local engine: Daytona's API and sandboxes on one Linux machine, without account or containers.
//!
//! [`serve`] runs the control plane (`/api`), the event gateway (`/api/socket.io/`) and the proxy to the
//! sandboxes (`/toolbox/{id}/…`, `{port}-{id}.localhost`) on one port, HTTP/1.1 and HTTP/2. A sandbox is
//! this same executable started again inside its own namespaces, where it serves the toolbox on a Unix
//! socket; see [`isolation`]. Clients find a running engine through [`discovery`].
//!
//! What is not implemented answers 501 and says so. The isolation level in force and the limits that
//! cannot be enforced are printed at start and answered by `GET /api/health`.

mod access;
mod clock;
mod create;
mod credentials;
pub mod discovery;
mod engine;
mod errors;
mod events;
pub mod isolation;
mod lifecycle;
mod network_rules;
mod preview_addresses;
mod previewing;
mod previews;
mod proxy;
mod record_file;
mod registry;
mod request_lines;
mod reserve;
mod routes;
mod sandbox;
mod secret;
mod server;
pub mod setup;
mod snapshot;
mod store;
mod validation;

pub use daytona_toolbox::Compat;
pub use errors::in_words;
pub use server::{ServeOptions, serve};
