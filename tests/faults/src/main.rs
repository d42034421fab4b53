//! The proxy as a program (../README.md).

use std::process::ExitCode;

use clap::Parser;
use daytona_faults::{Proxy, parse};
use tokio::io::AsyncReadExt;
use tokio::sync::mpsc;

#[derive(Parser)]
#[command(about = "A proxy that breaks connections as a script says")]
struct Cli {
    /// Where requests go: http://host:port.
    #[arg(long)]
    upstream: String,
    /// The rules as JSON, or a file with them.
    #[arg(long, default_value = "[]")]
    script: String,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> Result<(), Box<dyn std::error::Error>> {
    let script = match cli.script.trim_start().starts_with('[') {
        true => cli.script,
        false => std::fs::read_to_string(&cli.script)?,
    };
    let (sender, mut seen) = mpsc::unbounded_channel();
    let proxy = Proxy::start_watched(&cli.upstream, parse(&script)?, Some(sender)).await?;
    println!("{}", proxy.url());
    let input = tokio::spawn(async {
        let (mut stdin, mut ignored) = (tokio::io::stdin(), [0; 256]);
        while matches!(stdin.read(&mut ignored).await, Ok(n) if n > 0) {}
    });
    tokio::pin!(input);
    loop {
        tokio::select! {
            _ = &mut input => return Ok(()),
            Some(request) = seen.recv() => println!("{}", serde_json::to_string(&request)?),
        }
    }
}
