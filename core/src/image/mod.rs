//! Images: what a sandbox or snapshot is built from, put together step by step.
//!
//! An [`Image`] is a Dockerfile and the local files it copies. Every language builds its images with these functions, so
//! the same steps give the same text everywhere. Nothing is read from disk but what a step needs to know (requirements,
//! Dockerfiles, globs); local files are read when something is created from the image.
//!
//! ```
//! # fn run() -> daytona::Result<()> {
//! use daytona::Image;
//!
//! let image = Image::debian_slim(Some("3.12"))?
//!     .pip_install(["numpy", "pandas>=2"], Default::default())?
//!     .env([("MODE", "production")])?
//!     .workdir("/home/daytona")?;
//! assert!(image.dockerfile().contains("RUN python -m pip install numpy 'pandas>=2'\n"));
//! # Ok(())
//! # }
//! # run().unwrap();
//! ```

mod command;
mod contexts;
#[rustfmt::skip]
mod generated;
mod ignore;
mod instructions;
mod path;
mod pyproject;
mod quote;
mod steps;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use command::ImageCommand;
pub(crate) use ignore::Ignore;
#[doc(hidden)]
pub use steps::step;

use crate::error::{Error, Result};
use crate::model::{Context, DockerfileOptions, PipInstallOptions, PyprojectOptions};
use quote::{Escape, array, one_line, shell};

/// Python versions by series, each with the release that stands for it.
const PYTHON: [(&str, &str); 5] =
    [("3.9", "3.9.22"), ("3.10", "3.10.17"), ("3.11", "3.11.12"), ("3.12", "3.12.10"), ("3.13", "3.13.3")];

/// Where requirements are copied to.
const REQUIREMENTS: &str = "/.requirements.txt";

/// An image to build, put together step by step: a Dockerfile and the local files it copies.
///
/// Each step returns the image, so that steps can follow one another. Local files are read when something is created from
/// the image.
///
/// # Examples
/// `images science`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Image {
    dockerfile: String,
    contexts: Vec<Context>,
}

impl Image {
    /// An image made of the text of a Dockerfile and the local files it copies.
    pub fn new(dockerfile: impl Into<String>, contexts: Vec<Context>) -> Self {
        Self { dockerfile: dockerfile.into(), contexts }
    }

    /// Starts from an image of a registry.
    ///
    /// # Parameters
    /// * `image`: Its reference, for example `python:3.12-slim`.
    ///
    /// # Errors
    /// `InvalidArgument` when the reference is empty or contains spaces.
    pub fn base(image: &str) -> Result<Self> {
        if image.is_empty() || image.contains(char::is_whitespace) {
            return Err(Error::invalid_argument(format!(
                "{image:?} is not the name of an image: use one like \"python:3.12-slim\"."
            )));
        }
        let mut new = Self::default();
        new.push(format!("FROM {image}"));
        Ok(new)
    }

    /// Starts from Debian with Python, a C and Fortran compiler, and an up-to-date pip.
    ///
    /// # Parameters
    /// * `python_version`: A series from `3.9` to `3.13`, or one of their releases. Default: the last series.
    ///
    /// # Errors
    /// `InvalidArgument` for another version.
    pub fn debian_slim(python_version: Option<&str>) -> Result<Self> {
        let full = python_release(python_version)?;
        let mut image = Self::default();
        image.push(format!("FROM python:{full}-slim-bookworm"));
        image.push("RUN apt-get update");
        image.push("RUN apt-get install -y gcc gfortran build-essential");
        image.push("RUN pip install --upgrade pip");
        image.push("RUN echo 'debconf debconf/frontend select Noninteractive' | debconf-set-selections");
        Ok(image)
    }

    /// Starts from a Dockerfile of this machine, with the local files that its `COPY` and `ADD` name. What `.dockerignore`
    /// leaves out is not uploaded.
    ///
    /// # Parameters
    /// * `path`: Path of the Dockerfile. The files it names are beside it.
    /// * `options.strict_context`: Whether to refuse files outside its directory, also behind links. Default: false.
    ///
    /// # Errors
    /// `InvalidArgument` when it cannot be read, or names files outside its directory with `strict_context`.
    pub fn from_dockerfile(path: &str, options: DockerfileOptions) -> Result<Self> {
        let file = path::expanded(path);
        let dockerfile = std::fs::read_to_string(&file)
            .map_err(|e| Error::invalid_argument(format!("Cannot read the Dockerfile {path:?}")).with_source(e))?;
        let directory = match file.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => ".".into(),
        };
        let mut image = Self::default();
        let named =
            file.with_file_name(format!("{}.dockerignore", file.file_name().unwrap_or_default().to_string_lossy()));
        let ignore = if named.is_file() { named } else { directory.join(".dockerignore") };
        image.contexts = contexts::of(&dockerfile, &directory, &ignore, options.strict_context.unwrap_or(false))?;
        image.push(dockerfile.strip_suffix('\n').unwrap_or(&dockerfile));
        Ok(image)
    }

    /// Starts from the text of a Dockerfile. It cannot copy local files; `add_local_dir` and the like can.
    ///
    /// # Parameters
    /// * `dockerfile`: The text.
    pub fn from_dockerfile_text(dockerfile: &str) -> Self {
        let mut image = Self::default();
        image.push(dockerfile.strip_suffix('\n').unwrap_or(dockerfile));
        image
    }

    /// Installs Python packages with pip, sorted by name. Without packages it does nothing.
    ///
    /// # Parameters
    /// * `packages`: Names, with versions where they matter: `numpy>=2`.
    ///
    /// # Errors
    /// `InvalidArgument` when a value has more than one line.
    pub fn pip_install<I>(mut self, packages: I, options: PipInstallOptions) -> Result<Self>
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        let mut packages: Vec<String> = packages.into_iter().map(Into::into).collect();
        if packages.is_empty() {
            return Ok(self);
        }
        packages.sort();
        for package in &packages {
            one_line("package", package)?;
        }
        let packages: Vec<_> = packages.iter().map(|package| shell(package)).collect();
        let more = pip_arguments(&options, self.escape())?;
        self.push(format!("RUN python -m pip install {}{more}", packages.join(" ")));
        Ok(self)
    }

    /// Installs the Python packages that a requirements file of this machine lists.
    ///
    /// # Parameters
    /// * `requirements_txt`: Path of the file.
    ///
    /// # Errors
    /// `InvalidArgument` when there is no such file.
    pub fn pip_install_from_requirements(mut self, requirements_txt: &str, options: PipInstallOptions) -> Result<Self> {
        if !path::expanded(requirements_txt).is_file() {
            return Err(Error::invalid_argument(format!("There is no requirements file {requirements_txt:?}.")));
        }
        let more = pip_arguments(&options, self.escape())?;
        self.copy_local(requirements_txt, REQUIREMENTS);
        self.push(format!("RUN python -m pip install -r {REQUIREMENTS}{more}"));
        Ok(self)
    }

    /// Installs the dependencies that a `pyproject.toml` of this machine lists.
    ///
    /// # Parameters
    /// * `pyproject_toml`: Path of the file.
    /// * `options.optional_dependencies`: Groups of its optional dependencies to install too. Those it does not have are
    ///   ignored.
    ///
    /// # Errors
    /// `InvalidArgument` when the file cannot be read or lists no dependencies.
    pub fn pip_install_from_pyproject(self, pyproject_toml: &str, options: PyprojectOptions) -> Result<Self> {
        let groups = options.optional_dependencies.unwrap_or_default();
        let packages = pyproject::dependencies(pyproject_toml, &groups)?;
        let PyprojectOptions { find_links, index_url, extra_index_urls, pre, extra_options, .. } = options;
        self.pip_install(packages, PipInstallOptions { find_links, index_url, extra_index_urls, pre, extra_options })
    }

    /// Installs Debian packages with apt-get. Without packages it does nothing.
    ///
    /// # Parameters
    /// * `packages`: Their names.
    ///
    /// # Errors
    /// `InvalidArgument` when a name has more than one line.
    pub fn apt_get<I>(mut self, packages: I) -> Result<Self>
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        let mut quoted = Vec::new();
        for package in packages {
            one_line("package", package.as_ref())?;
            quoted.push(shell(package.as_ref()));
        }
        if !quoted.is_empty() {
            let packages = quoted.join(" ");
            self.push(format!("RUN apt-get update && apt-get install -y {packages} && rm -rf /var/lib/apt/lists/*"));
        }
        Ok(self)
    }

    /// Copies a file of this machine into the image.
    ///
    /// # Parameters
    /// * `local_path`: Path on this machine.
    /// * `remote_path`: Path in the image. If it ends with `/`, the file keeps its name there.
    ///
    /// # Errors
    /// `InvalidArgument` when a path is empty.
    pub fn add_local_file(mut self, local_path: &str, remote_path: &str) -> Result<Self> {
        check_paths(local_path, remote_path)?;
        let name = path::expanded(local_path);
        let name = name.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let remote = if remote_path.ends_with('/') { format!("{remote_path}{name}") } else { remote_path.to_owned() };
        self.copy_local(local_path, &remote);
        Ok(self)
    }

    /// Copies what is in a directory of this machine into a directory of the image.
    ///
    /// # Parameters
    /// * `local_path`: Path on this machine.
    /// * `remote_path`: Path in the image.
    ///
    /// # Errors
    /// `InvalidArgument` when a path is empty.
    pub fn add_local_dir(mut self, local_path: &str, remote_path: &str) -> Result<Self> {
        check_paths(local_path, remote_path)?;
        self.copy_local(local_path, remote_path);
        Ok(self)
    }

    /// Runs a command of the shell while the image is built. A command of several lines, unless each but the last is
    /// continued with a backslash or it has here-documents of its own, is run as one script.
    ///
    /// # Parameters
    /// * `command`: The command.
    ///
    /// # Errors
    /// `InvalidArgument` when the command is empty.
    pub fn run(mut self, command: &str) -> Result<Self> {
        if command.trim().is_empty() {
            return Err(Error::invalid_argument("The command to run is empty."));
        }
        let text = quote::run(command, self.escape());
        self.push(text);
        Ok(self)
    }

    /// Runs commands while the image is built, one after the other.
    ///
    /// # Parameters
    /// * `commands`: Each a command of the shell, or a list of a program and its arguments, which the shell leaves as they
    ///   are. A command of several lines is run as one script.
    ///
    /// # Errors
    /// `InvalidArgument` when a command is empty.
    pub fn run_commands<I>(self, commands: I) -> Result<Self>
    where
        I: IntoIterator,
        I::Item: Into<ImageCommand>,
    {
        commands.into_iter().try_fold(self, |image, command| match command.into() {
            ImageCommand::Shell(command) => image.run(&command),
            ImageCommand::Program(arguments) => image.run_program(arguments),
        })
    }

    /// Runs a program with its arguments, which the shell leaves as they are, while the image is built.
    ///
    /// # Parameters
    /// * `arguments`: The program and its arguments.
    ///
    /// # Errors
    /// `InvalidArgument` when there is no program.
    pub fn run_program<I>(mut self, arguments: I) -> Result<Self>
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        let arguments: Vec<String> = arguments.into_iter().map(Into::into).collect();
        if arguments.is_empty() {
            return Err(Error::invalid_argument("A command to run is an empty list."));
        }
        self.push(quote::run_program(&arguments));
        Ok(self)
    }

    /// Sets environment variables for all later steps and for the sandbox.
    ///
    /// # Parameters
    /// * `env_vars`: Values by name, each on one line.
    ///
    /// # Errors
    /// `InvalidArgument` for an invalid name, or a value of more than one line, which no Dockerfile can hold.
    pub fn env<I, K, V>(mut self, env_vars: I) -> Result<Self>
    where
        I: IntoIterator<Item = (K, V)>,
        K: AsRef<str>,
        V: AsRef<str>,
    {
        for (name, value) in env_vars {
            let (name, value) = (name.as_ref(), value.as_ref());
            if name.is_empty() || name.contains(|c: char| c.is_whitespace() || "='\"$\\`#".contains(c)) {
                return Err(Error::invalid_argument(format!("{name:?} is not the name of an environment variable.")));
            }
            one_line(&format!("environment variable {name}"), value)?;
            let value = self.escape().value(value);
            self.push(format!("ENV {name}={value}"));
        }
        Ok(self)
    }

    /// Sets the working directory of all later steps and of the sandbox.
    ///
    /// # Parameters
    /// * `path`: Path in the image.
    ///
    /// # Errors
    /// `InvalidArgument` when the path is empty or has more than one line.
    pub fn workdir(mut self, path: &str) -> Result<Self> {
        if path.is_empty() {
            return Err(Error::invalid_argument("The working directory is empty."));
        }
        one_line("working directory", path)?;
        let path = self.escape().value(path);
        self.push(format!("WORKDIR {path}"));
        Ok(self)
    }

    /// Sets the program that the sandbox starts with.
    ///
    /// # Parameters
    /// * `entrypoint_commands`: The program and its arguments.
    pub fn entrypoint(mut self, entrypoint_commands: &[String]) -> Self {
        self.push(format!("ENTRYPOINT {}", array(entrypoint_commands)));
        self
    }

    /// Sets the arguments of the entrypoint, or the command where there is none.
    ///
    /// # Parameters
    /// * `cmd`: The words.
    pub fn cmd(mut self, cmd: &[String]) -> Self {
        self.push(format!("CMD {}", array(cmd)));
        self
    }

    /// Sets the user of all later steps and of the sandbox.
    ///
    /// # Parameters
    /// * `username`: Name or number.
    ///
    /// # Errors
    /// `InvalidArgument` when the name is empty or contains spaces.
    pub fn user(mut self, username: &str) -> Result<Self> {
        if username.is_empty() || username.contains(char::is_whitespace) {
            return Err(Error::invalid_argument(format!("{username:?} is not the name of a user.")));
        }
        self.push(format!("USER {username}"));
        Ok(self)
    }

    /// Copies files of the build context, which other steps have put there.
    ///
    /// # Parameters
    /// * `source`: Path in the build context; it may be a pattern.
    /// * `destination`: Path in the image.
    ///
    /// # Errors
    /// `InvalidArgument` when a path is empty.
    pub fn copy(mut self, source: &str, destination: &str) -> Result<Self> {
        check_paths(source, destination)?;
        let text = quote::paths("COPY", source, destination);
        self.push(text);
        Ok(self)
    }

    /// Copies files of the build context, or of a URL, and unpacks archives.
    ///
    /// # Parameters
    /// * `source`: Path in the build context, or a URL.
    /// * `destination`: Path in the image.
    ///
    /// # Errors
    /// `InvalidArgument` when a path is empty.
    pub fn add(mut self, source: &str, destination: &str) -> Result<Self> {
        check_paths(source, destination)?;
        let text = quote::paths("ADD", source, destination);
        self.push(text);
        Ok(self)
    }

    /// Says which ports the programs of the image listen on. Without ports it does nothing.
    ///
    /// # Parameters
    /// * `ports`: 1 to 65535.
    ///
    /// # Errors
    /// `InvalidArgument` for a number outside 1 to 65535.
    pub fn expose(mut self, ports: &[i64]) -> Result<Self> {
        if let Some(port) = ports.iter().find(|port| !(1..=65535).contains(*port)) {
            return Err(Error::invalid_argument(format!("{port} is not a valid port: use 1 to 65535.")));
        }
        if !ports.is_empty() {
            let ports: Vec<_> = ports.iter().map(i64::to_string).collect();
            self.push(format!("EXPOSE {}", ports.join(" ")));
        }
        Ok(self)
    }

    /// Labels the image.
    ///
    /// # Parameters
    /// * `key`: Key of the label.
    /// * `value`: Its value, on one line.
    ///
    /// # Errors
    /// `InvalidArgument` when the key is empty, or either has more than one line.
    pub fn label(mut self, key: &str, value: &str) -> Result<Self> {
        if key.is_empty() || key.contains(|c: char| c.is_whitespace() || "='\"$\\`".contains(c)) {
            return Err(Error::invalid_argument(format!("{key:?} is not the key of a label.")));
        }
        one_line(&format!("label {key}"), value)?;
        let value = self.escape().double(value);
        self.push(format!("LABEL {key}={value}"));
        Ok(self)
    }

    /// Says which directories hold data that is kept apart. Without paths it does nothing.
    ///
    /// # Parameters
    /// * `paths`: Paths in the image.
    pub fn volume(mut self, paths: &[String]) -> Self {
        if !paths.is_empty() {
            self.push(format!("VOLUME {}", array(paths)));
        }
        self
    }

    /// Adds instructions of a Dockerfile as they are, with the local files that their `COPY` and `ADD` name.
    ///
    /// # Parameters
    /// * `dockerfile_commands`: The lines.
    /// * `context_dir`: Directory that the names of files begin at. Default: the working directory.
    /// * `options.strict_context`: Whether to refuse files outside it, also behind links. Default: false.
    ///
    /// # Errors
    /// `InvalidArgument` when the context directory does not exist, or a file is outside it with `strict_context`.
    pub fn dockerfile_commands(
        mut self,
        dockerfile_commands: &[String],
        context_dir: Option<&str>,
        options: DockerfileOptions,
    ) -> Result<Self> {
        let directory = path::expanded(context_dir.unwrap_or("."));
        if let Some(given) = context_dir
            && !directory.is_dir()
        {
            return Err(Error::invalid_argument(format!("The context directory {given:?} is not a directory.")));
        }
        let text = dockerfile_commands.join("\n");
        let text = text.strip_suffix('\n').unwrap_or(&text);
        let ignore = directory.join(".dockerignore");
        let strict = options.strict_context.unwrap_or(false);
        self.contexts.extend(contexts::of(text, &directory, &ignore, strict)?);
        if !text.is_empty() {
            self.push(text);
        }
        Ok(self)
    }

    /// The Dockerfile.
    pub fn dockerfile(&self) -> &str {
        &self.dockerfile
    }

    /// The local files that the Dockerfile copies.
    pub fn contexts(&self) -> &[Context] {
        &self.contexts
    }

    fn push(&mut self, instruction: impl AsRef<str>) {
        if !self.dockerfile.is_empty() && !self.dockerfile.ends_with('\n') {
            self.dockerfile.push('\n');
        }
        self.dockerfile.push_str(instruction.as_ref());
        self.dockerfile.push('\n');
    }

    /// The escape character of the Dockerfile, which its first lines may set.
    fn escape(&self) -> Escape {
        Escape::of(&self.dockerfile)
    }

    fn copy_local(&mut self, local: &str, remote: &str) {
        let archive = path::archive(local);
        let text = self.escape().copy(&archive, remote);
        self.push(text);
        let source = path::expanded(local).to_string_lossy().into_owned();
        self.contexts.push(Context { source_path: source, archive_path: Some(archive), ignore_file: None });
    }
}

fn check_paths(from: &str, to: &str) -> Result<()> {
    for (what, path) in [("source", from), ("destination", to)] {
        if path.is_empty() {
            return Err(Error::invalid_argument(format!("The {what} path is empty.")));
        }
        one_line(&format!("{what} path"), path)?;
    }
    Ok(())
}

/// The arguments of pip behind the packages.
fn pip_arguments(options: &PipInstallOptions, escape: Escape) -> Result<String> {
    let mut text = String::new();
    let mut add = |option: &str, value: &str| -> Result<()> {
        one_line(option, value)?;
        text.push_str(&format!(" {option} {}", shell(value)));
        Ok(())
    };
    for link in options.find_links.iter().flatten() {
        add("--find-links", link)?;
    }
    if let Some(url) = options.index_url.as_deref().filter(|url| !url.is_empty()) {
        add("--index-url", url)?;
    }
    for url in options.extra_index_urls.iter().flatten() {
        add("--extra-index-url", url)?;
    }
    if options.pre.unwrap_or(false) {
        text.push_str(" --pre");
    }
    let extra = options.extra_options.as_deref().unwrap_or_default().trim();
    if !extra.is_empty() {
        one_line("extra options", extra)?;
        if extra.ends_with(escape.character()) {
            return Err(Error::invalid_argument(format!(
                "The extra options {extra:?} end with {:?}, which would continue the line.",
                escape.character()
            )));
        }
        text.push_str(&format!(" {extra}"));
    }
    Ok(text)
}

/// The release of Python that a version stands for.
fn python_release(version: Option<&str>) -> Result<String> {
    let Some(version) = version.filter(|version| !version.is_empty()) else {
        return Ok(PYTHON[PYTHON.len() - 1].1.to_owned());
    };
    if let Some((_, release)) = PYTHON.iter().find(|(series, _)| *series == version) {
        return Ok((*release).to_owned());
    }
    let of_series = PYTHON.iter().any(|(series, _)| {
        version.strip_prefix(series).and_then(|rest| rest.strip_prefix('.')).is_some_and(|micro| {
            let (number, candidate) = micro.split_once("rc").unwrap_or((micro, "0"));
            let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            digits(number) && number.len() <= 2 && digits(candidate)
        })
    });
    if of_series {
        return Ok(version.to_owned());
    }
    let series: Vec<_> = PYTHON.iter().map(|(series, _)| *series).collect();
    Err(Error::invalid_argument(format!(
        "Python {version:?} is not supported: use one of {}, or a release like \"{}\".",
        series.join(", "),
        PYTHON[PYTHON.len() - 1].1
    )))
}
