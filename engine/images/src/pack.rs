//! A layer's directory as an archive, always the same for the same content.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use tar::{Builder, EntryType, Header, HeaderMode};

use crate::attributes::Attributes;
use crate::overlay::{is_opaque, is_whiteout};

/// What a layer holds besides its digest.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Content {
    /// Bytes of all files.
    pub(crate) bytes: u64,
    /// Whether there is anything in it.
    pub(crate) entries: u64,
}

/// Writes the layer at `root`, in the form that overlayfs has for an administrator, as an archive.
///
/// # Errors
/// The layer cannot be read, or `out` not written.
pub fn pack_layer(root: &Path, out: impl Write) -> io::Result<()> {
    let (mut out, _) = pack(root, io::BufWriter::with_capacity(1 << 16, out))?;
    out.flush()
}

/// Writes the layer at `root`, in overlayfs' form, as an archive with the whiteouts of images.
pub(crate) fn pack<W: Write>(root: &Path, out: W) -> io::Result<(W, Content)> {
    let mut packer = Packer { builder: Builder::new(out), linked: HashMap::new(), content: Content::default() };
    packer.builder.mode(HeaderMode::Complete);
    let mut waiting = vec![PathBuf::new()];
    while let Some(directory) = waiting.pop() {
        let real = if directory.as_os_str().is_empty() { root.to_owned() } else { root.join(&directory) };
        if is_opaque(&real) {
            packer.empty(&directory.join(".wh..wh..opq"))?;
        }
        let mut names = fs::read_dir(&real)?.map(|entry| Ok(entry?.file_name())).collect::<io::Result<Vec<_>>>()?;
        names.sort();
        let mut below = Vec::new();
        for name in names {
            let path = directory.join(&name);
            if packer.add(&root.join(&path), &path)? {
                below.push(path);
            }
        }
        waiting.extend(below.into_iter().rev());
    }
    Ok((packer.builder.into_inner()?, packer.content))
}

struct Packer<W: Write> {
    builder: Builder<W>,
    /// Files with several names that are in the archive already.
    linked: HashMap<(u64, u64), PathBuf>,
    content: Content,
}

impl<W: Write> Packer<W> {
    /// Adds one file; answers whether it is a directory.
    fn add(&mut self, real: &Path, path: &Path) -> io::Result<bool> {
        let found = fs::symlink_metadata(real)?;
        let kind = found.file_type();
        self.content.entries += 1;
        if is_whiteout(real, &found) {
            let mut name = std::ffi::OsString::from(".wh.");
            name.push(path.file_name().unwrap_or_default());
            self.empty(&path.with_file_name(name))?;
            return Ok(false);
        }
        if kind.is_socket() || kind.is_char_device() || kind.is_block_device() {
            return Ok(false);
        }
        let attributes = Attributes::of(real, &found)?;
        let mut header = Header::new_ustar();
        header.set_uid(attributes.uid.into());
        header.set_gid(attributes.gid.into());
        header.set_mode(attributes.mode);
        header.set_mtime(u64::try_from(attributes.mtime).unwrap_or_default());
        header.set_size(0);
        if !kind.is_dir() && found.nlink() > 1 {
            if let Some(first) = self.linked.get(&(found.dev(), found.ino())) {
                header.set_entry_type(EntryType::Link);
                let first = first.clone();
                self.builder.append_link(&mut header, path, first)?;
                return Ok(false);
            }
            self.linked.insert((found.dev(), found.ino()), path.to_owned());
        }
        if !attributes.xattrs.is_empty() {
            let names: Vec<_> = attributes.xattrs.iter().map(|(name, _)| format!("SCHILY.xattr.{name}")).collect();
            let values = attributes.xattrs.iter().map(|(_, value)| value.as_slice());
            self.builder.append_pax_extensions(names.iter().map(String::as_str).zip(values))?;
        }
        if kind.is_symlink() {
            header.set_entry_type(EntryType::Symlink);
            let link = fs::read_link(real)?;
            // As it is: the checked way would rewrite it.
            if link.as_os_str().len() <= 100 {
                header.set_link_name_literal(link.as_os_str().as_bytes())?;
                self.builder.append_data(&mut header, path, io::empty())?;
            } else {
                self.builder.append_link(&mut header, path, link)?;
            }
        } else if kind.is_dir() {
            header.set_entry_type(EntryType::Directory);
            self.builder.append_data(&mut header, path, io::empty())?;
        } else if kind.is_fifo() {
            header.set_entry_type(EntryType::Fifo);
            self.builder.append_data(&mut header, path, io::empty())?;
        } else {
            header.set_entry_type(EntryType::Regular);
            header.set_size(found.len());
            self.content.bytes += found.len();
            self.builder.append_data(&mut header, path, File::open(real)?)?;
        }
        Ok(kind.is_dir())
    }

    fn empty(&mut self, path: &Path) -> io::Result<()> {
        let mut header = Header::new_ustar();
        header.set_entry_type(EntryType::Regular);
        header.set_mode(0o644);
        header.set_size(0);
        self.builder.append_data(&mut header, path, io::empty())
    }
}
