//! What a directory transfer leaves out.

use std::path::Path;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use crate::error::{Error, Result};

/// Compiled globs. One without `/` is compared with the names along a path, one with `/` with the path.
#[derive(Clone)]
pub(crate) struct Exclude {
    names: GlobSet,
    paths: GlobSet,
}

impl Exclude {
    /// # Errors
    /// `InvalidArgument` for a glob that is none.
    pub(crate) fn new(globs: &[String]) -> Result<Self> {
        let (mut names, mut paths) = (GlobSetBuilder::new(), GlobSetBuilder::new());
        for glob in globs {
            let bad = |why: &str| Error::invalid_argument(format!("{glob:?} in exclude is no usable glob: {why}."));
            let plain = glob.strip_prefix("./").unwrap_or(glob).trim_end_matches('/');
            let anchored = plain.trim_start_matches('/');
            if anchored.is_empty() {
                return Err(bad("it is empty"));
            }
            let compiled =
                GlobBuilder::new(anchored).literal_separator(true).build().map_err(|e| bad(&e.kind().to_string()))?;
            if plain.contains('/') {
                paths.add(compiled)
            } else {
                names.add(compiled)
            };
        }
        let build = |set: GlobSetBuilder| {
            set.build().map_err(|e| Error::invalid_argument(format!("The globs in exclude cannot be used: {e}.")))
        };
        Ok(Self { names: build(names)?, paths: build(paths)? })
    }

    /// Whether an entry itself is left out; the caller asks about every directory on the way down.
    pub(crate) fn entry(&self, path: &Path) -> bool {
        self.paths.is_match(path) || path.file_name().is_some_and(|name| self.names.is_match(name))
    }

    /// Whether an entry or a directory above it is left out.
    pub(crate) fn contains(&self, path: &Path) -> bool {
        path.ancestors().filter(|path| !path.as_os_str().is_empty()).any(|path| self.entry(path))
    }
}

/// The globs that mean the same to `tar --exclude`, whichever tar it is: plain names and `*.ext`. The others are applied
/// when the archive is unpacked.
pub(crate) fn known_to_tar(globs: &[String]) -> impl Iterator<Item = &str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    globs.iter().map(String::as_str).filter(move |glob| {
        let name = glob.strip_prefix("*.").unwrap_or(glob);
        name.starts_with(|c: char| c != '.' && c != '-') && name.chars().all(plain)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_anywhere_and_paths_from_the_top() {
        let globs = ["node_modules", "*.pyc", "build/**", "/docs/a?.md", "cache/"].map(str::to_owned);
        let exclude = Exclude::new(&globs).unwrap();
        for path in
            ["node_modules", "a/node_modules/b/c.js", "a/b.pyc", "build/x/y", "docs/ab.md", "deep/cache/x", "cache"]
        {
            assert!(exclude.contains(Path::new(path)), "{path}");
        }
        for path in ["a/build/x", "src/docs/ab.md", "docs/abc.md", "node_modules2", "pyc", "a.pycx"] {
            assert!(!exclude.contains(Path::new(path)), "{path}");
        }
        assert_eq!(known_to_tar(&globs).collect::<Vec<_>>(), ["node_modules", "*.pyc"]);
    }

    #[test]
    fn a_bad_glob_is_named() {
        let error = Exclude::new(&["a[".to_owned()]).err().unwrap();
        assert!(error.to_string().contains("\"a[\""), "{error}");
    }
}
