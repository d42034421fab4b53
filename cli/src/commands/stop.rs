//! `daytona stop`.

use std::time::Duration;

use clap::Args;
use daytona::model::StopOptions;

use crate::failure::Done;
use crate::output::{Format, FormatArguments};
use crate::remote::{Context, Remote, SandboxArgument};

/// Stop a sandbox and wait until it has stopped; its files are kept
#[derive(Debug, Args)]
pub struct Stop {
    #[command(flatten)]
    sandbox: SandboxArgument,
    /// Kill its processes instead of asking them to end
    #[arg(short, long)]
    force: bool,
    /// Seconds to wait; 0 = no limit
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = crate::seconds::read)]
    timeout: Duration,
    #[command(flatten)]
    format: FormatArguments,
}

impl Remote for Stop {
    fn format(&self) -> Format {
        self.format.chosen()
    }

    async fn run(self, context: &mut Context) -> Done {
        let name = self.sandbox.name()?;
        let options = StopOptions { timeout: Some(self.timeout), force: Some(self.force) };
        let progress = context.output.progress("stopping");
        let sandbox = context.client.sandboxes().stop(&name, options).await?;
        drop(progress);
        context.output.result(&sandbox, || format!("{name} stopped\n"))
    }
}
