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
    /// Port of the sandbox, optionally followed by :PORT for the local port; may be given several times
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
            let sandboxes = context.client.sandboxes();
            let forward = tokio::select! {
                opened = sandboxes.forward_port(&name, port, local) => opened?,
                number = signals.next() => return Err(Failure::Signal(number)),
            };
            forwards.push((port, forward));
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
        let port = text.parse::<u16>().ok().filter(|port| *port > 0).map(i64::from);
        port.ok_or_else(|| Failure::usage(format!("{text:?} is not a port: 1 to 65535.")))
    };
    match text.split_once(':') {
        Some((port, local)) => Ok((number(port)?, Some(number(local)?))),
        None => Ok((number(text)?, None)),
    }
}
