//! What a `.dockerignore` leaves out of a build context.

use std::path::Path;

use globset::{GlobBuilder, GlobMatcher};

use crate::error::{Error, Result};

/// The rules of one file; of those that match a path, the last decides.
pub(crate) struct Ignore(Vec<Rule>);

struct Rule {
    glob: GlobMatcher,
    /// Begins with `!`.
    keeps: bool,
}

impl Ignore {
    /// Reads the rules of a file; none when there is no such file.
    pub(crate) fn read(file: &Path) -> Result<Self> {
        match std::fs::read_to_string(file) {
            Ok(text) => Self::parse(&text, &file.to_string_lossy()),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Self(Vec::new())),
            Err(e) => Err(Error::invalid_argument(format!("Cannot read {file:?}")).with_source(e)),
        }
    }

    fn parse(text: &str, file: &str) -> Result<Self> {
        let mut rules = Vec::new();
        for line in text.trim_start_matches('\u{feff}').lines() {
            let line = line.trim_end_matches('\r');
            if line.starts_with('#') {
                continue;
            }
            let pattern = line.trim();
            let (keeps, pattern) = match pattern.strip_prefix('!') {
                Some(rest) => (true, rest.trim()),
                None => (false, pattern),
            };
            let pattern = super::path::relative(&super::path::normal(Path::new(pattern)));
            if pattern.is_empty() {
                continue;
            }
            let glob = GlobBuilder::new(&pattern).literal_separator(true).build().map_err(|e| {
                Error::invalid_argument(format!("{line:?} in {file:?} is not a usable pattern: {}.", e.kind()))
            })?;
            rules.push(Rule { glob: glob.compile_matcher(), keeps });
        }
        Ok(Self(rules))
    }

    /// Whether a path of the context is left out.
    pub(crate) fn leaves_out(&self, path: &Path) -> bool {
        let mut out = false;
        for rule in &self.0 {
            let above = path.ancestors().filter(|path| !path.as_os_str().is_empty());
            if out == rule.keeps && above.into_iter().any(|path| rule.glob.is_match(path)) {
                out = !rule.keeps;
            }
        }
        out
    }

    /// Whether everything below a directory that is left out is left out too.
    pub(crate) fn is_final(&self) -> bool {
        !self.0.iter().any(|rule| rule.keeps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_rule_that_matches_decides() {
        let text = "# comment\n*.md\n!README.md\nnode_modules\n/build/\n**/*.pyc\ndocs\n!docs/keep\n";
        let ignore = Ignore::parse(text, ".dockerignore").unwrap();
        for path in ["a.md", "node_modules", "node_modules/x/y.js", "build/a", "a/b/c.pyc", "d.pyc", "docs/x"] {
            assert!(ignore.leaves_out(Path::new(path)), "{path}");
        }
        for path in ["README.md", "sub/a.md", "sub/node_modules/x", "src/main.py", "docs/keep/x"] {
            assert!(!ignore.leaves_out(Path::new(path)), "{path}");
        }
    }
}
