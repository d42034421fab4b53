//! Directories between a sandbox and this machine, below the one directory of it that the server was started with.

use std::path::{Component, Path, PathBuf};

use daytona::model::DirectoryOptions;
use daytona::stream::directory::DirectoryTransfer;
use serde_json::json;

use super::{Access, DIRECTORIES_SET, ID, Kind, Report, Tool, optional, required, run};
use crate::mcp::arguments::Arguments;
use crate::mcp::reply::{Refusal, Reply};
use crate::mcp::server::Server;

pub static TOOLS: &[Tool] = &[
    Tool {
        name: "upload_directory",
        title: "Upload directory",
        set: DIRECTORIES_SET,
        access: Access::Destroys,
        description: "Copy a directory of the user's machine into the sandbox.",
        parameters: &[
            required("localPath", Kind::Text, "Relative to the shared directory"),
            required("path", Kind::Text, "In the sandbox"),
            optional("exclude", Kind::Strings, "Globs"),
            ID,
        ],
        run: run!(upload),
    },
    Tool {
        name: "download_directory",
        title: "Download directory",
        set: DIRECTORIES_SET,
        access: Access::Destroys,
        description: "Copy a directory of the sandbox to the user's machine.",
        parameters: &[
            required("path", Kind::Text, "In the sandbox"),
            required("localPath", Kind::Text, "Relative to the shared directory"),
            optional("exclude", Kind::Strings, "Globs"),
            ID,
        ],
        run: run!(download),
    },
];

async fn upload(server: &Server, arguments: Arguments, report: Report<'_>) -> Result<Reply, Refusal> {
    let (local, remote) = (shared(server, &arguments)?, arguments.text("path")?);
    let files = server.sandbox(arguments.optional_name("id")?.as_deref()).await?.fs();
    let transfer = files.upload_dir(&local.to_string_lossy(), &remote, options(&arguments)?).await?;
    follow(transfer, report).await
}

async fn download(server: &Server, arguments: Arguments, report: Report<'_>) -> Result<Reply, Refusal> {
    let (local, remote) = (shared(server, &arguments)?, arguments.text("path")?);
    let files = server.sandbox(arguments.optional_name("id")?.as_deref()).await?.fs();
    let transfer = files.download_dir(&remote, &local.to_string_lossy(), options(&arguments)?).await?;
    follow(transfer, report).await
}

fn options(arguments: &Arguments) -> Result<DirectoryOptions, Refusal> {
    Ok(DirectoryOptions { exclude: arguments.structure("exclude", "a list of globs")?, ..Default::default() })
}

/// The path on this machine that a call names.
fn shared(server: &Server, arguments: &Arguments) -> Result<PathBuf, Refusal> {
    let given = arguments.text("localPath")?;
    let directory = server.options.directory.as_deref();
    directory.and_then(|directory| within(directory, &given)).ok_or_else(|| {
        Refusal::Argument(format!("localPath is {given:?}: it must be a path within the directory that is shared."))
    })
}

/// A path below `directory`, also once links are followed; nothing for one that leads out of it.
fn within(directory: &Path, given: &str) -> Option<PathBuf> {
    let relative = Path::new(given);
    if relative.components().any(|part| !matches!(part, Component::Normal(_) | Component::CurDir)) {
        return None;
    }
    let directory = std::fs::canonicalize(directory).ok()?;
    let mut path = directory.clone();
    for part in relative.components() {
        path.push(part);
        // What is not there yet leads nowhere; a link that leads nowhere is refused.
        if path.symlink_metadata().is_ok() && !std::fs::canonicalize(&path).ok()?.starts_with(&directory) {
            return None;
        }
    }
    Some(path)
}

async fn follow(mut transfer: DirectoryTransfer, report: Report<'_>) -> Result<Reply, Refusal> {
    while let Some(now) = transfer.next().await? {
        report(now.bytes as f64, format!("{} files", now.files));
    }
    let done = transfer.finish().await?;
    let skipped = if done.skipped.is_empty() { String::new() } else { format!(", {} skipped", done.skipped.len()) };
    let text = format!("Copied {} files, {} bytes{skipped}.", done.files, done.bytes);
    Ok(Reply::new(text, json!({ "files": done.files, "bytes": done.bytes, "skipped": done.skipped })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_path_leads_out_of_what_is_shared() {
        let place = tempfile::tempdir().unwrap();
        let shared = place.path().join("shared");
        std::fs::create_dir_all(shared.join("a")).unwrap();
        std::fs::create_dir(place.path().join("outside")).unwrap();
        std::os::unix::fs::symlink("../outside", shared.join("link")).unwrap();
        std::os::unix::fs::symlink("nowhere", shared.join("dangling")).unwrap();
        std::os::unix::fs::symlink("a", shared.join("inside")).unwrap();
        for fine in [".", "a", "./a/new/deep", "new", "inside/b"] {
            assert!(within(&shared, fine).is_some(), "{fine}");
        }
        for wrong in ["..", "a/../..", "/etc", "link", "link/x", "dangling", "a/../../outside"] {
            assert!(within(&shared, wrong).is_none(), "{wrong}");
        }
    }
}
