//! `daytona start`.

use std::time::Duration;

use clap::Args;
use daytona::model::WaitOptions;

use crate::failure::Done;
use crate::output::{Format, FormatArguments};
use crate::remote::{Context, Remote, SandboxArgument};

/// Start a stopped sandbox, or let a paused one go on, and wait until it has started
#[derive(Debug, Args)]
pub struct Start {
    #[command(flatten)]
    sandbox: SandboxArgument,
    /// Seconds to wait; 0 = no limit
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = crate::seconds::read)]
    timeout: Duration,
    #[command(flatten)]
    format: FormatArguments,
}

impl Remote for Start {
    fn format(&self) -> Format {
        self.format.chosen()
    }

    async fn run(self, context: &mut Context) -> Done {
        let name = self.sandbox.name()?;
        let progress = context.output.progress("starting");
        let sandbox = context.client.sandboxes().start(&name, WaitOptions { timeout: Some(self.timeout) }).await?;
        drop(progress);
        context.output.result(&sandbox, || format!("{name} started\n"))
    }
}
