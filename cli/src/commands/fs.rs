//! `daytona fs`.

use std::fmt::Write as _;

use clap::{Args, Subcommand};
use daytona::model::{DeleteFileOptions, DownloadOptions, ListFilesOptions, PermissionOptions};
use daytona::ops::FileSystem;
use serde_json::json;

use crate::failure::{Done, Failure};
use crate::output::{Format, FormatArguments, Table, printable};
use crate::place::RemotePath;
use crate::remote::{Context, Remote};

/// Commands about files.
#[derive(Debug, Subcommand)]
pub enum Fs {
    /// List a directory
    Ls {
        /// SANDBOX:PATH, or PATH in the sandbox in use
        #[arg(default_value = ".")]
        path: RemotePath,
        /// Levels of directories to list
        #[arg(long, value_name = "LEVELS", default_value_t = 1)]
        depth: i64,
        #[command(flatten)]
        format: FormatArguments,
    },
    /// Show the size, permissions, owner and time of a file
    Stat(OnePath),
    /// Print files
    Cat {
        /// SANDBOX:PATH, or PATH in the sandbox in use
        #[arg(required = true, value_name = "PATH")]
        paths: Vec<RemotePath>,
    },
    /// Create a directory and its missing parents
    Mkdir {
        #[command(flatten)]
        at: OnePath,
        /// Permissions in octal
        #[arg(short, long, default_value = "755")]
        mode: String,
    },
    /// Delete a file, or a directory with --recursive
    Rm {
        #[command(flatten)]
        at: OnePath,
        /// Delete a directory with everything in it
        #[arg(short, long)]
        recursive: bool,
    },
    /// Move or rename a file
    Mv {
        /// SANDBOX:PATH, or PATH in the sandbox in use
        source: RemotePath,
        /// Its new path, in the same sandbox
        destination: RemotePath,
        #[command(flatten)]
        format: FormatArguments,
    },
    /// Find files by a pattern of their names, such as '*.py'
    Find {
        /// SANDBOX:PATH, or PATH in the sandbox in use
        path: RemotePath,
        /// Pattern of names
        pattern: String,
        #[command(flatten)]
        format: FormatArguments,
    },
    /// Find the lines that contain a text
    Grep {
        /// The text; no character in it is special
        text: String,
        /// SANDBOX:PATH, or PATH in the sandbox in use
        path: RemotePath,
        #[command(flatten)]
        format: FormatArguments,
    },
    /// Replace a text in files
    Replace {
        /// The text to replace
        text: String,
        /// Its replacement
        replacement: String,
        /// SANDBOX:PATH, or PATH in the sandbox in use; all in one sandbox
        #[arg(required = true, value_name = "FILE")]
        files: Vec<RemotePath>,
        #[command(flatten)]
        format: FormatArguments,
    },
    /// Change permissions, owner or group
    Chmod {
        #[command(flatten)]
        at: OnePath,
        /// Permissions in octal, for example 644
        #[arg(short, long)]
        mode: Option<String>,
        /// User name or id
        #[arg(long)]
        owner: Option<String>,
        /// Group name or id
        #[arg(long)]
        group: Option<String>,
    },
}

/// A path, and how the result is printed.
#[derive(Debug, Args)]
pub struct OnePath {
    /// SANDBOX:PATH, or PATH in the sandbox in use
    path: RemotePath,
    #[command(flatten)]
    format: FormatArguments,
}

impl Remote for Fs {
    fn format(&self) -> Format {
        match self {
            Self::Ls { format, .. }
            | Self::Mv { format, .. }
            | Self::Find { format, .. }
            | Self::Grep { format, .. }
            | Self::Replace { format, .. } => format.chosen(),
            Self::Stat(at) | Self::Mkdir { at, .. } | Self::Rm { at, .. } | Self::Chmod { at, .. } => {
                at.format.chosen()
            }
            Self::Cat { .. } => Format::Table,
        }
    }

    async fn run(self, context: &mut Context) -> Done {
        match self {
            Self::Ls { path, depth, .. } => {
                let list = files(context, &path).await?;
                let entries = list.list_files(&path.path, ListFilesOptions { depth: Some(depth) }).await?;
                context.output.result(&entries, || {
                    let mut table = Table::new(&["MODE", "SIZE", "CHANGED", "NAME"]);
                    for entry in &entries {
                        let name = entry.path.as_ref().filter(|_| depth > 1).unwrap_or(&entry.name);
                        table.row([
                            entry.mode.clone(),
                            entry.size.to_string(),
                            entry.modified_at.clone().unwrap_or_else(|| entry.mod_time.clone()),
                            format!("{name}{}", if entry.is_dir { "/" } else { "" }),
                        ]);
                    }
                    table.text()
                })
            }
            Self::Stat(OnePath { path, .. }) => {
                let info = files(context, &path).await?.get_file_info(&path.path).await?;
                context.output.result(&info, || {
                    let mut table = Table::new(&[]);
                    table.row(["Name", &info.name]);
                    table.row(["Mode", &info.mode]);
                    table.row(["Size", &info.size.to_string()]);
                    table.row(["Owner", &format!("{}:{}", info.owner, info.group)]);
                    table.row(["Changed", info.modified_at.as_deref().unwrap_or(&info.mod_time)]);
                    table.fields()
                })
            }
            Self::Cat { paths } => {
                for path in paths {
                    let reading = files(context, &path).await?;
                    let mut reader = reading.open_download(&path.path, DownloadOptions::default()).await?;
                    while let Some(piece) = reader.next().await? {
                        context.output.bytes(&piece)?;
                    }
                }
                Ok(())
            }
            Self::Mkdir { at: OnePath { path, .. }, mode } => {
                files(context, &path).await?.create_folder(&path.path, Some(&mode)).await?;
                done(context, &path.path)
            }
            Self::Rm { at: OnePath { path, .. }, recursive } => {
                let options = DeleteFileOptions { recursive: Some(recursive) };
                files(context, &path).await?.delete_file(&path.path, options).await?;
                done(context, &path.path)
            }
            Self::Mv { source, destination, .. } => {
                let destination = destination.beside(&source)?;
                files(context, &source).await?.move_files(&source.path, &destination).await?;
                done(context, &destination)
            }
            Self::Find { path, pattern, .. } => {
                let found = files(context, &path).await?.search_files(&path.path, &pattern).await?;
                let lines = || found.files.iter().map(|file| format!("{}\n", printable(file))).collect();
                context.output.result(&found, lines)
            }
            Self::Grep { text, path, .. } => {
                let found = files(context, &path).await?.find_files(&path.path, &text).await?;
                context.output.result(&found, || {
                    let mut lines = String::new();
                    for line in &found {
                        let _ = writeln!(lines, "{}:{}:{}", printable(&line.file), line.line, printable(&line.content));
                    }
                    lines
                })?;
                // As `grep`: nothing found is told by the exit code.
                if found.is_empty() { Err(Failure::Program(1)) } else { Ok(()) }
            }
            Self::Replace { text, replacement, files: paths, .. } => {
                let first = paths[0].clone();
                let names = paths.into_iter().map(|path| path.beside(&first)).collect::<Done<_>>()?;
                let changing = files(context, &first).await?;
                let results = changing.replace_in_files(names, &text, &replacement).await?;
                let failed = results.iter().find(|result| result.success != Some(true)).cloned();
                let lines = || {
                    let changed = results.iter().filter(|result| result.success == Some(true));
                    changed.filter_map(|result| result.file.as_deref()).map(|f| format!("{}\n", printable(f))).collect()
                };
                context.output.result(&results, lines)?;
                match failed {
                    None => Ok(()),
                    Some(result) => Err(Failure::other(format!(
                        "{}: {}",
                        result.file.unwrap_or_default(),
                        result.error.unwrap_or_else(|| "not replaced".to_owned())
                    ))),
                }
            }
            Self::Chmod { at: OnePath { path, .. }, mode, owner, group } => {
                if mode.is_none() && owner.is_none() && group.is_none() {
                    return Err(Failure::usage("Nothing to change: give --mode, --owner or --group."));
                }
                let options = PermissionOptions { mode, owner, group };
                files(context, &path).await?.set_file_permissions(&path.path, options).await?;
                done(context, &path.path)
            }
        }
    }
}

async fn files(context: &Context, path: &RemotePath) -> Done<FileSystem> {
    Ok(context.client.get(&path.sandbox()?).await?.fs())
}

/// Nothing to tell people; programs get the path.
fn done(context: &mut Context, path: &str) -> Done {
    context.output.result(&json!({ "path": path }), String::new)
}
