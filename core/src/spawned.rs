//! A process started with `spawn`, as a Rust program holds it.

use crate::error::Result;
use crate::model::{OutputOptions, ProcessInfo, WaitForLogOptions};
use crate::ops::Process;
use crate::protocols::log_demux::LogChannel;

/// A process that lives on its own. Dropping this does nothing to the process: [`release`](Self::release) ends it.
#[derive(Clone)]
pub struct SpawnedProcess {
    pub(crate) process: Process,
    pub(crate) info: ProcessInfo,
}

impl std::fmt::Debug for SpawnedProcess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SpawnedProcess").field("id", &self.info.id).finish_non_exhaustive()
    }
}

impl SpawnedProcess {
    /// Id, by which any client finds it again.
    pub fn id(&self) -> &str {
        &self.info.id
    }

    /// Command, directory and exit code as of when it was started or found.
    pub fn info(&self) -> &ProcessInfo {
        &self.info
    }

    /// Reads one output to its end, or, with `follow: Some(false)`, what there is of it now. Bytes that are not UTF-8
    /// become U+FFFD.
    ///
    /// # Errors
    /// As for [`output`](Self::output).
    pub async fn text(&self, channel: LogChannel, options: OutputOptions) -> Result<String> {
        let mut output = self.output(options).await?;
        let mut bytes = Vec::new();
        while let Some(chunk) = output.next().await? {
            if chunk.channel == channel {
                bytes.extend_from_slice(&chunk.data);
            }
        }
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Waits until its output has a line that matches `pattern`, and returns that line.
    ///
    /// # Errors
    /// As for [`Process::wait_for_log`].
    pub async fn wait_for_log(&self, pattern: &str, options: WaitForLogOptions) -> Result<String> {
        self.process.wait_for_log(&self.info.session_id, &self.info.command_id, pattern, options).await
    }
}
