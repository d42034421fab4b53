//! `daytona resize`.

use std::time::Duration;

use clap::Args;
use daytona::model::{Resources, WaitOptions};

use super::create::in_gib;
use crate::failure::{Done, Failure};
use crate::output::{Format, FormatArguments};
use crate::remote::{Context, Remote, SandboxArgument};

/// Change the size of a sandbox: more CPU and memory while it runs, anything once it is stopped; a disk only grows
#[derive(Debug, Args)]
pub struct Resize {
    #[command(flatten)]
    sandbox: SandboxArgument,
    /// CPU cores [default: as they are]
    #[arg(long, value_parser = clap::value_parser!(i64).range(1..))]
    cpu: Option<i64>,
    /// Memory in GiB; a number above 512 is in MB [default: as it is]
    #[arg(long, value_parser = clap::value_parser!(i64).range(1..))]
    memory: Option<i64>,
    /// Disk in GiB [default: as it is]
    #[arg(long, value_parser = clap::value_parser!(i64).range(1..))]
    disk: Option<i64>,
    /// Seconds to wait; 0 = no limit
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = crate::seconds::read)]
    timeout: Duration,
    #[command(flatten)]
    format: FormatArguments,
}

impl Remote for Resize {
    fn format(&self) -> Format {
        self.format.chosen()
    }

    async fn run(self, context: &mut Context) -> Done {
        let resources =
            Resources { cpu: self.cpu, memory: self.memory.map(in_gib), disk: self.disk, ..Resources::default() };
        if resources == Resources::default() {
            return Err(Failure::usage("Nothing to change: give --cpu, --memory or --disk."));
        }
        let name = self.sandbox.name()?;
        let options = WaitOptions { timeout: Some(self.timeout) };
        let progress = context.output.progress("resizing");
        let sandbox = context.client.sandboxes().resize(&name, resources, options).await?;
        drop(progress);
        context.output.result(&sandbox, || {
            format!("{name}: {} CPU, {} GiB, {} GiB disk\n", sandbox.cpu, sandbox.memory, sandbox.disk)
        })
    }
}
