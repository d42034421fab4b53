//! Changes of sandboxes as they happen.

use super::Sandboxes;
use crate::client::DEFAULT_LIMIT;
use crate::error::{Error, Result};
use crate::model::{PollEventsOptions, SandboxEvents, SandboxState};
use crate::travel::deadline;

impl Sandboxes {
    /// Begins to listen for changes of sandboxes' states, and returns the position they follow: `poll_events` tells every one from
    /// there on. It waits for no change.
    ///
    /// # Returns
    /// The position of the first poll.
    ///
    /// # Errors
    /// `Authentication` when the server does not know the credentials.
    pub async fn begin_events(&self) -> Result<String> {
        let feed = self.client.feed();
        self.client.run("sandbox.begin_events", DEFAULT_LIMIT, async { feed.begin(&self.client).await }).await?;
        Ok(feed.now_as_text())
    }

    /// Returns the changes of sandboxes' states since a position, and waits for one while there are none. Programs mostly use the
    /// iteration over them that each language has.
    ///
    /// The client listens from the first poll on, and ends that after five minutes without one. No change is lost between polls, whatever
    /// happens to the connection: it is made again, and what changed meanwhile is found by comparing all sandboxes with what was known; of
    /// several changes that a sandbox went through meanwhile the last one is told. Servers without events are asked every two
    /// seconds.
    ///
    /// # Returns
    /// The changes, and the position after them.
    ///
    /// # Errors
    /// `InvalidArgument` for a state that does not exist, and for a position that is not of this client or too old: more than 10,000
    /// changes ago, or more than five minutes without a poll. Begin again without one, and look at the sandboxes.
    pub async fn poll_events(&self, options: PollEventsOptions) -> Result<SandboxEvents> {
        check(options.states.as_deref().unwrap_or_default())?;
        let wait = deadline::limit(options.timeout, DEFAULT_LIMIT);
        let feed = self.client.feed();
        self.client.run("sandbox.poll_events", DEFAULT_LIMIT, async { feed.begin(&self.client).await }).await?;
        let position = match options.position.as_deref().filter(|position| !position.is_empty()) {
            Some(position) => feed.position(position).ok_or_else(|| {
                Error::invalid_argument(format!(
                    "The position {position:?} is too old, or not of this client. Begin again without a position, and look at the \
                     sandboxes: changes in between are not known."
                ))
            })?,
            None => feed.now(),
        };
        let limit = self.client.limit(wait);
        let states = options.states.as_deref().filter(|states| !states.is_empty());
        let sandbox_id = options.sandbox_id.as_deref();
        let changes = feed.after(position, sandbox_id, states);
        match limit {
            Some(limit) => {
                let found = tokio::time::timeout(limit, changes).await;
                Ok(found.unwrap_or_else(|_| feed.known_after(position, sandbox_id, states)))
            }
            None => Ok(changes.await),
        }
    }
}

/// Refuses states that no sandbox has, such as misspelt ones: whoever waits for them waits for ever.
fn check(states: &[SandboxState]) -> Result<()> {
    let unknown = states.iter().find_map(|state| match state {
        SandboxState::Other(name) => Some(name),
        _ => None,
    });
    match unknown {
        Some(name) => Err(Error::invalid_argument(format!(
            "{name:?} is not a state of a sandbox. The states are {}.",
            SandboxState::NAMES.join(", ")
        ))),
        None => Ok(()),
    }
}
