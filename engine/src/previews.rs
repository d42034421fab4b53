//! Signed preview URLs: tokens that stand for one port of one sandbox for a while.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::sandbox::now_millis;
use crate::secret;

#[derive(Debug, Clone)]
struct SignedPreview {
    sandbox_id: String,
    port: u16,
    expires_at: i64,
}

/// Tokens handed out by this engine; they end with it.
#[derive(Debug, Default)]
pub struct SignedPreviews {
    tokens: Mutex<HashMap<String, SignedPreview>>,
}

impl SignedPreviews {
    fn tokens(&self) -> std::sync::MutexGuard<'_, HashMap<String, SignedPreview>> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new token for a port.
    pub fn sign(&self, sandbox_id: &str, port: u16, seconds: i64) -> String {
        let now = now_millis();
        let token = secret::token(16);
        let expires_at = now + seconds * 1000;
        let mut tokens = self.tokens();
        tokens.retain(|_, preview| preview.expires_at > now);
        tokens.insert(token.clone(), SignedPreview { sandbox_id: sandbox_id.to_owned(), port, expires_at });
        token
    }

    /// The sandbox a token stands for, if it is for this port and has not expired.
    pub fn sandbox(&self, token: &str, port: u16) -> Option<String> {
        let tokens = self.tokens();
        let preview = tokens.get(token).filter(|preview| preview.port == port && preview.expires_at > now_millis())?;
        Some(preview.sandbox_id.clone())
    }

    /// Ends a token before its time.
    pub fn expire(&self, sandbox_id: &str, token: &str) {
        self.tokens().retain(|known, preview| known != token || preview.sandbox_id != sandbox_id);
    }
}
