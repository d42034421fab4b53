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
    /// Uploads a local directory with everything in it, as one compressed stream. A directory that exists is added to; one that
    /// does not appears when it is complete. Links stay links; permissions and times are kept. The sandbox needs `tar` and
    /// `gzip`.
    ///
    /// # Parameters
    /// * `local_path`: Directory on this machine.
    /// * `remote_path`: Directory in the sandbox; relative paths begin at the working directory.
    ///
    /// # Errors
    /// `InvalidArgument` for a bad glob or when something local cannot be read; while it goes on, `UnprocessableEntity` when the
    /// sandbox cannot store it, `Timeout`.
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
        let limit = deadline::limit(options.timeout, TRANSFER_LIMIT)?;
        let until = limit.map(|l| Instant::now() + l);
        let exclude = options.exclude.unwrap_or_default();
        let begin =
            DirectoryTransfer::upload(&self.toolbox, local_path.to_owned(), remote_path.to_owned(), &exclude, until);
        self.toolbox.client.run("fs.upload_dir", limit, begin).await
    }

    /// Downloads a directory with everything in it, as one compressed stream, into a local one. A directory that exists is
    /// added to, file by file; one that does not appears when it is complete. Nothing is written outside the local directory: links that lead out of it, devices
    /// and the like are skipped and reported. The sandbox needs `tar` and `gzip`.
    ///
    /// # Parameters
    /// * `remote_path`: Directory in the sandbox; relative paths begin at the working directory.
    /// * `local_path`: Directory on this machine.
    ///
    /// # Errors
    /// `InvalidArgument` for a bad glob or a local directory that cannot be written; while it goes on, `FileNotFound` when there
    /// is no such directory, `UnprocessableEntity` when something in it cannot be read or the archive is
    /// without measure, `InvalidFilePath` for one that tries to write elsewhere, `Connection` when it is cut short, `Timeout`.
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
        let limit = deadline::limit(options.timeout, TRANSFER_LIMIT)?;
        let until = limit.map(|l| Instant::now() + l);
        let exclude = options.exclude.unwrap_or_default();
        let begin =
            DirectoryTransfer::download(&self.toolbox, remote_path.to_owned(), local_path.to_owned(), exclude, until);
        self.toolbox.client.run("fs.download_dir", limit, begin).await
    }
}
