//! Images on disk: OCI layouts and what `docker save` writes, as directories or archives.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::compression::decompress;
use crate::error::Attempt;
use crate::log::Log;
use crate::manifest::{ConfigFile, Descriptor, Document, MAX_DOCUMENT, Read, parse, verify};
use crate::names::Named;
use crate::store::{Pins, Temporary};
use crate::tree::{Lower, Tree};
use crate::unpack::{Unpack, unpack};
use crate::{Cancel, Digest, Error, Image, Store};

/// One image of `docker save`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Saved {
    config: String,
    layers: Vec<String>,
}

impl Store {
    /// Reads an image from an OCI layout or an archive of `docker save`, a directory or a file. Of several images, the first one
    /// is read. Unless the caller says soon that it is in use, [`Store::collect`] removes it.
    ///
    /// # Errors
    /// There is no image, or it is broken, hostile or made for another machine.
    pub fn read_archive(
        &self,
        path: &Path,
        log: &mut (dyn FnMut(&str) + Send),
        cancel: &Cancel,
    ) -> Result<Image, Error> {
        let (log, name) = (Log::new(log), "the archive");
        let opened = Opened::new(self, path, cancel)?;
        self.read_directory(opened.path(path), name, &log, cancel).map(|(_, image, _)| image)
    }

    /// The same, with a name that builds know it by from then on.
    ///
    /// # Errors
    /// There is no image, or it is broken, hostile or made for another machine.
    pub fn import(
        &self,
        path: &Path,
        name: &str,
        log: &mut (dyn FnMut(&str) + Send),
        cancel: &Cancel,
    ) -> Result<Named, Error> {
        let log = Log::new(log);
        let opened = Opened::new(self, path, cancel)?;
        let (manifest, image, _pins) = self.read_directory(opened.path(path), name, &log, cancel)?;
        let named = Named { name: name.to_owned(), manifest, login: None, imported: true, open: true, image };
        self.give_name(&named)?;
        Ok(named)
    }

    fn read_directory(
        &self,
        path: &Path,
        name: &str,
        log: &Log<'_>,
        cancel: &Cancel,
    ) -> Result<(Option<Digest>, Image, Pins<'_>), Error> {
        let layout = Layout { tree: Tree::new(vec![Lower::Directory(path.to_owned())]) };
        let failed = |error: Error| match error {
            Error::Refused(reason) => {
                Error::Image { reference: name.to_owned(), reason: format!("is refused: {reason}") }
            }
            other => other,
        };
        let (manifest, config, layers) = layout.image().map_err(failed)?;
        let open = |blob: &Descriptor| layout.open(&blob.annotations[PLACE], &blob.digest, blob.size);
        let (image, pins) = self.assemble(&config, &layers, &open, log, cancel).map_err(failed)?;
        Ok((manifest, image, pins))
    }
}

/// An archive's files for as long as they are read; a directory's are there.
struct Opened<'a>(Option<Temporary<'a>>);

impl<'a> Opened<'a> {
    fn new(store: &'a Store, path: &Path, cancel: &Cancel) -> Result<Self, Error> {
        if path.is_dir() {
            return Ok(Self(None));
        }
        let directory = store.temporary()?;
        let archive = File::open(path).at_path("opening", path)?;
        let content = decompress(archive).at_path("reading", path)?;
        let how = Unpack { owned: false, ..store.unpacking(cancel) };
        unpack(content, &directory.path, how)?;
        Ok(Self(Some(directory)))
    }

    fn path<'b>(&'b self, given: &'b Path) -> &'b Path {
        self.0.as_ref().map_or(given, |directory| &directory.path)
    }
}

/// Where a layer's file is, noted in its descriptor.
const PLACE: &str = "place";

/// A directory with an image, in which links are followed but not out of it.
struct Layout {
    tree: Tree,
}

impl Layout {
    fn file(&self, path: &str) -> Result<Option<(File, u64)>, Error> {
        let found = self.tree.find(Path::new(path)).attempt("reading the image")?;
        let Some((_, found)) = found.filter(|(_, found)| found.metadata.is_file()) else { return Ok(None) };
        let size = found.metadata.len();
        Ok(Some((File::open(&found.real).attempt("reading the image")?, size)))
    }

    fn document(&self, path: &str) -> Result<Vec<u8>, Error> {
        let missing = || Error::Refused(format!("{path} is missing"));
        let (file, size) = self.file(path)?.ok_or_else(missing)?;
        if size > MAX_DOCUMENT {
            return Err(Error::Refused(format!("{path} is larger than {MAX_DOCUMENT} bytes")));
        }
        let mut text = Vec::new();
        file.take(MAX_DOCUMENT).read_to_end(&mut text).attempt("reading the image")?;
        Ok(text)
    }

    fn image(&self) -> Result<(Option<Digest>, ConfigFile, Vec<Descriptor>), Error> {
        if self.file("index.json")?.is_some() {
            return self.of_layout();
        }
        if self.file("manifest.json")?.is_some() {
            return self.of_saved();
        }
        Err(Error::Refused("it is neither an OCI layout nor an archive of `docker save`".to_owned()))
    }

    fn of_layout(&self) -> Result<(Option<Digest>, ConfigFile, Vec<Descriptor>), Error> {
        let mut text = self.document("index.json")?;
        let mut digest = None;
        // An index may lead to another one, but not round in circles.
        for _ in 0..4 {
            match Document::read(&text)? {
                Read::Further(manifest) => {
                    text = self.document(&blob_path(&manifest.digest))?;
                    verify(&text, &manifest.digest)?;
                    digest = Some(manifest.digest);
                }
                Read::Manifest(config, mut layers) => {
                    let text = self.document(&blob_path(&config.digest))?;
                    verify(&text, &config.digest)?;
                    for layer in &mut layers {
                        layer.annotations.insert(PLACE.to_owned(), blob_path(&layer.digest));
                    }
                    return Ok((digest, ConfigFile::read(&text)?, layers));
                }
            }
        }
        Err(Error::Refused("its indexes are nested too deeply".to_owned()))
    }

    fn of_saved(&self) -> Result<(Option<Digest>, ConfigFile, Vec<Descriptor>), Error> {
        let saved: Vec<Saved> = parse(&self.document("manifest.json")?, "manifest.json")?;
        let saved = saved.into_iter().next().ok_or_else(|| Error::Refused("it has no image".to_owned()))?;
        let config = ConfigFile::read(&self.document(&saved.config)?)?;
        if config.rootfs.diff_ids.len() != saved.layers.len() {
            return Err(Error::Refused("its manifest has another number of layers than its configuration".to_owned()));
        }
        let layer = |(place, diff_id): (String, &Digest)| Descriptor {
            media_type: String::new(),
            digest: diff_id.clone(),
            size: self.file(&place).ok().flatten().map_or(0, |(_, size)| size),
            platform: None,
            annotations: [(PLACE.to_owned(), place)].into(),
        };
        let layers = saved.layers.into_iter().zip(&config.rootfs.diff_ids).map(layer).collect();
        Ok((None, config, layers))
    }

    /// A layer's file. What is unpacked from it is checked against the digest of the layer, which covers all of it.
    fn open(&self, place: &str, digest: &Digest, size: u64) -> Result<Box<dyn io::Read + Send>, Error> {
        let missing = || Error::Refused(format!("the layer {digest} is missing"));
        let (file, length) = self.file(place)?.ok_or_else(missing)?;
        if length != size {
            return Err(Error::Refused(format!("the layer {digest} has {length} bytes, not {size}")));
        }
        Ok(Box::new(file))
    }
}

fn blob_path(digest: &Digest) -> String {
    PathBuf::from("blobs/sha256").join(digest.hex()).to_string_lossy().into_owned()
}
