//! The local files that a Dockerfile copies.

use std::path::{Path, PathBuf};

use globset::GlobBuilder;
use walkdir::WalkDir;

use super::instructions::{self, Instruction, words};
use super::path::{expanded, normal, relative};
use super::quote::Escape;
use crate::error::{Error, Result};
use crate::model::Context;

/// The files that the `COPY` and `ADD` instructions of a text name, relative to `directory`. What `ignore`, which need not
/// exist, leaves out of the directory is not uploaded. With `strict`, files outside the directory are refused.
pub(super) fn of(text: &str, directory: &Path, ignore: &Path, strict: bool) -> Result<Vec<Context>> {
    let escape = Escape::of(text);
    let ignore = ignore.is_file().then(|| ignore.to_string_lossy().into_owned());
    let mut contexts: Vec<Context> = Vec::new();
    for instruction in instructions::read(text, escape) {
        for source in sources(&instruction, escape) {
            for (path, archive) in matches(&source, directory) {
                if strict {
                    check_inside(&path, directory, &source)?;
                }
                let context = Context {
                    source_path: path.to_string_lossy().into_owned(),
                    archive_path: Some(archive),
                    ignore_file: ignore.clone(),
                };
                if !contexts.contains(&context) {
                    contexts.push(context);
                }
            }
        }
    }
    Ok(contexts)
}

/// The local sources of an instruction, as they are written.
fn sources(instruction: &Instruction, escape: Escape) -> Vec<String> {
    if !matches!(instruction.name.as_str(), "COPY" | "ADD") {
        return Vec::new();
    }
    let mut rest = instruction.rest.as_str();
    while rest.starts_with("--") {
        let (flag, behind) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        // The files of another stage or image.
        if flag.starts_with("--from") {
            return Vec::new();
        }
        rest = behind.trim_start();
    }
    let mut found: Vec<String> = match serde_json::from_str::<Vec<String>>(rest) {
        Ok(paths) => paths,
        // Something else than paths.
        Err(_) if rest.starts_with('[') && serde_json::from_str::<serde_json::Value>(rest).is_ok() => {
            return Vec::new();
        }
        Err(_) => {
            let words = words(rest, escape);
            words.into_iter().map(|word| if word.raw.contains("<<") { String::new() } else { word.text }).collect()
        }
    };
    // The destination.
    found.pop();
    let remote = |path: &str| path.contains("://") || path.starts_with("git@");
    found.retain(|path| !path.is_empty() && (instruction.name != "ADD" || !remote(path)));
    found
}

/// The files and directories a source stands for, each with its path in the context. One that matches nothing is kept, so
/// that uploading it says what is missing.
fn matches(source: &str, directory: &Path) -> Vec<(PathBuf, String)> {
    let root = normal(Path::new(source));
    // Without what leads out of the context.
    let below = PathBuf::from(relative(&root));
    if source.contains(['*', '?', '[']) {
        let found = expand(&below, directory);
        if !found.is_empty() {
            return found;
        }
    }
    let inside = directory.join(&below);
    // An absolute source begins at the context, for builders; an absolute local path is taken too.
    let path = if source.starts_with('~') {
        expanded(source)
    } else if root.is_absolute() && !inside.exists() && root.exists() {
        root.clone()
    } else if root.is_absolute() {
        inside
    } else {
        directory.join(&root)
    };
    vec![(path, relative(&root))]
}

fn expand(pattern: &Path, directory: &Path) -> Vec<(PathBuf, String)> {
    let pattern = pattern.to_string_lossy();
    let Ok(glob) = GlobBuilder::new(&pattern).literal_separator(true).backslash_escape(true).build() else {
        return Vec::new();
    };
    let glob = glob.compile_matcher();
    let names = pattern.split('/').count();
    let (first, last) = if pattern.contains("**") { (1, usize::MAX) } else { (names, names) };
    let walk = WalkDir::new(directory).min_depth(first).max_depth(last).sort_by_file_name();
    walk.into_iter()
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let below = entry.path().strip_prefix(directory).ok()?;
            glob.is_match(below).then(|| (entry.path().to_owned(), relative(below)))
        })
        .collect()
}

fn check_inside(path: &Path, directory: &Path, source: &str) -> Result<()> {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| normal(&absolute(path)));
    let (root, target) = (real(directory), real(path));
    let outside = |found: &Path| {
        Err(Error::invalid_argument(format!(
            "forbidden path outside the build context: {source:?} is {}.",
            found.display()
        )))
    };
    if !target.starts_with(&root) {
        return outside(&target);
    }
    for entry in WalkDir::new(path).follow_links(false).into_iter().flatten() {
        if entry.path_is_symlink() {
            let target = real(entry.path());
            if !target.starts_with(&root) {
                return outside(&target);
            }
        }
    }
    Ok(())
}

fn absolute(path: &Path) -> PathBuf {
    std::env::current_dir().map_or_else(|_| path.to_owned(), |current| current.join(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Paths in the context of what a text copies from a directory with these files.
    fn found(text: &str) -> Vec<String> {
        let directory = tempfile::tempdir().unwrap();
        for file in ["a.txt", "b.txt", "src/main.py", "src/lib/x.py", "with space/f", "etc/only-here", ".hidden.txt"] {
            let path = directory.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, file).unwrap();
        }
        let contexts = of(text, directory.path(), &directory.path().join(".dockerignore"), false).unwrap();
        contexts
            .into_iter()
            .map(|context| {
                assert!(Path::new(&context.source_path).exists() || text.contains("missing"), "{context:?}");
                context.archive_path.unwrap()
            })
            .collect()
    }

    #[test]
    fn every_form_of_copy_is_understood() {
        for (text, expected) in [
            ("COPY a.txt /x", vec!["a.txt"]),
            ("  copy a.txt b.txt /x/", vec!["a.txt", "b.txt"]),
            ("COPY --chown=1:2 --link ./src/ /x", vec!["src"]),
            (r#"COPY ["with space/f", "a.txt", "/x"]"#, vec!["with space/f", "a.txt"]),
            ("COPY 'with space/f' /x", vec!["with space/f"]),
            (r"COPY with\ space/f /x", vec!["with space/f"]),
            ("COPY a.txt \\\n  # comment\n  b.txt \\\n\n  /x", vec!["a.txt", "b.txt"]),
            ("COPY --from=build /out /x", vec![]),
            ("COPY <<EOF /x\nCOPY a.txt /no\nEOF\nCOPY b.txt /y", vec!["b.txt"]),
            ("RUN cat <<EOF\nCOPY a.txt /no\nEOF", vec![]),
            ("# COPY a.txt /no\n#COPY b.txt /no", vec![]),
            ("COPY *.txt /x", vec![".hidden.txt", "a.txt", "b.txt"]),
            ("COPY src/**/*.py /x", vec!["src/lib/x.py", "src/main.py"]),
            ("COPY src/*.py /x", vec!["src/main.py"]),
            ("COPY . /x", vec![""]),
            ("COPY /etc/only-here /x", vec!["etc/only-here"]),
            ("COPY missing*.txt /x", vec!["missing*.txt"]),
            ("ADD a.txt https://example.com/x.tgz git@example.com:x /x", vec!["a.txt"]),
            ("# escape=`\nCOPY a.txt `\n /x", vec!["a.txt"]),
            ("COPY [1, 2]", vec![]),
            ("COPY a.txt /x\nCOPY a.txt /y", vec!["a.txt"]),
        ] {
            assert_eq!(found(text), expected, "{text}");
        }
    }

    #[test]
    fn a_strict_context_refuses_what_is_outside() {
        let outer = tempfile::tempdir().unwrap();
        let directory = outer.path().join("context");
        std::fs::create_dir_all(directory.join("sub")).unwrap();
        std::fs::write(outer.path().join("secret"), "x").unwrap();
        std::fs::write(directory.join("f"), "x").unwrap();
        std::os::unix::fs::symlink("../../secret", directory.join("sub/link")).unwrap();
        let strict = |text: &str| of(text, &directory, &directory.join(".dockerignore"), true);
        assert_eq!(strict("COPY f /x").unwrap().len(), 1);
        for outside in ["COPY ../secret /x", "COPY sub /x", "COPY sub/link /x", "COPY /etc/passwd /x"] {
            let error = strict(outside).unwrap_err().to_string();
            assert!(error.contains("forbidden path outside the build context"), "{outside}: {error}");
        }
        assert!(of("COPY ../secret /x", &directory, Path::new("none"), false).is_ok());
    }
}
