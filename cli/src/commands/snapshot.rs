//! `daytona snapshot`.

mod failed_step;
mod push;

use std::time::Duration;

use clap::{Args, Subcommand};
use daytona::ErrorKind;
use daytona::model::{
    CreateSnapshotOptions, CreateSnapshotParams, ListSnapshotsOptions, Resources, SandboxClass, Snapshot as Info,
    SnapshotState,
};
use serde_json::json;

use crate::build_secrets;
use crate::commands::create::{build, in_gib};
use crate::failure::{Done, Failure};
use crate::interrupt::Signals;
use crate::output::{Format, FormatArguments, ShortFormatArguments, Table, ago, printable, word};
use crate::remote::{Context, Remote};
use crate::stdin;

/// Snapshots on a page, when all of them are looked at.
const PAGE: i64 = 200;

/// Commands about snapshots.
#[derive(Debug, Subcommand)]
pub enum Snapshot {
    /// Create a snapshot from an image or a Dockerfile and wait until it can be used
    #[command(visible_aliases = ["add", "new"])]
    Create(Create),
    /// List snapshots
    #[command(visible_alias = "ls")]
    List(List),
    /// Write the image of a snapshot to a file, as an OCI layout that other tools read (local engine only)
    Export(Export),
    /// Create a snapshot from an OCI layout or an archive of `docker save` (local engine only)
    Import(Import),
    /// Make a snapshot of an image of this machine
    Push(push::Push),
    /// Delete snapshots; sandboxes made from them stay
    #[command(visible_aliases = ["remove", "rm"])]
    Delete(Delete),
}

/// The settings of a new snapshot.
#[derive(Debug, Args)]
pub struct Create {
    /// Name, unique in the organization
    name: String,
    /// Image to create it from, such as python:3.12-slim
    #[arg(short, long, value_name = "IMAGE", required_unless_present = "dockerfile")]
    image: Option<String>,
    /// Dockerfile to build its image from
    #[arg(short = 'f', long, value_name = "FILE", conflicts_with_all = ["image", "entrypoint"])]
    dockerfile: Option<String>,
    /// File or directory that the Dockerfile copies; may be given several times [default: those it names]
    #[arg(short, long, value_name = "PATH", requires = "dockerfile", conflicts_with = "image")]
    context: Vec<String>,
    /// Secret that commands of the build may read with RUN --mount=type=secret,id=NAME: id=NAME,src=FILE or id=NAME,env=VARIABLE;
    /// may be given several times (local engine only)
    #[arg(long, value_name = "SECRET", requires = "dockerfile", conflicts_with = "image")]
    secret: Vec<String>,
    /// When a command of the build fails, open a terminal in the file system that it has left, in a sandbox that is deleted
    /// afterwards; without a terminal, and with --json, name what it is made from (local engine only)
    #[arg(long, requires = "dockerfile", conflicts_with = "image")]
    shell_on_failure: bool,
    /// Program that its sandboxes start with, and its arguments, separated by blanks [default: the image's]
    #[arg(short, long, value_name = "COMMAND")]
    entrypoint: Option<String>,
    /// CPU cores of its sandboxes
    #[arg(long, default_value_t = 0, hide_default_value = true)]
    cpu: i64,
    /// Memory of its sandboxes in GiB; a number above 512 is in MB
    #[arg(long, default_value_t = 0, hide_default_value = true)]
    memory: i64,
    /// Disk of its sandboxes in GiB
    #[arg(long, default_value_t = 0, hide_default_value = true)]
    disk: i64,
    /// Region to create it in [default: the profile's]
    #[arg(long)]
    region: Option<String>,
    /// Kind of its sandboxes [default: the server's]
    #[arg(long, value_name = "CLASS", value_parser = ["container", "linux-vm", "android", "windows"])]
    sandbox_class: Option<String>,
    /// Seconds to wait; 0 = no limit
    #[arg(long, value_name = "SECONDS", default_value = "0", value_parser = crate::seconds::read)]
    timeout: Duration,
    #[command(flatten)]
    format: FormatArguments,
}

/// Which snapshots to list.
#[derive(Debug, Args)]
pub struct List {
    /// Number of the page
    #[arg(short, long, default_value_t = 1, value_parser = clap::value_parser!(i64).range(1..))]
    page: i64,
    /// Snapshots per page, 1 to 200
    #[arg(short, long, default_value_t = 100, value_parser = clap::value_parser!(i64).range(1..=200))]
    limit: i64,
    #[command(flatten)]
    format: ShortFormatArguments,
}

/// Which snapshot to export.
#[derive(Debug, Args)]
pub struct Export {
    /// Id or name of the snapshot
    #[arg(value_name = "SNAPSHOT")]
    name: String,
    /// File to write, a tar with an OCI layout
    #[arg(value_name = "FILE")]
    file: String,
    #[command(flatten)]
    format: FormatArguments,
}

/// What to import.
#[derive(Debug, Args)]
pub struct Import {
    /// Tar with an OCI layout or what `docker save` writes, compressed or not
    #[arg(value_name = "FILE")]
    file: String,
    /// Name of the new snapshot, unique in the organization
    #[arg(value_name = "NAME")]
    name: String,
    /// CPU cores of its sandboxes
    #[arg(long)]
    cpu: Option<u32>,
    /// Memory of its sandboxes in GiB
    #[arg(long)]
    memory: Option<u32>,
    /// Disk of its sandboxes in GiB
    #[arg(long)]
    disk: Option<u32>,
    #[command(flatten)]
    format: FormatArguments,
}

/// Which snapshots to delete.
#[derive(Debug, Args)]
pub struct Delete {
    /// Ids or names of snapshots
    #[arg(value_name = "SNAPSHOT", required_unless_present = "all")]
    names: Vec<String>,
    /// Delete all but those that belong to everybody
    #[arg(short, long, conflicts_with = "names")]
    all: bool,
    /// Do not ask for confirmation before deleting all
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    format: FormatArguments,
}

impl Create {
    fn parameters(self) -> Done<CreateSnapshotParams> {
        let some = |number: i64| Some(number).filter(|number| *number != 0);
        let resources =
            Resources { cpu: some(self.cpu), gpu: None, memory: some(in_gib(self.memory)), disk: some(self.disk) };
        let (dockerfile, contexts) = build(self.dockerfile.as_deref(), self.context)?;
        let entrypoint = self.entrypoint.map(|text| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
        if entrypoint.as_ref().is_some_and(Vec::is_empty) {
            return Err(Failure::usage("--entrypoint: it must have at least one word."));
        }
        Ok(CreateSnapshotParams {
            name: self.name,
            image: self.image,
            dockerfile,
            contexts,
            build_secrets: build_secrets::read(&self.secret)?,
            keep_failed_step: self.shell_on_failure.then_some(true),
            entrypoint,
            resources: Some(resources).filter(|resources| *resources != Resources::default()),
            region_id: self.region,
            sandbox_class: self.sandbox_class.map(|class| match class.as_str() {
                "container" => SandboxClass::Container,
                "linux-vm" => SandboxClass::LinuxVm,
                "android" => SandboxClass::Android,
                _ => SandboxClass::Windows,
            }),
            ..CreateSnapshotParams::default()
        })
    }

    async fn run(self, context: &mut Context, signals: &mut Signals) -> Done {
        let (opens_shell, name) = (self.shell_on_failure, self.name.clone());
        let snapshot = match signals.or(self.make(context)).await? {
            // Its build has failed: other failures have kinds of their own.
            Err(Failure::Api(error)) if opens_shell && error.kind() == ErrorKind::Unknown => {
                return Err(failed_step::look(context, signals, &name, error).await);
            }
            made => made?,
        };
        context.output.result(&snapshot, || format!("{} {}\n", printable(&snapshot.name), word(&snapshot.state)))
    }

    async fn make(self, context: &Context) -> Done<Info> {
        let options = CreateSnapshotOptions { timeout: Some(self.timeout) };
        let mut build = context.client.snapshots().create_with_logs(self.parameters()?, options).await?;
        while let Some(line) = build.next().await? {
            context.output.note(&line.text);
        }
        Ok(build.finish().await?)
    }
}

impl List {
    async fn run(self, context: &mut Context) -> Done {
        let options = ListSnapshotsOptions { page: Some(self.page), limit: Some(self.limit), ..Default::default() };
        let page = context.client.snapshots().list(options).await?;
        context.output.result(&page, || {
            let mut table = Table::new(&["NAME", "STATE", "IMAGE", "SIZE", "RESOURCES", "LAST USED"]);
            for snapshot in &page.items {
                table.row([
                    snapshot.name.clone(),
                    word(&snapshot.state),
                    snapshot.image_name.clone().unwrap_or_default(),
                    snapshot.size.map(|size| format!("{size:.2} GB")).unwrap_or_default(),
                    format!("{} CPU, {} GiB, {} GiB disk", snapshot.cpu, snapshot.mem, snapshot.disk),
                    ago(snapshot.last_used_at.as_deref()),
                ]);
            }
            table.text()
        })?;
        if page.total_pages > 1 {
            context.output.note(format!("page {} of {}, {} in all", page.page, page.total_pages, page.total));
        }
        Ok(())
    }
}

impl Export {
    async fn run(self, context: &mut Context) -> Done {
        context.client.receive_file(&archive(&self.name), &self.file).await?;
        context.output.result(&json!({ "name": self.name, "file": self.file }), || {
            format!("exported {} to {}\n", printable(&self.name), printable(&self.file))
        })
    }
}

impl Import {
    async fn run(self, context: &mut Context) -> Done {
        let sizes = [("cpu", self.cpu), ("memory", self.memory), ("disk", self.disk)];
        let query = sizes.iter().filter_map(|(name, size)| Some(format!("{name}={}", (*size)?)));
        let path = format!("{}?{}", archive(&self.name), query.collect::<Vec<_>>().join("&"));
        let answer = context.client.send_file(path.trim_end_matches('?'), &self.file).await?;
        let snapshot: Info = serde_json::from_slice(&answer)
            .map_err(|error| Failure::usage(format!("The server's answer is not a snapshot: {error}")))?;
        context.output.result(&snapshot, || format!("{} {}\n", printable(&snapshot.name), word(&snapshot.state)))
    }
}

/// The endpoint of a snapshot's archive.
fn archive(name: &str) -> String {
    format!("/snapshots/{}/archive", encoded(name))
}

/// A text as a part of a path or a query.
fn encoded(text: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
    let encoded = text.bytes().map(|byte| match plain(&byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    });
    encoded.collect()
}

impl Delete {
    async fn run(self, context: &mut Context) -> Done {
        let names = if self.all { all(context).await? } else { self.names };
        if self.all && !self.yes && !names.is_empty() {
            stdin::confirm(&format!("Delete {} snapshots?", names.len()), "--yes").await?;
        }
        let (mut deleted, mut failed) = (Vec::new(), None);
        for name in names {
            match context.client.snapshots().delete(&name).await {
                Ok(()) => deleted.push(name),
                // Of all that there were, somebody else may have deleted one.
                Err(error) if self.all && error.is_not_found() => {}
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        if failed.is_none() || !deleted.is_empty() {
            context.output.result(&json!({ "deleted": deleted }), || {
                deleted.iter().map(|name| format!("deleted {}\n", printable(name))).collect()
            })?;
        }
        failed.map_or(Ok(()), |error| Err(error.into()))
    }
}

/// The names of all snapshots that are not everybody's, nor on their way out.
async fn all(context: &Context) -> Done<Vec<String>> {
    let mut names = Vec::new();
    for number in 1.. {
        let options = ListSnapshotsOptions { page: Some(number), limit: Some(PAGE), ..Default::default() };
        let page = context.client.snapshots().list(options).await?;
        let kept = |snapshot: &Info| snapshot.general || snapshot.state == SnapshotState::Removing;
        names.extend(page.items.into_iter().filter(|snapshot| !kept(snapshot)).map(|snapshot| snapshot.name));
        if number >= page.total_pages {
            break;
        }
    }
    Ok(names)
}

impl Remote for Snapshot {
    /// A shell in what a failed build has left is ended in order.
    const CANCEL_ON_INTERRUPT: bool = false;

    fn format(&self) -> Format {
        match self {
            Self::Create(command) => command.format.chosen(),
            Self::List(command) => command.format.chosen(),
            Self::Push(command) => command.format.chosen(),
            Self::Export(command) => command.format.chosen(),
            Self::Import(command) => command.format.chosen(),
            Self::Delete(command) => command.format.chosen(),
        }
    }

    async fn run(self, context: &mut Context) -> Done {
        let mut signals = Signals::listen()?;
        match self {
            Self::Create(command) => command.run(context, &mut signals).await,
            Self::List(command) => signals.or(command.run(context)).await?,
            Self::Push(command) => signals.or(command.run(context)).await?,
            Self::Export(command) => signals.or(command.run(context)).await?,
            Self::Import(command) => signals.or(command.run(context)).await?,
            Self::Delete(command) => signals.or(command.run(context)).await?,
        }
    }
}
