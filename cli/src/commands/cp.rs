//! `daytona cp`.
//!
//! As with `docker cp`: a directory that is copied to one that exists becomes an entry of it; a source that ends in `/.` is
//! the directory's content.

use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use daytona::model::{DirectoryOptions, DownloadOptions, FileInfo, PermissionOptions, UploadOptions};
use daytona::ops::FileSystem;
use daytona::stream::directory::DirectoryTransfer;
use daytona::stream::transfer::FileWriter;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::failure::{Done, Failure};
use crate::output::{Format, FormatArguments, size};
use crate::place::Place;
use crate::remote::{Context, Remote};
use crate::{profile, stdin};

const CHUNK: usize = 512 * 1024;
/// The owner may run it.
const EXECUTABLE: u32 = 0o100;

/// What was skipped is told one by one up to this many.
const SHOWN: usize = 20;

/// Copy files and directories to, from and between sandboxes
#[derive(Debug, Args)]
pub struct Cp {
    /// SANDBOX:PATH, :PATH in the sandbox in use, a path here, or - for standard input
    source: Place,
    /// SANDBOX:PATH, :PATH in the sandbox in use, a path here, or - for standard output
    destination: Place,
    /// Leave out entries of a directory that match this glob; may be given several times
    #[arg(short = 'x', long, value_name = "GLOB")]
    exclude: Vec<String>,
    /// Seconds it may take; 0 = no limit
    #[arg(long, value_name = "SECONDS", default_value = "1800", value_parser = crate::seconds::read)]
    timeout: Duration,
    /// Print what would be copied where, and copy nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    format: FormatArguments,
}

/// What was copied.
#[derive(Default)]
struct Copied {
    files: i64,
    bytes: i64,
    skipped: Vec<daytona::model::SkippedEntry>,
}

impl Remote for Cp {
    fn format(&self) -> Format {
        self.format.chosen()
    }

    async fn run(self, context: &mut Context) -> Done {
        let copied = match (&self.source, &self.destination) {
            (Place::There { sandbox, path }, Place::Here(local)) => {
                let remote = files(context, sandbox.as_deref()).await?;
                self.download(context, &remote, path, local).await?
            }
            (Place::Here(local), Place::There { sandbox, path }) => {
                let remote = files(context, sandbox.as_deref()).await?;
                self.upload(context, local, &remote, path).await?
            }
            (Place::There { sandbox, path }, Place::Pipe) => {
                let remote = files(context, sandbox.as_deref()).await?;
                return self.print(context, &remote, path).await;
            }
            (Place::Pipe, Place::There { sandbox, path }) => {
                let remote = files(context, sandbox.as_deref()).await?;
                self.store(&remote, path).await?
            }
            (Place::There { sandbox: from, path: source }, Place::There { sandbox: to, path: destination }) => {
                let (from, to) = (files(context, from.as_deref()).await?, files(context, to.as_deref()).await?);
                self.copy(context, (&from, source), (&to, destination)).await?
            }
            (Place::Here(_) | Place::Pipe, Place::Here(_) | Place::Pipe) => {
                return Err(Failure::usage("One of the two must be in a sandbox: SANDBOX:PATH."));
            }
        };
        for entry in copied.skipped.iter().take(SHOWN) {
            context.output.note(format!("skipped {}: {}", entry.path, entry.reason));
        }
        if copied.skipped.len() > SHOWN {
            let more = copied.skipped.len() - SHOWN;
            context.output.note(format!("skipped {more} more, which --json lists"));
        }
        let Copied { files, bytes, skipped } = &copied;
        let verb = if self.dry_run { "would copy" } else { "copied" };
        let result = json!({ "files": files, "bytes": bytes, "skipped": skipped, "dryRun": self.dry_run });
        let plural = if *files == 1 { "" } else { "s" };
        context.output.result(&result, || format!("{verb} {files} file{plural}, {}\n", size(*bytes)))
    }
}

impl Cp {
    fn upload_options(&self) -> UploadOptions {
        UploadOptions { timeout: Some(self.timeout) }
    }

    fn download_options(&self) -> DownloadOptions {
        DownloadOptions { timeout: Some(self.timeout) }
    }

    fn directory_options(&self) -> DirectoryOptions {
        DirectoryOptions { exclude: Some(self.exclude.clone()), timeout: Some(self.timeout) }
    }

    async fn upload(&self, context: &Context, local: &str, remote: &FileSystem, path: &str) -> Done<Copied> {
        let metadata =
            std::fs::metadata(local).map_err(|error| Failure::usage(format!("{local} cannot be read: {error}")))?;
        let target = inside(local, path, is_remote_directory(remote, path).await?);
        if metadata.is_dir() {
            if self.dry_run {
                context.output.note(format!("{local} -> {target}"));
                return Ok(Copied::default());
            }
            let transfer = remote.upload_dir(local, &target, self.directory_options()).await?;
            return follow(context, transfer).await;
        }
        let length = metadata.len();
        if !self.dry_run {
            let mut file = tokio::fs::File::open(local)
                .await
                .map_err(|error| Failure::usage(format!("{local} cannot be read: {error}")))?;
            let mut writer = remote.open_upload(&target, self.upload_options()).await?;
            let progress = context.output.progress(local);
            let mut done = 0;
            loop {
                let mut piece = Vec::with_capacity(CHUNK);
                while piece.len() < CHUNK && file.read_buf(&mut piece).await? > 0 {}
                if piece.is_empty() {
                    break;
                }
                done += piece.len() as u64;
                writer.write(piece).await?;
                progress.bytes(done, Some(length));
            }
            writer.finish().await?;
            if metadata.permissions().mode() & EXECUTABLE != 0 {
                make_executable(remote, &target).await?;
            }
            return Ok(Copied { files: 1, bytes: done as i64, ..Copied::default() });
        }
        Ok(Copied { files: 1, bytes: length as i64, ..Copied::default() })
    }

    async fn download(&self, context: &Context, remote: &FileSystem, path: &str, local: &str) -> Done<Copied> {
        let info = remote.get_file_info(path).await?;
        let target = inside(path, local, Path::new(local).is_dir());
        if self.dry_run {
            context.output.note(format!("{path} -> {target}"));
            let (files, bytes) = if info.is_dir { (0, 0) } else { (1, info.size) };
            return Ok(Copied { files, bytes, ..Copied::default() });
        }
        if info.is_dir {
            let transfer = remote.download_dir(path, &target, self.directory_options()).await?;
            return follow(context, transfer).await;
        }
        // Where it is a link, what it leads to is written.
        let target = std::fs::canonicalize(&target).unwrap_or_else(|_| PathBuf::from(&target));
        let mut reader = remote.open_download(path, self.download_options()).await?;
        let progress = context.output.progress(path);
        let (mut done, total) = (0, reader.size());
        let failed = |error: std::io::Error| {
            let told = format!("{} cannot be written: {error}", target.display());
            match error.kind() {
                // No other argument would help.
                ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => Failure::other(told),
                _ => Failure::usage(told),
            }
        };
        if std::fs::metadata(&target).is_ok_and(|known| !known.is_file() && !known.is_dir()) {
            // A device or a pipe stays one.
            let mut file = tokio::fs::OpenOptions::new().write(true).open(&target).await.map_err(failed)?;
            while let Some(piece) = reader.next().await? {
                file.write_all(&piece).await.map_err(failed)?;
                done += piece.len() as u64;
                progress.bytes(done, total);
            }
            file.flush().await.map_err(failed)?;
            return Ok(Copied { files: 1, bytes: done as i64, ..Copied::default() });
        }
        let directory = target.parent().filter(|parent| !parent.as_os_str().is_empty());
        if let Some(directory) = directory.filter(|directory| !directory.is_dir()) {
            return Err(Failure::usage(format!("{} is not a directory", directory.display())));
        }
        // A file that is there keeps its permissions: what is private stays so.
        let kept = std::fs::metadata(&target).ok().filter(|known| known.is_file());
        let kept = kept.map(|known| std::fs::Permissions::from_mode(known.permissions().mode() & 0o777));
        // Beside the target, which appears when it is complete.
        let mut file = tempfile::Builder::new()
            .prefix(".daytona-")
            .permissions(permissions(&info))
            .tempfile_in(directory.unwrap_or(Path::new(".")))
            .map_err(failed)?;
        while let Some(piece) = reader.next().await? {
            file.write_all(&piece).map_err(failed)?;
            done += piece.len() as u64;
            progress.bytes(done, total);
        }
        if let Some(kept) = kept {
            file.as_file().set_permissions(kept).map_err(failed)?;
        }
        file.persist(&target).map_err(|error| failed(error.error))?;
        Ok(Copied { files: 1, bytes: done as i64, ..Copied::default() })
    }

    /// A file to standard output.
    async fn print(&self, context: &mut Context, remote: &FileSystem, path: &str) -> Done {
        let mut reader = remote.open_download(path, self.download_options()).await?;
        while let Some(piece) = reader.next().await? {
            context.output.bytes(&piece)?;
        }
        Ok(())
    }

    /// Standard input to a file.
    async fn store(&self, remote: &FileSystem, path: &str) -> Done<Copied> {
        if self.dry_run {
            return Ok(Copied { files: 1, ..Copied::default() });
        }
        let mut writer: FileWriter = remote.open_upload(path, self.upload_options()).await?;
        let (mut pieces, mut bytes) = (stdin::pieces(), 0);
        while let Some(piece) = pieces.recv().await {
            let piece = piece?;
            bytes += piece.len() as i64;
            writer.write(piece).await?;
        }
        writer.finish().await?;
        Ok(Copied { files: 1, bytes, ..Copied::default() })
    }

    /// From one sandbox to another: a file as a stream, a directory by way of this machine.
    async fn copy(
        &self,
        context: &Context,
        (from, source): (&FileSystem, &str),
        (to, destination): (&FileSystem, &str),
    ) -> Done<Copied> {
        let info = from.get_file_info(source).await?;
        let target = inside(source, destination, is_remote_directory(to, destination).await?);
        if self.dry_run {
            context.output.note(format!("{source} -> {target}"));
            let (files, bytes) = if info.is_dir { (0, 0) } else { (1, info.size) };
            return Ok(Copied { files, bytes, ..Copied::default() });
        }
        if info.is_dir {
            let between = tempfile::tempdir()?;
            let content = between.path().join("content").to_string_lossy().into_owned();
            let fetched = follow(context, from.download_dir(source, &content, self.directory_options()).await?).await?;
            let options = DirectoryOptions { timeout: Some(self.timeout), ..Default::default() };
            let mut copied = follow(context, to.upload_dir(&content, &target, options).await?).await?;
            copied.skipped.splice(..0, fetched.skipped);
            return Ok(copied);
        }
        let mut reader = from.open_download(source, self.download_options()).await?;
        let mut writer = to.open_upload(&target, self.upload_options()).await?;
        let progress = context.output.progress(source);
        let (mut done, total) = (0, reader.size());
        while let Some(piece) = reader.next().await? {
            done += piece.len() as u64;
            writer.write(piece).await?;
            progress.bytes(done, total);
        }
        writer.finish().await?;
        if is_executable(&info) {
            make_executable(to, &target).await?;
        }
        Ok(Copied { files: 1, bytes: done as i64, ..Copied::default() })
    }
}

/// The files of a sandbox.
async fn files(context: &Context, sandbox: Option<&str>) -> Done<FileSystem> {
    Ok(context.client.get(&profile::sandbox(sandbox)?).await?.fs())
}

async fn is_remote_directory(remote: &FileSystem, path: &str) -> Done<bool> {
    match remote.get_file_info(path).await {
        Ok(info) => Ok(info.is_dir),
        Err(error) if error.is_not_found() => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Where a source ends up: in the destination, if that is a directory, else as the destination.
fn inside(source: &str, destination: &str, is_directory: bool) -> String {
    let name = source.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let is_content = matches!(name, "." | ".." | "");
    if is_content || !(is_directory || destination.ends_with('/')) {
        return destination.to_owned();
    }
    format!("{}/{name}", destination.strip_suffix('/').unwrap_or(destination))
}

fn permissions(info: &FileInfo) -> std::fs::Permissions {
    // Programs stay programs; nothing of a sandbox becomes writable by others or setuid.
    std::fs::Permissions::from_mode(if is_executable(info) { 0o755 } else { 0o644 })
}

fn is_executable(info: &FileInfo) -> bool {
    u32::from_str_radix(&info.permissions, 8).unwrap_or_default() & EXECUTABLE != 0
}

async fn make_executable(remote: &FileSystem, path: &str) -> Done {
    let options = PermissionOptions { mode: Some("755".to_owned()), ..Default::default() };
    Ok(remote.set_file_permissions(path, options).await?)
}

async fn follow(context: &Context, mut transfer: DirectoryTransfer) -> Done<Copied> {
    let progress = context.output.progress("copying");
    while let Some(now) = transfer.next().await? {
        progress.bytes(now.bytes.max(0) as u64, now.total_bytes.map(|total| total.max(0) as u64));
    }
    let result = transfer.finish().await?;
    Ok(Copied { files: result.files, bytes: result.bytes, skipped: result.skipped })
}

#[cfg(test)]
mod tests {
    use super::inside;

    #[test]
    fn a_source_becomes_an_entry_of_a_directory() {
        assert_eq!(inside("a/b.txt", "/tmp", true), "/tmp/b.txt");
        assert_eq!(inside("a/b.txt", "/tmp/c.txt", false), "/tmp/c.txt");
        assert_eq!(inside("a/b/", "new/", false), "new/b");
        assert_eq!(inside("a/.", "/tmp", true), "/tmp");
        assert_eq!(inside("a", "/", true), "/a");
    }
}
