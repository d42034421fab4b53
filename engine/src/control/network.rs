//! What a sandbox may reach on the network, and what it tried.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{OriginalUri, Path, State};
use daytona_toolbox::Compat;
use serde_json::{Map, Value, json};

use crate::backend::Feature;
use crate::clock;
use crate::control::network_rules::{self, MAX_NETWORKS};
use crate::control::validation::{self, Fields};
use crate::engine::Engine;
use crate::errors::{ApiError, ApiResult};
use crate::network::{Needs, Reach, Tried};
use crate::sandboxes::sandbox::Sandbox;

type Shared = State<Arc<Engine>>;

/// `POST /sandbox/{id}/network-settings`.
pub async fn settings(State(engine): Shared, Path(id): Path<String>, body: Bytes) -> ApiResult<Json<Value>> {
    let entry = engine.registry.get(&id)?;
    let body = validation::object(&body)?;
    let mut fields = Fields::new(&body);
    let block_all = fields.boolean("networkBlockAll");
    let allow_list = fields.string("networkAllowList");
    let domains = fields.string("domainAllowList");
    fields.finish()?;
    if block_all.is_none() && allow_list.is_none() && domains.is_none() {
        return Err(ApiError::bad_request(
            "At least one of networkBlockAll, networkAllowList or domainAllowList must be provided",
        ));
    }
    allow_list.as_deref().map_or(Ok(()), network_rules::check_networks)?;
    domains.as_deref().map_or(Ok(()), network_rules::check_domains)?;
    if Reach::of(false, None, domains.as_deref()).is_by_name() {
        engine.backend.check(Feature::Domains)?;
    }
    let _turn = entry.begin_network_settings()?;
    let settings = |record: &mut Sandbox| {
        record.network_block_all = block_all.unwrap_or(record.network_block_all);
        record.network_allow_list = allow_list.or(record.network_allow_list.take());
        record.domain_allow_list = domains.or(record.domain_allow_list.take());
    };
    engine.change_network(&entry, settings).await?;
    Ok(Json(engine.document(&entry)))
}

/// `GET /sandbox/{id}/network-log`: what the sandbox tried since it started, which rule decided, and the lists that would allow
/// it (wire 2.2).
pub async fn log(State(engine): Shared, Path(id): Path<String>, uri: OriginalUri) -> ApiResult<Json<Value>> {
    if engine.compat == Compat::V0_190 {
        return Err(ApiError::not_found(format!("Cannot GET {}", uri.path())));
    }
    let entry = engine.registry.get(&id)?;
    engine.backend.check(Feature::NetworkLog)?;
    let Tried { entries, dropped, needs } = entry.instance().and_then(|instance| instance.tried()).unwrap_or_default();
    let entries: Vec<Value> = entries
        .into_iter()
        .map(|entry| {
            let mut shown = match json!(entry.attempt) {
                Value::Object(fields) => fields,
                _ => Map::new(),
            };
            let at = |millis| json!(clock::iso(clock::from_millis(millis)));
            shown.extend([("firstAt".into(), at(entry.first)), ("lastAt".into(), at(entry.last))]);
            shown.insert("count".into(), json!(entry.count));
            Value::Object(shown)
        })
        .collect();
    let (domains, networks, is_complete) = lists(&needs);
    Ok(Json(json!({
        "entries": entries,
        "dropped": dropped,
        "domainAllowList": domains,
        "networkAllowList": networks,
        "complete": is_complete,
    })))
}

/// The lists that would allow what was tried, and whether they would allow all of it.
fn lists(needs: &Needs) -> (String, String, bool) {
    let domains: Vec<&str> = needs.domains.iter().map(String::as_str).filter(|name| name.contains('.')).collect();
    let networks: Vec<String> = needs.addresses.iter().map(|address| format!("{address}/32")).collect();
    let fit: Vec<String> =
        networks.iter().filter(|network| !network.contains(':')).take(MAX_NETWORKS).cloned().collect();
    let is_complete = needs.is_complete && domains.len() == needs.domains.len() && fit.len() == networks.len();
    (domains.join(","), fit.join(","), is_complete)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_hold_what_lists_can_and_say_when_that_is_not_all() {
        let mut needs = Needs { is_complete: true, ..Needs::default() };
        needs.domains.extend(["b.example".to_owned(), "a.example".to_owned()]);
        needs.addresses.insert("192.0.2.1".parse().unwrap());
        assert_eq!(lists(&needs), ("a.example,b.example".to_owned(), "192.0.2.1/32".to_owned(), true));
        needs.addresses.insert("2001:db8::1".parse().unwrap());
        assert_eq!(lists(&needs), ("a.example,b.example".to_owned(), "192.0.2.1/32".to_owned(), false));
        needs.addresses = (0..20).map(|host| format!("192.0.2.{host}").parse().unwrap()).collect();
        assert_eq!(lists(&needs).1.split(',').count(), MAX_NETWORKS);
    }
}
