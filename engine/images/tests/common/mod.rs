//! A store in a temporary directory, and looking into what it made.

#![allow(dead_code, reason = "each test uses its part")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use daytona_images::{Build, Cancel, Error, Image, NoRunner, Options, Store};

pub struct Bench {
    pub directory: tempfile::TempDir,
    pub store: Store,
    log: Mutex<Vec<String>>,
}

impl Bench {
    pub fn new() -> Self {
        Self::with(tempfile::tempdir().unwrap(), options())
    }

    fn with(directory: tempfile::TempDir, options: Options) -> Self {
        let store = Store::open(&directory.path().join("images"), options).unwrap();
        Self { directory, store, log: Mutex::default() }
    }

    /// The same, as another process would open it.
    pub fn again(self) -> Self {
        Self::with(self.directory, options())
    }

    pub fn context_path(&self) -> PathBuf {
        self.directory.path().join("context")
    }

    /// Writes files of the build's context.
    pub fn context(&self, files: &[(&str, &str)]) {
        for (path, text) in files {
            let path = self.context_path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    }

    pub fn build(&self, dockerfile: &str) -> Result<Image, Error> {
        let build =
            Build { dockerfile: dockerfile.to_owned(), contexts: vec![self.context_path()], ..Build::default() };
        run(self, &build)
    }

    /// The output of the last build.
    pub fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    /// A file in the topmost layer that has it.
    pub fn find(&self, image: &Image, path: &str) -> Option<PathBuf> {
        let layers = image.layers.iter().rev().map(|layer| self.store.layer_path(layer).join(Path::new(path)));
        layers.into_iter().find(|path| path.symlink_metadata().is_ok())
    }

    pub fn text(&self, image: &Image, path: &str) -> String {
        let found = self.find(image, path).unwrap_or_else(|| panic!("{path} is not there"));
        fs::read_to_string(found).unwrap()
    }
}

/// Root's store where the tests run as root, an ordinary user's otherwise.
pub fn options() -> Options {
    Options { owned: nix::unistd::geteuid().is_root(), ..Options::default() }
}

pub fn run(bench: &Bench, build: &Build) -> Result<Image, Error> {
    let mut lines = Vec::new();
    let built = bench.store.build(build, &NoRunner, &mut |line| lines.push(line.to_owned()), &Cancel::default());
    *bench.log.lock().unwrap() = lines;
    built
}
