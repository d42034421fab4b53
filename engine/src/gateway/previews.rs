//! Signed preview URLs: tokens that stand for one port of one sandbox for a while.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::gateway::access::PRIVATE_PORTS;
use crate::sandboxes::sandbox::now_millis;
use crate::{clock, secret};

#[derive(Debug)]
struct SignedPreview {
    sandbox_id: String,
    port: u16,
    expires_at: i64,
    /// Dropped with the link.
    standing: watch::Sender<()>,
}

impl SignedPreview {
    fn left(&self) -> Duration {
        left_until(self.expires_at)
    }
}

fn left_until(millis: i64) -> Duration {
    Duration::from_millis(u64::try_from(millis - now_millis()).unwrap_or(0))
}

/// Tokens handed out by this engine; they end with it.
#[derive(Debug, Default)]
pub struct SignedPreviews {
    tokens: Mutex<HashMap<String, SignedPreview>>,
}

/// The end of a link, to come.
#[derive(Clone, Debug)]
pub struct LinkEnd {
    standing: watch::Receiver<()>,
    expires_at: i64,
}

impl LinkEnd {
    /// How long the link is good for, unless it is expired before.
    pub fn left(&self) -> Duration {
        left_until(self.expires_at)
    }

    /// Waits until the link has expired, or its sandbox is gone.
    pub async fn wait(mut self) {
        // Nothing is ever sent: an answer means that the sender is gone.
        tokio::select! {
            () = clock::sleep(left_until(self.expires_at)) => {}
            _ = self.standing.changed() => {}
        }
    }
}

impl SignedPreviews {
    fn tokens(&self) -> std::sync::MutexGuard<'_, HashMap<String, SignedPreview>> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new token for a port. For [`PRIVATE_PORTS`] it is good in a cookie only, never as a link.
    pub fn sign(&self, sandbox_id: &str, port: u16, seconds: i64) -> String {
        let now = now_millis();
        let token = secret::token(16);
        let expires_at = now + seconds * 1000;
        let signed =
            SignedPreview { sandbox_id: sandbox_id.to_owned(), port, expires_at, standing: watch::Sender::new(()) };
        let mut tokens = self.tokens();
        tokens.retain(|_, preview| preview.expires_at > now);
        tokens.insert(token.clone(), signed);
        token
    }

    /// The sandbox a token stands for, if it is for this port and has not expired.
    pub fn sandbox(&self, token: &str, port: u16) -> Option<String> {
        (!PRIVATE_PORTS.contains(&port)).then(|| self.in_cookie(token, port))?
    }

    /// The same for a token out of a cookie that this engine has set.
    pub fn in_cookie(&self, token: &str, port: u16) -> Option<String> {
        let tokens = self.tokens();
        let preview = tokens.get(token).filter(|preview| preview.port == port && !preview.left().is_zero())?;
        Some(preview.sandbox_id.clone())
    }

    /// The end of a token that is good now.
    pub fn end(&self, token: &str) -> Option<LinkEnd> {
        let tokens = self.tokens();
        let preview = tokens.get(token)?;
        Some(LinkEnd { standing: preview.standing.subscribe(), expires_at: preview.expires_at })
    }

    /// Ends a token before its time; false when the sandbox has no such token.
    pub fn expire(&self, sandbox_id: &str, token: &str) -> bool {
        let mut tokens = self.tokens();
        let is_its = tokens.get(token).is_some_and(|preview| preview.sandbox_id == sandbox_id);
        is_its && tokens.remove(token).is_some()
    }

    /// Ends all tokens of a sandbox and returns them.
    pub fn forget(&self, sandbox_id: &str) -> Vec<String> {
        let mut tokens = self.tokens();
        let ended = tokens.extract_if(|_, preview| preview.sandbox_id == sandbox_id);
        ended.map(|(token, _)| token).collect()
    }
}
