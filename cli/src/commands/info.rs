//! `daytona info`.

use clap::Args;
use daytona::model::SandboxInfo;

use crate::failure::Done;
use crate::output::{Format, ShortFormatArguments, Table, ago, word};
use crate::remote::{Context, Remote, SandboxArgument};

/// Show a sandbox
#[derive(Debug, Args)]
pub struct Info {
    #[command(flatten)]
    sandbox: SandboxArgument,
    #[command(flatten)]
    format: ShortFormatArguments,
}

impl Remote for Info {
    fn format(&self) -> Format {
        self.format.chosen()
    }

    async fn run(self, context: &mut Context) -> Done {
        let sandbox = context.client.sandboxes().get(&self.sandbox.name()?).await?;
        context.output.result(&sandbox, || text(&sandbox))
    }
}

fn text(sandbox: &SandboxInfo) -> String {
    let labels: Vec<_> = sandbox.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let mut table = Table::new(&[]);
    let rows = [
        ("Id", sandbox.id.clone()),
        ("Name", sandbox.name.clone()),
        ("State", sandbox.state.as_ref().map(word).unwrap_or_default()),
        ("Reason", sandbox.error_reason.clone().unwrap_or_default()),
        ("Snapshot", sandbox.snapshot.clone().unwrap_or_default()),
        ("Region", sandbox.target.clone()),
        ("User", sandbox.user.clone()),
        ("CPU", sandbox.cpu.to_string()),
        ("Memory", format!("{} GiB", sandbox.memory)),
        ("Disk", format!("{} GiB", sandbox.disk)),
        ("GPU", Some(sandbox.gpu).filter(|gpus| *gpus > 0).map(|gpus| gpus.to_string()).unwrap_or_default()),
        ("Public", if sandbox.public { "yes" } else { "no" }.to_owned()),
        ("Labels", labels.join(", ")),
        // Their values may be secrets.
        ("Variables", sandbox.env.keys().cloned().collect::<Vec<_>>().join(", ")),
        ("Auto-stop", after(sandbox.auto_stop_interval, "never")),
        ("Auto-archive", after(sandbox.auto_archive_interval, "as late as the server allows")),
        ("Auto-delete", after(sandbox.auto_delete_interval, "when it stops")),
        ("Created", ago(sandbox.created_at.as_deref())),
        ("Last used", ago(sandbox.last_activity_at.as_deref())),
    ];
    for (name, value) in rows {
        table.row([name.to_owned(), value]);
    }
    table.fields()
}

/// After how many minutes something happens by itself; `zero` says what none means.
fn after(interval: Option<i64>, zero: &str) -> String {
    match interval {
        None => String::new(),
        Some(..0) => "never".to_owned(),
        Some(0) => zero.to_owned(),
        Some(1) => "after 1 minute".to_owned(),
        Some(minutes) => format!("after {minutes} minutes"),
    }
}
