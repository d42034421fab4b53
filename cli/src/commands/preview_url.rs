//! `daytona preview-url`.

use clap::Args;

use crate::failure::Done;
use crate::output::{Format, FormatArguments, printable};
use crate::remote::{Context, Remote, SandboxArgument};

/// Print a URL of a sandbox's port that works without other credentials until it expires
#[derive(Debug, Args)]
pub struct PreviewUrl {
    #[command(flatten)]
    sandbox: SandboxArgument,
    /// Port in the sandbox
    #[arg(short, long, value_parser = clap::value_parser!(u16).range(1..))]
    port: u16,
    /// Seconds until the URL expires
    #[arg(long, value_name = "SECONDS", default_value_t = 3600)]
    expires: i64,
    #[command(flatten)]
    format: FormatArguments,
}

impl Remote for PreviewUrl {
    fn format(&self) -> Format {
        self.format.chosen()
    }

    async fn run(self, context: &mut Context) -> Done {
        let (name, port) = (self.sandbox.name()?, i64::from(self.port));
        let url = context.client.sandboxes().create_signed_preview_url(&name, port, Some(self.expires)).await?;
        context.output.result(&url, || format!("{}\n", printable(&url.url)))
    }
}
