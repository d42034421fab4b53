//! `daytona use`.

use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use serde_json::json;

use crate::completion;
use crate::failure::Done;
use crate::output::{Format, FormatArguments, printable};
use crate::profile::Profiles;
use crate::remote::{Context, Remote};

/// Choose the sandbox of commands that name none
#[derive(Debug, Args)]
pub struct Use {
    /// Id or name of the sandbox; without it, the one in use is printed
    #[arg(value_name = "SANDBOX", add = ArgValueCompleter::new(completion::sandboxes))]
    sandbox: Option<String>,
    /// Forget the sandbox in use
    #[arg(long, conflicts_with = "sandbox")]
    none: bool,
    #[command(flatten)]
    format: FormatArguments,
}

impl Remote for Use {
    fn format(&self) -> Format {
        self.format.chosen()
    }

    async fn run(self, context: &mut Context) -> Done {
        let in_use = match &self.sandbox {
            Some(sandbox) => {
                let found = context.client.sandboxes().get(sandbox).await?;
                let name = if found.name.is_empty() { found.id } else { found.name };
                remember(Some(name))?
            }
            None if self.none => remember(None)?,
            None => Profiles::load()?.sandbox,
        };
        context.output.result(&json!({ "sandbox": in_use }), || match &in_use {
            Some(sandbox) => format!("{}\n", printable(sandbox)),
            None => "no sandbox in use\n".to_owned(),
        })
    }
}

fn remember(sandbox: Option<String>) -> Done<Option<String>> {
    Profiles::change(|profiles| {
        profiles.sandbox = sandbox;
        Ok(profiles.sandbox.clone())
    })
}
