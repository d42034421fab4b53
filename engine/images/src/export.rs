//! Images as OCI layouts, which other tools read.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;

use crate::digest::Hasher;
use crate::error::Attempt;
use crate::manifest::ConfigFile;
use crate::pack::pack;
use crate::{Base, Cancel, Digest, Error, Image, Store};

/// Passes bytes on and computes their digest.
struct Hashing<W> {
    inner: W,
    hasher: Hasher,
    written: u64,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.hasher.update(&bytes[..count]);
        self.written += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<W> Hashing<W> {
    fn new(inner: W) -> Self {
        Self { inner, hasher: Hasher::default(), written: 0 }
    }
}

impl Store {
    /// Writes an image as an OCI layout into `target`, a directory that is made and that nobody else writes to. `tag` is the
    /// name it has in there.
    ///
    /// # Errors
    /// The image is on top of the engine's default root, which is the machine's; or `target` cannot be written.
    pub fn export(&self, image: &Image, target: &Path, tag: &str, cancel: &Cancel) -> Result<(), Error> {
        if image.base == Base::Default {
            let reason = "an image on the engine's default root is not complete without this machine";
            return Err(Error::Refused(reason.to_owned()));
        }
        let mut pins = self.pins();
        if !pins.add(&image.layers)? {
            return Err(Error::Refused(format!("the image {} is no longer here", image.id)));
        }
        let blobs = target.join("blobs/sha256");
        fs::create_dir_all(&blobs).at_path("creating", &blobs)?;
        let (mut layers, mut diff_ids) = (Vec::new(), Vec::new());
        for layer in &image.layers {
            cancel.check()?;
            let (digest, size, diff_id) = self.export_layer(layer, &blobs, cancel)?;
            let kind = "application/vnd.oci.image.layer.v1.tar+gzip";
            layers.push(json!({ "mediaType": kind, "digest": digest, "size": size }));
            diff_ids.push(diff_id);
        }
        let document = |value: &serde_json::Value| -> Result<(Digest, usize), Error> {
            let text = value.to_string();
            let digest = Digest::of(&text);
            let path = blobs.join(digest.hex());
            fs::write(&path, &text).at_path("writing", &path)?;
            Ok((digest, text.len()))
        };
        let config = serde_json::to_value(ConfigFile::new(&image.config, diff_ids));
        let (config, size) = document(&config.expect("plain data is written as JSON"))?;
        let kind = "application/vnd.oci.image.config.v1+json";
        let config = json!({ "mediaType": kind, "digest": config, "size": size });
        let kind = "application/vnd.oci.image.manifest.v1+json";
        let (manifest, size) =
            document(&json!({ "schemaVersion": 2, "mediaType": kind, "config": config, "layers": layers }))?;
        let manifest = json!({
            "mediaType": kind,
            "digest": manifest,
            "size": size,
            "annotations": { "org.opencontainers.image.ref.name": tag },
        });
        let index = json!({ "schemaVersion": 2, "manifests": [manifest] });
        for (name, value) in [("index.json", index), ("oci-layout", json!({ "imageLayoutVersion": "1.0.0" }))] {
            let path = target.join(name);
            fs::write(&path, value.to_string()).at_path("writing", &path)?;
        }
        Ok(())
    }

    /// The digest and size of the compressed layer, and the digest of what is in it.
    fn export_layer(&self, layer: &Digest, blobs: &Path, cancel: &Cancel) -> Result<(Digest, u64, Digest), Error> {
        let half = blobs.join("half-written");
        let write = || {
            let out = Hashing::new(BufWriter::new(File::create(&half)?));
            let out = UntilCancelled { inner: GzEncoder::new(out, Compression::fast()), cancel };
            let content = Hashing::new(out);
            let (content, _) = pack(&self.layer_path(layer), content)?;
            let diff_id = content.hasher.finish();
            let mut out = content.inner.inner.finish()?;
            out.flush()?;
            Ok((out.hasher.finish(), out.written, diff_id))
        };
        let written: io::Result<_> = write();
        cancel.check()?;
        let (digest, size, diff_id) = written.at_path("exporting a layer to", &half)?;
        let path = blobs.join(digest.hex());
        fs::rename(&half, &path).at_path("writing", &path)?;
        Ok((digest, size, diff_id))
    }
}

/// Takes what is written as long as somebody wants it.
struct UntilCancelled<'a, W> {
    inner: W,
    cancel: &'a Cancel,
}

impl<W: Write> Write for UntilCancelled<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.cancel.check().map_err(io::Error::other)?;
        self.inner.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
