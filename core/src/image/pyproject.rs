//! The dependencies in a `pyproject.toml`.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::path;
use crate::error::{Error, Result};

#[derive(Deserialize)]
struct Pyproject {
    project: Option<Project>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Project {
    dependencies: Option<Vec<String>>,
    #[serde(default)]
    optional_dependencies: BTreeMap<String, Vec<String>>,
}

/// The dependencies of the project, and those of the groups that it has.
pub(super) fn dependencies(file: &str, groups: &[String]) -> Result<Vec<String>> {
    let text = std::fs::read_to_string(path::expanded(file))
        .map_err(|e| Error::invalid_argument(format!("Cannot read {file:?}")).with_source(e))?;
    let read: Pyproject = toml::from_str(&text)
        .map_err(|e| Error::invalid_argument(format!("{file:?} is not a usable pyproject.toml: {}.", e.message())))?;
    let project = read.project.ok_or_else(|| Error::invalid_argument(format!("{file:?} has no [project] section.")))?;
    let mut found = project.dependencies.ok_or_else(|| {
        Error::invalid_argument(format!("{file:?} lists no dependencies: it has no project.dependencies."))
    })?;
    for group in groups {
        found.extend(project.optional_dependencies.get(group).into_iter().flatten().cloned());
    }
    Ok(found)
}
