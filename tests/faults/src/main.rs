//! The proxy as a program (../README.md).

use std::process::ExitCode;

use clap::Parser;
use daytona_faults::{Proxy, parse};
use tokio::sync::{mpsc, oneshot};

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
    let (ended, mut input) = oneshot::channel::<()>();
    std::thread::spawn(move || {
        // Whatever is written is ignored; only the end counts.
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        drop(ended);
    });
    loop {
        tokio::select! {
            _ = &mut input => return Ok(()),
            Some(request) = seen.recv() => println!("{}", serde_json::to_string(&request)?),
        }
    }
}
