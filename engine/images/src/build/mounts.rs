//! `RUN --mount=…`.

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use super::stage::Stages;
use crate::attributes::Attributes;
use crate::error::Attempt;
use crate::store::{Temporary, Turn};
use crate::tree::Tree;
use crate::writer::Writer;
use crate::{Digest, Error, RunMount, Store};

/// What one command has mounted, and what must live as long.
#[derive(Default)]
pub(super) struct Mounts<'a> {
    pub(super) list: Vec<RunMount>,
    /// Secrets that the command has as variables.
    pub(super) env: Vec<(String, String)>,
    copies: Vec<Temporary<'a>>,
    turns: Vec<Turn<'a>>,
}

impl<'a> Mounts<'a> {
    /// Prepares what the texts of `--mount` ask for, already expanded.
    pub(super) fn prepare(
        stages: &mut Stages<'a, '_>,
        texts: &[String],
        workdir: &str,
        stage: usize,
    ) -> Result<Self, Error> {
        let mut mounts = Self::default();
        // Each once, and all in the same order: a command that mounts one twice, and two builds that mount several, must not wait
        // for each other for ever.
        let locked: BTreeSet<_> = texts.iter().filter_map(|text| locked_cache(text, workdir)).collect();
        for id in locked {
            let name = cache_name(stages, &id);
            mounts.turns.push(stages.store.only_one(format!("cache {}", name.hex()), stages.cancel)?);
        }
        for text in texts {
            mounts.add(stages, text, workdir, stage)?;
        }
        Ok(mounts)
    }

    /// Shows a script that a command is, and that anybody may run.
    pub(super) fn add_script(&mut self, store: &'a Store, script: &str, target: &str) -> Result<(), Error> {
        let directory = store.temporary()?;
        let source = directory.path.join("script");
        let written =
            fs::write(&source, script).and_then(|()| fs::set_permissions(&source, Permissions::from_mode(0o755)));
        written.attempt("writing the command's script")?;
        self.list.push(RunMount { source, target: target.to_owned(), read_only: true });
        self.copies.push(directory);
        Ok(())
    }

    fn add(&mut self, stages: &mut Stages<'a, '_>, text: &str, workdir: &str, stage: usize) -> Result<(), Error> {
        let refused = |reason: String| refused(text, reason);
        let field = |names: &[&str]| field_of(text, names);
        let is = |names: &[&str]| field(names).is_some_and(|value| value.is_empty() || value == "true" || value == "1");
        let kind = field(&["type"]).unwrap_or("bind");
        let target = field(&["target", "dst", "destination"]);
        if kind == "secret" {
            return self.add_secret(stages, text, workdir);
        }
        if kind == "ssh" {
            // Builds have none; a command that can do without runs.
            return if is(&["required"]) {
                Err(refused(
                    "builds have no agent of SSH: give the key as a secret, and mount that with type=secret".to_owned(),
                ))
            } else {
                Ok(())
            };
        }
        let target =
            target.filter(|target| !target.is_empty()).ok_or_else(|| refused("target is missing".to_owned()))?;
        let target = inside(workdir, target);
        let number = |name| number(text, name);
        let store = stages.store;
        match kind {
            "cache" => {
                let id = field(&["id"]).unwrap_or(&target);
                let mode = mode(text, 0o755)?;
                let source = store.part("caches").join(cache_name(stages, id).hex());
                let (uid, gid) = (number("uid")?, number("gid")?);
                if !source.exists() {
                    fs::create_dir_all(&source).at_path("creating", &source)?;
                    let attributes = Attributes { uid, gid, mode, mtime: crate::now(), xattrs: Vec::new() };
                    attributes.give(&source, store.options.owned).at_path("creating", &source)?;
                }
                self.list.push(RunMount { source, target, read_only: is(&["ro", "readonly"]) });
            }
            "tmpfs" => {
                let directory = store.temporary()?;
                self.list.push(RunMount { source: directory.path.clone(), target, read_only: false });
                self.copies.push(directory);
            }
            "bind" => {
                let from = field(&["from"]).map(str::to_owned);
                let files = stages.files_of(from.as_deref(), stage)?;
                let path = field(&["source", "src"]).unwrap_or("");
                let directory = store.temporary()?;
                let name = copy_out(store, &files.tree, path, &directory.path).map_err(|error| match error {
                    Error::Refused(reason) => refused(reason),
                    other => other,
                })?;
                let read_only = !is(&["rw", "readwrite"]);
                self.list.push(RunMount { source: directory.path.join(name), target, read_only });
                self.copies.push(directory);
            }
            other => return Err(refused(format!("the type {other:?} is not known"))),
        }
        Ok(())
    }

    /// Shows a secret to the command, in a file or a variable. One that the build was not given is left out unless it is required.
    fn add_secret(&mut self, stages: &Stages<'a, '_>, text: &str, workdir: &str) -> Result<(), Error> {
        let target = field_of(text, &["target", "dst", "destination"]).filter(|target| !target.is_empty());
        let id = field_of(text, &["id"]).or_else(|| target.and_then(|target| target.rsplit('/').next()));
        let id = id.filter(|id| !id.is_empty()).ok_or_else(|| refused(text, "id is missing"))?;
        let Some(secret) = stages.secrets().get(id) else {
            return match field_of(text, &["required"]) {
                Some("" | "true" | "1") => {
                    Err(refused(text, format!("the build was given no secret {id:?}: give it one of that id")))
                }
                _ => Ok(()),
            };
        };
        let variable = field_of(text, &["env"]).filter(|name| !name.is_empty());
        if let Some(name) = variable {
            self.env.push((name.to_owned(), secret.to_owned()));
        }
        let target = match (target, variable) {
            (Some(target), _) => inside(workdir, target),
            (None, Some(_)) => return Ok(()),
            (None, None) => format!("/run/secrets/{id}"),
        };
        let store = stages.store;
        let directory = store.temporary()?;
        let source = directory.path.join("secret");
        let writing = "writing the secret";
        let open = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&source);
        open.and_then(|mut file| file.write_all(secret.as_bytes())).attempt(writing)?;
        let (uid, gid, mode) = (number(text, "uid")?, number(text, "gid")?, mode(text, 0o400)?);
        let attributes = Attributes { uid, gid, mode, mtime: crate::now(), xattrs: Vec::new() };
        attributes.give(&source, store.options.owned).attempt(writing)?;
        self.list.push(RunMount { source, target, read_only: true });
        self.copies.push(directory);
        Ok(())
    }
}

fn refused(text: &str, reason: impl std::fmt::Display) -> Error {
    Error::Refused(format!("--mount={text}: {reason}"))
}

fn number(text: &str, name: &str) -> Result<u32, Error> {
    let Some(value) = field_of(text, &[name]) else { return Ok(0) };
    value.parse().map_err(|_| refused(text, format!("{name} is a number, not {value:?}")))
}

fn mode(text: &str, default: u32) -> Result<u32, Error> {
    let mode = field_of(text, &["mode"]).map_or(Ok(default), |mode| u32::from_str_radix(mode, 8));
    mode.map_err(|_| refused(text, "mode is an octal number"))
}

fn field_of<'a>(text: &'a str, names: &[&str]) -> Option<&'a str> {
    let mut fields = text.split(',').map(|part| part.split_once('=').unwrap_or((part, "")));
    fields.find(|(name, _)| names.contains(name)).map(|(_, value)| value)
}

fn inside(workdir: &str, target: &str) -> String {
    Path::new("/").join(workdir).join(target).to_string_lossy().into_owned()
}

/// The id of a cache that a command is to have for itself.
fn locked_cache(text: &str, workdir: &str) -> Option<String> {
    if field_of(text, &["type"]) != Some("cache") || field_of(text, &["sharing"]) != Some("locked") {
        return None;
    }
    let target = || field_of(text, &["target", "dst", "destination"]).map(|target| inside(workdir, target));
    field_of(text, &["id"]).map(str::to_owned).or_else(target)
}

/// Where a cache is kept: each owner of builds has their own.
fn cache_name(stages: &Stages<'_, '_>, id: &str) -> Digest {
    match stages.owner() {
        "" => Digest::of(id),
        owner => Digest::of(format!("{owner}\0{id}")),
    }
}

/// Copies a file or directory of a tree into an empty directory; answers its name there.
fn copy_out(store: &Store, tree: &Tree, path: &str, target: &Path) -> Result<&'static str, Error> {
    const NAME: &str = "content";
    let reading = "reading what is mounted";
    let found = tree.find(Path::new(path)).attempt(reading)?;
    let (top, found) = found.ok_or_else(|| Error::Refused(format!("{path:?} is not there")))?;
    let empty = Tree::default();
    let writer = Writer::new(&empty, target, store.options.owned, (0, 0));
    let attributes = Attributes::of(&found.real, &found.metadata).attempt(reading)?;
    store.room.need(found.metadata.len())?;
    if !found.metadata.is_dir() {
        writer.file(Path::new(NAME), &found, &attributes).attempt(reading)?;
        return Ok(NAME);
    }
    writer.directory(Path::new(NAME), Some(&attributes)).attempt(reading)?;
    for found in tree.walk(&top) {
        let (path, found) = found.attempt(reading)?;
        store.room.take(found.metadata.len())?;
        let attributes = Attributes::of(&found.real, &found.metadata).attempt(reading)?;
        let to = Path::new(NAME).join(path.strip_prefix(&top).unwrap_or(&path));
        if found.metadata.is_dir() {
            writer.directory(&to, Some(&attributes)).attempt(reading)?;
        } else {
            writer.file(&to, &found, &attributes).attempt(reading)?;
        }
    }
    writer.finish().attempt(reading)?;
    Ok(NAME)
}

/// A layer with the mount points that the image lacks, so that they do not become part of it.
pub(super) fn mount_points<'a>(
    store: &'a Store,
    tree: &Tree,
    mounts: &mut Mounts<'_>,
) -> Result<Option<Temporary<'a>>, Error> {
    let mut missing = Vec::new();
    for mount in &mut mounts.list {
        // Whoever mounts it follows no links.
        let resolved = tree.resolve(Path::new(&mount.target), true).attempt("looking for a mount point")?;
        mount.target = Path::new("/").join(resolved).to_string_lossy().into_owned();
        if tree.find(Path::new(&mount.target)).attempt("looking for a mount point")?.is_none() {
            missing.push(mount);
        }
    }
    if missing.is_empty() {
        return Ok(None);
    }
    let layer = store.temporary()?;
    let writer = Writer::new(tree, &layer.path, store.options.owned, (0, 0));
    for mount in missing {
        let target = Path::new(&mount.target);
        let made = if mount.source.is_dir() {
            writer.directory(target, None).map(|_| ())
        } else {
            let attributes = Attributes { uid: 0, gid: 0, mode: 0o644, mtime: 0, xattrs: Vec::new() };
            writer.content(target, b"", &attributes)
        };
        made.at_path("making the mount point", target)?;
    }
    writer.finish().attempt("making mount points")?;
    Ok(Some(layer))
}
