//! `daytona network`.

use clap::Subcommand;
use daytona::model::{NetworkAttempt, NetworkLog};

use crate::failure::Done;
use crate::output::{Format, FormatArguments, Table, printable};
use crate::remote::{Context, Remote, SandboxArgument};

/// Commands about the network.
#[derive(Debug, Subcommand)]
pub enum Network {
    /// Show what a sandbox tried on the network since it started, which rule decided, and the lists that would allow it
    Log {
        #[command(flatten)]
        sandbox: SandboxArgument,
        #[command(flatten)]
        format: FormatArguments,
    },
}

impl Remote for Network {
    fn format(&self) -> Format {
        let Self::Log { format, .. } = self;
        format.chosen()
    }

    async fn run(self, context: &mut Context) -> Done {
        let Self::Log { sandbox, .. } = self;
        let log = sandbox.get(&context.client).await?.network().log().await?;
        context.output.result(&log, || text(&log))?;
        if log.dropped > 0 {
            context.output.note(format!("Earlier attempts that are not kept: {}", log.dropped));
        }
        if !log.complete {
            context.output.note("The lists do not hold everything: there was more than a list may hold.");
        }
        Ok(())
    }
}

fn text(log: &NetworkLog) -> String {
    let mut table = Table::new(&["PROTOCOL", "NAME", "ADDRESS", "PORT", "ALLOWED", "RULE", "TIMES"]);
    for attempt in &log.entries {
        let NetworkAttempt { protocol, name, address, port, allowed, rule, count, .. } = attempt.clone();
        let allowed = if allowed { "yes" } else { "no" }.to_owned();
        let port = port.map(|port| port.to_string()).unwrap_or_default();
        let (name, address) = (name.unwrap_or_default(), address.unwrap_or_default());
        table.row([protocol, name, address, port, allowed, rule, count.to_string()]);
    }
    let mut text = table.text();
    for (list, value) in [("domain", &log.domain_allow_list), ("network", &log.network_allow_list)] {
        if !value.is_empty() {
            text.push_str(&format!("{list} allow list: {}\n", printable(value)));
        }
    }
    text
}
