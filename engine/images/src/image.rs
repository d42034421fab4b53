//! What an image is: layers, and how to start a program in them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Digest;

/// What is below an image's layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Base {
    /// The engine's own default root.
    Default,
    /// Nothing.
    Empty,
}

/// A file system and its configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Image {
    /// Names the image: the digest of everything else but its size.
    pub id: Digest,
    /// What is below the layers.
    pub base: Base,
    /// The layers, bottom first.
    pub layers: Vec<Digest>,
    /// How to start a program in it.
    pub config: ImageConfig,
    /// Bytes of all layers together.
    pub size: u64,
}

impl Image {
    pub(crate) fn new(base: Base, layers: Vec<Digest>, config: ImageConfig, size: u64) -> Self {
        let text = serde_json::to_vec(&(base, &layers, &config)).expect("plain data is written as JSON");
        Self { id: Digest::of(text), base, layers, config, size }
    }
}

/// How to start a program in an image.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ImageConfig {
    /// Environment variables, in the order they were set.
    pub env: Vec<(String, String)>,
    /// The program, or what `cmd` is given to.
    pub entrypoint: Option<Vec<String>>,
    /// The program or its arguments.
    pub cmd: Option<Vec<String>>,
    /// The user, `name` or `id`, with `:group` where given; root when empty.
    pub user: String,
    /// The working directory; `/` when empty.
    pub workdir: String,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Ports that its programs listen on, as `80/tcp`.
    pub exposed: Vec<String>,
    /// Directories that are meant to be volumes.
    pub volumes: Vec<String>,
    /// What runs commands in shell form; `/bin/sh -c` when absent.
    pub shell: Option<Vec<String>>,
    /// The signal that asks its program to end.
    pub stop_signal: Option<String>,
    /// Instructions for images made from it.
    pub on_build: Vec<String>,
    /// How its health is checked, in the form of image configurations.
    pub healthcheck: Option<serde_json::Value>,
}

impl ImageConfig {
    /// Sets an environment variable, in its place if it is there.
    pub fn set_env(&mut self, name: &str, value: &str) {
        match self.env.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => value.clone_into(old),
            None => self.env.push((name.to_owned(), value.to_owned())),
        }
    }
}
