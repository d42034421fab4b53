//! Pulling images from registries, by the protocol of OCI's distribution specification.

mod challenge;
mod client;
mod connect;

use std::fs::{self, File};
use std::io::{self, BufReader, Read};

use client::Client;

use crate::access::Access;
use crate::error::Attempt;
use crate::log::Log;
use crate::manifest::{ConfigFile, Descriptor, Document, MAX_DOCUMENT, Read as Found, verify};
use crate::names::Named;
use crate::reference::Reference;
use crate::{Cancel, Digest, Error, Image, Store};

impl Store {
    /// Pulls an image, and gives it its complete name. Layers that are here already are not fetched again; those of a pull that
    /// broke off are fetched on.
    ///
    /// # Errors
    /// The registry cannot be reached, does not have the image or refuses it; or what comes is not what was announced.
    pub fn pull(
        &self,
        name: &str,
        access: &Access,
        log: &mut (dyn FnMut(&str) + Send),
        cancel: &Cancel,
    ) -> Result<Image, Error> {
        self.pull_to(name, access, &Log::new(log), cancel)
    }

    fn pull_to(&self, name: &str, access: &Access, log: &Log<'_>, cancel: &Cancel) -> Result<Image, Error> {
        let reference: Reference = name.parse()?;
        let failed = |error: Error| match error {
            Error::Refused(reason) => Error::Image { reference: reference.to_string(), reason },
            other => other,
        };
        let _turn = self.only_one(format!("pull {reference}"), cancel)?;
        log.line(&format!("Pulling {reference}"));
        let client = Client::new(&reference, access, cancel)?;
        let login = access.mark(&reference);
        let (manifest, config, layers) = self.documents(&client, &reference).map_err(failed)?;
        let known = self.named(&reference.to_string())?.filter(|known| known.manifest.as_ref() == Some(&manifest));
        let mut pins = self.pins();
        if let Some(known) = known
            && pins.add(&known.image.layers)?
        {
            log.line("It has not changed");
            let open = known.open || access.reach.is_some();
            if (login.is_none() && known.login.is_some()) || open != known.open {
                let login = login.and(known.login.clone());
                self.give_name(&Named { login, open, ..known.clone() })?;
            }
            return Ok(known.image);
        }
        let open = |blob: &Descriptor| self.fetch_blob(&client, blob);
        let assembled = self.assemble(&config, &layers, &open, log, cancel);
        for layer in &layers {
            // Kept for the next attempt only where it broke off.
            let is_done = !matches!(assembled, Err(Error::Cancelled | Error::Unreachable(_)));
            // Somebody else who fetches it removes it.
            if is_done && let Some(_turn) = self.only_one_now(blob_turn(&layer.digest)) {
                let _ = fs::remove_file(self.download(&layer.digest));
            }
        }
        let (image, _pins) = assembled.map_err(failed)?;
        let (name, manifest) = (reference.to_string(), Some(manifest));
        let open = access.reach.is_some();
        self.give_name(&Named { name, manifest, login, imported: false, open, image: image.clone() })?;
        Ok(image)
    }

    /// The image that a build begins with: the one here, or else the registry's.
    pub(crate) fn base(
        &self,
        name: &str,
        pull: bool,
        access: &Access,
        log: &Log<'_>,
        cancel: &Cancel,
    ) -> Result<Image, Error> {
        // What was pulled with a login is for those who have it. Whoever has another one asks the registry.
        // So is what came from a registry that others may not reach.
        let may_have = |known: &Named| {
            let mark = || known.name.parse().is_ok_and(|reference| access.mark(&reference) == known.login);
            (known.open || access.reach.is_none()) && (known.login.is_none() || mark())
        };
        let complete = name.parse::<Reference>().map(|reference| reference.to_string());
        // Names that are not complete are those of what was imported, by earlier versions, too.
        let is_imported = |known: &Named| known.imported || complete.as_ref().is_ok_and(|name| *name != known.name);
        if let Some(imported) =
            self.named(name)?.filter(|known| is_imported(known) || complete.is_err()).filter(may_have)
        {
            return Ok(imported.image);
        }
        let complete = complete?;
        if !pull
            && let Some(known) = self.named(&complete)?.filter(may_have)
            && self.pins().add(&known.image.layers)?
        {
            log.line(&format!("Using {complete}, which is here"));
            return Ok(known.image);
        }
        self.pull_to(name, access, log, cancel)
    }

    fn documents(
        &self,
        client: &Client<'_>,
        reference: &Reference,
    ) -> Result<(Digest, ConfigFile, Vec<Descriptor>), Error> {
        let mut wanted = reference.wanted();
        let mut expected = reference.digest.clone();
        // An index may lead to another one, but not round in circles.
        for _ in 0..4 {
            let text = client.manifest(&wanted)?;
            if let Some(expected) = &expected {
                verify(&text, expected)?;
            }
            match Document::read(&text)? {
                Found::Further(manifest) => {
                    wanted = manifest.digest.to_string();
                    expected = Some(manifest.digest);
                }
                Found::Manifest(config, layers) => {
                    let digest = Digest::of(&text);
                    if config.size > MAX_DOCUMENT {
                        return Err(Error::Refused(format!("has a configuration of more than {MAX_DOCUMENT} bytes")));
                    }
                    let text = client.document(&config.digest)?;
                    verify(&text, &config.digest)?;
                    return Ok((digest, ConfigFile::read(&text)?, layers));
                }
            }
        }
        Err(Error::Refused("has indexes that are nested too deeply".to_owned()))
    }

    fn download(&self, digest: &Digest) -> std::path::PathBuf {
        self.part("downloads").join(digest.hex())
    }

    fn fetch_blob(&self, client: &Client<'_>, blob: &Descriptor) -> Result<Box<dyn Read + Send>, Error> {
        if blob.size > self.options.limits.bytes {
            let most = self.options.limits.bytes;
            return Err(Error::Refused(format!("has a layer of {} bytes; at most {most} are supported", blob.size)));
        }
        if blob.media_type.contains("encrypted") {
            return Err(Error::Refused("has encrypted layers, which are not supported".to_owned()));
        }
        let path = self.download(&blob.digest);
        client.blob(blob, &path, &self.room)?;
        let file = File::open(&path).at_path("opening", &path)?;
        Ok(Box::new(Whole { inner: BufReader::new(file), hasher: Default::default(), expected: blob.digest.clone() }))
    }
}

/// Names the right to fetch and read a blob. Several layers may claim to be in the same one.
pub(crate) fn blob_turn(digest: &Digest) -> String {
    format!("blob {}", digest.hex())
}

/// A blob that ends with an error unless it has its digest.
struct Whole<R> {
    inner: R,
    hasher: crate::digest::Hasher,
    expected: Digest,
}

impl<R: Read> Read for Whole<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.hasher.update(&buffer[..count]);
        if count == 0 && !buffer.is_empty() {
            let digest = std::mem::take(&mut self.hasher).finish();
            if digest != self.expected {
                return Err(io::Error::other(format!("{} is not what it says: its digest is {digest}", self.expected)));
            }
            // Whoever reads on gets the same answer.
            self.hasher.update(b"");
            self.expected = Digest::of(b"");
        }
        Ok(count)
    }
}
