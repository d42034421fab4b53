//! `daytona archive`.

use clap::Args;

use crate::failure::Done;
use crate::output::{Format, FormatArguments};
use crate::remote::{Context, Remote, SandboxArgument};

/// Move a stopped sandbox to object storage
#[derive(Debug, Args)]
pub struct Archive {
    #[command(flatten)]
    sandbox: SandboxArgument,
    #[command(flatten)]
    format: FormatArguments,
}

impl Remote for Archive {
    fn format(&self) -> Format {
        self.format.chosen()
    }

    async fn run(self, context: &mut Context) -> Done {
        let name = self.sandbox.name()?;
        let sandbox = context.client.sandboxes().archive(&name).await?;
        let state = sandbox.state.as_ref().map(crate::output::word).unwrap_or_default();
        context.output.result(&sandbox, || format!("{name} {state}\n"))
    }
}
