//! Local paths, and the paths of their files in a build context.

use std::path::{Component, Path, PathBuf};

/// A local path with `~` for the home directory.
pub(super) fn expanded(path: &str) -> PathBuf {
    let rest = match path.strip_prefix('~') {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => rest,
        _ => return path.into(),
    };
    match std::env::var_os("HOME") {
        Some(home) if !home.is_empty() => Path::new(&home).join(rest.trim_start_matches('/')),
        _ => path.into(),
    }
}

/// The path of a local file or directory in the build context: its own without what leads to the root of the file system.
/// What is above the working directory, or is it, has its whole path there, because contexts share one tree.
pub(super) fn archive(local: &str) -> String {
    let local = expanded(local);
    let plain = normal(&local);
    let above = plain.components().next().is_none_or(|first| first == Component::ParentDir);
    let plain = match std::env::current_dir() {
        Ok(current) if above => normal(&current.join(local)),
        _ => plain,
    };
    relative(&plain)
}

/// The names of a path, joined with `/`.
pub(super) fn relative(path: &Path) -> String {
    let names: Vec<_> = path
        .components()
        .filter_map(|component| match component {
            Component::Normal(name) => Some(name.to_string_lossy()),
            _ => None,
        })
        .collect();
    names.join("/")
}

/// A path without `.` and, where names are before it, `..`.
pub(super) fn normal(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => match plain.components().next_back() {
                Some(Component::Normal(_)) => {
                    plain.pop();
                }
                Some(Component::RootDir | Component::Prefix(_)) => {}
                _ => plain.push(".."),
            },
            other => plain.push(other),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_in_the_context_under_its_own_path() {
        for (local, archived) in
            [("a/b.txt", "a/b.txt"), ("./a//b/../c", "a/c"), ("/srv/data/", "srv/data"), ("a b", "a b")]
        {
            assert_eq!(archive(local), archived);
        }
        let current = relative(&std::env::current_dir().unwrap());
        assert_eq!(archive("."), current);
        assert_eq!(archive("../x"), archive(&format!("{}/../x", std::env::current_dir().unwrap().display())));
    }
}
