//! The request that makes a sandbox.

use std::collections::BTreeMap;

use serde_json::json;

use crate::client::Client;
use crate::error::{Error, Result};
use crate::model::CreateSandboxParams;
use crate::travel::http;

/// Label that fixes the language of `code_run` (wire.md 2.2).
pub(crate) const LANGUAGE_LABEL: &str = "code-toolbox-language";
/// The body of `POST /sandbox` (wire.md 2.2, wire-additions 2.1).
pub(super) fn create_body(params: CreateSandboxParams, client: &Client) -> Result<serde_json::Value> {
    let conflict = |a: &str, b: &str| {
        let (a, b) = (client.spelled(a), client.spelled(b));
        Err(Error::invalid_argument(format!("Give either {a} or {b}, not both.")))
    };
    if params.snapshot.is_some() && params.image.is_some() {
        return conflict("snapshot", "image");
    }
    if params.dockerfile.is_some() && (params.snapshot.is_some() || params.image.is_some()) {
        return conflict("dockerfile", if params.image.is_some() { "image" } else { "snapshot" });
    }
    for (name, value) in [
        ("auto_stop_interval", params.auto_stop_interval),
        ("auto_archive_interval", params.auto_archive_interval),
        ("auto_pause_interval", params.auto_pause_interval),
        ("ttl_minutes", params.ttl_minutes),
    ] {
        if let Some(value) = value.filter(|v| *v < 0) {
            return Err(Error::invalid_argument(format!(
                "{} is {value}: it must be a number of minutes, 0 or more.",
                client.spelled(name)
            )));
        }
    }
    let ephemeral = params.ephemeral.unwrap_or(false);
    if ephemeral && params.auto_delete_interval.is_some_and(|v| v != 0) {
        return conflict("ephemeral", "auto_delete_interval");
    }
    let language = params.language.unwrap_or_else(|| "python".to_owned());
    if !matches!(language.as_str(), "python" | "typescript" | "javascript") {
        return Err(Error::invalid_argument(format!(
            "The language {language:?} is not supported: use python, typescript or javascript."
        )));
    }
    let mut labels = params.labels.unwrap_or_default();
    labels.insert(LANGUAGE_LABEL.to_owned(), language);
    let dockerfile = params.dockerfile.or_else(|| params.image.map(|image| format!("FROM {image}\n")));
    let build = dockerfile.map(|dockerfile| {
        http::body(json!({
            "dockerfileContent": dockerfile,
            "contextHashes": params.context_hashes,
            "secrets": params.build_secrets,
        }))
    });
    let secrets = params.secrets.filter(|secrets| !secrets.is_empty()).map(secret_mounts);
    let resources = params.resources.unwrap_or_default();
    Ok(http::body(json!({
        "env": params.env_vars.unwrap_or_default(),
        "labels": labels,
        "volumes": params.volumes.unwrap_or_default(),
        "secrets": secrets,
        "name": params.name,
        "snapshot": params.snapshot,
        "user": params.user,
        "public": params.public,
        "autoStopInterval": params.auto_stop_interval,
        "autoArchiveInterval": params.auto_archive_interval,
        "autoDeleteInterval": if ephemeral { Some(0) } else { params.auto_delete_interval },
        "autoPauseInterval": params.auto_pause_interval,
        "ttlMinutes": params.ttl_minutes,
        "networkBlockAll": params.network_block_all,
        "networkAllowList": params.network_allow_list,
        "domainAllowList": params.domain_allow_list,
        "linkedSandbox": params.linked_sandbox,
        "target": params.target.as_deref().or(client.target()),
        "buildInfo": build,
        "cpu": resources.cpu,
        "memory": resources.memory,
        "disk": resources.disk,
        "gpu": resources.gpu,
    })))
}

/// Secrets as they travel: one object for each.
pub(super) fn secret_mounts(secrets: BTreeMap<String, String>) -> serde_json::Value {
    secrets.into_iter().map(|(variable, name)| json!({ variable: name })).collect()
}

/// Names the contexts of a build that have been uploaded.
pub(super) fn add_contexts(body: &mut serde_json::Value, hashes: Vec<String>) {
    if hashes.is_empty() {
        return;
    }
    let all = &mut body["buildInfo"]["contextHashes"];
    match all.as_array_mut() {
        Some(all) => all.extend(hashes.into_iter().map(Into::into)),
        None => *all = hashes.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;

    fn client() -> Client {
        Client::new(Config { api_key: Some("k".into()), ..Config::default() }).unwrap()
    }

    #[test]
    fn an_ephemeral_sandbox_is_deleted_when_it_stops() {
        let params = CreateSandboxParams { ephemeral: Some(true), ..Default::default() };
        assert_eq!(create_body(params, &client()).unwrap()["autoDeleteInterval"], 0);
    }

    #[test]
    fn a_bare_create_sends_what_servers_expect() {
        let body = create_body(CreateSandboxParams::default(), &client()).unwrap();
        assert_eq!(body, json!({"env": {}, "labels": {LANGUAGE_LABEL: "python"}, "volumes": []}));
    }

    #[test]
    fn contradictions_are_named() {
        let both = CreateSandboxParams { snapshot: Some("a".into()), image: Some("b".into()), ..Default::default() };
        assert!(create_body(both, &client()).unwrap_err().to_string().contains("snapshot"));
        let language = CreateSandboxParams { language: Some("cobol".into()), ..Default::default() };
        assert!(create_body(language, &client()).unwrap_err().to_string().contains("cobol"));
    }
}
