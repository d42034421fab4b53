//! Volumes (wire 2.7), and the mounts that a create asks for.

use std::path::{Component, Path as FilePath};
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::Value;

use crate::accounts::caller;
use crate::control::validation::{self, Fields};
use crate::engine::Engine;
use crate::errors::{ApiError, ApiResult};
use crate::sandboxes::sandbox::MountedVolume;

type Shared = State<Arc<Engine>>;

/// Directories of a sandbox that no volume may cover, nor anything in them.
const SYSTEM: [&str; 15] = [
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/opt/daytona",
    "/proc",
    "/run",
    "/sbin",
    "/sys",
    "/usr",
    "/var/run",
];

/// The most volumes of a sandbox.
const MOST: usize = 64;

/// All of them.
pub fn routes() -> Router<Arc<Engine>> {
    Router::new()
        .route("/volumes", get(list).post(create))
        .route("/volumes/by-name/{name}", get(by_name))
        .route("/volumes/{id}", get(one).delete(delete))
}

/// `GET /volumes?includeDeleted`: deleted ones are forgotten at once, so there are none to include.
async fn list(State(engine): Shared) -> Json<Value> {
    let volumes = engine.volumes.all();
    Json(volumes.iter().map(|volume| volume.document()).collect())
}

/// `POST /volumes`.
async fn create(State(engine): Shared, body: Bytes) -> ApiResult<Json<Value>> {
    let body = validation::object(&body)?;
    let mut fields = Fields::new(&body);
    let name = fields.display_name("name");
    fields.finish()?;
    let name = name.filter(|name| !name.is_empty()).ok_or_else(|| ApiError::bad_request("name must be a string"))?;
    let organization_id = caller::current()?.organization_id.clone();
    // To the end, whether somebody waits for it or not.
    let made = tokio::spawn(async move { engine.create_volume(organization_id, name).await }).await;
    let volume = made.map_err(|error| ApiError::internal(&error))??;
    Ok(Json(volume.document()))
}

/// `GET /volumes/{id}`.
async fn one(State(engine): Shared, Path(id): Path<String>) -> ApiResult<Json<Value>> {
    Ok(Json(engine.volumes.get(&id)?.document()))
}

/// `GET /volumes/by-name/{name}`.
async fn by_name(State(engine): Shared, Path(name): Path<String>) -> ApiResult<Json<Value>> {
    Ok(Json(engine.volumes.by_name(&name)?.document()))
}

/// `DELETE /volumes/{id}`: 200, empty.
async fn delete(State(engine): Shared, Path(id): Path<String>) -> ApiResult<()> {
    engine.delete_volume(&id).await
}

/// Reads what a create says about volumes, parents of mount paths before what is in them.
pub fn read_mounts(list: &[Value]) -> ApiResult<Vec<MountedVolume>> {
    if list.len() > MOST {
        return Err(ApiError::bad_request(format!("volumes must contain no more than {MOST} elements")));
    }
    let mut mounts = list.iter().map(read_mount).collect::<ApiResult<Vec<_>>>()?;
    mounts.sort_by(|one, other| one.mount_path.cmp(&other.mount_path));
    match mounts.windows(2).find(|pair| pair[0].mount_path == pair[1].mount_path) {
        Some(pair) => Err(ApiError::bad_request(format!("Mount path {} is used twice", pair[0].mount_path))),
        None => Ok(mounts),
    }
}

fn read_mount(given: &Value) -> ApiResult<MountedVolume> {
    let fields = given.as_object().ok_or_else(|| ApiError::bad_request("each value in volumes must be an object"))?;
    let mut fields = Fields::new(fields);
    let (id, path, subpath) = (fields.string("volumeId"), fields.string("mountPath"), fields.string("subpath"));
    fields.finish()?;
    let needed = |name: &str| ApiError::bad_request(format!("volumes: {name} must be a string"));
    let volume_id = id.filter(|id| !id.is_empty()).ok_or_else(|| needed("volumeId"))?;
    let mount_path = path.filter(|path| !path.is_empty()).ok_or_else(|| needed("mountPath"))?;
    let subpath = subpath.filter(|subpath| !subpath.is_empty());
    if let Some(reason) = forbidden(&mount_path) {
        return Err(ApiError::bad_request(format!("Invalid mount path {mount_path} ({reason})")));
    }
    if let Some(subpath) = subpath.as_deref().filter(|subpath| !is_plain(subpath)) {
        return Err(ApiError::bad_request(format!(
            "Invalid subpath {subpath} (must be a relative path without '.', '..' and empty parts)"
        )));
    }
    let mount_path = mount_path.trim_end_matches('/').to_owned();
    Ok(MountedVolume { volume_id, mount_path, subpath })
}

/// Why a volume cannot be mounted at a path.
fn forbidden(path: &str) -> Option<&'static str> {
    let Some(relative) = path.strip_prefix('/') else { return Some("must be absolute") };
    let relative = relative.strip_suffix('/').unwrap_or(relative);
    if relative.is_empty() {
        return Some("cannot mount to root directory");
    }
    if !is_plain(relative) {
        return Some("cannot contain '.', '..' and empty parts");
    }
    SYSTEM.iter().any(|system| FilePath::new(path).starts_with(system)).then_some("cannot mount to system directory")
}

/// Whether a path leads down only, by names.
fn is_plain(path: &str) -> bool {
    let components = FilePath::new(path).components();
    let names = components.clone().all(|component| matches!(component, Component::Normal(_)));
    let rebuilt: Vec<_> = components.map(|component| component.as_os_str().to_string_lossy()).collect();
    names && rebuilt.join("/") == path && !path.contains('\0')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn mount_paths_are_absolute_plain_and_not_the_systems() {
        let bad = [
            "",
            "data",
            "/",
            "//",
            "/a//b",
            "/a/../b",
            "/a/./b",
            "/..",
            "/proc",
            "/proc/1",
            "/etc/",
            "/usr/local",
            "/dev/shm",
            "/opt/daytona/x",
            "/a\0b",
        ];
        for path in bad {
            assert!(read_mounts(&[json!({"volumeId": "v", "mountPath": path})]).is_err(), "{path:?}");
        }
        for path in ["/data", "/data/", "/home/daytona", "/home/daytona/a b", "/mnt/ü", "/etcetera", "/opt/data"] {
            let mounts = read_mounts(&[json!({"volumeId": "v", "mountPath": path})]).unwrap();
            assert_eq!(mounts[0].mount_path, path.trim_end_matches('/'));
        }
    }

    #[test]
    fn subpaths_lead_down_only() {
        for subpath in ["/a", "..", "a/../b", "a/..", "./a", "a//b", "a/", "a\0"] {
            let mount = json!({"volumeId": "v", "mountPath": "/data", "subpath": subpath});
            assert!(read_mounts(&[mount]).is_err(), "{subpath:?}");
        }
        let mounts = [
            json!({"volumeId": "v", "mountPath": "/data/in", "subpath": "a/b"}),
            json!({"volumeId": "v", "mountPath": "/data", "subpath": null}),
        ];
        let mounts = read_mounts(&mounts).unwrap();
        assert_eq!(mounts[0].mount_path, "/data");
        assert_eq!(mounts[1].subpath.as_deref(), Some("a/b"));
        let same = json!({"volumeId": "v", "mountPath": "/data"});
        assert!(read_mounts(&[same.clone(), same]).is_err());
    }
}
