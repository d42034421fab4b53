//! The log of a build (wire.md 4.2): one long answer, which is read on where it was when the connection breaks.

use std::time::Duration;

use http::Method;
use serde::Deserialize;
use tokio::sync::{mpsc, watch};

use super::utf8::Utf8Decoder;
use crate::client::Client;
use crate::error::{Error, Result};
use crate::model::BuildLine;
use crate::travel::backoff::Backoff;
use crate::travel::http::{Base, Request};

/// Lines that wait for their reader; more are not taken from the socket.
pub(crate) const QUEUE: usize = 256;
/// How long nothing may come once the build is over. Servers end the log about a second later.
const SILENCE: Duration = Duration::from_secs(3);
/// Pauses between attempts to open a log that is not there yet.
const PAUSES: Backoff = Backoff::new(Duration::from_millis(25), Duration::from_millis(500));

/// Takes the lines of a log. Once nobody reads them any more, they are dropped.
#[derive(Clone)]
pub(crate) struct Lines(Option<mpsc::Sender<BuildLine>>);

impl Lines {
    pub(crate) fn to(sender: mpsc::Sender<BuildLine>) -> Self {
        Self(Some(sender))
    }

    /// For builds whose log nobody reads.
    pub(crate) fn none() -> Self {
        Self(None)
    }

    pub(crate) fn are_read(&self) -> bool {
        self.0.is_some()
    }

    /// Hands over a line, and waits for room.
    pub(crate) async fn line(&self, text: impl Into<String>) {
        if let Some(sender) = &self.0 {
            let _ = sender.send(BuildLine { text: text.into() }).await;
        }
    }
}

/// Follows the log of what is at `path` until its end, or until nothing comes any more after the build is `over`. A log that
/// cannot be read is no reason for the build to fail.
pub(crate) async fn follow(client: &Client, path: String, lines: &Lines, mut over: watch::Receiver<bool>) {
    if !lines.are_read() {
        return;
    }
    let mut log = Log { lines, decoder: Utf8Decoder::new(), line: String::new(), received: 0 };
    let mut pauses = PAUSES;
    loop {
        // An answer may be of the time before there was a log: only one that was asked for afterwards is the last.
        let is_last = *over.borrow();
        match log.read(client, &path, &mut over).await {
            Ok(()) => break,
            Err(_) if is_last => break,
            Err(_) => {
                tokio::select! {
                    () = pauses.pause() => {}
                    _ = over.wait_for(|over| *over) => {}
                }
            }
        }
    }
    log.finish().await;
}

struct Log<'a> {
    lines: &'a Lines,
    decoder: Utf8Decoder,
    /// The last line so far.
    line: String,
    /// Bytes.
    received: usize,
}

impl Log<'_> {
    /// Reads the log from its beginning to its end, without what has been received before.
    async fn read(&mut self, client: &Client, path: &str, over: &mut watch::Receiver<bool>) -> Result<()> {
        #[derive(Deserialize)]
        struct Place {
            url: String,
        }
        let place: Place = client.api(Method::GET, format!("{path}/build-logs-url")).read().await?;
        let request = Request::new(client, Method::GET, Base::Url(&place.url), "").query("follow", true);
        let mut response = request.send().await?;
        let mut known = self.received;
        loop {
            let chunk = tokio::select! {
                biased;
                chunk = response.chunk() => chunk?,
                silent = silence(over) => return silent,
            };
            let Some(chunk) = chunk else { return Ok(()) };
            let skipped = known.min(chunk.len());
            known -= skipped;
            self.push(&chunk[skipped..]).await;
        }
    }

    async fn push(&mut self, bytes: &[u8]) {
        self.received += bytes.len();
        self.decoder.push(bytes, &mut self.line);
        while let Some(end) = self.line.find('\n') {
            let rest = self.line.split_off(end + 1);
            let line = std::mem::replace(&mut self.line, rest);
            self.lines.line(line.trim_end()).await;
        }
    }

    async fn finish(mut self) {
        self.decoder.finish(&mut self.line);
        if !self.line.trim_end().is_empty() {
            self.lines.line(self.line.trim_end()).await;
        }
    }
}

/// Returns when the build has been over for some time.
async fn silence(over: &mut watch::Receiver<bool>) -> Result<()> {
    if over.wait_for(|over| *over).await.is_err() {
        return Err(Error::new(crate::ErrorKind::Cancelled, "The build is not waited for any more."));
    }
    tokio::time::sleep(SILENCE).await;
    Ok(())
}
