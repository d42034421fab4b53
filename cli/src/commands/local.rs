//! `daytona local`: the engine on this machine.

mod background;
mod dashboard;
mod owned;

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use daytona_engine::isolation::IsolationChoice;
use daytona_engine::{Cidr, Compat, Issuer, Limits, Replay, Retention, ServeOptions, discovery, faults, setup};
use serde_json::json;

use crate::failure::{Done, Failure};
use crate::output::{Format, FormatArguments, Output, raw, tell};

/// How long `stop` waits for the engine to end its sandboxes.
const STOP_TIMEOUT: Duration = Duration::from_secs(30);

/// Run sandboxes on this machine.
#[derive(Debug, Args)]
pub struct Local {
    /// Where the engine keeps everything [default: $XDG_STATE_HOME/daytona/local]
    #[arg(long, global = true, env = discovery::STATE_DIR_VARIABLE)]
    state_dir: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
#[expect(clippy::large_enum_variant, reason = "there is one of it, once")]
enum Command {
    /// Run the engine in the foreground
    Serve(Serve),
    /// Show whether an engine is running, how it isolates sandboxes, and what it does not enforce
    Status {
        #[command(flatten)]
        format: FormatArguments,
    },
    /// Open the dashboard in your browser
    Dashboard {
        /// Print the key to log in with, and nothing else
        #[arg(long)]
        key: bool,
        /// Print the address only
        #[arg(long)]
        no_open: bool,
    },
    /// Stop the engine and its sandboxes
    Stop,
    /// Install what sandboxes need beyond this machine's own programs
    Setup {
        /// Prepare the snapshot daytona-desktop, too: a desktop of Debian's packages, for sandboxes only
        #[arg(long)]
        desktop: bool,
    },
    /// Print the log of engines that clients or `serve --detach` have started
    Logs {
        /// Follow the log until Ctrl-C
        #[arg(short, long)]
        follow: bool,
    },
    /// Delete all sandboxes of the engine and stop it
    Reset {
        /// Do not ask for confirmation
        #[arg(short, long)]
        yes: bool,
    },
    /// Remove what builds have cached, and images that no snapshot and no sandbox is made from
    Prune {
        /// Print what builds have cached, and remove nothing
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        format: FormatArguments,
    },
    /// Print a unit for systemd that runs the engine for the user, from its login on
    Unit,
}

#[derive(Debug, Args)]
struct Serve {
    /// Address to listen on
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    host: IpAddr,
    /// Port to listen on, 0 for any
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// End after this many seconds without started sandboxes, connected clients and requests, 0 for never
    #[arg(long, default_value_t = 0)]
    idle_timeout: u64,
    /// Count as idle also while clients are connected: their next calls start another engine
    #[arg(long)]
    ignore_clients: bool,
    /// How sandboxes are separated from this machine: auto, namespaces or none
    #[arg(long, default_value_t = IsolationChoice::Auto)]
    isolation: IsolationChoice,
    /// The version whose answers to give: newest, or 0.190 with the quirks of that server
    #[arg(long, default_value_t = Compat::Newest, env = "DAYTONA_LOCAL_COMPAT", value_parser = read_compat)]
    compat: Compat,
    /// Port to listen on for SSH; 0 for the one of the last time, or any
    #[arg(long, default_value = "0", env = "DAYTONA_LOCAL_SSH_PORT", value_parser = read_port)]
    ssh_port: u16,
    /// A private network that sandboxes may reach, such as 10.1.0.0/16; may be given several times
    #[arg(long, value_name = "CIDR", env = "DAYTONA_LOCAL_ALLOW_NETWORK", value_delimiter = ',')]
    allow_network: Vec<Cidr>,
    /// Keep this many sandboxes running for creates to come, at most 100
    #[arg(long, default_value_t = 0, env = "DAYTONA_LOCAL_WARM_POOL", value_parser = clap::value_parser!(u8).range(..=100))]
    warm_pool: u8,
    /// Warn browsers before they show what a sandbox serves
    #[arg(long, env = "PREVIEW_WARNING_ENABLED")]
    preview_warning: bool,
    /// Limit requests to the API: THROTTLER=REQUESTS/SECONDS with anonymous, authenticated, sandbox-create or
    /// sandbox-lifecycle, or tier-1 to tier-4 as on the platform; may be given several times
    #[arg(long, value_name = "LIMIT", env = "DAYTONA_LOCAL_RATE_LIMIT", value_delimiter = ',')]
    rate_limit: Vec<Limits>,
    /// Let tests move the engine's clock, ask for faults and start anew: /api/testing
    #[arg(long)]
    testing: bool,
    /// Faults that clients meet, a JSON list of rules; includes --testing
    #[arg(long, value_name = "FILE", env = "DAYTONA_LOCAL_FAULTS")]
    faults: Option<PathBuf>,
    /// Answer from a recording of /api/testing instead of from sandboxes
    #[arg(long, value_name = "FILE", conflicts_with_all = ["or_existing", "detach", "faults"])]
    replay: Option<PathBuf>,
    /// An engine for one process, such as a test run: it keeps everything in a directory of its own below the state
    /// directory, whose path it prints when it is ready, and both end with that process, however it ends
    #[arg(long, value_name = "PID", conflicts_with_all = ["or_existing", "detach"])]
    owner: Option<u32>,
    /// Take tokens of this OpenID Connect issuer besides API keys
    #[arg(long, value_name = "URL", env = "DAYTONA_LOCAL_OIDC_ISSUER", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    oidc_issuer: Option<String>,
    /// The audience that tokens of the issuer must be for
    #[arg(long, value_name = "NAME", default_value = "daytona", env = "DAYTONA_LOCAL_OIDC_AUDIENCE")]
    oidc_audience: String,
    /// The client that programs log in to the issuer with
    #[arg(long, value_name = "ID", default_value = "daytona", env = "DAYTONA_LOCAL_OIDC_CLIENT_ID")]
    oidc_client_id: String,
    /// A network that is not public and that webhooks may be delivered to, such as 127.0.0.0/8; may be given several times
    #[arg(long, value_name = "CIDR", env = "DAYTONA_LOCAL_WEBHOOK_ALLOW_NETWORK", value_delimiter = ',')]
    webhook_allow_network: Vec<Cidr>,
    /// Days after which entries of the audit log are removed, 0 for never
    #[arg(long, value_name = "DAYS", default_value_t = Retention::default().days, env = "DAYTONA_LOCAL_AUDIT_DAYS")]
    audit_days: u32,
    /// The size of the audit log in MiB beyond which its oldest entries are removed, 0 for any size
    #[arg(long, value_name = "MIB", default_value_t = Retention::default().mebibytes, env = "DAYTONA_LOCAL_AUDIT_MIB")]
    audit_mib: u32,
    /// When another engine is running, wait until it is ready and succeed; take its place when it ends
    #[arg(long)]
    or_existing: bool,
    /// Run it in the background: return when it is ready
    #[arg(long)]
    detach: bool,
}

impl Local {
    /// How the result is printed.
    pub fn format(&self) -> Format {
        match &self.command {
            Command::Status { format } | Command::Prune { format, .. } => format.chosen(),
            _ => Format::Table,
        }
    }
}

/// Runs the command.
pub fn run(local: Local) -> Done {
    let filter = tracing_subscriber::EnvFilter::try_from_env("DAYTONA_LOG").unwrap_or_else(|_| "warn".into());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let state_dir = local.state_dir.or_else(discovery::default_state_dir);
    let state_dir =
        state_dir.with_context(|| format!("no state directory: set {} or HOME", discovery::STATE_DIR_VARIABLE))?;
    match local.command {
        Command::Serve(serve) if serve.detach => background::start(&state_dir),
        Command::Serve(serve) => Ok(run_engine(serve, state_dir)?),
        Command::Status { format } => print_status(&state_dir, format.chosen()),
        Command::Dashboard { key, no_open } => dashboard::run(&state_dir, key, no_open),
        Command::Stop => stop_engine(state_dir),
        Command::Setup { desktop } => prepare_snapshot(&state_dir, desktop),
        Command::Logs { follow } => background::print_log(&state_dir, follow),
        Command::Reset { yes } => {
            background::delete_all(&state_dir, yes)?;
            stop_engine(state_dir)
        }
        Command::Prune { dry_run, format } => background::prune(&state_dir, dry_run, format.chosen()),
        Command::Unit => background::print_unit(&state_dir),
    }
}

/// An empty variable counts as unset.
fn read_compat(text: &str) -> Result<Compat, String> {
    if text.is_empty() { Ok(Compat::default()) } else { text.parse() }
}

/// The same for a port.
fn read_port(text: &str) -> Result<u16, String> {
    if text.is_empty() { Ok(0) } else { text.parse().map_err(|_| "a port is a number from 0 to 65535".to_owned()) }
}

fn run_engine(serve: Serve, state_dir: PathBuf) -> Result<()> {
    let faults = match &serve.faults {
        Some(path) if !path.as_os_str().is_empty() => read_faults(path)?,
        _ => Vec::new(),
    };
    let replay = serve.replay.as_deref().map(Replay::read).transpose()?.map(Arc::new);
    daytona_engine::isolation::enter_own_namespace(serve.isolation)?;
    let own = serve.owner.map(|_| owned::Directory::new(&state_dir)).transpose()?;
    let state_dir = own.as_ref().map_or(state_dir, |own| own.path().to_owned());
    let options = ServeOptions {
        backend: Default::default(),
        host: serve.host,
        port: serve.port,
        state_dir,
        idle_timeout: Duration::from_secs(serve.idle_timeout),
        isolation: serve.isolation,
        compat: serve.compat,
        or_existing: serve.or_existing,
        ignore_clients: serve.ignore_clients,
        ssh_port: serve.ssh_port,
        allow_networks: serve.allow_network,
        warm_pool: serve.warm_pool,
        preview_warning: serve.preview_warning,
        rate_limits: serve.rate_limit,
        testing: serve.testing || !faults.is_empty(),
        faults,
        replay,
        owner: serve.owner,
        ready: own.is_some().then_some(owned::tell),
        oidc_issuer: serve.oidc_issuer.map(|url| Issuer {
            url,
            audience: serve.oidc_audience,
            client_id: serve.oidc_client_id,
        }),
        webhook_networks: serve.webhook_allow_network,
        audit_retention: Retention { days: serve.audit_days, mebibytes: serve.audit_mib },
    };
    let runtime = tokio::runtime::Runtime::new().context("starting the runtime")?;
    runtime.block_on(daytona_engine::serve(options))
}

fn read_faults(path: &Path) -> Result<Vec<faults::Rule>> {
    let text = std::fs::read(path).with_context(|| format!("reading the faults in {}", path.display()))?;
    faults::parse(&text).map_err(|error| anyhow::anyhow!("the faults in {} cannot be read: {error}", path.display()))
}

fn print_status(state_dir: &Path, format: Format) -> Done {
    let found = discovery::announced(state_dir).context("reading engine.json")?;
    let Some(discovery::Announced { engine, .. }) = found else {
        return Err(Failure::other(format!("no engine is running with the state directory {}", state_dir.display())));
    };
    let health = discovery::check_health(&engine)
        .with_context(|| format!("the engine (pid {}) does not answer at {}", engine.pid, engine.api_url))?;
    let status = json!({
        "pid": engine.pid, "version": engine.version, "apiUrl": engine.api_url, "isolation": engine.isolation,
        "compat": engine.compat, "limits": health["limits"],
    });
    Output::new(format).result(&status, || {
        let mut text = format!("running: pid {}, version {}\nAPI: {}\n", engine.pid, engine.version, engine.api_url);
        text.push_str(&format!("isolation: {}\ncompat: {}\n", engine.isolation, engine.compat));
        for note in health["limits"]["notEnforced"].as_array().into_iter().flatten() {
            text.push_str(&format!("note: {}\n", note.as_str().unwrap_or_default()));
        }
        text
    })
}

fn stop_engine(state_dir: PathBuf) -> Done {
    match stop(state_dir)? {
        true => say("stopped"),
        false => say("no engine is running"),
    }
}

/// A line of the result. Unlike `println!`, nobody reading it is no panic.
fn say(line: &str) -> Done {
    raw(format!("{line}\n").as_bytes())
}

/// Stops the engine and returns whether there was one.
fn stop(state_dir: PathBuf) -> Result<bool> {
    if !discovery::is_taken(&state_dir) {
        return Ok(false);
    }
    let deadline = Instant::now() + STOP_TIMEOUT;
    let mut asked = None;
    while discovery::is_taken(&state_dir) {
        // One that starts or ends right now is not announced.
        let announced = discovery::announced(&state_dir).context("reading engine.json")?;
        match (announced.map(|found| found.engine), asked) {
            (Some(engine), None) => {
                let pid =
                    i32::try_from(engine.pid).ok().filter(|pid| *pid > 0).context("engine.json has no process id")?;
                nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGTERM)
                    .context("asking the engine to stop")?;
                asked = Some(engine.pid);
            }
            // A client has started another one since.
            (Some(engine), Some(pid)) if engine.pid != pid => break,
            _ => {}
        }
        if Instant::now() > deadline {
            bail!("the engine in {} did not stop in {} s", state_dir.display(), STOP_TIMEOUT.as_secs());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(true)
}

fn prepare_snapshot(state_dir: &Path, desktop: bool) -> Done {
    let mut outcomes = vec![setup::run(state_dir, &mut |step| tell(step))?];
    if desktop {
        outcomes.push(setup::desktop::run(state_dir, &mut |step| tell(step))?);
    }
    let prepared = outcomes.contains(&setup::Outcome::Prepared);
    match (prepared, desktop) {
        (false, false) => say("nothing to do: the snapshot is ready"),
        (true, false) => say("the snapshot is ready"),
        (false, true) => say("nothing to do: the snapshots are ready"),
        (true, true) => say("the snapshots are ready"),
    }
}
