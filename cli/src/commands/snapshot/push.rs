//! `daytona snapshot push`: an image of this machine becomes a snapshot.
//!
//! A server with a registry says where to push to, and with what credentials, which `skopeo` or `docker` do; they read those
//! from a file that only this user can read. The local engine has no registry and takes the image as an archive.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use daytona::model::{CreateSnapshotOptions, CreateSnapshotParams, Resources, Snapshot};
use serde::Deserialize;
use serde_json::json;
use tempfile::TempDir;

use super::{archive, encoded};
use crate::commands::create::in_gib;
use crate::failure::{Done, Failure};
use crate::output::{FormatArguments, printable, word};
use crate::remote::Context;

/// A server that has no registry.
const NOT_IMPLEMENTED: u16 = 501;
/// Lines of what a program says that are told when it fails.
const TOLD: usize = 5;

/// Which image to push.
#[derive(Debug, Args)]
pub struct Push {
    /// Image of this machine's Docker, such as app:1.2; or the path of an OCI layout or of what `docker save` writes, a
    /// directory or a tar
    #[arg(value_name = "IMAGE")]
    image: String,
    /// Name of the new snapshot, unique in the organization
    #[arg(short, long)]
    name: String,
    /// Program that its sandboxes start with, and its arguments, separated by blanks [default: the image's]
    #[arg(short, long, value_name = "COMMAND")]
    entrypoint: Option<String>,
    /// CPU cores of its sandboxes
    #[arg(long, default_value_t = 0, hide_default_value = true)]
    cpu: i64,
    /// Memory of its sandboxes in GiB; a number above 512 is in MB
    #[arg(long, default_value_t = 0, hide_default_value = true)]
    memory: i64,
    /// Disk of its sandboxes in GiB
    #[arg(long, default_value_t = 0, hide_default_value = true)]
    disk: i64,
    /// Region to create it in [default: the profile's]
    #[arg(long)]
    region: Option<String>,
    /// Seconds to wait for the snapshot once the image is pushed; 0 = no limit
    #[arg(long, value_name = "SECONDS", default_value = "0", value_parser = crate::seconds::read)]
    timeout: Duration,
    #[command(flatten)]
    pub format: FormatArguments,
}

/// Where the server wants an image.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Registry {
    username: String,
    secret: String,
    registry_url: String,
    #[serde(default)]
    project: String,
}

/// Where the image is.
enum Source {
    /// In this machine's Docker.
    Docker(String),
    /// A directory with an OCI layout.
    Layout(PathBuf),
    /// A tar with an OCI layout.
    LayoutArchive(PathBuf),
    /// What `docker save` writes.
    DockerArchive(PathBuf),
}

impl Push {
    pub async fn run(self, context: &mut Context) -> Done {
        let source = Source::find(&self.image)?;
        let region = self.region.as_deref().map(|region| format!("?regionId={}", encoded(region)));
        let path = format!("/docker-registry/registry-push-access{}", region.unwrap_or_default());
        let snapshot = match context.client.send("GET", &path, None).await {
            Ok(answer) => {
                let registry: Registry = serde_json::from_slice(&answer)
                    .map_err(|error| Failure::other(format!("The server's answer names no registry: {error}")))?;
                self.through(context, &registry, source).await?
            }
            Err(error) if error.info().status == Some(NOT_IMPLEMENTED) => self.as_archive(context, source).await?,
            Err(error) => return Err(error.into()),
        };
        context.output.result(&snapshot, || format!("{} {}\n", printable(&snapshot.name), word(&snapshot.state)))
    }

    /// Through the registry of the server.
    async fn through(&self, context: &Context, registry: &Registry, source: Source) -> Done<Snapshot> {
        let is_plain = registry.registry_url.starts_with("http://");
        let host = registry.registry_url.split("://").last().unwrap_or_default().trim_end_matches('/').to_owned();
        let time = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_secs();
        let project = registry.project.trim_matches('/');
        let slash = if project.is_empty() { "" } else { "/" };
        let reference = format!("{host}/{project}{slash}{}:{time}", repository(&self.name));
        // Created for its owner only.
        let place = tempfile::tempdir()?;
        let login = STANDARD.encode(format!("{}:{}", registry.username, registry.secret));
        let login = json!({ "auths": { host: { "auth": login } } });
        let file = place.path().join("config.json");
        File::create_new(&file)?.write_all(login.to_string().as_bytes())?;
        let progress = context.output.progress("pushing");
        let target = reference.clone();
        apart(move || {
            let pushed = push(&source, &target, is_plain, &file);
            drop(place);
            pushed
        })
        .await?;
        drop(progress);
        let some = |number: i64| Some(number).filter(|number| *number != 0);
        let resources =
            Resources { cpu: some(self.cpu), gpu: None, memory: some(in_gib(self.memory)), disk: some(self.disk) };
        let entrypoint = self.entrypoint.as_ref();
        let parameters = CreateSnapshotParams {
            name: self.name.clone(),
            image: Some(reference),
            entrypoint: entrypoint.map(|text| text.split_whitespace().map(str::to_owned).collect()),
            resources: Some(resources).filter(|resources| *resources != Resources::default()),
            region_id: self.region.clone(),
            ..CreateSnapshotParams::default()
        };
        let options = CreateSnapshotOptions { timeout: Some(self.timeout) };
        Ok(context.client.snapshots().create(parameters, options).await?)
    }

    /// To a server that takes archives.
    async fn as_archive(&self, context: &Context, source: Source) -> Done<Snapshot> {
        if self.entrypoint.is_some() {
            return Err(Failure::usage(
                "--entrypoint: the local engine takes an image as it is. Set ENTRYPOINT in its Dockerfile.",
            ));
        }
        let progress = context.output.progress("sending");
        let (place, file) = apart(move || source.archive()).await?;
        let sizes = [("cpu", self.cpu), ("memory", in_gib(self.memory)), ("disk", self.disk)];
        let query = sizes.iter().filter(|(_, size)| *size != 0).map(|(name, size)| format!("{name}={size}"));
        let path = format!("{}?{}", archive(&self.name), query.collect::<Vec<_>>().join("&"));
        let file = file.to_string_lossy();
        let answer = context.client.send_file(path.trim_end_matches('?'), &file).await?;
        drop((place, progress));
        Ok(serde_json::from_slice(&answer)?)
    }
}

impl Source {
    fn find(image: &str) -> Done<Self> {
        let path = PathBuf::from(image);
        if path.is_dir() {
            if !path.join("index.json").is_file() {
                return Err(Failure::usage(format!("{image} is not an OCI layout: it has no index.json")));
            }
            return Ok(Self::Layout(path));
        }
        if path.is_file() {
            return Ok(if is_layout(&path) { Self::LayoutArchive(path) } else { Self::DockerArchive(path) });
        }
        if image.starts_with(['-', '.', '/']) {
            return Err(Failure::usage(format!("{image} does not exist")));
        }
        let name = image.rsplit('/').next().unwrap_or_default();
        let tag = if name.contains(':') || image.contains('@') { "" } else { ":latest" };
        Ok(Self::Docker(format!("{image}{tag}")))
    }

    /// As one file, and the directory that goes with it.
    fn archive(&self) -> Done<(Option<TempDir>, PathBuf)> {
        let place = tempfile::tempdir()?;
        let file = place.path().join("image.tar");
        match self {
            Self::LayoutArchive(path) | Self::DockerArchive(path) => return Ok((None, path.clone())),
            Self::Layout(path) => {
                let mut archive = tar::Builder::new(File::create_new(&file)?);
                archive.append_dir_all("", path)?;
                archive.into_inner()?.flush()?;
            }
            Self::Docker(image) => {
                let mut docker = Command::new("docker");
                run(docker.args(["image", "save", "--output"]).arg(&file).arg(image))?;
            }
        }
        Ok((Some(place), file))
    }
}

/// Whether a tar holds an OCI layout. What `docker save` of today writes is one, too.
fn is_layout(path: &Path) -> bool {
    let Ok(file) = File::open(path) else { return false };
    let mut archive = tar::Archive::new(file);
    let Ok(mut entries) = archive.entries() else { return false };
    entries.any(|entry| entry.is_ok_and(|entry| entry.path().is_ok_and(|path| path.ends_with("oci-layout"))))
}

/// The name of a repository: registries allow few letters.
fn repository(name: &str) -> String {
    let plain = name.to_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "-");
    let parts: Vec<_> = plain.split('-').filter(|part| !part.is_empty()).collect();
    if parts.is_empty() { "snapshot".to_owned() } else { parts.join("-") }
}

fn push(source: &Source, reference: &str, is_plain: bool, login: &Path) -> Done {
    let from = match source {
        Source::Docker(image) => format!("docker-daemon:{image}"),
        Source::Layout(path) => format!("oci:{}", path.display()),
        Source::LayoutArchive(path) => format!("oci-archive:{}", path.display()),
        Source::DockerArchive(path) => format!("docker-archive:{}", path.display()),
    };
    let mut skopeo = Command::new("skopeo");
    // Where the image comes from is this machine: nobody has signed it.
    skopeo.args(["--insecure-policy", "copy", "--quiet", "--dest-authfile"]).arg(login);
    skopeo.arg(format!("--dest-tls-verify={}", !is_plain)).args([from, format!("docker://{reference}")]);
    match (run(&mut skopeo), source) {
        (Err(Failure::Usage(_)), Source::Docker(image)) => {
            let docker = || {
                let mut docker = Command::new("docker");
                docker.env("DOCKER_CONFIG", login.parent().unwrap_or(login));
                docker
            };
            run(docker().args(["tag", image, reference]))?;
            run(docker().args(["push", "--quiet", reference]))
        }
        (pushed, _) => pushed,
    }
}

/// Runs a program that says why it fails.
fn run(command: &mut Command) -> Done {
    let name = command.get_program().to_string_lossy().into_owned();
    let done = command.stdin(Stdio::null()).output().map_err(|error| {
        Failure::usage(format!("{name} cannot be run, which pushing this image needs: {error}. Install skopeo."))
    })?;
    if done.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    let lines: Vec<_> = said.lines().rev().take(TOLD).collect();
    let last = lines.into_iter().rev().collect::<Vec<_>>().join("\n");
    Err(Failure::other(format!("{name} could not push the image: {}", last.trim())))
}

/// Blocking work on a thread of its own, so that an interrupt is heard.
async fn apart<T: Send + 'static>(work: impl FnOnce() -> Done<T> + Send + 'static) -> Done<T> {
    tokio::task::spawn_blocking(work).await.map_err(Failure::other)?
}

#[cfg(test)]
mod tests {
    use super::repository;

    #[test]
    fn registries_allow_few_letters() {
        assert_eq!(repository("My App_2.0"), "my-app-2-0");
        assert_eq!(repository("--x--"), "x");
        assert_eq!(repository("ü"), "snapshot");
    }
}
