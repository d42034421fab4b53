//! What fuzzing needs to reach of what is read from the other side of a connection.

use std::path::Path;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Error;
use crate::model;
use crate::protocols::archive::unpack_whole;
use crate::protocols::exclude::Exclude;
use crate::protocols::logs::from_body;
use crate::travel::events::packet::Packet;

/// Unpacks an archive; whether it was whole.
///
/// # Panics
/// Never: without globs there is none that could be bad.
pub fn unpack(archive: &[u8], directory: &Path) -> bool {
    let exclude = Exclude::new(&[]).unwrap_or_else(|e| panic!("{e}"));
    unpack_whole(archive, &directory.to_string_lossy(), &exclude, &Arc::default()).is_ok()
}

/// Reads a packet of the event gateway.
pub fn packet(text: &str) {
    let _ = Packet::parse(text);
}

/// Reads a log as servers answer it at once.
pub fn log(body: &[u8]) {
    let _ = from_body(body, true);
    let _ = from_body(body, false);
}

/// Reads the body of an answer as everything that it could be.
pub fn answer(status: u16, body: &[u8]) {
    let error = Error::from_response(status, &http::HeaderMap::new(), body);
    assert!(!format!("{error} {error:?}").is_empty());
    read::<model::SandboxInfo>(body);
    read::<model::ListSandboxesResponse>(body);
    read::<model::PaginatedSandboxes>(body);
    read::<model::PortPreviewUrl>(body);
    read::<model::SignedPortPreviewUrl>(body);
    read::<model::ExecuteResponse>(body);
    read::<model::Chart>(body);
    read::<model::Session>(body);
    read::<Vec<model::Session>>(body);
    read::<model::Command>(body);
    read::<model::SessionExecuteResponse>(body);
    read::<model::SessionCommandLogsResponse>(body);
    read::<model::PtySessionInfo>(body);
    read::<model::PtyResult>(body);
    read::<model::InterpreterContext>(body);
    read::<model::ExecutionError>(body);
    read::<model::FileInfo>(body);
    read::<Vec<model::FileInfo>>(body);
    read::<Vec<model::Match>>(body);
    read::<Vec<model::ReplaceResult>>(body);
    read::<model::SearchFilesResponse>(body);
    read::<model::GitStatus>(body);
    read::<Vec<model::GitCommitInfo>>(body);
    read::<model::ListBranchResponse>(body);
}

/// What can be read can be passed on to the other language and read there.
fn read<T: DeserializeOwned + Serialize>(body: &[u8]) {
    let Ok(value) = serde_json::from_slice::<T>(body) else { return };
    let text = serde_json::to_vec(&value).unwrap_or_else(|e| panic!("what was read cannot be written: {e}"));
    assert!(serde_json::from_slice::<T>(&text).is_ok(), "what was written cannot be read");
}
