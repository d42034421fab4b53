//! One comparison of both sides, carried out.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use globset::GlobSet;
use serde::Serialize;

use super::conflict_name;
use super::here::{Here, NEW, Placed, Staging};
use super::journal::Entry;
use super::notice::Notices;
use super::plan::{self, Action, Same};
use super::state::{Name, State};
use super::there::{BATCH, Change, There};
use crate::failure::{Done, Failure};

/// Two directories that are kept the same.
pub struct Pair {
    here: Here,
    there: There,
    exclude: GlobSet,
    state: State,
    /// Whether there was a pass before.
    has_looked: bool,
}

/// What a pass has done, by path.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Changes {
    /// Sent to the sandbox.
    pub sent: Vec<String>,
    /// Fetched from the sandbox.
    pub fetched: Vec<String>,
    /// Removed in the sandbox.
    pub removed_there: Vec<String>,
    /// Removed here.
    pub removed_here: Vec<String>,
    /// Files that were kept because both sides had changed them.
    pub conflicts: Vec<String>,
    /// What is not copied: links and the like, and what is a file on one side and a directory on the other.
    pub left_out: BTreeSet<String>,
}

impl Changes {
    /// Whether anything has changed.
    pub fn is_empty(&self) -> bool {
        self.sent.is_empty()
            && self.fetched.is_empty()
            && self.removed_there.is_empty()
            && self.removed_here.is_empty()
            && self.conflicts.is_empty()
    }
}

impl Pair {
    /// A directory of this machine, made if it is not there, and one of a sandbox.
    ///
    /// # Errors
    /// When one of them cannot be used, or another program synchronizes them.
    pub fn open(here: &str, there: There, sandbox: &str, exclude: GlobSet) -> Done<Self> {
        let failed = |error: std::io::Error| Failure::usage(format!("{here} cannot be used: {error}"));
        std::fs::create_dir_all(here).map_err(failed)?;
        let root = std::fs::canonicalize(here).map_err(failed)?;
        if !root.is_dir() {
            return Err(Failure::usage(format!("{here} is not a directory")));
        }
        let name =
            Name { here: root.to_string_lossy().into_owned(), sandbox: sandbox.to_owned(), there: there.root.clone() };
        Ok(Self { here: Here { root }, there, exclude, state: State::open(name)?, has_looked: false })
    }

    /// Watches the directories that are known here.
    pub fn watch(&self, notices: &Notices) {
        notices.watch(&self.here.root);
        for (path, _) in self.state.base.iter().filter(|(_, same)| same.here.is_directory) {
            notices.watch(&self.here.root.join(path));
        }
    }

    /// Compares both sides and makes them the same.
    ///
    /// # Errors
    /// When a side cannot be read or written. What was done until then is remembered, and the next pass goes on from there.
    pub async fn pass(&mut self) -> Done<Changes> {
        let mut changes = Changes::default();
        let done = self.attempt(&mut changes).await;
        self.state.save()?;
        // Nothing is aside any more.
        self.state.journal.clear(done?)?;
        Ok(changes)
    }

    /// Makes both sides the same, and returns whether a killed program had left something.
    async fn attempt(&mut self, changes: &mut Changes) -> Done<bool> {
        let has_found = self.recover(changes).await?;
        let mut left_out = Vec::new();
        let mut here = self.here.list(&self.exclude, &mut left_out)?;
        let mut there = self.there.list(&self.exclude, &mut left_out).await?;
        let differs = |(path, here): &(&String, &super::Stamp)| {
            there.get(*path).is_some_and(|there| there.is_directory != here.is_directory)
        };
        left_out.extend(here.iter().filter(differs).map(|(path, _)| path.clone()));
        // What is a link on one side is no file on the other; nor is what is below it.
        let is_left_out = |path: &String| {
            left_out
                .iter()
                .any(|out| path == out || path.strip_prefix(out.as_str()).is_some_and(|p| p.starts_with('/')))
        };
        here.retain(|path, _| !is_left_out(path));
        there.retain(|path, _| !is_left_out(path));
        let known: Vec<_> = self.state.base.keys().filter(|path| is_left_out(path)).cloned().collect();
        known.iter().for_each(|path| drop(self.state.base.remove(path)));
        changes.left_out.extend(left_out);
        self.check_emptied(&here, &there)?;

        let root = self.here.root.clone();
        let staging = Staging::new(&root, self.state.journal.clone());
        let (mut sending, mut directories, mut removed_here, mut removed_there) = (vec![], vec![], vec![], vec![]);
        for (path, action) in plan::plan(&here, &there, &self.state.base) {
            let (local, remote) = (here.get(&path), there.get(&path));
            match action {
                Action::Forget => drop(self.state.base.remove(&path)),
                Action::Remember => self.remember(path),
                Action::Send if local.is_some_and(|stamp| stamp.is_directory) => directories.push(path),
                Action::Send => sending.push((path, true)),
                Action::RemoveThere if remote.is_some_and(|stamp| stamp.is_directory) => removed_there.push(path),
                Action::RemoveThere => sending.push((path, false)),
                Action::Fetch if remote.is_some_and(|stamp| stamp.is_directory) => {
                    self.here.make_directory(&path)?;
                    self.remember(path);
                }
                Action::RemoveHere if local.is_some_and(|stamp| stamp.is_directory) => removed_here.push(path),
                Action::RemoveHere => {
                    let otherwise = self.free_name(&path);
                    if let Placed::Kept(kept) = self.here.place(None, false, &path, local, &otherwise, &staging)? {
                        changes.conflicts.push(kept);
                    }
                    self.state.base.remove(&path);
                    changes.removed_here.push(path);
                }
                Action::Fetch => {
                    let Some(seen) = remote else { continue };
                    let new = self.fetch(&path, staging.path()?).await?;
                    let otherwise = self.free_name(&path);
                    let placed = self.here.place(Some(&new), seen.is_program, &path, local, &otherwise, &staging)?;
                    if let Placed::Kept(kept) = placed {
                        changes.conflicts.push(kept);
                    }
                    if let Some(now) = self.here.stamp(&path) {
                        self.state.base.insert(path.clone(), Same { here: now, there: seen.clone() });
                    }
                    changes.fetched.push(path);
                }
                Action::Compare => {
                    let (Some(local), Some(seen)) = (local, remote) else { continue };
                    let other = self.fetch(&path, staging.path()?).await?;
                    if is_same(&self.here.root.join(&path), &other)? {
                        self.state.base.insert(path, Same { here: local.clone(), there: seen.clone() });
                        continue;
                    }
                    // The sandbox's goes beside it here, and from there to the sandbox; ours takes its place.
                    let name = self.free_name(&path);
                    self.here.place(Some(&other), seen.is_program, &name, None, &self.free_name(&name), &staging)?;
                    changes.conflicts.push(name.clone());
                    if let Some(stamp) = self.here.stamp(&name) {
                        here.insert(name.clone(), stamp);
                    }
                    sending.push((name, true));
                    sending.push((path, true));
                }
            }
        }
        self.there.make_directories(&directories).await?;
        directories.into_iter().for_each(|path| self.remember(path));
        for batch in sending.chunks(BATCH) {
            self.send(batch, &here, &there, changes).await?;
        }
        // What is in a directory comes after it.
        removed_here.reverse();
        for path in removed_here {
            if self.here.remove_directory(&path) {
                self.state.base.remove(&path);
                changes.removed_here.push(path);
            }
        }
        removed_there.reverse();
        self.there.remove_directories(&removed_there).await?;
        for path in removed_there {
            self.state.base.remove(&path);
            changes.removed_there.push(path);
        }
        Ok(has_found)
    }

    /// Puts back what a program had put aside that was killed.
    async fn recover(&self, changes: &mut Changes) -> Done<bool> {
        let (entries, has_found) = self.state.journal.entries()?;
        let base = &self.state.base;
        // The last entry of a directory here says what is aside there.
        let mut here = BTreeMap::new();
        for entry in &entries {
            match entry {
                Entry::Here { name, path } => drop(here.insert(name, path.as_deref())),
                Entry::There { name, paths } => {
                    let known = |path: &str| base.get(path).map(|same| same.there.clone());
                    let kept = self.there.recover(name, paths, known, |path| self.free_name(path)).await?;
                    changes.conflicts.extend(kept);
                }
            }
        }
        for (name, path) in here {
            let known = path.and_then(|path| base.get(path)).map(|same| &same.here);
            changes.conflicts.extend(self.here.recover(name, path, known, |path| self.free_name(path))?);
        }
        Ok(has_found)
    }

    /// Fails where everything has gone on one side since an earlier run: a disk that is not mounted and a directory that a restart
    /// has emptied look like that, too.
    fn check_emptied(&mut self, here: &plan::Listing, there: &plan::Listing) -> Done {
        let is_first = !std::mem::replace(&mut self.has_looked, true);
        if !is_first || self.state.base.len() < 2 || here.is_empty() == there.is_empty() {
            return Ok(());
        }
        let sides = [self.here.root.to_string_lossy().into_owned(), format!("the sandbox's {}", self.there.root)];
        let [full, empty] = if here.is_empty() { [&sides[1], &sides[0]] } else { [&sides[0], &sides[1]] };
        Err(Failure::other(format!(
            "Everything in {empty} is gone since the last time. Nothing was removed in {full}: if that is meant, remove it there, \
             too; else bring back what is missing, or synchronize with a new directory."
        )))
    }

    /// Sends files, and removes those that are gone here.
    async fn send(
        &mut self,
        batch: &[(String, bool)],
        here: &plan::Listing,
        there: &plan::Listing,
        changes: &mut Changes,
    ) -> Done {
        let local = |path: &str| self.here.root.join(path).to_string_lossy().into_owned();
        // What was removed meanwhile is for the next pass.
        let batch = batch.iter().filter(|(path, is_sent)| !is_sent || self.here.stamp(path).is_some());
        let wanted: Vec<_> = batch
            .map(|(path, is_sent)| Change {
                path: path.clone(),
                content: is_sent.then(|| local(path)),
                is_program: here.get(path).is_some_and(|stamp| stamp.is_program),
                seen: there.get(path).cloned(),
                otherwise: self.free_name(path),
            })
            .collect();
        if wanted.is_empty() {
            return Ok(());
        }
        for (change, (placed, stamp)) in wanted.iter().zip(self.there.change(&wanted, &self.state.journal).await?) {
            let path = change.path.clone();
            if let Placed::Kept(kept) = placed {
                changes.conflicts.push(kept);
            }
            match (&change.content, here.get(&path), stamp) {
                // With the stamp of before it was read: what changed meanwhile is sent once more.
                (Some(_), Some(local), Some(stamp)) => {
                    self.state.base.insert(path.clone(), Same { here: local.clone(), there: stamp });
                    changes.sent.push(path);
                }
                (Some(_), ..) => drop(self.state.base.remove(&path)),
                (None, ..) => {
                    self.state.base.remove(&path);
                    changes.removed_there.push(path);
                }
            }
        }
        Ok(())
    }

    async fn fetch(&self, path: &str, staging: &Path) -> Done<PathBuf> {
        let new = staging.join(NEW);
        // A name of its own each time: what was put in place has left.
        let _ = std::fs::remove_file(&new);
        self.there.fetch(path, &new).await?;
        Ok(new)
    }

    fn remember(&mut self, path: String) {
        let directory = super::Stamp::directory();
        self.state.base.insert(path, Same { here: directory.clone(), there: directory });
    }

    /// A name beside a file that nothing has.
    fn free_name(&self, path: &str) -> String {
        let mark = uuid::Uuid::new_v4().simple().to_string();
        conflict_name(path, &mark[..8])
    }
}

/// Whether two files have the same content.
fn is_same(one: &Path, other: &Path) -> std::io::Result<bool> {
    let (mut one, mut other) = (File::open(one)?, File::open(other)?);
    if one.metadata()?.len() != other.metadata()?.len() {
        return Ok(false);
    }
    let (mut first, mut second) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    loop {
        let length = one.read(&mut first)?;
        if length == 0 {
            return Ok(true);
        }
        if other.read_exact(&mut second[..length]).is_err() || first[..length] != second[..length] {
            return Ok(false);
        }
    }
}
