//! `.dockerignore`: files of the context that do not exist for the build.

use std::path::Path;

use globset::{GlobBuilder, GlobMatcher};

/// Patterns; the last one that matches decides.
#[derive(Debug, Default)]
pub(super) struct Ignored {
    patterns: Vec<(GlobMatcher, bool)>,
}

impl Ignored {
    /// Reads patterns, one a line; those that begin with `!` make exceptions.
    pub(super) fn parse<'a>(lines: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        let mut patterns = Vec::new();
        for line in lines {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (except, pattern) = line.strip_prefix('!').map_or((false, line), |rest| (true, rest.trim()));
            let pattern = pattern.trim_start_matches("./").trim_matches('/');
            if pattern.is_empty() || pattern == "." {
                continue;
            }
            patterns.push((glob(pattern)?, except));
        }
        Ok(Self { patterns })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// Whether the file at `path`, relative to the context, is left out. A pattern that matches a directory is meant for all
    /// in it.
    pub(super) fn hides(&self, path: &Path) -> bool {
        let matches =
            |matcher: &GlobMatcher| path.ancestors().any(|part| !part.as_os_str().is_empty() && matcher.is_match(part));
        self.patterns.iter().rev().find(|(matcher, _)| matches(matcher)).is_some_and(|(_, except)| !except)
    }
}

/// A pattern as Dockerfiles write it: `*` stays within a directory, `**` does not.
pub(super) fn glob(pattern: &str) -> Result<GlobMatcher, String> {
    let mut builder = GlobBuilder::new(pattern);
    builder.literal_separator(true).backslash_escape(true).empty_alternates(true);
    let built = builder.build().map_err(|error| format!("the pattern {pattern:?} is not valid: {}", error.kind()))?;
    Ok(built.compile_matcher())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_pattern_that_matches_decides() {
        let ignored = Ignored::parse("# comment\n*.md\n!README.md\n/build\n**/*.pyc\nnode_modules/\n".lines()).unwrap();
        for (path, hidden) in [
            ("a.md", true),
            ("README.md", false),
            ("docs/a.md", false),
            ("build/x/y", true),
            ("a/b/c.pyc", true),
            ("c.pyc", true),
            ("node_modules/x", true),
            ("src/node_modules/x", false),
        ] {
            assert_eq!(ignored.hides(Path::new(path)), hidden, "{path}");
        }
    }
}
