//! Git's configuration files, and the credentials kept in plain text on demand.

use std::path::{Path, PathBuf};

use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::command::Git;
use super::credentials::Credentials;
use super::{operand, repository};
use crate::errors::{ApiError, reason};
use crate::extract::{Json, Query};
use crate::{State, Toolbox};

/// The options that select a configuration file, and the directory git runs in.
fn scope(toolbox: &Toolbox, scope: Option<&str>, path: Option<&str>) -> Result<(&'static str, PathBuf), ApiError> {
    let path = path.filter(|path| !path.is_empty());
    let anywhere = || toolbox.config.work_dir.clone();
    match scope.filter(|scope| !scope.is_empty()).unwrap_or("global") {
        "global" => Ok(("--global", anywhere())),
        "system" => Ok(("--system", anywhere())),
        "local" => {
            let path = path.ok_or_else(|| ApiError::bad_request("path is required for the local scope"))?;
            Ok(("--local", repository(toolbox, path)?))
        }
        other => Err(ApiError::bad_request(format!("invalid scope: {other}: use global, local or system"))),
    }
}

pub(super) async fn read(toolbox: State, query: Query) -> Result<axum::Json<Value>, ApiError> {
    let key = query.required("key")?;
    let (option, directory) = scope(&toolbox, query.text("scope").as_deref(), query.text("path").as_deref())?;
    let value =
        Git::new(&toolbox, &directory).args(["config", option, "--get", operand("key", &key)?]).output().await?;
    let value = match value {
        Ok(text) => json!(String::from_utf8_lossy(&text).trim_end_matches('\n')),
        Err(failure) if failure.stderr.is_empty() => Value::Null,
        Err(failure) => return Err(ApiError::bad_request(failure.stderr)),
    };
    Ok(axum::Json(json!({ "value": value })))
}

#[derive(Deserialize)]
pub(super) struct ConfigRequest {
    #[serde(default)]
    key: String,
    #[serde(default)]
    value: String,
    scope: Option<String>,
    path: Option<String>,
}

pub(super) async fn write(toolbox: State, Json(request): Json<ConfigRequest>) -> Result<StatusCode, ApiError> {
    set_config(&toolbox, &request.scope, &request.path, &[(&request.key, &request.value)]).await
}

#[derive(Deserialize)]
pub(super) struct UserRequest {
    #[serde(default)]
    name: String,
    #[serde(default)]
    email: String,
    scope: Option<String>,
    path: Option<String>,
}

pub(super) async fn configure_user(toolbox: State, Json(request): Json<UserRequest>) -> Result<StatusCode, ApiError> {
    let settings = [("user.name", request.name.as_str()), ("user.email", request.email.as_str())];
    if let Some((key, _)) = settings.iter().find(|(_, value)| value.is_empty()) {
        return Err(ApiError::invalid_body(format!("{} is required", key.trim_start_matches("user."))));
    }
    set_config(&toolbox, &request.scope, &request.path, &settings).await
}

async fn set_config(
    toolbox: &Toolbox,
    requested: &Option<String>,
    path: &Option<String>,
    settings: &[(&str, &str)],
) -> Result<StatusCode, ApiError> {
    let (option, directory) = scope(toolbox, requested.as_deref(), path.as_deref())?;
    for (key, value) in settings {
        let git = Git::new(toolbox, &directory).args(["config", option, operand("key", key)?, value]);
        if let Err(failure) = git.output().await? {
            return Err(ApiError::bad_request(failure.stderr));
        }
    }
    Ok(StatusCode::OK)
}

#[derive(Deserialize)]
pub(super) struct CredentialsRequest {
    #[serde(default)]
    username: String,
    #[serde(default)]
    password: String,
    host: Option<String>,
    protocol: Option<String>,
}

/// Stores credentials for later commands in the sandbox, in plain text: what the caller asked for, by the contract.
pub(super) async fn store_credentials(
    toolbox: State,
    Json(request): Json<CredentialsRequest>,
) -> Result<StatusCode, ApiError> {
    let host = request.host.filter(|host| !host.is_empty()).unwrap_or_else(|| "github.com".to_owned());
    let protocol = request.protocol.filter(|p| !p.is_empty()).unwrap_or_else(|| "https".to_owned());
    let given = (Some(request.username.clone()), Some(request.password.clone()));
    if Credentials::of(given.0, given.1, &["https://host"])?.is_none() {
        return Err(ApiError::invalid_body("username and password are required"));
    }
    if [&host, &protocol].iter().any(|text| text.contains(['\n', '/', '@', '\0'])) {
        return Err(ApiError::bad_request("invalid host or protocol"));
    }
    set_config(&toolbox, &None, &None, &[("credential.helper", "store")]).await?;
    let encode =
        |text: &str| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string();
    let line = format!("{protocol}://{}:{}@{host}", encode(&request.username), encode(&request.password));
    let file = toolbox.config.home.join(".git-credentials");
    let stored = tokio::task::spawn_blocking(move || store(&file, &format!("@{host}"), &line)).await?;
    stored.map_err(|e| ApiError::internal(format!("the credentials could not be stored: {}", reason(&e))))?;
    Ok(StatusCode::OK)
}

/// Replaces the host's line in a file only its owner may read.
fn store(file: &Path, host: &str, line: &str) -> std::io::Result<()> {
    use std::io::Write;
    let before = std::fs::read_to_string(file).unwrap_or_default();
    let mut lines: Vec<_> = before.lines().filter(|known| !known.ends_with(host)).collect();
    lines.push(line);
    // A temporary file is private from the start, and its rename is atomic.
    let directory = file.parent().unwrap_or_else(|| Path::new("/"));
    let mut replacement = tempfile::NamedTempFile::new_in(directory)?;
    replacement.write_all(format!("{}\n", lines.join("\n")).as_bytes())?;
    replacement.persist(file)?;
    Ok(())
}
