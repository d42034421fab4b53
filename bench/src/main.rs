//! The benchmarks of the project; `scripts/bench` runs them all and prints the table.
//!
//! Every program that measures writes one JSON object a line to standard output, a [`row::Row`]. `daytona-bench table`
//! turns those lines into the table.

mod row;
mod rust;
mod server;
mod usage;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Measures the clients, and the engine they may run against.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serves what the benchmarks ask for, until standard input ends.
    Serve {
        /// Directory for server.json (addresses) and ca.pem (authority of the HTTPS address)
        #[arg(long)]
        dir: PathBuf,
    },
    /// Measures the core and the bridge against `serve`.
    Rust {
        /// The server.json of the server
        #[arg(long)]
        server: PathBuf,
        /// Only rows whose name contains this
        #[arg(long)]
        only: Option<String>,
    },
    /// Measures the local engine.
    Engine {
        /// The `daytona` program
        #[arg(long)]
        program: PathBuf,
        /// How many sandboxes to create
        #[arg(long, default_value_t = 1000)]
        sandboxes: usize,
    },
    /// Prints the rows on standard input as a table.
    Table,
    /// Makes one kind of call over and over, for a profiler to watch.
    Profile {
        /// The server.json of the server
        #[arg(long)]
        server: PathBuf,
        /// `core`, `bridge` or `bare`
        #[arg(long)]
        layer: rust::Layer,
        /// How many calls
        #[arg(long, default_value_t = 100_000)]
        calls: u32,
    },
}

fn main() -> Result<()> {
    match Cli::parse().command {
        Command::Serve { dir } => server::serve(&dir),
        Command::Rust { server, only } => rust::run(&server, only.as_deref()),
        Command::Engine { program, sandboxes } => rust::engine::run(&program, sandboxes),
        Command::Table => row::print_table(std::io::stdin().lock()),
        Command::Profile { server, layer, calls } => rust::profile(&server, layer, calls),
    }
}
