//! One stage after the other, instruction by instruction.

mod running;

use std::collections::BTreeMap;
use std::path::{Component, Path};

use super::Build;
use super::accounts::owner;
use super::argv::argv;
use super::context::Files;
use super::copying::{Choice, Copying, Destination};
use super::fetching::{Fetched, name_in};
use super::healthcheck::healthcheck;
use super::ignore::Ignored;
use super::stage_named;
use super::steps::{CachedStep, Wanted};
use crate::assemble::push_layer;
use crate::credentials::hidden;
use crate::dockerfile::{Dockerfile, HereDoc, Instruction, Kind, Source, expand, expand_document, parse_text, split};
use crate::error::Attempt;
use crate::log::Log;
use crate::store::{Pins, Temporary};
use crate::tree::Tree;
use crate::writer::Writer;
use crate::{Base, Cancel, Digest, Error, Image, ImageConfig, Runner, Secrets, Store};

/// Variables that commands get when the build is given them, without an `ARG`.
const PROXIES: [&str; 8] =
    ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "FTP_PROXY", "NO_PROXY", "no_proxy", "ALL_PROXY"];

/// A stage so far.
#[derive(Debug, Clone)]
pub(super) struct State {
    pub(super) base: Base,
    pub(super) layers: Vec<Digest>,
    pub(super) config: ImageConfig,
    /// Values of the `ARG`s so far.
    arguments: BTreeMap<String, String>,
    /// Whether `CMD` was given in this stage: an `ENTRYPOINT` takes away the base's.
    own_cmd: bool,
}

/// The stages of one build.
pub(super) struct Stages<'a, 'b> {
    pub(super) store: &'a Store,
    build: &'b Build,
    file: &'b Dockerfile,
    context: &'b Files,
    runner: &'b dyn Runner,
    log: &'b Log<'b>,
    pub(super) cancel: &'b Cancel,
    done: BTreeMap<usize, State>,
    pins: Pins<'a>,
    /// How many steps have begun, and how many there are.
    step: (usize, usize),
}

impl<'a, 'b> Stages<'a, 'b> {
    #[allow(clippy::too_many_arguments, reason = "they are one build, put together in one place")]
    pub(super) fn new(
        store: &'a Store,
        build: &'b Build,
        file: &'b Dockerfile,
        context: &'b Files,
        runner: &'b dyn Runner,
        log: &'b Log<'b>,
        cancel: &'b Cancel,
        total: usize,
    ) -> Self {
        let pins = store.pins();
        Self { store, build, file, context, runner, log, cancel, done: BTreeMap::new(), pins, step: (0, total) }
    }

    /// Whose build it is.
    pub(super) fn owner(&self) -> &'b str {
        &self.build.owner
    }

    /// What its commands may read.
    pub(super) fn secrets(&self) -> &'b Secrets {
        &self.build.secrets
    }

    /// A finished stage.
    pub(super) fn take(&mut self, stage: usize) -> State {
        self.done.remove(&stage).expect("the target was built")
    }

    fn announce(&mut self, text: &str) {
        self.step.0 += 1;
        let (number, total) = self.step;
        self.log.line(&format!("Step {number}/{total} : {}", hidden(text)));
    }

    /// Builds one stage; those it depends on are done.
    pub(super) fn run(&mut self, number: usize) -> Result<(), Error> {
        let file = self.file;
        let stage = &file.stages[number];
        self.announce(&stage.text);
        let state = self.begin(number).map_err(|error| error.at(stage.line, &stage.text));
        let mut state = state?;
        for text in std::mem::take(&mut state.config.on_build) {
            self.log.line(&format!(" ---> ONBUILD {}", hidden(&text)));
            let failed = |error: Error| error.at(stage.line, &format!("ONBUILD {text}"));
            let instruction = parse_text(&text, stage.line).map_err(failed)?;
            self.instruction(&mut state, &instruction, number).map_err(failed)?;
        }
        for instruction in &stage.instructions {
            self.announce(&instruction.text);
            self.cancel.check()?;
            let done = self.instruction(&mut state, instruction, number);
            done.map_err(|error| error.at(instruction.line, &instruction.text))?;
        }
        self.done.insert(number, state);
        Ok(())
    }

    /// Variables that are known before the first stage.
    fn global_arguments(&self) -> Result<BTreeMap<String, String>, Error> {
        let mut known = platform();
        for argument in &self.file.arguments {
            let Kind::Arg(pairs) = &argument.kind else { continue };
            for (name, default) in pairs {
                let value = match (self.build.arguments.get(name), default) {
                    (Some(given), _) => Some(given.clone()),
                    (None, Some(default)) => Some(
                        expand(default, self.file.escape, &|name| known.get(name).cloned()).map_err(Error::Refused)?,
                    ),
                    (None, None) => None,
                };
                known.extend(value.map(|value| (name.clone(), value)));
            }
        }
        Ok(known)
    }

    fn begin(&mut self, number: usize) -> Result<State, Error> {
        let known = self.global_arguments()?;
        let stage = &self.file.stages[number];
        let base = expand(&stage.base, self.file.escape, &|name| known.get(name).cloned()).map_err(Error::Refused)?;
        if base.is_empty() {
            return Err(Error::Refused(format!("{} names no image", stage.base)));
        }
        if let Some(earlier) = stage_named(self.file, &base, number).filter(|_| base.parse::<usize>().is_err()) {
            let state = self.done[&earlier].clone();
            return Ok(State { arguments: BTreeMap::new(), own_cmd: false, ..state });
        }
        let (base, layers, config) = self.image(&base)?;
        Ok(State { base, layers, config, arguments: BTreeMap::new(), own_cmd: false })
    }

    /// An image by name: one of those that are always there, or one to pull.
    fn image(&mut self, name: &str) -> Result<(Base, Vec<Digest>, ImageConfig), Error> {
        match name {
            "scratch" => Ok((Base::Empty, Vec::new(), ImageConfig::default())),
            "default" if !self.store.options.default_root.is_empty() => {
                Ok((Base::Default, Vec::new(), ImageConfig::default()))
            }
            _ => {
                let imported = self.build.access.imported.as_ref().and_then(|imported| imported.0(name));
                let image = match imported {
                    Some(image) => image,
                    None => self.store.base(name, self.build.pull, &self.build.access, self.log, self.cancel)?,
                };
                if !self.pins.add(&image.layers)? {
                    return Err(Error::Refused(format!("{name} was removed meanwhile; build again")));
                }
                Ok((image.base, image.layers, image.config))
            }
        }
    }

    /// The files that `--from` names; the build's own without.
    pub(super) fn files_of(&mut self, from: Option<&str>, stage: usize) -> Result<Files, Error> {
        let Some(from) = from else {
            let Files { tree, .. } = self.context;
            return Ok(Files { tree: tree.clone(), ignored: Ignored::default() });
        };
        let tree = match stage_named(self.file, from, stage) {
            Some(earlier) => {
                let state = &self.done[&earlier];
                self.store.tree(state.base, &state.layers)
            }
            None => {
                let (base, layers, _) = self.image(from)?;
                self.store.tree(base, &layers)
            }
        };
        Ok(Files { tree, ignored: Ignored::default() })
    }

    fn tree(&self, state: &State) -> Tree {
        self.store.tree(state.base, &state.layers)
    }

    fn instruction(&mut self, state: &mut State, instruction: &Instruction, stage: usize) -> Result<(), Error> {
        let escape = self.file.escape;
        let known = state.clone();
        let lookup = |name: &str| {
            let variable = known.config.env.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
            variable.or_else(|| known.arguments.get(name).cloned())
        };
        let expanded = |text: &str| expand(text, escape, &lookup).map_err(Error::Refused);
        let values = |pairs: &[(String, Option<String>)]| {
            let pair = |(name, value): &(String, Option<String>)| {
                Ok((expanded(name)?, expanded(value.as_deref().unwrap_or_default())?))
            };
            pairs.iter().map(pair).collect::<Result<Vec<_>, Error>>()
        };
        let config = &mut state.config;
        match &instruction.kind {
            Kind::From { .. } => {}
            Kind::Arg(pairs) => {
                let global = self.global_arguments()?;
                for (name, default) in pairs {
                    let given = self.build.arguments.get(name).cloned();
                    let value = match (given, default) {
                        (Some(given), _) => Some(given),
                        (None, Some(default)) => Some(expanded(default)?),
                        (None, None) => global.get(name).cloned(),
                    };
                    state.arguments.extend(value.map(|value| (name.clone(), value)));
                }
            }
            Kind::Env(pairs) => values(pairs)?.iter().for_each(|(name, value)| config.set_env(name, value)),
            Kind::Label(pairs) => config.labels.extend(values(pairs)?),
            Kind::Cmd(command) => {
                config.cmd = Some(argv(command, config.shell.as_deref()));
                state.own_cmd = true;
            }
            Kind::Entrypoint(command) => {
                config.entrypoint = Some(argv(command, config.shell.as_deref()));
                if !state.own_cmd {
                    config.cmd = None;
                }
            }
            Kind::Shell(words) => config.shell = Some(words.clone()),
            Kind::User(user) => config.user = expanded(user)?,
            Kind::Expose(ports) => {
                for port in ports {
                    for port in split(port, escape, &lookup).map_err(Error::Refused)? {
                        let port = if port.contains('/') { port } else { format!("{port}/tcp") };
                        if !config.exposed.contains(&port) {
                            config.exposed.push(port);
                            config.exposed.sort();
                        }
                    }
                }
            }
            Kind::Volume(paths) => {
                for path in paths {
                    let path = expanded(path)?;
                    if !config.volumes.contains(&path) {
                        config.volumes.push(path);
                        config.volumes.sort();
                    }
                }
            }
            Kind::StopSignal(signal) => config.stop_signal = Some(expanded(signal)?),
            Kind::Healthcheck(check) => config.healthcheck = Some(healthcheck(check.as_ref(), &instruction.flags)),
            Kind::OnBuild(text) => config.on_build.push(text.clone()),
            Kind::Maintainer(name) => {
                config.labels.insert("maintainer".to_owned(), name.clone());
            }
            Kind::Workdir(path) => {
                let path = absolute(&config.workdir, &expanded(path)?);
                config.workdir = path.clone();
                self.make_workdir(state, &path)?;
            }
            Kind::Copy { add, sources, target } => {
                let flags = instruction.flags.iter().map(|flag| {
                    let value = flag.value.as_deref().map(&expanded).transpose()?;
                    Ok((flag.name.clone(), value))
                });
                let flags = flags.collect::<Result<Vec<_>, Error>>()?;
                let words = |source: &Source| match source {
                    Source::Path(path) => expanded(path).map(Source::Path),
                    Source::Document(document) if document.expand => {
                        let content = expand_document(&document.content, escape, &lookup).map_err(Error::Refused)?;
                        Ok(Source::Document(HereDoc { content, ..document.clone() }))
                    }
                    other => Ok(other.clone()),
                };
                let sources = sources.iter().map(words).collect::<Result<Vec<_>, Error>>()?;
                self.copy(state, &instruction.text, *add, &flags, &sources, &expanded(target)?, stage)?;
            }
            Kind::Run { command, documents } => {
                self.command(state, instruction, command, documents, &expanded, stage)?
            }
        }
        Ok(())
    }

    /// Makes the working directory where it is missing.
    fn make_workdir(&mut self, state: &mut State, path: &str) -> Result<(), Error> {
        let tree = self.tree(state);
        let found = tree.find(Path::new(path)).attempt("looking for the working directory")?;
        match found {
            Some((_, found)) if found.metadata.is_dir() => return Ok(()),
            Some(_) => return Err(Error::Refused(format!("{path} is not a directory"))),
            None => {}
        }
        let wanted = Wanted::new(self.owner(), state.base, &state.layers, format!("WORKDIR {path}"));
        self.step(state, wanted, |stages, layer| {
            let writer = Writer::new(&tree, &layer.path, stages.store.options.owned, (0, 0));
            writer.directory(Path::new(path), None).and_then(|_| writer.finish()).attempt("creating the directory")
        })
    }

    #[allow(clippy::too_many_arguments, reason = "they are the parts of one instruction")]
    fn copy(
        &mut self,
        state: &mut State,
        text: &str,
        add: bool,
        flags: &[(String, Option<String>)],
        sources: &[Source],
        target: &str,
        stage: usize,
    ) -> Result<(), Error> {
        let name = if add { "ADD" } else { "COPY" };
        let (mut from, mut owned_by, mut mode, mut excluded) = (None, None, None, Vec::new());
        let (mut unpacks, mut parents, mut checksum) = (None, false, None);
        for (flag, value) in flags {
            let needed = || value.as_deref().ok_or_else(|| Error::Refused(format!("--{flag} needs a value")));
            match flag.as_str() {
                "from" if !add => from = Some(needed()?),
                "chown" => owned_by = Some(needed()?),
                "chmod" => mode = Some(needed()?),
                "exclude" => excluded.push(needed()?),
                "unpack" if add => unpacks = Some(value.as_deref() != Some("false")),
                "parents" if !add => parents = value.as_deref() != Some("false"),
                "checksum" if add => {
                    let digest = needed()?.parse();
                    let reason = |_| Error::Refused("--checksum is a digest, as sha256:9f86…".to_owned());
                    checksum = Some(digest.map_err(reason)?);
                }
                // It says how layers are put together, which changes nothing here.
                "link" => {}
                _ => return Err(Error::Refused(format!("{name} --{flag} is not supported"))),
            }
        }
        let tree = self.tree(state);
        let owned_by = owned_by.map(|text| owner(&tree, text)).transpose().map_err(Error::Refused)?;
        // Files of the build are root's; those of another stage keep their owners.
        let owned_by = owned_by.or(from.is_none().then_some((0, 0)));
        let mode = mode.map(|mode| u32::from_str_radix(mode, 8).map(|bits| bits & 0o7777));
        let mode = mode.transpose().map_err(|_| Error::Refused("--chmod is an octal number, as 755".to_owned()))?;
        let mut files = self.files_of(from, stage)?;
        if from.is_none() {
            let lines = self.store_ignored();
            files.ignored = lines?;
        }
        let origin = from.map_or_else(|| "the build's context".to_owned(), |from| format!("{from:?}"));
        let excluded = Ignored::parse(excluded.iter().copied()).map_err(Error::Refused)?;
        // What is fetched is taken as it is unless the instruction says otherwise.
        let unpacks_files = unpacks.unwrap_or(add);
        let choice = Choice { files: &files, excluded: &excluded, unpacks: unpacks_files, parents, origin: &origin };
        let path = absolute(&state.config.workdir, target);
        let is_directory = target.ends_with('/') || target == "." || target.ends_with("/.") || sources.len() > 1;
        let to = Destination { tree: &tree, path: &path, is_directory };
        let mut copying = Copying::new(owned_by, mode);
        let downloads = self.store.temporary()?;
        let mut arrived: BTreeMap<&str, Fetched> = BTreeMap::new();
        for source in sources {
            match source {
                Source::Document(document) => copying.document(&document.name, document.content.clone(), &to)?,
                Source::Path(url) if add && (url.contains("://") || url.starts_with("git@")) => {
                    let is_file = url.starts_with("https://") || url.starts_with("http://");
                    if !is_file || url.split(['?', '#']).next().is_some_and(|path| path.ends_with(".git")) {
                        return Err(Error::Refused(format!(
                            "ADD fetches files by HTTP, not {url:?}: fetch it with a RUN command"
                        )));
                    }
                    if to.is_directory && unpacks != Some(true) {
                        name_in(url)?;
                    }
                    let fetched = match arrived.get(url.as_str()) {
                        Some(fetched) => fetched.clone(),
                        None => Fetched::new(url, checksum.clone(), &downloads, self.runner, self.cancel)?,
                    };
                    arrived.insert(url, fetched.clone());
                    copying.fetched(fetched, unpacks == Some(true), &to)?;
                }
                Source::Path(_) if checksum.is_some() => {
                    return Err(Error::Refused("--checksum is for what is fetched".to_owned()));
                }
                Source::Path(path) => copying.path(path, &choice, &to)?,
            }
        }
        let mut wanted = Wanted::new(self.owner(), state.base, &state.layers, text.to_owned());
        wanted.add("the destination", &path);
        wanted.inputs.extend(copying.inputs()?);
        self.step(state, wanted, |stages, layer| {
            copying.write(stages.store, stages.runner, &tree, &layer.path, stages.cancel)
        })
    }

    fn store_ignored(&self) -> Result<Ignored, Error> {
        let text = self.context.tree.text(Path::new(".dockerignore")).unwrap_or_default();
        Ignored::parse(text.lines()).map_err(Error::Refused)
    }

    /// Does a step unless it was done before; what it makes is the next layer.
    fn step(
        &mut self,
        state: &mut State,
        wanted: Wanted,
        work: impl FnOnce(&mut Self, &Temporary<'a>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let id = wanted.id();
        let turn = self.store.only_one(format!("step {}", id.hex()), self.cancel)?;
        if !self.build.no_cache {
            let done = self.store.read::<CachedStep>("steps", &id)?;
            if let Some(step) = done
                && self.pins.add(step.layer.as_slice())?
            {
                self.log.line(" ---> Using cache");
                step.layer.into_iter().for_each(|layer| push_layer(&mut state.layers, layer));
                return Ok(());
            }
            let reason = wanted.miss(self.store)?;
            self.log.line(&format!(" ---> Not cached: {reason}"));
        }
        let layer = self.store.temporary()?;
        let mut done = work(self, &layer);
        if let Err(Error::Run { left, .. }) = &mut done
            && self.build.keep_failed_step
        {
            *left = Some(Box::new(self.keep(state, layer)?));
            return done;
        }
        done?;
        let layer = self.store.add_layer(layer, &mut self.pins)?;
        if state.layers.len() >= crate::MAX_LAYERS && layer.is_some() {
            return Err(Error::Refused(format!(
                "an image has at most {} layers; join some commands",
                crate::MAX_LAYERS
            )));
        }
        let step = CachedStep {
            id: id.clone(),
            instruction: wanted.instruction,
            size: layer.as_ref().map_or(0, |layer| layer.size),
            created: crate::now(),
            owner: wanted.owner,
            parent: wanted.parent,
            inputs: wanted.inputs,
            layer: layer.as_ref().map(|layer| layer.digest.clone()),
        };
        self.store.write("steps", &id, &step)?;
        step.layer.into_iter().for_each(|layer| push_layer(&mut state.layers, layer));
        drop(turn);
        Ok(())
    }

    /// The file system that a failed command has left, with what the command had to work with. Its layers are kept as long as the
    /// build's.
    fn keep(&mut self, state: &State, layer: Temporary<'a>) -> Result<Image, Error> {
        let layer = self.store.add_layer(layer, &mut self.pins)?;
        let mut layers = state.layers.clone();
        layers.extend(layer.map(|layer| layer.digest));
        let mut config = ImageConfig { entrypoint: None, cmd: None, ..state.config.clone() };
        for (name, value) in &state.arguments {
            if !config.env.iter().any(|(known, _)| known == name) {
                config.set_env(name, value);
            }
        }
        self.store.add_image(state.base, layers, config)
    }
}

/// `path` as seen from the working directory, without `.` and `..`.
fn absolute(workdir: &str, path: &str) -> String {
    let mut parts = Vec::new();
    for part in Path::new("/").join(workdir).join(path).components() {
        match part {
            Component::Normal(name) => parts.push(name.to_string_lossy().into_owned()),
            Component::ParentDir => drop(parts.pop()),
            _ => {}
        }
    }
    format!("/{}", parts.join("/"))
}

/// Variables about the machine that every build has.
fn platform() -> BTreeMap<String, String> {
    let architecture = crate::architecture();
    let mut known = BTreeMap::new();
    for side in ["TARGET", "BUILD"] {
        known.insert(format!("{side}PLATFORM"), format!("linux/{architecture}"));
        known.insert(format!("{side}OS"), "linux".to_owned());
        known.insert(format!("{side}ARCH"), architecture.to_owned());
        known.insert(format!("{side}VARIANT"), String::new());
    }
    known
}
