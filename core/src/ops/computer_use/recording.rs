//! Recordings of the screen.

use std::time::Duration;

use http::Method;
use serde_json::json;

use super::{RecordingService, with_options};
use crate::client::DEFAULT_LIMIT;
use crate::error::{Error, Result};
use crate::model::{ListRecordingsResponse, Recording, RecordingOptions};
use crate::protocols::atomic_file::AtomicFile;
use crate::travel::http::{response_error, segment};

/// Time that a download may take.
const TRANSFER_LIMIT: Option<Duration> = Some(Duration::from_secs(30 * 60));

impl RecordingService {
    /// Begins to record the screen.
    ///
    /// # Errors
    /// `Validation` for a label that cannot be part of a file's name, `RecordingFfmpegNotFound` when the sandbox has no
    /// ffmpeg, `ServiceUnavailable` when the sandbox has no desktop or it does not run.
    ///
    /// # Examples
    /// `desktop recording`
    pub async fn start(&self, options: RecordingOptions) -> Result<Recording> {
        let body = with_options(json!({}), &options);
        self.toolbox
            .desktop("recording.start", Method::POST, "/recordings/start", Some(body))
            .await
            .map(with_both_names)
    }

    /// Ends a recording; its file is complete then.
    ///
    /// # Parameters
    /// * `recording_id`: Id of the recording.
    ///
    /// # Errors
    /// `NotFound` when there is no such recording.
    pub async fn stop(&self, recording_id: &str) -> Result<Recording> {
        check_id(recording_id)?;
        let body = json!({ "id": recording_id });
        self.toolbox.desktop("recording.stop", Method::POST, "/recordings/stop", Some(body)).await.map(with_both_names)
    }

    /// Returns all recordings.
    ///
    /// # Errors
    /// `ServiceUnavailable` when the sandbox has no desktop.
    pub async fn list(&self) -> Result<ListRecordingsResponse> {
        let found: ListRecordingsResponse =
            self.toolbox.desktop("recording.list", Method::GET, "/recordings", None).await?;
        Ok(ListRecordingsResponse { recordings: found.recordings.into_iter().map(with_both_names).collect() })
    }

    /// Returns a recording.
    ///
    /// # Parameters
    /// * `recording_id`: Id of the recording.
    ///
    /// # Errors
    /// `NotFound` when there is no such recording.
    pub async fn get(&self, recording_id: &str) -> Result<Recording> {
        let path = recording_path(recording_id)?;
        self.toolbox.desktop("recording.get", Method::GET, &path, None).await.map(with_both_names)
    }

    /// Deletes a recording with its file.
    ///
    /// # Parameters
    /// * `recording_id`: Id of the recording.
    ///
    /// # Errors
    /// `NotFound` when there is no such recording, `RecordingStillActive` while it goes on.
    pub async fn delete(&self, recording_id: &str) -> Result<()> {
        let path = recording_path(recording_id)?;
        self.toolbox
            .client
            .run("recording.delete", DEFAULT_LIMIT, async {
                let request = self.toolbox.request(Method::DELETE, format!("/computeruse{path}")).await?;
                request.done().await
            })
            .await
    }

    /// Downloads a recording's file. It appears under its name when it is complete.
    ///
    /// # Parameters
    /// * `recording_id`: Id of the recording.
    /// * `local_path`: Local path to write to; what is there is replaced.
    ///
    /// # Errors
    /// `NotFound` when there is no such recording, `InvalidArgument` when the local path cannot be written, `Connection` when
    /// the transfer is cut short.
    pub async fn download(&self, recording_id: &str, local_path: &str) -> Result<()> {
        let path = recording_path(recording_id)?;
        if local_path.is_empty() {
            return Err(Error::invalid_argument("The local path is empty."));
        }
        self.toolbox
            .client
            .run("recording.download", TRANSFER_LIMIT, async {
                let request = self.toolbox.request(Method::GET, format!("/computeruse{path}/download")).await?;
                let mut response = request.send().await?;
                if !response.status().is_success() {
                    return Err(response_error(response).await);
                }
                let mut file = AtomicFile::create(local_path).await?;
                while let Some(piece) = response.chunk().await? {
                    file.write(piece).await?;
                }
                file.commit().await
            })
            .await
    }
}

/// Programs read the file's name and size under two names each.
fn with_both_names(recording: Recording) -> Recording {
    Recording { name: recording.file_name.clone(), file_size_bytes: recording.size_bytes, ..recording }
}

fn recording_path(id: &str) -> Result<String> {
    check_id(id)?;
    Ok(format!("/recordings/{}", segment(id)))
}

fn check_id(id: &str) -> Result<()> {
    match id.is_empty() {
        true => Err(Error::invalid_argument("The recording's id is empty.")),
        false => Ok(()),
    }
}
