//! Images: local files they copy, and options of their steps.

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

/// A local file or directory that an image copies.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Context {
    /// Path on this machine.
    pub source_path: String,
    /// Path in the build context, where the Dockerfile copies it from. Default: the path on this machine.
    pub archive_path: Option<String>,
    /// A `.dockerignore` on this machine, whose patterns are compared with paths in the build context.
    pub ignore_file: Option<String>,
}

/// Options of pip.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PipInstallOptions {
    /// Pages or archives with links to packages.
    pub find_links: Option<Vec<String>>,
    /// Index to use instead of PyPI.
    pub index_url: Option<String>,
    /// Further indexes.
    pub extra_index_urls: Option<Vec<String>>,
    /// Whether to take pre-releases. Default: false.
    pub pre: Option<bool>,
    /// Further arguments of pip, as a shell reads them.
    pub extra_options: Option<String>,
}

/// Options of `pip_install_from_pyproject`.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PyprojectOptions {
    /// Groups of `project.optional-dependencies` to install too.
    pub optional_dependencies: Option<Vec<String>>,
    /// Pages or archives with links to packages.
    pub find_links: Option<Vec<String>>,
    /// Index to use instead of PyPI.
    pub index_url: Option<String>,
    /// Further indexes.
    pub extra_index_urls: Option<Vec<String>>,
    /// Whether to take pre-releases. Default: false.
    pub pre: Option<bool>,
    /// Further arguments of pip, as a shell reads them.
    pub extra_options: Option<String>,
}

/// Options of steps that take instructions of a Dockerfile.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DockerfileOptions {
    /// Whether to refuse files outside the build context, also behind links. Default: false.
    pub strict_context: Option<bool>,
}
