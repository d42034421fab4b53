//! Images that have a name here: those that were pulled or imported.

use serde::{Deserialize, Serialize};

use crate::{Digest, Error, Image, Store};

/// An image and the name it was asked for by.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Named {
    /// The complete name.
    pub name: String,
    /// The digest of its manifest, where it came from a registry or a layout.
    pub manifest: Option<Digest>,
    /// Tells apart with which login it was pulled; none where anybody may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<Digest>,
    /// Whether it was read from a file, under this name and no other.
    #[serde(default)]
    pub imported: bool,
    /// Whether it is for those, too, who reach public registries only.
    #[serde(default)]
    pub open: bool,
    /// The image.
    pub image: Image,
}

impl Store {
    /// The images that were pulled or imported.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn names(&self) -> Result<Vec<Named>, Error> {
        self.all("names")
    }

    pub(crate) fn named(&self, name: &str) -> Result<Option<Named>, Error> {
        Ok(self.read::<Named>("names", &Digest::of(name))?.filter(|named| named.name == name))
    }

    pub(crate) fn give_name(&self, named: &Named) -> Result<(), Error> {
        self.write("names", &Digest::of(&named.name), named)
    }

    pub(crate) fn forget_names(&self) -> Result<(), Error> {
        for named in self.names()? {
            self.forget("names", &Digest::of(&named.name))?;
        }
        Ok(())
    }
}
