//! Directories in one round trip.

use std::time::Duration;

use tokio::time::Instant;

use super::FileSystem;
use super::fs::check_path;
use crate::error::Result;
use crate::model::DirectoryOptions;
use crate::protocols::directory::DirectoryTransfer;
use crate::travel::deadline;

/// Limit of a transfer when nothing else is said (inconsistencies A43).
const TRANSFER_LIMIT: Option<Duration> = Some(Duration::from_secs(30 * 60));

impl FileSystem {
    /// Uploads a local directory with everything in it as one compressed stream. If the remote directory exists, files
    /// are added to it; a new one appears when it is complete. Symbolic links, permissions and times are kept. The
    /// sandbox needs `tar` and `gzip`.
    ///
    /// # Parameters
    /// * `local_path`: Directory on this machine.
    /// * `remote_path`: Directory in the sandbox; relative paths begin at the working directory.
    ///
    /// # Returns
    /// What was transferred.
    ///
    /// # Errors
    /// `InvalidArgument` for an invalid glob or when something local cannot be read, `UnprocessableEntity` when the
    /// sandbox cannot store it, `Timeout` when it takes too long.
    ///
    /// # Examples
    /// `files directories`
    pub async fn upload_dir(
        &self,
        local_path: &str,
        remote_path: &str,
        options: DirectoryOptions,
    ) -> Result<DirectoryTransfer> {
        check_path(local_path)?;
        check_path(remote_path)?;
        let limit = deadline::limit(options.timeout, TRANSFER_LIMIT);
        let until = limit.map(|l| Instant::now() + l);
        let exclude = options.exclude.unwrap_or_default();
        let begin =
            DirectoryTransfer::upload(&self.toolbox, local_path.to_owned(), remote_path.to_owned(), &exclude, until);
        self.toolbox.client.run("fs.upload_dir", limit, begin).await
    }

    /// Downloads a directory with everything in it as one compressed stream. If the local directory exists, files are
    /// added to it; a new one appears when it is complete. Nothing is written outside the local directory: links that
    /// lead out of it, devices and the like are skipped and reported. The sandbox needs `tar` and `gzip`.
    ///
    /// # Parameters
    /// * `remote_path`: Directory in the sandbox; relative paths begin at the working directory.
    /// * `local_path`: Directory on this machine.
    ///
    /// # Returns
    /// What was transferred, and what was skipped.
    ///
    /// # Errors
    /// `InvalidArgument` for an invalid glob or when the local directory cannot be written, `FileNotFound` when there
    /// is no such directory, `UnprocessableEntity` when something in it cannot be read or the archive is unreasonably
    /// large, `InvalidFilePath` when the archive tries to write elsewhere, `Connection` when the transfer is cut short,
    /// `Timeout` when it takes too long.
    ///
    /// # Examples
    /// `files directories`
    pub async fn download_dir(
        &self,
        remote_path: &str,
        local_path: &str,
        options: DirectoryOptions,
    ) -> Result<DirectoryTransfer> {
        check_path(remote_path)?;
        check_path(local_path)?;
        let limit = deadline::limit(options.timeout, TRANSFER_LIMIT);
        let until = limit.map(|l| Instant::now() + l);
        let exclude = options.exclude.unwrap_or_default();
        let begin =
            DirectoryTransfer::download(&self.toolbox, remote_path.to_owned(), local_path.to_owned(), exclude, until);
        self.toolbox.client.run("fs.download_dir", limit, begin).await
    }
}
