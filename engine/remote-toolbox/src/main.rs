//! `daytona-toolbox`: the first process of a pod, and the toolbox in it.

use std::net::{Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use daytona_remote_toolbox::bootstrap::Source;
use daytona_remote_toolbox::{PORT, log, pod};

/// Serves the toolbox of a sandbox over TLS.
#[derive(Parser)]
#[command(name = "daytona-toolbox", version)]
struct Arguments {
    /// What to log: `error`, `warn`, `info`, `debug`, or by module as `RUST_LOG` has it.
    #[arg(long, global = true, default_value = "info")]
    log: String,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs as the first process of a pod until the pod ends.
    Serve {
        /// File that describes the start, deleted once read where it can be; `-` is standard input.
        #[arg(long, value_parser = |text: &str| Ok::<_, std::convert::Infallible>(Source::from(text)))]
        bootstrap: Source,
        /// Address to listen at; all of IPv4 where there is no IPv6.
        #[arg(long, default_value_t = SocketAddr::from((Ipv6Addr::UNSPECIFIED, PORT)))]
        listen: SocketAddr,
        /// Seconds that programs have to end when the pod does. Give the pod two more.
        #[arg(long, default_value_t = 10)]
        grace: u64,
        /// Seconds for which to call the control plane.
        #[arg(long, default_value_t = 60)]
        home_within: u64,
    },
    /// Copies this program into a directory, for the other containers of a pod.
    Install {
        /// The directory.
        directory: PathBuf,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    log::start(&arguments.log);
    let outcome = match arguments.command {
        Command::Serve { bootstrap, listen, grace, home_within } => pod::run(&pod::Options {
            bootstrap,
            listen,
            grace: Duration::from_secs(grace),
            home_within: Duration::from_secs(home_within),
        }),
        Command::Install { directory } => pod::install(&directory).map(|target| {
            tracing::info!(target = %target.display(), "installed");
            0
        }),
    };
    match outcome {
        Ok(status) => ExitCode::from(u8::try_from(status).unwrap_or(1)),
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "failed");
            ExitCode::FAILURE
        }
    }
}
