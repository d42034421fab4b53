//! Types of the core that have a plain form in every language.

use daytona::model::{Blob, Json};

// Bytes: `ByteArray`, `Data`, `bytes`.
uniffi::custom_type!(Blob, Vec<u8>, {
    remote,
    lower: |blob| blob.0.into(),
    try_lift: |bytes| Ok(Blob::from(bytes)),
});

// A value of any type: its JSON text.
uniffi::custom_type!(Json, String, {
    remote,
    lower: |json| json.to_string(),
    try_lift: |text| Ok(serde_json::from_str(&text)?),
});
