//! `daytona list`.

use clap::Args;
use daytona::model::{ListPageOptions, ListSandboxesQuery, SandboxInfo};

use crate::failure::Done;
use crate::output::{Format, ShortFormatArguments, Table, ago, word};
use crate::pairs;
use crate::remote::{Context, Remote};

/// List sandboxes
#[derive(Debug, Args)]
pub struct List {
    /// Where to continue: the cursor that the part before ended with
    #[arg(short, long)]
    cursor: Option<String>,
    /// Sandboxes to list at most, 1 to 200
    #[arg(short, long, default_value_t = 100, value_parser = clap::value_parser!(i64).range(1..=200))]
    limit: i64,
    /// Number of the page, for servers and scripts without cursors [default: 1]
    #[arg(short, long, conflicts_with = "cursor", value_parser = clap::value_parser!(i64).range(1..))]
    page: Option<i64>,
    /// Only sandboxes with this label; may be given several times
    #[arg(long, value_name = "KEY=VALUE")]
    label: Vec<String>,
    /// Print names only, one per line
    #[arg(short, long, conflicts_with_all = ["format", "json"])]
    quiet: bool,
    #[command(flatten)]
    format: ShortFormatArguments,
}

impl Remote for List {
    fn format(&self) -> Format {
        self.format.chosen()
    }

    async fn run(self, context: &mut Context) -> Done {
        let labels = pairs::read("--label", &self.label)?;
        let sandboxes = context.client.sandboxes();
        if self.page.is_some() {
            let options = ListPageOptions { labels, page: self.page, limit: Some(self.limit) };
            let page = sandboxes.list_page(options).await?;
            context.output.result(&page, || text(&page.items, self.quiet))?;
            context.output.note(format!("page {} of {}, {} in all", page.page, page.total_pages, page.total));
            return Ok(());
        }
        let query = ListSandboxesQuery { cursor: self.cursor, limit: Some(self.limit), labels, ..Default::default() };
        let part = sandboxes.list(query).await?;
        context.output.result(&part, || text(&part.items, self.quiet))?;
        if let Some(cursor) = &part.next_cursor {
            context.output.note(format!("There are more: daytona list --cursor {cursor}"));
        }
        Ok(())
    }
}

fn text(items: &[SandboxInfo], quiet: bool) -> String {
    if quiet {
        return items.iter().map(|sandbox| format!("{}\n", crate::output::printable(&sandbox.name))).collect();
    }
    let mut table = Table::new(&["NAME", "STATE", "SNAPSHOT", "REGION", "SIZE", "LAST USED"]);
    for sandbox in items {
        table.row([
            if sandbox.name.is_empty() { sandbox.id.clone() } else { sandbox.name.clone() },
            sandbox.state.as_ref().map(word).unwrap_or_default(),
            sandbox.snapshot.clone().unwrap_or_default(),
            sandbox.target.clone(),
            format!("{} CPU, {} GiB, {} GiB disk", sandbox.cpu, sandbox.memory, sandbox.disk),
            ago(sandbox.last_activity_at.as_deref().or(sandbox.created_at.as_deref())),
        ]);
    }
    table.text()
}
