//! `daytona top`.

use std::io::IsTerminal as _;
use std::time::Duration;

use clap::Args;
use daytona::model::{ListSandboxesQuery, SandboxInfo, SandboxState};
use daytona::{Client, Error};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use crate::failure::Done;
use crate::output::{Format, FormatArguments, Table, moves_cursor, size, word};
use crate::remote::{Context, Remote};

/// Clears the terminal from its top on.
const CLEAR: &str = "\x1b[H\x1b[J";
/// Time a sandbox may take to tell what it uses.
const LIMIT: Duration = Duration::from_secs(5);
/// The shortest and the longest pause between two looks.
const INTERVALS: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(3600));

/// Show the CPU, memory and disk that sandboxes use, updated on a terminal
#[derive(Debug, Args)]
pub struct Top {
    /// Seconds between updates
    #[arg(short, long, value_name = "SECONDS", default_value = "2", value_parser = crate::seconds::read)]
    interval: Duration,
    /// Print once and exit
    #[arg(long)]
    once: bool,
    /// Sandboxes to show at most, 1 to 200
    #[arg(short, long, default_value_t = 50)]
    limit: i64,
    #[command(flatten)]
    format: FormatArguments,
}

/// What a sandbox uses.
#[derive(Default, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Usage {
    cpu_count: f64,
    cpu_used_pct: f64,
    mem_total: i64,
    mem_used: i64,
    disk_total: i64,
    disk_used: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    id: String,
    name: String,
    state: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Usage>,
}

impl Remote for Top {
    fn format(&self) -> Format {
        self.format.chosen()
    }

    async fn run(self, context: &mut Context) -> Done {
        let has_screen = std::io::stdout().is_terminal() && moves_cursor();
        let repeats = !self.once && !context.output.is_for_programs() && has_screen;
        loop {
            let rows = look(&context.client, self.limit).await?;
            context.output.result(&rows, || format!("{}{}", if repeats { CLEAR } else { "" }, text(&rows)))?;
            if !repeats {
                return Ok(());
            }
            tokio::time::sleep(self.interval.clamp(INTERVALS.0, INTERVALS.1)).await;
        }
    }
}

async fn look(client: &Client, limit: i64) -> Done<Vec<Row>> {
    let query = ListSandboxesQuery { limit: Some(limit), ..Default::default() };
    let sandboxes = client.sandboxes().list(query).await?.items;
    let mut asked = JoinSet::new();
    for (index, sandbox) in sandboxes.iter().enumerate() {
        if sandbox.state == Some(SandboxState::Started) {
            let (client, sandbox) = (client.with_request_timeout(LIMIT), sandbox.clone());
            asked.spawn(async move { (index, usage(&client, &sandbox).await) });
        }
    }
    let mut rows: Vec<_> = sandboxes
        .into_iter()
        .map(|sandbox| Row {
            state: sandbox.state.as_ref().map(word).unwrap_or_default(),
            id: sandbox.id,
            name: sandbox.name,
            usage: None,
        })
        .collect();
    while let Some(answer) = asked.join_next().await {
        // One that has stopped meanwhile, or an older server, tells nothing.
        if let Ok((index, Ok(usage))) = answer {
            rows[index].usage = Some(usage);
        }
    }
    Ok(rows)
}

async fn usage(client: &Client, sandbox: &SandboxInfo) -> Result<Usage, Error> {
    let answer = client.toolbox(sandbox)?.send("GET", "/system/metrics", None).await?;
    Ok(serde_json::from_slice(&answer).unwrap_or_default())
}

fn text(rows: &[Row]) -> String {
    let mut table = Table::new(&["NAME", "STATE", "CPU", "MEMORY", "DISK"]);
    let of = |used: i64, total: i64| if total > 0 { format!("{} of {}", size(used), size(total)) } else { size(used) };
    for row in rows {
        let name = if row.name.is_empty() { &row.id } else { &row.name };
        let (cpu, memory, disk) = match &row.usage {
            None => Default::default(),
            Some(usage) => (
                format!("{:.0} % of {}", usage.cpu_used_pct, usage.cpu_count),
                of(usage.mem_used, usage.mem_total),
                of(usage.disk_used, usage.disk_total),
            ),
        };
        table.row([name.clone(), row.state.clone(), cpu, memory, disk]);
    }
    table.text()
}
