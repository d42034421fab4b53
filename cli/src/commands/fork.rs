//! `daytona fork`.

use std::time::Duration;

use clap::Args;
use daytona::model::ForkOptions;

use super::create::told;
use crate::failure::Done;
use crate::output::{Format, FormatArguments};
use crate::remote::{Context, Remote, SandboxArgument};

/// Make a new sandbox with the files and settings of another, and wait until it has started
#[derive(Debug, Args)]
pub struct Fork {
    #[command(flatten)]
    sandbox: SandboxArgument,
    /// Name of the copy, unique in the organization [default: its id]
    #[arg(long)]
    name: Option<String>,
    /// Seconds to wait; 0 = no limit
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = crate::seconds::read)]
    timeout: Duration,
    #[command(flatten)]
    format: FormatArguments,
}

impl Remote for Fork {
    fn format(&self) -> Format {
        self.format.chosen()
    }

    async fn run(self, context: &mut Context) -> Done {
        let options = ForkOptions { name: self.name, timeout: Some(self.timeout), ..ForkOptions::default() };
        let progress = context.output.progress("copying");
        let copy = context.client.sandboxes().fork(&self.sandbox.name()?, options).await?;
        drop(progress);
        context.output.result(&copy, || told(&copy))
    }
}
