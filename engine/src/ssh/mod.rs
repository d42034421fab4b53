//! SSH into sandboxes: `ssh -p PORT TOKEN@HOST` (wire 2.2).
//!
//! The engine speaks SSH and holds the keys; inside a sandbox there is neither. What a client asks for goes to the toolbox of
//! the sandbox over its raw ways ([`daytona_toolbox::raw`]) and so runs there as everything else does: the same user, the
//! same limits, the same network.
//!
//! | file | subject |
//! |---|---|
//! | `access` | tokens: giving, finding and ending them |
//! | `host_key` | the key by which clients know the engine |
//! | `server` | the listener, and who may connect how often |
//! | `attempts` | how many wrong tokens an address may try |
//! | `live` | connections that stand, and what ends them |
//! | `connection` | what a client asks for, one connection at a time |
//! | `incoming` | what clients send, and how they are slowed down |
//! | `paced` | the connection below, which can be slowed down and ended |
//! | `link` | the way to the toolbox |
//! | `program` | shells, commands and SFTP |
//! | `forwarding` | `-L`, `-D` and `-R` |
//!
//! Nothing here waits for a sandbox while a client waits for something else: what takes time has its own task. The exception
//! is a port that a client wants to listen on, which the protocol wants answered at once; it has a limit.

pub mod access;
mod attempts;
mod connection;
mod forwarding;
mod host_key;
mod incoming;
mod link;
mod live;
mod paced;
mod program;
mod server;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use serde_json::{Value, json};

pub use self::access::SshAccess;
pub use self::host_key::HostKey;
pub use self::live::Live;
pub use self::server::{listen, serve};

/// The gateway, as the rest of the engine knows it.
pub struct Gateway {
    /// Where it listens.
    pub address: SocketAddr,
    /// The key by which clients know it.
    pub key: HostKey,
    /// Connections that stand.
    pub live: Live,
}

impl Gateway {
    /// A gateway that listens there and has this key.
    pub fn new(address: SocketAddr, key: HostKey) -> Self {
        Self { address, key, live: Live::default() }
    }

    /// The address that clients use.
    pub fn host(&self) -> IpAddr {
        match self.address.ip() {
            // Every address of this machine: the one that works without a network.
            IpAddr::V4(any) if any.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(any) if any.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            host => host,
        }
    }

    /// The command that connects with a token.
    pub fn command(&self, token: &str) -> String {
        let host = self.host();
        match self.address.port() {
            22 => format!("ssh {token}@{host}"),
            port => format!("ssh -p {port} {token}@{host}"),
        }
    }

    /// Its part of `GET /health`.
    pub fn health(&self) -> Value {
        json!({
            "host": self.host(),
            "port": self.address.port(),
            "hostKeyFingerprint": self.key.fingerprint(),
        })
    }
}
