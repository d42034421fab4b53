//! Reading `POST /sandbox` (wire 2.2, additions 2.1).
//!
//! Unknown fields are ignored; `null` counts as absent. What the engine cannot carry out is refused
//! with 501 rather than accepted without effect.

use std::collections::BTreeMap;

use daytona_images::{Image, Secrets};
use serde_json::{Map, Value};

use crate::control::network_rules;
use crate::control::otel;
use crate::control::validation::Fields;
use crate::control::volumes::read_mounts;
use crate::engine::Engine;
use crate::errors::{ApiError, ApiResult};
use crate::otlp;
use crate::sandboxes::sandbox::{BuildInfo, DesiredState, LOCAL_REGION, REGIONS, Sandbox, State, now_millis};
use crate::sandboxes::snapshot::{self, DEFAULT_RESOURCES, MAX_RESOURCES, ResourceSizes};
use crate::secret;
use crate::secrets::mounting;
use crate::snapshots::images::user_of;
use crate::snapshots::record::{Snapshot, SnapshotState};

/// Minutes of inactivity after which a sandbox stops, when the client says nothing.
const AUTO_STOP_MINUTES: i64 = 15;

/// Minutes after which a stopped sandbox is archived, when the client says nothing.
const AUTO_ARCHIVE_MINUTES: i64 = 7 * 24 * 60;

/// Secrets of one build.
const MOST_SECRETS: usize = 100;

/// Bytes of one of them.
const MOST_OF_SECRET: usize = 64 << 10;

/// The longest time a stopped sandbox is kept before it is archived.
pub const MAX_ARCHIVE_MINUTES: i64 = 30 * 24 * 60;

/// Finds a snapshot by id or name.
pub type FindSnapshot<'a> = &'a dyn Fn(&str) -> Option<Snapshot>;

/// Turns a request into a sandbox in state `creating`.
pub fn read(body: &Map<String, Value>, find: FindSnapshot<'_>) -> ApiResult<Sandbox> {
    let mut fields = Fields::new(body);
    let name = fields.display_name("name");
    let snapshot = fields.string("snapshot");
    let user = fields.string("user");
    let env = fields.string_map("env");
    let labels = fields.string_map("labels");
    let public = fields.boolean("public");
    let network_block_all = fields.boolean("networkBlockAll");
    let network_allow_list = fields.string("networkAllowList");
    let domain_allow_list = fields.string("domainAllowList");
    let outbound_proxy_url = fields.string("outboundProxyUrl");
    let otel_endpoint_override = fields.string("otelEndpointOverride");
    let target = fields.string("target");
    let cpu = fields.amount("cpu");
    let gpu = fields.amount("gpu");
    let memory = fields.amount("memory");
    let disk = fields.amount("disk");
    let auto_stop = fields.number("autoStopInterval");
    let auto_archive = fields.number("autoArchiveInterval");
    let auto_delete = fields.number("autoDeleteInterval");
    let auto_pause = fields.number("autoPauseInterval");
    let ttl = fields.number("ttlMinutes");
    let spot = fields.boolean("spot");
    let kvm = fields.boolean("kvm");
    let linked = fields.string("linkedSandbox");
    let volumes = fields.array("volumes");
    let secrets = fields.array("secrets");
    let build = fields.object("buildInfo");
    fields.finish()?;

    refuse_unsupported(&[
        ("GPU support", gpu.is_some_and(|count| count > 0) || spot == Some(true)),
        ("KVM", kvm == Some(true)),
        ("Linking sandboxes", linked.is_some()),
    ])?;
    let pauses = auto_pause.is_some_and(|minutes| minutes > 0);
    if pauses && auto_stop.is_some_and(|minutes| minutes > 0) {
        return Err(ApiError::bad_request("Only one of autoStopInterval and autoPauseInterval may be set"));
    }
    if pauses && auto_delete == Some(0) {
        return Err(ApiError::bad_request("An ephemeral sandbox cannot have an autoPauseInterval"));
    }
    let target = target.filter(|target| !target.is_empty()).unwrap_or_else(|| LOCAL_REGION.to_owned());
    if !REGIONS.contains(&target.as_str()) {
        return Err(ApiError::not_found("Region not found"));
    }
    network_allow_list.as_deref().map_or(Ok(()), network_rules::check_networks)?;
    domain_allow_list.as_deref().map_or(Ok(()), network_rules::check_domains)?;
    if otel_endpoint_override.as_deref().is_some_and(|url| !otel::is_endpoint(url)) {
        let expected = "otelEndpointOverride must be an http or https URL without credentials or a query";
        return Err(ApiError::bad_request(expected));
    }
    let source = source(find, snapshot, build, [cpu, gpu, memory, disk])?;
    let name = name.filter(|name| !name.is_empty());
    if let Some((name, _)) = env.iter().flatten().find(|(name, value)| !is_environment_entry(name, value)) {
        return Err(ApiError::bad_request(format!("env contains an invalid variable name or value: {name:?}")));
    }

    let id = uuid::Uuid::new_v4().to_string();
    let now = now_millis();
    Ok(Sandbox {
        name: name.unwrap_or_else(|| id.clone()),
        id,
        snapshot: source.snapshot,
        user: read_user(user, source.user, source.from_default)?,
        env: env.unwrap_or_default(),
        labels: labels.unwrap_or_default(),
        public: public.unwrap_or(false),
        network_block_all: network_block_all.unwrap_or(false),
        network_allow_list,
        domain_allow_list,
        outbound_proxy_url,
        otel_endpoint_override,
        target,
        warm_pool_id: None,
        cpu: source.size.cpu,
        memory: source.size.memory,
        disk: source.size.disk,
        organization_id: None,
        state: State::Creating,
        desired_state: DesiredState::Started,
        error_reason: None,
        recoverable: false,
        auto_stop_interval: minutes("autoStopInterval", auto_stop, if pauses { 0 } else { AUTO_STOP_MINUTES })?,
        auto_archive_interval: archive_minutes(minutes("autoArchiveInterval", auto_archive, AUTO_ARCHIVE_MINUTES)?),
        auto_delete_interval: auto_delete.unwrap_or(-1),
        auto_pause_interval: minutes("autoPauseInterval", auto_pause, 0)?,
        auto_destroy_at: destroy_at(minutes("ttlMinutes", ttl, 0)?, now),
        parent: None,
        build_info: source.build_info,
        image: source.image,
        entrypoint: source.entrypoint,
        template: source.template,
        created_at: now,
        updated_at: now,
        last_activity_at: now,
        stopped_at: None,
        auth_token: secret::token(32),
        signing_key: secret::token(32),
        ssh_access: None,
        volumes: volumes.map_or(Ok(Vec::new()), |list| read_mounts(list))?,
        secrets: secrets.map_or(Ok(BTreeMap::new()), |list| mounting::read(list))?,
    })
}

/// When a sandbox with this time to live goes; 0 minutes = never.
pub fn destroy_at(ttl_minutes: i64, now: i64) -> Option<i64> {
    (ttl_minutes > 0).then(|| now.saturating_add(ttl_minutes.saturating_mul(60_000)))
}

fn refuse_unsupported(wishes: &[(&str, bool)]) -> ApiResult<()> {
    match wishes.iter().find(|(_, wished)| *wished) {
        Some((what, _)) => Err(ApiError::not_implemented(what)),
        None => Ok(()),
    }
}

/// What a sandbox is made from.
struct Source {
    snapshot: Option<String>,
    build_info: Option<BuildInfo>,
    image: Option<Image>,
    entrypoint: Option<Vec<String>>,
    /// The user, where it is known and the client names none.
    user: Option<String>,
    /// Whether its accounts are those of the default root.
    from_default: bool,
    template: Option<String>,
    size: ResourceSizes,
}

fn source(
    find: FindSnapshot<'_>,
    snapshot: Option<String>,
    build: Option<&Map<String, Value>>,
    [cpu, gpu, memory, disk]: [Option<i64>; 4],
) -> ApiResult<Source> {
    let snapshot = snapshot.filter(|name| !name.is_empty());
    let Some(build) = build else {
        if [cpu, gpu, memory, disk].iter().flatten().any(|amount| *amount != 0) {
            return Err(ApiError::bad_request("Cannot specify Sandbox resources when using a snapshot"));
        }
        let found = find_active(find, &snapshot.unwrap_or_else(|| snapshot::DEFAULT_NAME.to_owned()))?;
        return Ok(of_snapshot(found));
    };
    if snapshot.is_some() {
        return Err(ApiError::bad_request("Cannot specify a snapshot when using a build info entry"));
    }
    let build_info = read_build(build)?;
    let from_default = snapshot::is_plain_copy(&build_info.dockerfile);
    Ok(Source {
        snapshot: from_default.then(|| snapshot::DEFAULT_NAME.to_owned()),
        build_info: Some(build_info),
        image: None,
        entrypoint: None,
        user: None,
        from_default,
        template: None,
        size: sizes(cpu, memory, disk)?,
    })
}

fn of_snapshot(found: Snapshot) -> Source {
    let user = found.user.or_else(|| found.image.as_ref().map(user_of));
    Source {
        snapshot: Some(found.name),
        build_info: None,
        user,
        from_default: found.image.is_none(),
        image: found.image,
        // The default root has a program of its own.
        entrypoint: found.entrypoint.filter(|_| !found.general),
        template: found.has_files.then_some(found.id),
        size: ResourceSizes { cpu: found.cpu, memory: found.memory, disk: found.disk },
    }
}

/// The user of a snapshot's sandboxes, where the client names none.
pub fn user_of_snapshot(snapshot: &Snapshot) -> String {
    let Source { user, from_default, .. } = of_snapshot(snapshot.clone());
    // Where the machine's own root has no such user, no sandbox is made.
    read_user(None, user, from_default).unwrap_or_default()
}

/// The snapshot with this id or name, if sandboxes can be made from it.
fn find_active(find: FindSnapshot<'_>, id_or_name: &str) -> ApiResult<Snapshot> {
    let Some(found) = find(id_or_name) else {
        let text = format!("Snapshot {id_or_name} not found. Did you add it through the Daytona Dashboard?");
        return Err(ApiError::bad_request(text));
    };
    match found.state {
        SnapshotState::Active => Ok(found),
        other => Err(ApiError::bad_request(format!("Snapshot {id_or_name} is {}", other.name()))),
    }
}

/// Reads a `CreateBuildInfo`.
pub fn read_build(build: &Map<String, Value>) -> ApiResult<BuildInfo> {
    let Some(dockerfile) = build.get("dockerfileContent").and_then(Value::as_str) else {
        return Err(ApiError::bad_request("buildInfo.dockerfileContent must be a string"));
    };
    let hashes = match build.get("contextHashes").filter(|hashes| !hashes.is_null()) {
        None => Some(Vec::new()),
        Some(hashes) => {
            hashes.as_array().and_then(|all| all.iter().map(|one| one.as_str().map(str::to_owned)).collect())
        }
    };
    let hashes =
        hashes.ok_or_else(|| ApiError::bad_request("each value in buildInfo.contextHashes must be a string"))?;
    let keep_failed_step = match build.get("keepFailedStep").filter(|keep| !keep.is_null()) {
        None => false,
        Some(keep) => {
            keep.as_bool().ok_or_else(|| ApiError::bad_request("buildInfo.keepFailedStep must be a boolean value"))?
        }
    };
    let secrets = read_secrets(build.get("secrets"))?;
    Ok(BuildInfo { secrets, keep_failed_step, ..BuildInfo::new(dockerfile.to_owned(), hashes) })
}

/// Reads the secrets of a build by their ids. No error says more of them than an id.
fn read_secrets(given: Option<&Value>) -> ApiResult<Secrets> {
    let Some(given) = given.filter(|given| !given.is_null()) else { return Ok(Secrets::default()) };
    let given = given.as_object().ok_or_else(|| ApiError::bad_request("buildInfo.secrets must be an object"))?;
    let mut secrets = BTreeMap::new();
    for (id, secret) in given {
        let refused = |what: &str| Err(ApiError::bad_request(format!("buildInfo.secrets.{id} {what}")));
        match secret.as_str() {
            Some(text) if text.len() <= MOST_OF_SECRET => drop(secrets.insert(id.clone(), text.to_owned())),
            Some(_) => return refused(&format!("must not be longer than {MOST_OF_SECRET} bytes")),
            None => return refused("must be a string"),
        }
    }
    if secrets.len() > MOST_SECRETS {
        return Err(ApiError::bad_request(format!("buildInfo.secrets must have at most {MOST_SECRETS} entries")));
    }
    Ok(Secrets::new(secrets))
}

/// The size of sandboxes that a client asks for.
pub fn sizes(cpu: Option<i64>, memory: Option<i64>, disk: Option<i64>) -> ApiResult<ResourceSizes> {
    Ok(ResourceSizes {
        cpu: resource("CPU", cpu, DEFAULT_RESOURCES.cpu, MAX_RESOURCES.cpu)?,
        memory: resource("Memory", memory, DEFAULT_RESOURCES.memory, MAX_RESOURCES.memory)?,
        disk: resource("Disk", disk, DEFAULT_RESOURCES.disk, MAX_RESOURCES.disk)?,
    })
}

/// The user that the client names, else the one of what the sandbox is made from; empty where an image is still to say.
fn read_user(user: Option<String>, otherwise: Option<String>, from_default: bool) -> ApiResult<String> {
    let user = user.filter(|user| !user.is_empty()).or(otherwise);
    if !from_default {
        return Ok(user.unwrap_or_default());
    }
    match user.as_deref() {
        None | Some("daytona") => Ok("daytona".to_owned()),
        Some("root") => Ok("root".to_owned()),
        Some(other) => Err(ApiError::bad_request(format!(
            "User {other} does not exist in the local snapshot; it has daytona and root"
        ))),
    }
}

fn resource(name: &str, amount: Option<i64>, default: u64, most: u64) -> ApiResult<u64> {
    match amount {
        None | Some(0) => Ok(default),
        Some(amount) => u64::try_from(amount).ok().filter(|amount| *amount <= most).ok_or_else(|| {
            ApiError::bad_request(format!("{name} request {amount} exceeds maximum allowed per sandbox ({most})"))
        }),
    }
}

/// The minutes that an interval of archiving really has: 0 and too much mean the longest there is.
pub fn archive_minutes(minutes: i64) -> i64 {
    if minutes == 0 { MAX_ARCHIVE_MINUTES } else { minutes.min(MAX_ARCHIVE_MINUTES) }
}

fn minutes(name: &str, value: Option<i64>, default: i64) -> ApiResult<i64> {
    match value {
        Some(minutes) if minutes < 0 => Err(ApiError::bad_request(format!("{name} must be a non-negative integer"))),
        other => Ok(other.unwrap_or(default)),
    }
}

fn is_environment_entry(name: &str, value: &str) -> bool {
    !name.is_empty() && !name.contains(['=', '\0']) && !value.contains('\0')
}

/// The `env` of a request as the process sees it, and the placeholders of its secrets, on top of the engine's own variables.
pub fn environment(engine: &Engine, sandbox: &Sandbox) -> BTreeMap<String, String> {
    let organization_id = &engine.owner_of(sandbox);
    let mut env = otlp::environment(engine, sandbox);
    if let Some(proxy) = &sandbox.outbound_proxy_url {
        for name in ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"] {
            env.insert(name.to_owned(), proxy.clone());
        }
    }
    env.extend(sandbox.env.clone());
    env.extend(engine.placeholders(sandbox));
    for (name, value) in [
        ("DAYTONA_SANDBOX_ID", sandbox.id.as_str()),
        ("DAYTONA_ORGANIZATION_ID", organization_id),
        ("DAYTONA_REGION_ID", &sandbox.target),
        ("DAYTONA_SANDBOX_USER", &sandbox.user),
        ("DAYTONA_SANDBOX_SNAPSHOT", sandbox.snapshot.as_deref().unwrap_or_default()),
    ] {
        env.insert(name.to_owned(), value.to_owned());
    }
    env
}
