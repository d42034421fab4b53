//! The files of the sandbox. Changes are put in place by a script that runs there, many at once.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::path::{Component, Path};
use std::time::Duration;

use daytona::model::{DownloadOptions, ExecOptions, FileInfo, FileUpload, ListFilesOptions, UploadOptions};
use daytona::ops::{FileSystem, Process};
use globset::GlobSet;
use tokio::io::AsyncWriteExt as _;

use super::here::Placed;
use super::journal::{Entry, Journal};
use super::plan::Listing;
use super::{STAGING, Stamp};
use crate::failure::{Done, Failure};
use crate::program::quoted;

/// Levels of directories that are asked for at once.
const DEPTH: i64 = 1000;
/// The owner may run it.
const EXECUTABLE: u32 = 0o100;
/// Changes that one script makes.
pub const BATCH: usize = 64;

/// A directory of a sandbox.
pub struct There {
    /// Its files.
    pub files: FileSystem,
    /// Runs the scripts.
    pub process: Process,
    /// Its absolute path, without links.
    pub root: String,
}

/// A change to be made in the sandbox.
pub struct Change {
    /// Path in the directory.
    pub path: String,
    /// The file here whose content it gets; `None` to remove it.
    pub content: Option<String>,
    /// Whether its owner may run it.
    pub is_program: bool,
    /// What was seen there before.
    pub seen: Option<Stamp>,
    /// The path under which anything else is kept.
    pub otherwise: String,
}

impl There {
    /// The directory, which is made if it is not there.
    ///
    /// # Errors
    /// When it cannot be made.
    pub async fn open(files: FileSystem, process: Process, path: &str) -> Done<Self> {
        let plain = if path.starts_with('-') { format!("./{path}") } else { path.to_owned() };
        let script = format!("mkdir -p {path} && cd {path} && pwd -P", path = quoted(&plain));
        let made = process.exec(&script, ExecOptions::default()).await?;
        let root = made.result.trim_end_matches('\n').to_owned();
        if made.exit_code != 0 || !root.starts_with('/') {
            return Err(Failure::other(format!("{path} is not a directory in the sandbox: {}", made.result.trim())));
        }
        Ok(Self { files, process, root })
    }

    /// Everything below it but links, what must not be read, and what is excluded.
    ///
    /// # Errors
    /// When it cannot be listed.
    pub async fn list(&self, exclude: &GlobSet, left_out: &mut Vec<String>) -> Done<Listing> {
        let closed = self.closed().await?;
        let mut listing = Listing::new();
        let mut directories = vec![self.root.clone()];
        while let Some(directory) = directories.pop() {
            let options = ListFilesOptions { depth: Some(DEPTH) };
            for entry in self.files.list_files(&directory, options).await? {
                // Servers that know no depth list one directory and tell no paths.
                let is_whole = entry.path.is_some();
                let path = entry.path.clone().unwrap_or_else(|| format!("{directory}/{}", entry.name));
                let Some(path) = self.relative(&path) else { continue };
                let parts = || path.split('/');
                let above = || path.match_indices('/').map(|(end, _)| &path[..end]).chain([path.as_str()]);
                if parts().any(|part| part.starts_with(STAGING) || exclude.is_match(part))
                    || above().any(|path| exclude.is_match(path))
                {
                    continue;
                }
                if let Some(path) = above().find(|path| closed.contains(*path)) {
                    left_out.push(path.to_owned());
                    continue;
                }
                if entry.is_dir && !is_whole {
                    directories.push(format!("{}/{path}", self.root));
                }
                listing.insert(path, stamp(&entry));
            }
        }
        Ok(listing)
    }

    /// The links below it, which listings show as what they lead to, and the directories that must not be read, which listings
    /// show as empty: what is in them would be taken for removed.
    async fn closed(&self) -> Done<HashSet<String>> {
        let script = format!(
            "cd {} && command -v find >/dev/null || exit 1\n\
             {{ find . -type l -print0\n\
             find . -type d -exec sh -c 'for d; do [ ! -d \"$d\" ] || {{ [ -r \"$d\" ] && [ -x \"$d\" ]; }} || \
             printf \"%s\\0\" \"$d\"; done' sh {{}} +; }} 2>/dev/null\n\
             exit 0",
            quoted(&self.root)
        );
        let found = self.process.exec(&script, ExecOptions::default()).await?;
        if found.exit_code != 0 {
            let told = found.result.trim();
            return Err(Failure::other(format!("{} cannot be looked through with find: {told}", self.root)));
        }
        let names = found.result.split('\0').filter_map(|name| name.strip_prefix("./"));
        Ok(names.map(str::to_owned).collect())
    }

    /// A path in the directory; nothing for one that leads elsewhere, whatever the sandbox says.
    fn relative(&self, path: &str) -> Option<String> {
        let path = path.strip_prefix(self.root.trim_end_matches('/'))?.strip_prefix('/')?;
        let is_plain = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
        let is_tidy = !path.is_empty() && path.split('/').all(|part| !part.is_empty() && part != ".");
        (is_plain && is_tidy).then(|| path.to_owned())
    }

    /// Fetches a file.
    ///
    /// # Errors
    /// When it cannot be read, or written here.
    pub async fn fetch(&self, path: &str, to: &Path) -> Done {
        let options = DownloadOptions { timeout: Some(Duration::ZERO) };
        let mut reader = self.files.open_download(&format!("{}/{path}", self.root), options).await?;
        let failed = |error: std::io::Error| Failure::other(format!("{path} cannot be written here: {error}"));
        let mut file = tokio::fs::File::create(to).await.map_err(failed)?;
        while let Some(piece) = reader.next().await? {
            file.write_all(&piece).await.map_err(failed)?;
        }
        file.flush().await.map_err(failed)
    }

    /// Makes changes, at most [`BATCH`] of them, and returns for each how it went and the stamp that the file has now.
    ///
    /// # Errors
    /// When they cannot be made. What was there is there, under its own name, in place, or in a directory that begins with
    /// [`STAGING`].
    pub async fn change(&self, changes: &[Change], journal: &Journal) -> Done<Vec<(Placed, Option<Stamp>)>> {
        let staging = format!("{STAGING}{}", uuid::Uuid::new_v4().simple());
        let paths = changes.iter().map(|change| change.path.clone()).collect();
        journal.note(&Entry::There { name: staging.clone(), paths })?;
        let place = format!("{}/{staging}", self.root);
        self.files.create_folder(&place, Some("700")).await?;
        let uploads: Vec<_> = changes
            .iter()
            .enumerate()
            .filter_map(|(number, change)| {
                let destination = format!("{place}/new-{number}");
                Some(FileUpload { destination, content: None, local_path: Some(change.content.clone()?) })
            })
            .collect();
        let sent = async {
            self.files.upload_files(uploads, UploadOptions { timeout: Some(Duration::ZERO) }).await?;
            let stamps = self.staged(&place).await?;
            let done = self.process.exec(&script(&self.root, &staging, changes), ExecOptions::default()).await?;
            Ok::<_, Failure>((stamps, done))
        };
        let (stamps, done) = match sent.await {
            Ok(sent) => sent,
            Err(error) => {
                // Nothing has been moved, or nobody knows: what is empty but for what we sent goes.
                let script = format!("cd {} && rm -f {staging}/new-* && rmdir {staging}", quoted(&self.root));
                drop(self.process.exec(&script, ExecOptions::default()).await);
                return Err(error);
            }
        };
        let aside = self.staged(&place).await?;
        let mut script = format!("cd {} || exit 1\n", quoted(&self.root));
        let mut results = Vec::new();
        for (number, change) in changes.iter().enumerate() {
            let old = aside.get(&format!("old-{number}"));
            let is_left = change.content.is_some() && aside.contains_key(&format!("new-{number}"));
            let stamp = stamps.get(&format!("new-{number}"));
            let stamp = stamp.map(|stamp| Stamp { is_program: change.is_program, ..stamp.clone() });
            let is_kept = old.is_some() && (old != change.seen.as_ref() || is_left);
            if is_kept {
                let (old, otherwise) = (format!("{staging}/old-{number}"), quoted(&format!("./{}", change.otherwise)));
                let _ = writeln!(script, "mv {old} {otherwise} || exit 1");
            }
            let placed = if is_kept { Placed::Kept(change.otherwise.clone()) } else { Placed::Yes };
            // What could not be put in place is compared again.
            results.push((placed, stamp.filter(|_| !is_left)));
        }
        let _ = writeln!(script, "rm -rf {staging}");
        let tidied = self.process.exec(&script, ExecOptions::default()).await?;
        if done.exit_code != 0 || tidied.exit_code != 0 {
            let told = format!("{}{}", done.result.trim(), tidied.result.trim());
            return Err(Failure::other(format!("The sandbox could not put files in place in {}: {told}", self.root)));
        }
        Ok(results)
    }

    /// Clears away a directory that a program left which was killed. Files that it had put aside go back to their places; where
    /// another is and it is not the one that was `known`, they are kept as `otherwise`. Those names are returned.
    ///
    /// # Errors
    /// When they cannot be put back. They are where they were then.
    pub async fn recover(
        &self,
        name: &str,
        paths: &[String],
        known: impl Fn(&str) -> Option<Stamp>,
        otherwise: impl Fn(&str) -> String,
    ) -> Done<Vec<String>> {
        let staged = match self.staged(&format!("{}/{name}", self.root)).await {
            Ok(staged) => staged,
            Err(Failure::Api(error)) if error.is_not_found() => return Ok(Vec::new()),
            Err(failure) => return Err(failure),
        };
        let mut script = format!("cd {} || exit 1\n", quoted(&self.root));
        let mut offered = Vec::new();
        for (number, path) in paths.iter().enumerate() {
            let Some(old) = staged.get(&format!("old-{number}")) else { continue };
            let (old_path, target) = (format!("{name}/old-{number}"), quoted(&format!("./{path}")));
            let other = otherwise(path);
            let otherwise_path = quoted(&format!("./{other}"));
            // What was known is in the other side's history; anything else is kept.
            let else_do = if Some(old) == known(path).as_ref() {
                format!("rm {old_path}")
            } else {
                format!("{{ mv {old_path} {otherwise_path} && echo {number}; }}")
            };
            offered.push((number, other));
            let _ = writeln!(
                script,
                "if [ -e {target} ] || [ -L {target} ]; then {else_do} || exit 1\n\
                 else d={target}; mkdir -p \"${{d%/*}}\"; ln {old_path} {target} 2>/dev/null && rm {old_path} || \
                 mv {old_path} {target} || exit 1; fi"
            );
        }
        // What came meanwhile, or is not known, stays, and so does the directory.
        let _ = writeln!(script, "rm -f {name}/new-*; rmdir {name} 2>/dev/null; exit 0");
        let done = self.process.exec(&script, ExecOptions::default()).await?;
        if done.exit_code != 0 {
            let told = done.result.trim();
            return Err(Failure::other(format!(
                "{name} in the sandbox's {} cannot be cleared away: {told}",
                self.root
            )));
        }
        let kept: HashSet<usize> = done.result.lines().filter_map(|line| line.trim().parse().ok()).collect();
        Ok(offered.into_iter().filter(|(number, _)| kept.contains(number)).map(|(_, other)| other).collect())
    }

    async fn staged(&self, place: &str) -> Done<Listing> {
        let entries = self.files.list_files(place, ListFilesOptions::default()).await?;
        Ok(entries.into_iter().map(|entry| (entry.name.clone(), stamp(&entry))).collect())
    }

    /// Makes directories.
    ///
    /// # Errors
    /// When one cannot be made.
    pub async fn make_directories(&self, paths: &[String]) -> Done {
        self.run(paths, "mkdir -p").await
    }

    /// Removes directories that are empty, those further down first.
    ///
    /// # Errors
    /// When the sandbox cannot be asked.
    pub async fn remove_directories(&self, paths: &[String]) -> Done {
        for paths in paths.chunks(BATCH) {
            let words: Vec<_> = paths.iter().map(|path| quoted(&format!("./{path}"))).collect();
            // One that is not empty stays.
            let script = format!("cd {} && rmdir {} 2>/dev/null; true", quoted(&self.root), words.join(" "));
            self.process.exec(&script, ExecOptions::default()).await?;
        }
        Ok(())
    }

    async fn run(&self, paths: &[String], command: &str) -> Done {
        for paths in paths.chunks(BATCH) {
            let words: Vec<_> = paths.iter().map(|path| quoted(&format!("./{path}"))).collect();
            let script = format!("cd {} && {command} {}", quoted(&self.root), words.join(" "));
            let done = self.process.exec(&script, ExecOptions::default()).await?;
            if done.exit_code != 0 {
                return Err(Failure::other(format!("The sandbox could not make a directory: {}", done.result.trim())));
            }
        }
        Ok(())
    }
}

/// Puts what is there aside and what is new in its place, unless something else is there by then.
fn script(root: &str, staging: &str, changes: &[Change]) -> String {
    let mut script = format!(
        "cd {} || exit 1\n\
         put() {{\n\
         if [ -e \"$2\" ] || [ -L \"$2\" ]; then mv \"$2\" {staging}/old-$1 || exit 1; fi\n\
         [ -n \"$3\" ] || return 0\n\
         chmod \"$3\" {staging}/new-$1\n\
         case $2 in */*/*) mkdir -p \"${{2%/*}}\" || exit 1;; esac\n\
         if ln {staging}/new-$1 \"$2\" 2>/dev/null; then rm {staging}/new-$1\n\
         elif [ ! -e \"$2\" ]; then mv {staging}/new-$1 \"$2\"; fi\n\
         }}\n",
        quoted(root)
    );
    for (number, change) in changes.iter().enumerate() {
        let mode = match (&change.content, change.is_program) {
            (None, _) => "",
            (Some(_), true) => "u+x",
            (Some(_), false) => "a-x",
        };
        let _ = writeln!(script, "put {number} {} {}", quoted(&format!("./{}", change.path)), quoted(mode));
    }
    script
}

fn stamp(entry: &FileInfo) -> Stamp {
    if entry.is_dir {
        return Stamp::directory();
    }
    Stamp {
        is_directory: false,
        size: entry.size.max(0).cast_unsigned(),
        changed: entry.modified_at.clone().unwrap_or_else(|| entry.mod_time.clone()),
        is_program: u32::from_str_radix(&entry.permissions, 8).unwrap_or_default() & EXECUTABLE != 0,
    }
}
