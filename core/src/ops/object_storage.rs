//! Object storage, for programs that upload the contexts of builds themselves (wire.md 2.7 and 5).

use super::Snapshots;
use super::sandbox::UPLOAD_LIMIT;
use crate::client::DEFAULT_LIMIT;
use crate::error::{Error, Result};
use crate::model::{Context, PushAccessCredentials, UploadContextOptions};
use crate::protocols::build_log::Lines;
use crate::storage;

impl Snapshots {
    /// Returns short-lived credentials for the object storage that the contexts of builds are uploaded to. Creating a sandbox or
    /// a snapshot from an image with local files asks for its own.
    ///
    /// # Returns
    /// The credentials.
    ///
    /// # Errors
    /// `Authorization` when the credentials of the client may not create snapshots.
    pub async fn push_access(&self) -> Result<PushAccessCredentials> {
        self.client.run("snapshot.push_access", DEFAULT_LIMIT, storage::push_access(&self.client)).await
    }

    /// Uploads a file or directory as the context of a build, unless it is there already. Its hash goes into `context_hashes`.
    /// Creating a sandbox or a snapshot from an image with local files does this by itself.
    ///
    /// # Parameters
    /// * `access`: Credentials for the object storage.
    /// * `path`: Local file or directory.
    ///
    /// # Returns
    /// The hash of the context: 32 hexadecimal digits.
    ///
    /// # Errors
    /// `InvalidArgument` when a file cannot be read or the credentials name no usable storage, `Authorization` when the storage refuses
    /// them.
    pub async fn upload_context(
        &self,
        access: PushAccessCredentials,
        path: &str,
        options: UploadContextOptions,
    ) -> Result<String> {
        let context =
            Context { source_path: path.to_owned(), archive_path: options.archive_base_path, ..Context::default() };
        let upload = async {
            if access.organization_id.is_empty() {
                return Err(Error::invalid_argument(
                    "The id of the organization is empty: names of objects begin with it.",
                ));
            }
            let hashes = storage::upload_to(&self.client, access, vec![context], &Lines::none()).await?;
            Ok(hashes.into_iter().next().unwrap_or_default())
        };
        self.client.run("snapshot.upload_context", UPLOAD_LIMIT, upload).await
    }
}
