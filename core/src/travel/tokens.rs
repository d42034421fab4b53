//! Other tokens in place of ones that the server takes no more, for programs that run longer than one counts.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::OnceLock;

use crate::client::{Client, Endpoint};

/// Gives another token in place of a refused one, if there is another.
type Source = Box<dyn Fn(String) -> Pin<Box<dyn Future<Output = Option<String>> + Send>> + Send + Sync>;

/// The tokens of a client.
#[derive(Default)]
pub(crate) struct Tokens {
    source: OnceLock<Source>,
    /// Held while another token is looked for, so that one request does and the others wait.
    turn: tokio::sync::Mutex<()>,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tokens")
    }
}

impl Tokens {
    pub(crate) fn set_source<F, Answer>(&self, source: F)
    where
        F: Fn(String) -> Answer + Send + Sync + 'static,
        Answer: Future<Output = Option<String>> + Send + 'static,
    {
        // The first one stays.
        let _ = self.source.set(Box::new(move |refused| Box::pin(source(refused))));
    }
}

/// Whether requests have another token now than the one that was refused.
pub(crate) async fn replaced(client: &Client, refused: &Endpoint) -> bool {
    let Some(source) = client.tokens().source.get() else { return false };
    let _turn = client.tokens().turn.lock().await;
    match client.endpoint().await {
        // Another request, or the clock, was first.
        Ok(endpoint) if endpoint.bearer != refused.bearer => true,
        Ok(_) => match source(refused.bearer.clone()).await {
            Some(token) => client.replace_token(&token).is_ok(),
            None => false,
        },
        Err(_) => false,
    }
}
