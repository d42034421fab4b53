//! Object storage: where the contexts of builds are uploaded to (wire.md 2.7).

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

/// Short-lived credentials for the object storage. They reach only the objects of their organization.
#[skip_serializing_none]
#[derive(derive_more::Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PushAccessCredentials {
    /// URL of the storage, which speaks S3's protocol.
    pub storage_url: String,
    /// Access key.
    pub access_key: String,
    /// Secret that belongs to the access key.
    #[debug("[secret]")]
    pub secret: String,
    /// Token that says for how long, and for which objects, the access key is valid.
    #[debug("[secret]")]
    pub session_token: String,
    /// Bucket. Default: `daytona-volume-builds`.
    pub bucket: String,
    /// Id of the organization: the names of its objects begin with it and a slash.
    pub organization_id: String,
    /// Region that requests are signed for. Default: the one in the name of the storage's host, or `us-east-1`.
    pub region: Option<String>,
}

/// Options of `snapshot.upload_context`.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UploadContextOptions {
    /// Path by which a Dockerfile names the file or directory. Default: `path` without what leads to the root of the file
    /// system.
    pub archive_base_path: Option<String>,
}
