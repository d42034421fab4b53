//! Bodies that stop arriving, or that nobody reads any more: after a while they are given up, with what they hold.

use std::time::Duration;

use crate::clock;

/// The longest pause between two pieces of a body.
pub const IDLE: Duration = Duration::from_secs(60);

/// Nothing came, or went, for [`IDLE`].
#[derive(Debug, thiserror::Error)]
#[error("nothing arrived for {} s", IDLE.as_secs())]
pub struct Stalled;

/// Waits for the next piece, but not for ever.
pub async fn next<T>(piece: impl Future<Output = T>) -> Result<T, Stalled> {
    let idle = clock::sleep(IDLE);
    tokio::select! {
        biased;
        piece = piece => Ok(piece),
        () = idle => Err(Stalled),
    }
}
