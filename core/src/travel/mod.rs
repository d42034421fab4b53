//! How a request travels: connections with their proxies and certificates, HTTP, WebSockets, events, retries, deadlines.

pub(crate) mod backoff;
pub(crate) mod deadline;
pub mod events;
pub(crate) mod http;
pub mod proxy;
mod retry;
pub mod tls;
pub mod ws;
