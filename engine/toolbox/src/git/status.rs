//! `GET /git/status`: branch, distance to its upstream, and the state of every changed file (wire section 3.5).

use std::path::Path;

use serde::Serialize;

use super::command::Git;
use super::no_commit_yet;
use crate::Toolbox;
use crate::errors::ApiError;

#[derive(Serialize, Default)]
#[serde(rename_all = "camelCase")]
pub(super) struct Status {
    current_branch: String,
    file_status: Vec<FileStatus>,
    branch_published: bool,
    ahead: u64,
    behind: u64,
    detached: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    upstream: Option<String>,
}

#[derive(Serialize, Debug, PartialEq, Eq)]
struct FileStatus {
    name: String,
    extra: String,
    staging: &'static str,
    worktree: &'static str,
}

/// Reads the status of the repository at `directory`.
///
/// # Errors
/// 404 when it is no repository, or has no commit yet.
pub(super) async fn read(toolbox: &Toolbox, directory: &Path) -> Result<Status, ApiError> {
    let arguments = ["status", "--porcelain=v2", "--branch", "-z", "--untracked-files=all"];
    let text = Git::new(toolbox, directory).args(arguments).text().await?;
    let status = parse(&text);
    if text.contains("# branch.oid (initial)") {
        return Err(no_commit_yet());
    }
    Ok(status)
}

/// Porcelain v2: header lines and entries, each ended by NUL; a rename is followed by its old name.
fn parse(text: &str) -> Status {
    let mut status = Status::default();
    let mut entries = text.split('\0');
    while let Some(entry) = entries.next() {
        let Some((kind, rest)) = entry.split_once(' ') else { continue };
        match kind {
            "#" => status.header(rest),
            "1" => status.changed(rest, 7, String::new()),
            "2" => {
                let old = entries.next().unwrap_or_default().to_owned();
                status.changed(rest, 8, old);
            }
            "u" => {
                let name = rest.splitn(10, ' ').nth(9).unwrap_or_default().to_owned();
                let unmerged = "Updated but unmerged";
                status.file_status.push(FileStatus {
                    name,
                    extra: String::new(),
                    staging: unmerged,
                    worktree: unmerged,
                });
            }
            "?" => status.file_status.push(FileStatus {
                name: rest.to_owned(),
                extra: String::new(),
                staging: "Untracked",
                worktree: "Untracked",
            }),
            _ => {}
        }
    }
    status
}

impl Status {
    fn header(&mut self, line: &str) {
        let Some((name, value)) = line.split_once(' ') else { return };
        match name {
            "branch.head" if value == "(detached)" => {
                self.detached = true;
                self.current_branch = "HEAD".to_owned();
            }
            "branch.head" => self.current_branch = value.to_owned(),
            "branch.upstream" => self.upstream = Some(value.to_owned()),
            // Only there when the upstream branch itself exists.
            "branch.ab" => {
                self.branch_published = true;
                let mut numbers = value.split(' ').map(|n| n.trim_start_matches(['+', '-']).parse().unwrap_or(0));
                self.ahead = numbers.next().unwrap_or(0);
                self.behind = numbers.next().unwrap_or(0);
            }
            _ => {}
        }
    }

    /// An entry whose name comes after `fields` other fields.
    fn changed(&mut self, entry: &str, fields: usize, extra: String) {
        let name = entry.splitn(fields + 1, ' ').nth(fields).unwrap_or_default().to_owned();
        let mut letters = entry.chars();
        let staging = word(letters.next());
        let worktree = word(letters.next());
        self.file_status.push(FileStatus { name, extra, staging, worktree });
    }
}

fn word(letter: Option<char>) -> &'static str {
    match letter {
        Some('M' | 'T') => "Modified",
        Some('A') => "Added",
        Some('D') => "Deleted",
        Some('R') => "Renamed",
        Some('C') => "Copied",
        Some('U') => "Updated but unmerged",
        _ => "Unmodified",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_entry_is_understood() {
        let text = "# branch.oid abc\0# branch.head main\0# branch.upstream origin/main\0# branch.ab +2 -1\0\
                    1 .M N... 100644 100644 100644 a b with space.txt\0\
                    2 R. N... 100644 100644 100644 a b R100 new.txt\0old.txt\0\
                    u UU N... 100644 100644 100644 100644 a b c both.txt\0? fresh.txt\0";
        let status = parse(text);
        assert_eq!((status.current_branch.as_str(), status.ahead, status.behind), ("main", 2, 1));
        assert!(status.branch_published);
        let names: Vec<_> = status.file_status.iter().map(|f| (f.name.as_str(), f.staging, f.worktree)).collect();
        assert_eq!(
            names,
            [
                ("with space.txt", "Unmodified", "Modified"),
                ("new.txt", "Renamed", "Unmodified"),
                ("both.txt", "Updated but unmerged", "Updated but unmerged"),
                ("fresh.txt", "Untracked", "Untracked"),
            ]
        );
        assert_eq!(status.file_status[1].extra, "old.txt");
    }
}
