//! `daytona delete`.

use std::time::Duration;

use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use daytona::model::{DeleteOptions, ListSandboxesQuery, SandboxInfo};
use serde_json::json;

use crate::failure::{Done, Failure};
use crate::output::{Format, FormatArguments, printable};
use crate::profile::Profiles;
use crate::remote::{Context, Remote};
use crate::{completion, pairs, stdin};

/// Delete sandboxes with everything in them
#[derive(Debug, Args)]
pub struct Delete {
    /// Ids or names of the sandboxes
    #[arg(value_name = "SANDBOX", add = ArgValueCompleter::new(completion::sandboxes))]
    sandboxes: Vec<String>,
    /// Delete all sandboxes
    #[arg(short, long, conflicts_with = "sandboxes")]
    all: bool,
    /// With --all: only sandboxes with this label; may be given several times
    #[arg(long, value_name = "KEY=VALUE", requires = "all")]
    label: Vec<String>,
    /// Do not ask for confirmation before deleting all
    #[arg(short, long)]
    yes: bool,
    /// Wait until they are gone
    #[arg(long)]
    wait: bool,
    /// Seconds each may take; 0 = no limit
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = crate::seconds::read)]
    timeout: Duration,
    /// Print what would be deleted, and delete nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    format: FormatArguments,
}

impl Remote for Delete {
    fn format(&self) -> Format {
        self.format.chosen()
    }

    async fn run(self, context: &mut Context) -> Done {
        // Never the sandbox in use by itself: what is deleted is named.
        if self.sandboxes.is_empty() && !self.all {
            return Err(Failure::usage("Name the sandboxes to delete, or give --all."));
        }
        let found = self.found(context).await?;
        let names: Vec<_> = found.iter().map(|sandbox| sandbox.name.clone()).collect();
        if self.dry_run {
            let shown = json!({ "wouldDelete": names });
            return context.output.result(&shown, || lines("would delete", &names));
        }
        if self.all && !self.yes && !found.is_empty() {
            stdin::confirm(&format!("Delete {} with everything in them?", counted(found.len())), "--yes").await?;
        }
        let options = DeleteOptions { timeout: Some(self.timeout), wait: Some(self.wait) };
        let progress = context.output.progress("deleting");
        let (mut deleted, mut failed, mut not_forgotten) = (Vec::new(), None, None);
        for sandbox in &found {
            match context.client.sandboxes().delete(&sandbox.id, options.clone()).await {
                Ok(_) => deleted.push(sandbox.name.clone()),
                // Of all that there were, somebody else may have deleted one.
                Err(error) if self.all && error.is_not_found() => {}
                Err(error) => {
                    failed = failed.or(Some(error));
                    continue;
                }
            }
            // At once: the next one may take long, and be interrupted.
            not_forgotten = forget_in_use(sandbox).err().or(not_forgotten);
        }
        drop(progress);
        if let Some(why) = not_forgotten.and_then(|failure| failure.message()) {
            context.output.note(format!("Note: the sandbox in use is deleted, and still the one in use: {why}"));
        }
        context.output.result(&json!({ "deleted": deleted }), || lines("deleted", &deleted))?;
        failed.map_or(Ok(()), |error| Err(error.into()))
    }
}

impl Delete {
    async fn found(&self, context: &Context) -> Done<Vec<SandboxInfo>> {
        let mut found = Vec::new();
        if self.all {
            let labels = pairs::read("--label", &self.label)?;
            let mut list = context.client.list(ListSandboxesQuery { labels, ..Default::default() });
            while let Some(sandbox) = list.next().await? {
                found.push(sandbox);
            }
        } else {
            for name in &self.sandboxes {
                let sandbox = context.client.sandboxes().get(name).await?;
                // Its id and its name may both be given.
                if found.iter().all(|known: &SandboxInfo| known.id != sandbox.id) {
                    found.push(sandbox);
                }
            }
        }
        Ok(found)
    }
}

/// Commands that name no sandbox should not be about one that is gone.
fn forget_in_use(deleted: &SandboxInfo) -> Done {
    let is_gone = |in_use: &String| [&deleted.id, &deleted.name].contains(&in_use);
    if Profiles::load()?.sandbox.as_ref().is_none_or(|in_use| !is_gone(in_use)) {
        return Ok(());
    }
    Profiles::change(|profiles| {
        profiles.sandbox = profiles.sandbox.take().filter(|in_use| !is_gone(in_use));
        Ok(())
    })
}

fn lines(verb: &str, names: &[String]) -> String {
    names.iter().map(|name| format!("{verb} {}\n", printable(name))).collect()
}

fn counted(number: usize) -> String {
    if number == 1 { "one sandbox".to_owned() } else { format!("{number} sandboxes") }
}
