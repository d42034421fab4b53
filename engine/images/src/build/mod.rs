//! Building images from Dockerfiles.

mod accounts;
mod argv;
mod context;
mod copying;
mod fetching;
mod healthcheck;
mod ignore;
mod mounts;
mod output;
mod stage;
mod steps;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

pub use steps::CachedStep;

use crate::dockerfile::{Dockerfile, Kind, expand};
use crate::log::Log;
use crate::{Cancel, Error, Image, Runner, Secrets, Store};
use context::Context;
use stage::{Stages, State};

/// What is to be built.
#[derive(Debug, Clone, Default)]
pub struct Build {
    /// The text of the Dockerfile.
    pub dockerfile: String,
    /// Directories and archives with the files that it copies; a file of an earlier one covers one of the same name.
    pub contexts: Vec<PathBuf>,
    /// Values for its `ARG`s.
    pub arguments: BTreeMap<String, String>,
    /// The stage to build; the last one without.
    pub target: Option<String>,
    /// Whose build it is: steps that are done already and cache mounts are those of the same owner.
    pub owner: String,
    /// Whether every step is done anew.
    pub no_cache: bool,
    /// Whether a base that is here already is looked for in its registry again.
    pub pull: bool,
    /// How to reach registries.
    pub access: crate::Access,
    /// What commands may read (`RUN --mount=type=secret`).
    pub secrets: Secrets,
    /// Whether the file system in which a command failed is kept as an image: see [`Error::Run`].
    pub keep_failed_step: bool,
}

impl Store {
    /// Builds an image. `log` gets the build's output, line by line, as it comes.
    ///
    /// Two builds of the same thing at the same time do it once. A build that is cancelled or fails leaves the steps it has
    /// done, for the next one.
    ///
    /// # Errors
    /// The Dockerfile is not valid, a step fails, or the build was cancelled.
    pub fn build(
        &self,
        build: &Build,
        runner: &dyn Runner,
        log: &mut (dyn FnMut(&str) + Send),
        cancel: &Cancel,
    ) -> Result<Image, Error> {
        let log = Log::new(log);
        let file = Dockerfile::parse(&build.dockerfile)?;
        let target = target(&file, build.target.as_deref())?;
        let needed = needed(&file, target);
        let total = needed.iter().map(|stage| 1 + file.stages[*stage].instructions.len()).sum();
        log.line(&format!("Building {total} steps"));
        self.room.need(0)?;
        let context = Context::open(self, &build.contexts, cancel)?;
        let mut stages = Stages::new(self, build, &file, &context.files, runner, &log, cancel, total);
        for stage in needed {
            stages.run(stage)?;
        }
        let State { base, layers, config, .. } = stages.take(target);
        let image = self.add_image(base, layers, config)?;
        log.line(&format!("Built {}", image.id));
        Ok(image)
    }
}

/// The stage that is asked for, by name or number.
fn target(file: &Dockerfile, target: Option<&str>) -> Result<usize, Error> {
    let last = file.stages.len() - 1;
    let Some(target) = target else { return Ok(last) };
    stage_named(file, target, file.stages.len())
        .ok_or_else(|| Error::Refused(format!("the Dockerfile has no stage {target:?}")))
}

/// The last stage of this name or number before `end`.
fn stage_named(file: &Dockerfile, name: &str, end: usize) -> Option<usize> {
    let lower = name.to_lowercase();
    let by_name = file.stages[..end].iter().rposition(|stage| stage.name.as_deref() == Some(&lower));
    by_name.or_else(|| name.parse().ok().filter(|number| *number < end))
}

/// The stages that `target` depends on, itself the last.
fn needed(file: &Dockerfile, target: usize) -> Vec<usize> {
    let mut needed = BTreeSet::new();
    let mut waiting = vec![target];
    while let Some(stage) = waiting.pop() {
        if !needed.insert(stage) {
            continue;
        }
        let mut depend = |name: &str| waiting.extend(stage_named(file, name, stage));
        let arguments = |name: &str| {
            let pairs = file.arguments.iter().flat_map(|argument| match &argument.kind {
                Kind::Arg(pairs) => &pairs[..],
                _ => &[],
            });
            pairs.filter(|(known, _)| known == name).find_map(|(_, value)| value.clone())
        };
        let base = &file.stages[stage].base;
        depend(&expand(base, file.escape, &arguments).unwrap_or_else(|_| base.clone()));
        for instruction in &file.stages[stage].instructions {
            for flag in &instruction.flags {
                let Some(value) = &flag.value else { continue };
                match flag.name.as_str() {
                    "from" => depend(value),
                    "mount" => value.split(',').filter_map(|part| part.strip_prefix("from=")).for_each(&mut depend),
                    _ => {}
                }
            }
        }
    }
    needed.into_iter().collect()
}
