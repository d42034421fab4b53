//! From a manifest to an image: layers are fetched and unpacked several at a time.

use std::collections::VecDeque;
use std::io::Read;
use std::sync::{Mutex, PoisonError};

use crate::log::Log;
use crate::manifest::{ConfigFile, Descriptor};
use crate::registry::blob_turn;
use crate::store::Pins;
use crate::{Base, Cancel, Digest, Error, Image, MAX_LAYERS, Store};

/// Layers at a time.
const PARALLEL: usize = 4;

/// Opens the blob of a layer, whose digest is checked by whoever opens it.
pub(crate) type Open<'a> = &'a (dyn Fn(&Descriptor) -> Result<Box<dyn Read + Send>, Error> + Sync);

impl Store {
    /// Makes an image of a configuration and its layers; those that are here already are not opened.
    pub(crate) fn assemble(
        &self,
        config: &ConfigFile,
        layers: &[Descriptor],
        open: Open<'_>,
        log: &Log<'_>,
        cancel: &Cancel,
    ) -> Result<(Image, Pins<'_>), Error> {
        let diff_ids = &config.rootfs.diff_ids;
        if diff_ids.len() != layers.len() {
            let (one, other) = (layers.len(), diff_ids.len());
            return Err(Error::Refused(format!("its manifest has {one} layers, its configuration {other}")));
        }
        if layers.len() > MAX_LAYERS {
            return Err(Error::Refused(format!("it has {} layers; at most {MAX_LAYERS} are supported", layers.len())));
        }
        let mut pins = self.pins();
        diff_ids.iter().for_each(|digest| pins.add_coming(digest));
        let waiting: Mutex<VecDeque<_>> = Mutex::new(layers.iter().zip(diff_ids).collect());
        let failed = Mutex::new(None);
        let work = || {
            loop {
                let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                let Some((blob, digest)) = next else { return };
                if let Err(error) = self.layer_of(blob, digest, open, log, cancel) {
                    waiting.lock().unwrap_or_else(PoisonError::into_inner).clear();
                    failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..layers.len().min(PARALLEL) {
                scope.spawn(work);
            }
            work();
        });
        if let Some(error) = failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
            return Err(error);
        }
        let mut list = Vec::new();
        diff_ids.iter().for_each(|digest| push_layer(&mut list, digest.clone()));
        Ok((self.add_image(Base::Empty, list, config.settings())?, pins))
    }

    fn layer_of(
        &self,
        blob: &Descriptor,
        digest: &Digest,
        open: Open<'_>,
        log: &Log<'_>,
        cancel: &Cancel,
    ) -> Result<(), Error> {
        cancel.check()?;
        let _turn = self.only_one(format!("layer {}", digest.hex()), cancel)?;
        let _reading = self.only_one(blob_turn(&blob.digest), cancel)?;
        let name = &blob.digest.hex()[..12];
        if self.layer(digest)?.is_some() {
            log.line(&format!("{name}: already here"));
            return Ok(());
        }
        log.line(&format!("{name}: reading {} bytes", blob.size));
        self.add_archive(open(blob)?, digest, cancel)?;
        log.line(&format!("{name}: done"));
        Ok(())
    }
}

/// Puts a layer on top. One that is there already covers all that it did further down, and overlayfs takes each once.
pub(crate) fn push_layer(layers: &mut Vec<Digest>, digest: Digest) {
    layers.retain(|known| *known != digest);
    layers.push(digest);
}
