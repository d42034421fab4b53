//! Steps of builds that need not be done again, and why others must.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::credentials::hidden;
use crate::{Base, Digest, Error, Store};

/// A step that has been done.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CachedStep {
    /// Names the step: the digest of all it depends on.
    pub id: Digest,
    /// The instruction as written.
    pub instruction: String,
    /// Bytes that it added.
    pub size: u64,
    /// When it was done, in seconds since 1970.
    pub created: i64,
    /// What was there before it.
    pub(crate) parent: Digest,
    /// Whose builds may use it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) owner: String,
    /// What it depends on besides: files and variables, and digests of their content.
    pub(crate) inputs: BTreeMap<String, Digest>,
    /// The layer it made; none where it changed nothing.
    pub(crate) layer: Option<Digest>,
}

/// What a step depends on.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) instruction: String,
    pub(super) owner: String,
    pub(super) parent: Digest,
    pub(super) inputs: BTreeMap<String, Digest>,
}

impl Wanted {
    pub(super) fn new(owner: &str, base: Base, layers: &[Digest], instruction: String) -> Self {
        let parent = Digest::of(serde_json::to_vec(&(base, layers)).expect("plain data is written as JSON"));
        let instruction = hidden(&instruction).into_owned();
        Self { instruction, owner: owner.to_owned(), parent, inputs: BTreeMap::new() }
    }

    pub(super) fn add(&mut self, name: impl Into<String>, content: impl AsRef<[u8]>) {
        self.inputs.insert(name.into(), Digest::of(content));
    }

    pub(super) fn id(&self) -> Digest {
        let depends = (&self.parent, &self.instruction, &self.inputs);
        let text = match self.owner.as_str() {
            "" => serde_json::to_vec(&depends),
            owner => serde_json::to_vec(&(owner, depends)),
        };
        Digest::of(text.expect("plain data is written as JSON"))
    }

    /// Why nothing that was done before serves.
    pub(super) fn miss(&self, store: &Store) -> Result<String, Error> {
        let mut steps: Vec<CachedStep> = store.all("steps")?;
        steps.retain(|step| step.owner == self.owner);
        let alike = steps.iter().filter(|step| step.instruction == self.instruction);
        let same_place = alike.clone().filter(|step| step.parent == self.parent).max_by_key(|step| step.created);
        if let Some(step) = same_place {
            let names: BTreeSet<_> = self.inputs.keys().chain(step.inputs.keys()).collect();
            let changed = names.into_iter().find(|name| self.inputs.get(*name) != step.inputs.get(*name));
            return Ok(match changed {
                Some(name) => format!("{name} has changed"),
                None => "its layer is gone".to_owned(),
            });
        }
        Ok(if alike.count() > 0 {
            "what comes before it has changed".to_owned()
        } else if steps.iter().any(|step| step.parent == self.parent) {
            "the instruction is new here".to_owned()
        } else {
            "it was not built before".to_owned()
        })
    }
}

impl Store {
    /// The steps of builds that are kept, the newest first.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn cached_steps(&self) -> Result<Vec<CachedStep>, Error> {
        let mut steps: Vec<CachedStep> = self.all("steps")?;
        steps.sort_by(|one, other| (other.created, &other.id).cmp(&(one.created, &one.id)));
        Ok(steps)
    }

    /// Forgets all steps of builds and all images that were pulled; what nothing else needs is removed by
    /// [`Store::collect`].
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn clear_cache(&self) -> Result<usize, Error> {
        let steps = self.cached_steps()?;
        for step in &steps {
            self.forget("steps", &step.id)?;
        }
        self.forget_names()?;
        Ok(steps.len())
    }

    /// Layers that a cached step or a pulled image needs.
    pub(crate) fn cached_layers(&self) -> Result<BTreeSet<Digest>, Error> {
        let mut layers: BTreeSet<_> =
            self.all::<CachedStep>("steps")?.into_iter().filter_map(|step| step.layer).collect();
        layers.extend(self.names()?.into_iter().flat_map(|named| named.image.layers));
        Ok(layers)
    }
}
