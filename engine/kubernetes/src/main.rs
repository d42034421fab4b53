//! `daytona-kubernetes`: the engine whose sandboxes are pods of a cluster.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand};
use daytona_engine::{BackendChoice, ServeOptions};
use daytona_kubernetes::settings::{ControlPlane, Toolbox};
use daytona_kubernetes::{Cluster, Kubernetes, Runner, Settings, preflight};
use tokio::net::TcpListener;

/// Serves Daytona's API with sandboxes that are pods of a Kubernetes cluster.
#[derive(Parser)]
#[command(name = "daytona-kubernetes", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Says what is wrong with the configuration and the cluster, without making anything.
    Check {
        #[command(flatten)]
        sandboxes: Sandboxes,
    },
    /// Serves the API. One process alone in the namespace: sandboxes end with it, and start again from their homes. Those of one
    /// that was killed end when the next one starts.
    Serve {
        #[command(flatten)]
        sandboxes: Sandboxes,
        /// Where records are kept.
        #[arg(long, env = "DAYTONA_STATE_DIR")]
        state_dir: PathBuf,
        /// The address to serve the API at.
        #[arg(long, default_value = "127.0.0.1")]
        host: IpAddr,
        /// The port to serve the API at; 0 is any free one.
        #[arg(long, default_value_t = 3986)]
        port: u16,
        /// The address at which pods reach this process: in a pod, its own address.
        #[arg(long, env = "POD_IP")]
        home_address: IpAddr,
    },
}

/// How sandboxes are placed.
#[derive(Args)]
struct Sandboxes {
    /// The namespace of the sandboxes.
    #[arg(long, default_value = "daytona-sandboxes")]
    namespace: String,
    /// The image of sandboxes.
    #[arg(long)]
    image: String,
    /// An image with the toolbox, mounted into pods; without it, the image of sandboxes has to have it.
    #[arg(long, conflicts_with = "toolbox_init")]
    toolbox_volume: Option<String>,
    /// An image with the toolbox, which copies itself into pods, for clusters that mount no images.
    #[arg(long)]
    toolbox_init: Option<String>,
    /// The runtime class of pods.
    #[arg(long)]
    runtime_class: Option<String>,
    /// The storage class of homes; without one, sandboxes that stop lose their files.
    #[arg(long)]
    storage_class: Option<String>,
    /// A label of the nodes that run sandboxes, as NAME=VALUE; may be repeated.
    #[arg(long, value_parser = pair)]
    node_label: Vec<(String, String)>,
    /// A secret with which images are pulled; may be repeated.
    #[arg(long)]
    pull_secret: Vec<String>,
    /// Networks that this process connects to pods from, such as 10.0.3.7/32; may be repeated.
    #[arg(long, required = true)]
    control_plane_network: Vec<String>,
    /// The cluster's network plugin enforces network policies. Without this, `GET /health` says that networks are unrestricted.
    #[arg(long)]
    policies_enforced: bool,
    /// The port at which toolboxes call this process.
    #[arg(long, default_value_t = 7443)]
    home_port: u16,
}

fn pair(text: &str) -> Result<(String, String), String> {
    text.split_once('=')
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .ok_or_else(|| format!("\"{text}\" is not a label: expected NAME=VALUE"))
}

impl Sandboxes {
    fn settings(self) -> Settings {
        let toolbox = match (self.toolbox_volume, self.toolbox_init) {
            (Some(image), _) => Toolbox::Volume(image),
            (None, Some(image)) => Toolbox::Init(image),
            (None, None) => Toolbox::Baked,
        };
        Settings {
            toolbox,
            runtime_class: self.runtime_class,
            storage_class: self.storage_class,
            node_selector: self.node_label.into_iter().collect::<BTreeMap<_, _>>(),
            pull_secrets: self.pull_secret,
            home_port: self.home_port,
            policies_enforced: self.policies_enforced,
            ..Settings::new(self.namespace, self.image, ControlPlane::Networks(self.control_plane_network))
        }
    }
}

/// The cluster, once nothing is wrong with it.
async fn checked(settings: Settings) -> Result<Cluster> {
    let config = kube::Config::infer().await.context("finding the cluster: neither in a pod nor a kubeconfig")?;
    let cluster = Cluster::new(config, settings)?;
    preflight::check(&cluster).await.map_err(|wrong| anyhow::anyhow!(wrong.join("\n")))?;
    Ok(cluster)
}

async fn run(command: Command) -> Result<()> {
    match command {
        Command::Check { sandboxes } => {
            checked(sandboxes.settings()).await?;
            println!("Nothing is wrong");
            Ok(())
        }
        Command::Serve { sandboxes, state_dir, host, port, home_address } => {
            let home_port = sandboxes.home_port;
            let cluster = checked(sandboxes.settings()).await?;
            let listener = TcpListener::bind((home_address, home_port))
                .await
                .with_context(|| format!("listening for toolboxes at {home_address}, port {home_port}"))?;
            let runner = Runner::new(cluster, listener, SocketAddr::new(home_address, home_port)).await?;
            daytona_engine::serve(ServeOptions {
                host,
                port,
                state_dir,
                idle_timeout: Duration::ZERO,
                isolation: Default::default(),
                compat: Default::default(),
                or_existing: false,
                ignore_clients: false,
                ssh_port: 0,
                allow_networks: Vec::new(),
                warm_pool: 0,
                preview_warning: false,
                rate_limits: Vec::new(),
                testing: false,
                faults: Vec::new(),
                replay: None,
                owner: None,
                ready: None,
                oidc_issuer: None,
                webhook_networks: Vec::new(),
                audit_retention: Default::default(),
                backend: BackendChoice::Given(Arc::new(Kubernetes::new(runner))),
            })
            .await
        }
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "warn".into());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let outcome =
        tokio::runtime::Runtime::new().map_err(Into::into).and_then(|runtime| runtime.block_on(run(arguments.command)));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
