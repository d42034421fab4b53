//! Volumes (wire.md 2.7).

use std::time::Duration;

use http::Method;
use serde_json::json;

use super::Volumes;
use super::sandbox::plain;
use crate::client::DEFAULT_LIMIT;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{GetVolumeOptions, Volume, VolumeState, WaitOptions};
use crate::travel::backoff::Backoff;
use crate::travel::deadline;
use crate::travel::http::segment;

/// Pauses between two looks at a volume that is not ready.
const PAUSES: Backoff = Backoff::new(Duration::from_millis(25), Duration::from_secs(1)).growing(1.3);

impl Volumes {
    /// Lists the volumes of the organization.
    ///
    /// # Errors
    /// `Authorization` when the credentials may not read volumes.
    ///
    /// # Examples
    /// `volumes manage`
    pub async fn list(&self) -> Result<Vec<Volume>> {
        self.client.run("volume.list", DEFAULT_LIMIT, self.client.api(Method::GET, "/volumes").read()).await
    }

    /// Returns the volume with this name.
    ///
    /// # Parameters
    /// * `name`: Name of the volume.
    ///
    /// # Errors
    /// `NotFound` when there is no such volume and it is not to be created.
    ///
    /// # Examples
    /// `volumes share`
    pub async fn get(&self, name: &str, options: GetVolumeOptions) -> Result<Volume> {
        check_name(name)?;
        self.client
            .run("volume.get", DEFAULT_LIMIT, async {
                let found = self.by_name(name).await;
                if !options.create.unwrap_or(false) {
                    return found;
                }
                let volume = match found {
                    Err(error) if error.is_not_found() => match self.post(name).await {
                        Ok(volume) => volume,
                        // Somebody else may have created it meanwhile.
                        Err(refused) => self.by_name(name).await.map_err(|_| refused)?,
                    },
                    other => other?,
                };
                self.until_ready(volume).await
            })
            .await
    }

    /// Creates a volume. It can be mounted once it is ready: see `wait_for_ready`.
    ///
    /// # Parameters
    /// * `name`: Name of the volume.
    ///
    /// # Returns
    /// The volume, which may still be in state `pending_create`.
    ///
    /// # Errors
    /// `Validation` when there is a volume of this name, `ServiceUnavailable` when the server has no storage for volumes.
    ///
    /// # Examples
    /// `volumes manage`
    pub async fn create(&self, name: &str) -> Result<Volume> {
        check_name(name)?;
        self.client.run("volume.create", DEFAULT_LIMIT, self.post(name)).await
    }

    /// Deletes a volume and its files.
    ///
    /// # Parameters
    /// * `volume`: The volume.
    ///
    /// # Errors
    /// `NotFound` when there is no such volume, `Conflict` when a sandbox has it mounted, `Validation` when it is neither
    /// ready nor failed.
    ///
    /// # Examples
    /// `volumes manage`
    pub async fn delete(&self, volume: Volume) -> Result<()> {
        let path = volume_path(&volume)?;
        self.client.run("volume.delete", DEFAULT_LIMIT, self.client.api(Method::DELETE, path).done()).await
    }

    /// Waits until a volume can be mounted.
    ///
    /// # Parameters
    /// * `volume`: The volume.
    ///
    /// # Returns
    /// The volume as it is then.
    ///
    /// # Errors
    /// `NotFound` when there is no such volume, `Unknown` when it has failed or is being deleted, `Timeout` when it is not
    /// ready in time.
    ///
    /// # Examples
    /// `volumes manage`
    pub async fn wait_for_ready(&self, volume: Volume, options: WaitOptions) -> Result<Volume> {
        let limit = deadline::limit(options.timeout, DEFAULT_LIMIT);
        let path = volume_path(&volume)?;
        self.client
            .run("volume.wait_for_ready", limit, async {
                let volume = self.client.api(Method::GET, path).read().await?;
                self.until_ready(volume).await
            })
            .await
    }

    async fn by_name(&self, name: &str) -> Result<Volume> {
        self.client.api(Method::GET, format!("/volumes/by-name/{}", segment(name))).read().await
    }

    async fn post(&self, name: &str) -> Result<Volume> {
        self.client.api(Method::POST, "/volumes").json(&json!({ "name": name })).read().await
    }

    async fn until_ready(&self, mut volume: Volume) -> Result<Volume> {
        let mut pauses = PAUSES;
        loop {
            match &volume.state {
                VolumeState::Ready => return Ok(volume),
                VolumeState::Error | VolumeState::PendingDelete | VolumeState::Deleting | VolumeState::Deleted => {
                    let reason = volume.error_reason.as_deref().unwrap_or("no reason given");
                    let text = format!("Volume {} is in state {}: {reason}", volume.name, plain(&volume.state));
                    return Err(Error::new(ErrorKind::Unknown, text));
                }
                VolumeState::Creating | VolumeState::PendingCreate | VolumeState::Other(_) => pauses.pause().await,
            }
            volume = self.client.api(Method::GET, volume_path(&volume)?).read().await?;
        }
    }
}

fn check_name(name: &str) -> Result<()> {
    if name.is_empty() { Err(Error::invalid_argument("The volume's name is empty.")) } else { Ok(()) }
}

fn volume_path(volume: &Volume) -> Result<String> {
    if volume.id.is_empty() {
        return Err(Error::invalid_argument("The volume has no id."));
    }
    Ok(format!("/volumes/{}", segment(&volume.id)))
}
