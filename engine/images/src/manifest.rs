//! The documents of images: indexes, manifests and configurations, of OCI and of Docker.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Digest, Error, ImageConfig};

/// The largest index, manifest or configuration that is read.
pub(crate) const MAX_DOCUMENT: u64 = 8 << 20;

/// Reference to a blob.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Descriptor {
    #[serde(default)]
    pub(crate) media_type: String,
    pub(crate) digest: Digest,
    #[serde(default)]
    pub(crate) size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) platform: Option<Platform>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) annotations: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Platform {
    #[serde(default)]
    pub(crate) architecture: String,
    #[serde(default)]
    pub(crate) os: String,
}

/// An index or a manifest, told apart by what is in it.
#[derive(Debug, Deserialize)]
pub(crate) struct Document {
    manifests: Option<Vec<Descriptor>>,
    config: Option<Descriptor>,
    layers: Option<Vec<Descriptor>>,
}

/// What a document turned out to be.
pub(crate) enum Read {
    /// An index: the manifest for this machine.
    Further(Descriptor),
    /// A manifest: configuration and layers, bottom first.
    Manifest(Descriptor, Vec<Descriptor>),
}

impl Document {
    pub(crate) fn read(text: &[u8]) -> Result<Read, Error> {
        let document: Self = parse(text, "the manifest")?;
        if let Some(manifests) = document.manifests {
            return choose(manifests).map(Read::Further);
        }
        match (document.config, document.layers) {
            (Some(config), Some(layers)) => Ok(Read::Manifest(config, layers)),
            _ => Err(Error::Refused("its manifest is of a kind that is not supported".to_owned())),
        }
    }
}

fn choose(manifests: Vec<Descriptor>) -> Result<Descriptor, Error> {
    let architecture = crate::architecture();
    let serves = |platform: &Platform| platform.architecture == architecture && platform.os == "linux";
    let exact = manifests.iter().find(|known| known.platform.as_ref().is_some_and(serves));
    let found = exact.or_else(|| manifests.iter().find(|known| known.platform.is_none()));
    found.cloned().ok_or_else(|| {
        let names = manifests.iter().filter_map(|known| known.platform.as_ref());
        let names: Vec<_> = names.map(|platform| format!("{}/{}", platform.os, platform.architecture)).collect();
        Error::Refused(format!("it is not made for linux/{architecture}, only for {}", names.join(", ")))
    })
}

/// An image's configuration.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ConfigFile {
    #[serde(default)]
    pub(crate) architecture: String,
    #[serde(default)]
    pub(crate) os: String,
    #[serde(default)]
    pub(crate) config: Option<Settings>,
    pub(crate) rootfs: RootFs,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct RootFs {
    #[serde(rename = "type", default)]
    pub(crate) kind: String,
    pub(crate) diff_ids: Vec<Digest>,
}

/// How a program is started, as it is written in configurations.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Settings {
    #[serde(skip_serializing_if = "String::is_empty")]
    user: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    env: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    entrypoint: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cmd: Option<Vec<String>>,
    #[serde(skip_serializing_if = "String::is_empty")]
    working_dir: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    labels: Option<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exposed_ports: Option<BTreeMap<String, serde_json::Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    volumes: Option<BTreeMap<String, serde_json::Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stop_signal: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shell: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    on_build: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    healthcheck: Option<serde_json::Value>,
}

impl ConfigFile {
    pub(crate) fn read(text: &[u8]) -> Result<Self, Error> {
        let file: Self = parse(text, "the configuration")?;
        let architecture = crate::architecture();
        let fits = (file.architecture.is_empty() || file.architecture == architecture)
            && (file.os.is_empty() || file.os == "linux");
        if !fits {
            let (os, made_for) = (&file.os, &file.architecture);
            return Err(Error::Refused(format!(
                "it is made for {os}/{made_for}; this machine is linux/{architecture}"
            )));
        }
        Ok(file)
    }

    /// A configuration for an image whose layers have these digests.
    pub(crate) fn new(config: &ImageConfig, diff_ids: Vec<Digest>) -> Self {
        let names = |names: &[String]| {
            let empty = || serde_json::Value::Object(serde_json::Map::new());
            (!names.is_empty()).then(|| names.iter().map(|name| (name.clone(), empty())).collect())
        };
        let config = config.clone();
        let settings = Settings {
            user: config.user,
            env: Some(config.env.iter().map(|(name, value)| format!("{name}={value}")).collect()),
            entrypoint: config.entrypoint,
            cmd: config.cmd,
            working_dir: config.workdir,
            exposed_ports: names(&config.exposed),
            volumes: names(&config.volumes),
            labels: (!config.labels.is_empty()).then_some(config.labels),
            stop_signal: config.stop_signal,
            shell: config.shell,
            on_build: (!config.on_build.is_empty()).then_some(config.on_build),
            healthcheck: config.healthcheck,
        };
        Self {
            architecture: crate::architecture().to_owned(),
            os: "linux".to_owned(),
            config: Some(settings),
            rootfs: RootFs { kind: "layers".to_owned(), diff_ids },
        }
    }

    pub(crate) fn settings(&self) -> ImageConfig {
        let empty = Settings::default();
        let from = self.config.as_ref().unwrap_or(&empty);
        let pair = |text: &String| text.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
        let keys = |map: &Option<BTreeMap<String, serde_json::Value>>| {
            map.iter().flatten().map(|(name, _)| name.clone()).collect()
        };
        ImageConfig {
            env: from.env.iter().flatten().filter_map(pair).collect(),
            entrypoint: from.entrypoint.clone().filter(|words| !words.is_empty()),
            cmd: from.cmd.clone().filter(|words| !words.is_empty()),
            user: from.user.clone(),
            workdir: from.working_dir.clone(),
            labels: from.labels.clone().unwrap_or_default(),
            exposed: keys(&from.exposed_ports),
            volumes: keys(&from.volumes),
            shell: from.shell.clone(),
            stop_signal: from.stop_signal.clone(),
            on_build: from.on_build.clone().unwrap_or_default(),
            healthcheck: from.healthcheck.clone(),
        }
    }
}

pub(crate) fn parse<T: serde::de::DeserializeOwned>(text: &[u8], what: &str) -> Result<T, Error> {
    serde_json::from_slice(text).map_err(|error| Error::Refused(format!("{what} cannot be read: {error}")))
}

/// Checks a document against the digest it was named by.
pub(crate) fn verify(text: &[u8], expected: &Digest) -> Result<(), Error> {
    let digest = Digest::of(text);
    if digest == *expected {
        return Ok(());
    }
    Err(Error::Refused(format!("{expected} is not what it says: its digest is {digest}")))
}
