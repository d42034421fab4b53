//! `daytona forward`.

use clap::Args;
use serde_json::json;

use crate::failure::{Done, Failure};
use crate::interrupt::Signals;
use crate::output::{Format, FormatArguments};
use crate::remote::{Context, Remote, SandboxArgument};

/// Make ports of a sandbox reachable on this machine until Ctrl-C
#[derive(Debug, Args)]
pub struct Forward {
    #[command(flatten)]
    sandbox: SandboxArgument,
    /// Port of the sandbox, with :PORT the one of this machine as well; may be given several times
    #[arg(short, long = "port", value_name = "PORT[:LOCAL]", required = true)]
    ports: Vec<String>,
    #[command(flatten)]
    format: FormatArguments,
}

impl Remote for Forward {
    const CANCEL_ON_INTERRUPT: bool = false;

    fn format(&self) -> Format {
        self.format.chosen()
    }

    async fn run(self, context: &mut Context) -> Done {
        let wanted = self.ports.iter().map(|text| read(text)).collect::<Done<Vec<_>>>()?;
        let name = self.sandbox.name()?;
        let mut signals = Signals::listen()?;
        let mut forwards = Vec::new();
        for (port, local) in wanted {
            forwards.push((port, context.client.sandboxes().forward_port(&name, port, local).await?));
        }
        let told: Vec<_> = forwards
            .iter()
            .map(|(port, forward)| {
                json!({ "port": port, "localPort": forward.local_port(), "httpOnly": forward.http_only() })
            })
            .collect();
        context.output.result(&told, || {
            let line = |(port, forward): &(i64, daytona::stream::forward::PortForward)| {
                let only = if forward.http_only() { " (HTTP and WebSockets only)" } else { "" };
                format!("127.0.0.1:{} -> {name}:{port}{only}\n", forward.local_port())
            };
            forwards.iter().map(line).collect()
        })?;
        // Ctrl-C is how it ends.
        signals.next().await;
        Ok(())
    }
}

fn read(text: &str) -> Done<(i64, Option<i64>)> {
    let number = |text: &str| {
        let port = text.parse::<u16>().map_err(|_| Failure::usage(format!("{text:?} is not a port: 1 to 65535.")));
        port.map(i64::from)
    };
    match text.split_once(':') {
        Some((port, local)) => Ok((number(port)?, Some(number(local)?))),
        None => Ok((number(text)?, None)),
    }
}
