//! The `daytona` command line.

mod local;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Daytona: sandboxes for code nobody has read yet.
#[derive(Debug, Parser)]
#[command(name = "daytona", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run sandboxes on this machine: no account, no containers
    Local(local::Local),
}

fn main() -> ExitCode {
    // Before anything else: this may be a sandbox starting, not a person typing.
    daytona_engine::isolation::run_if_sandbox_process();
    let filter = tracing_subscriber::EnvFilter::try_from_env("DAYTONA_LOG").unwrap_or_else(|_| "warn".into());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let done = match Cli::parse().command {
        Command::Local(local) => local::run(local),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("Error: {}", daytona_engine::in_words(&error));
            ExitCode::FAILURE
        }
    }
}
