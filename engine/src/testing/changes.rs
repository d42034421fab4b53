//! What a recording tells of a sandbox besides requests: the files that changed, and what it tried to reach. Looked at before a sandbox is
//! deleted, and when the recording ends.

use std::time::Duration;

use http::{Request, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use serde_json::{Value, json};

use crate::backend::toolbox;
use crate::engine::Engine;
use crate::sandboxes::registry::Entry;
use crate::sandboxes::sandbox::State;

/// How long a sandbox has to say which files changed.
const LIMIT: Duration = Duration::from_secs(20);

/// Files of one sandbox, and bytes of what it says of them.
const MOST: usize = 1000;
const MAX_ANSWER: usize = 1 << 20;

/// Looks at all of them.
pub async fn look_at_all(engine: &Engine) {
    for entry in engine.registry.all() {
        look_at(engine, &entry).await;
    }
}

/// Looks at a sandbox, if anything is recorded.
pub async fn look_at(engine: &Engine, entry: &Entry) {
    let recorder = &engine.testing.recorder;
    let Some(since) = recorder.started_unix() else { return };
    let id = entry.with_record(|record| record.id.clone());
    if let Some(tried) = entry.instance().and_then(|instance| instance.tried()) {
        for tried in tried.entries {
            let attempt = json!(tried.attempt);
            let (what, count) = (attempt.to_string(), tried.count);
            let entry = || json!({"sandboxId": id, "attempt": attempt, "count": count});
            recorder.keep_new("egress", &id, &what, &count.to_string(), entry);
        }
    }
    if entry.with_record(|record| record.state) != State::Started {
        return;
    }
    let listed = tokio::time::timeout(LIMIT, changed_files(engine, &id, since)).await;
    match listed {
        Ok(Ok(text)) => {
            for line in text.lines().take(MOST) {
                let mut parts = line.splitn(3, ' ');
                if let (Some(at), Some(bytes), Some(path)) = (parts.next(), parts.next(), parts.next()) {
                    let bytes: u64 = bytes.parse().unwrap_or_default();
                    let entry = || json!({"sandboxId": id, "path": path, "bytes": bytes, "changedAt": at});
                    recorder.keep_new("file", &id, path, at, entry);
                }
            }
        }
        Ok(Err(error)) => tracing::debug!(sandbox = id, %error, "changed files could not be listed"),
        Err(_) => tracing::debug!(sandbox = id, "changed files could not be listed in time"),
    }
}

/// A line for each file of the home directory that changed: when, in seconds since 1970, its size and its path.
async fn changed_files(engine: &Engine, id: &str, since: i64) -> anyhow::Result<String> {
    let command = format!(
        "find \"$HOME\" -xdev -path \"$HOME/.daytona\" -prune -o -type f -newermt @{since} -printf '%T@ %s %p\\n' | head -n {MOST}"
    );
    let mut sender = toolbox::open(&*engine.backend, id).await?;
    let request = Request::post("/process/execute")
        .header(header::HOST, "toolbox")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(json!({"command": command}).to_string())))?;
    let response = sender.send(request).await?;
    let body = Limited::new(response.into_body(), MAX_ANSWER).collect().await;
    let body = body.map_err(|error| anyhow::anyhow!("{error}"))?.to_bytes();
    let answer: Value = serde_json::from_slice(&body)?;
    Ok(answer["result"].as_str().unwrap_or_default().to_owned())
}
