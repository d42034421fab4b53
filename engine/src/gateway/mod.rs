//! The ways into a sandbox: the proxy to its toolbox and ports, previews, and who may use them (wire 1.3).

pub mod access;
pub mod credentials;
pub mod preview_addresses;
pub mod previewing;
pub mod previews;
pub mod proxy;
pub mod request_lines;
pub mod warning;
