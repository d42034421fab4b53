//! `ADD` of what is at a URL.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use crate::digest::Hasher;
use crate::error::Attempt;
use crate::store::Temporary;
use crate::{Cancel, Digest, Error, Runner, Store};

/// The largest file that is fetched, in bytes.
const LARGEST: u64 = 4 << 30;

/// A file of somebody else's, known by its digest. It is fetched when it is needed, unless it had to be for the digest.
#[derive(Clone)]
pub(super) struct Fetched {
    pub(super) url: String,
    pub(super) digest: Digest,
    pub(super) mtime: Option<i64>,
    pub(super) unpacks: bool,
    /// Where it is already; it goes with the build.
    kept: Option<PathBuf>,
}

/// The file of [`Fetched::file`], which goes when nobody needs it any more.
pub(super) enum Local<'a> {
    Kept(&'a Path),
    Own(Temporary<'a>),
}

const NAME: &str = "fetched";

impl Local<'_> {
    pub(super) fn path(&self) -> PathBuf {
        match self {
            Self::Kept(path) => path.to_path_buf(),
            Self::Own(directory) => directory.path.join(NAME),
        }
    }
}

impl Fetched {
    /// What is at a URL. With the digest that it must have it is not looked at before it is needed; else it is fetched into
    /// `directory`, as what is there may have changed.
    pub(super) fn new(
        url: &str,
        digest: Option<Digest>,
        directory: &Temporary<'_>,
        runner: &dyn Runner,
        cancel: &Cancel,
    ) -> Result<Self, Error> {
        let mut fetched = Self { url: url.to_owned(), digest: Digest::of(""), mtime: None, unpacks: false, kept: None };
        match digest {
            Some(digest) => fetched.digest = digest,
            None => {
                let path = directory.path.join(Digest::of(url).hex());
                fetched.mtime = fetch(url, &path, runner, cancel)?;
                fetched.digest = digest_of(&path).at_path("reading", &path)?;
                fetched.kept = Some(path);
            }
        }
        Ok(fetched)
    }

    /// The same, unpacked if it is an archive and that is asked for.
    pub(super) fn unpacked(self, unpacks: bool) -> Self {
        Self { unpacks, ..self }
    }

    /// The file.
    ///
    /// # Errors
    /// It is no longer what it was said to be.
    pub(super) fn file<'a>(
        &'a self,
        store: &'a Store,
        runner: &dyn Runner,
        cancel: &Cancel,
    ) -> Result<Local<'a>, Error> {
        if let Some(kept) = &self.kept {
            return Ok(Local::Kept(kept));
        }
        let own = Local::Own(store.temporary()?);
        let path = own.path();
        fetch(&self.url, &path, runner, cancel)?;
        let found = digest_of(&path).at_path("reading", &path)?;
        if found != self.digest {
            return Err(Error::Refused(format!("{} has the digest {found}, not {}", self.url, self.digest)));
        }
        Ok(own)
    }
}

/// The last name in a URL.
pub(super) fn name_in(url: &str) -> Result<&str, Error> {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let (_, after) = path.split_once("://").unwrap_or(("", path));
    let name = after.split_once('/').and_then(|(_, path)| path.rsplit('/').next()).unwrap_or_default();
    match name {
        "" | "." | ".." => Err(Error::Refused(format!("{url} names no file: the destination must"))),
        name => Ok(name),
    }
}

fn fetch(url: &str, path: &Path, runner: &dyn Runner, cancel: &Cancel) -> Result<Option<i64>, Error> {
    let fetched = runner.fetch(url, path, LARGEST, cancel);
    cancel.check()?;
    fetched.map_err(|error| Error::Refused(format!("{url} cannot be fetched: {error}")))
}

fn digest_of(path: &Path) -> io::Result<Digest> {
    let mut hasher = Hasher::default();
    io::copy(&mut File::open(path)?, &mut hasher)?;
    Ok(hasher.finish())
}
