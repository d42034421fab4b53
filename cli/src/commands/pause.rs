//! `daytona pause`.

use std::time::Duration;

use clap::Args;
use daytona::model::WaitOptions;

use crate::failure::Done;
use crate::output::{Format, FormatArguments};
use crate::remote::{Context, Remote, SandboxArgument};

/// Pause a started sandbox: its processes stand still and keep their memory until it is started again
#[derive(Debug, Args)]
pub struct Pause {
    #[command(flatten)]
    sandbox: SandboxArgument,
    /// Seconds to wait; 0 = no limit
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = crate::seconds::read)]
    timeout: Duration,
    #[command(flatten)]
    format: FormatArguments,
}

impl Remote for Pause {
    fn format(&self) -> Format {
        self.format.chosen()
    }

    async fn run(self, context: &mut Context) -> Done {
        let name = self.sandbox.name()?;
        let progress = context.output.progress("pausing");
        let sandbox = context.client.sandboxes().pause(&name, WaitOptions { timeout: Some(self.timeout) }).await?;
        drop(progress);
        context.output.result(&sandbox, || format!("{name} paused\n"))
    }
}
