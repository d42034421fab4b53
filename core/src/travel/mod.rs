//! How a request travels: connections with their proxies and certificates, HTTP, WebSockets, events, retries, deadlines.

pub(crate) mod backoff;
pub(crate) mod connect;
pub(crate) mod deadline;
pub mod events;
pub(crate) mod http;
pub mod proxy;
pub(crate) mod rate_limits;
pub(crate) mod retry;
#[cfg(target_os = "linux")]
mod silence;
mod tcp;
pub mod tls;
pub(crate) mod tokens;
pub(crate) mod tunnel;
mod upgrade;
pub mod ws;
