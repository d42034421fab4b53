//! Addresses for preview URLs that every program can reach.
//!
//! Browsers know that `3000-<id>.localhost` is this machine, but most resolvers do not. All of 127.0.0.0/8 is
//! this machine too, and numbers need no resolver: each previewed port gets an address of its own there,
//! with the engine's port number, and so an origin of its own in browsers. An address is no secret: every user of the
//! machine can connect to it. Signed URLs therefore carry their token as the first segment of the path, and an address
//! answers to its own name only, so that no web page reaches it through a name of its choice.

use std::collections::HashMap;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use daytona_toolbox::connections;
use sha2::{Digest, Sha256};
use tokio::task::AbortHandle;

use crate::clock;
use crate::engine::Engine;
use crate::gateway::previewing;

/// How many addresses are tried when one is taken.
const ATTEMPTS: u32 = 8;

/// A port of a sandbox, named by the sandbox's id or a signed token.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Preview {
    /// The port inside.
    pub port: u16,
    /// The sandbox's id, or a token that stands for it.
    pub label: String,
}

struct Address {
    ip: Ipv4Addr,
    server: AbortHandle,
}

/// The addresses in use.
#[derive(Default)]
pub struct PreviewAddresses {
    open: Mutex<HashMap<Preview, Address>>,
}

impl PreviewAddresses {
    fn open(&self) -> std::sync::MutexGuard<'_, HashMap<Preview, Address>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stops listening for a sandbox's ports, or for a token; connections end with it.
    pub fn close(&self, label: &str) {
        self.open().retain(|preview, address| {
            let keep = preview.label != label;
            if !keep {
                address.server.abort();
            }
            keep
        });
    }
}

impl Engine {
    /// The URL of a port inside a sandbox, reachable until the sandbox goes.
    pub fn preview_url(self: &Arc<Self>, port: u16, sandbox_id: &str) -> String {
        let preview = Preview { port, label: sandbox_id.to_owned() };
        match self.open_preview(&preview, None) {
            Some(ip) => format!("http://{ip}:{}", self.port),
            None => format!("http://{port}-{sandbox_id}.localhost:{}", self.port),
        }
    }

    /// The URL a signed token opens, until it expires or the sandbox goes.
    pub fn signed_url(self: &Arc<Self>, port: u16, token: &str, lifetime: Duration) -> String {
        let preview = Preview { port, label: token.to_owned() };
        match self.open_preview(&preview, Some(lifetime)) {
            Some(ip) => format!("http://{ip}:{}/{token}", self.port),
            None => format!("http://{port}-{token}.localhost:{}", self.port),
        }
    }

    /// Ends all ways to a sandbox's ports.
    pub fn close_previews(&self, sandbox_id: &str) {
        self.preview_addresses.close(sandbox_id);
        for token in self.previews.forget(sandbox_id) {
            self.preview_addresses.close(&token);
        }
    }

    fn open_preview(self: &Arc<Self>, preview: &Preview, lifetime: Option<Duration>) -> Option<Ipv4Addr> {
        let mut open = self.preview_addresses.open();
        if let Some(address) = open.get(preview) {
            return Some(address.ip);
        }
        let (ip, listener) = candidates(preview).find_map(|ip| Some((ip, TcpListener::bind((ip, self.port)).ok()?)))?;
        listener.set_nonblocking(true).ok()?;
        let listener = tokio::net::TcpListener::from_std(listener).ok()?;
        let end = lifetime.map(clock::sleep);
        let server = tokio::spawn(serve(Arc::clone(self), preview.clone(), ip, listener, end)).abort_handle();
        open.insert(preview.clone(), Address { ip, server });
        Some(ip)
    }
}

/// The same preview gets the same address every time, as long as nobody else has it.
fn candidates(preview: &Preview) -> impl Iterator<Item = Ipv4Addr> {
    let digest = Sha256::digest(format!("{}-{}", preview.port, preview.label));
    let first = u32::from_be_bytes([0, digest[0], digest[1], digest[2]]);
    // Neither 127.0.x.x, which others use, nor a last byte of 0 or 255.
    (first..first + ATTEMPTS).map(|number| {
        let [_, second, third, last] = number.to_be_bytes();
        Ipv4Addr::new(127, 1 + second % 254, third, 1 + last % 254)
    })
}

async fn serve(
    engine: Arc<Engine>,
    preview: Preview,
    ip: Ipv4Addr,
    listener: tokio::net::TcpListener,
    end: Option<impl Future<Output = ()> + Send>,
) {
    let handler = {
        let (engine, preview) = (Arc::clone(&engine), preview.clone());
        move |request: Request| async move {
            let _open = engine.activity.open();
            previewing::by_address(&engine, preview, ip, request).await
        }
    };
    let router = Router::new().fallback(handler);
    let server = connections::serve(listener, router, engine.room.clone(), Default::default());
    match end {
        None => server.await,
        Some(end) => tokio::select! { () = server => {}, () = end => {} },
    }
    engine.preview_addresses.open().remove(&preview);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn previews_have_loopback_addresses_of_their_own() {
        let preview = |port| Preview { port, label: "a".to_owned() };
        let addresses: Vec<_> = candidates(&preview(1)).chain(candidates(&preview(2))).collect();
        assert!(addresses.iter().all(|ip| ip.is_loopback() && ip.octets()[1] != 0 && ip.octets()[3] != 0));
        assert_ne!(addresses[0], addresses[ATTEMPTS as usize]);
    }
}
