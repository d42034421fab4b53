//! The conformance cases (../README.md), run through the Rust client, and the table over the results of all runners.
//!
//! `cases` writes the cases for another server, and `check` is the `table` of a run against it.
//! `run` needs what every client needs: `DAYTONA_API_URL=local` with `DAYTONA_LOCAL_BINARY` and `DAYTONA_LOCAL_STATE_DIR`.
//! It ends with 1 when a case fails. `record` runs any runner behind a proxy that records its requests and compares them with
//! those of the cases. `table` ends with 1 when a runner has no results, a case of it failed, or an operation of the schema has
//! no case, or none that says what is sent.

mod calls;
mod case;
mod compat;
mod matching;
mod record;
mod references;
mod requests;
mod run;
mod table;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(about = "Runs the conformance cases and compares the runners")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs the cases through the Rust client.
    Run {
        /// Only cases whose `file/name` contains one of these texts.
        filter: Vec<String>,
        /// Cases at the same time.
        #[arg(long, default_value_t = 6)]
        jobs: usize,
    },
    /// Runs a runner and compares its requests.
    Record {
        /// How the runner shows who it is.
        #[arg(long, value_enum, default_value = "key")]
        credentials: record::Credentials,
        /// The runner's program and its arguments.
        #[arg(trailing_var_arg = true, required = true)]
        program: Vec<String>,
    },
    /// Writes the cases for another server than the newest.
    Cases {
        /// The server, for example 0.190.
        server: String,
        /// Where to write them: `cases` in the directory that runners find in `DAYTONA_CONFORMANCE`.
        directory: PathBuf,
    },
    /// Says whether every runner has run every case of `DAYTONA_CONFORMANCE`, and all hold.
    Check {
        /// The runners that must have results.
        #[arg(long, value_delimiter = ',', default_values_t = table::RUNNERS.map(str::to_owned))]
        runners: Vec<String>,
    },
    /// Prints which operations each runner has proved.
    Table {
        /// The runners that must have results.
        #[arg(long, value_delimiter = ',', default_values_t = table::RUNNERS.map(str::to_owned))]
        runners: Vec<String>,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Run { filter, jobs } => run::run(&filter, jobs).await,
        Command::Record { credentials, program } => record::record(credentials, &program).await,
        Command::Cases { server, directory } => compat::write(&server, &directory),
        Command::Check { runners } => table::check(&runners),
        Command::Table { runners } => table::print(&runners),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// The top directory of the repository that this program is in. A program that was put elsewhere takes the one of its sources.
fn repository() -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    let around = program.ancestors().find(|directory| directory.join("tests/conformance/cases").is_dir());
    let sources = Path::new(env!("CARGO_MANIFEST_DIR"));
    around.or_else(|| sources.ancestors().nth(3)).unwrap_or(sources).to_owned()
}
