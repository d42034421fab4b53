//! `daytona mcp`.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, Subcommand};
use serde_json::json;

use crate::failure::{Done, Failure};
use crate::interrupt::Signals;
use crate::mcp::agents::{self, AGENTS};
use crate::mcp::tools::Selection;
use crate::mcp::{HttpOptions, Server, ServerOptions, serve_http, serve_stdio};
use crate::output::{Format, Output, raw};
use crate::profile;
use crate::remote::{Context, Remote};

/// The token of a server over HTTP.
const TOKEN: &str = "DAYTONA_MCP_TOKEN";

/// Commands about the MCP server.
#[derive(Debug, Subcommand)]
pub enum Mcp {
    /// Put the server into an agent's configuration file, keeping what is there
    Init(ForAgent),
    /// Print the configuration of the server for an agent
    Config(ForAgent),
    /// Serve agents on standard input and output, or over HTTP
    Start(Start),
}

/// An agent.
#[derive(Debug, Args)]
pub struct ForAgent {
    /// claude, cursor, windsurf, claude-code, gemini or vscode
    #[arg(value_name = "AGENT_NAME", value_parser = AGENTS.iter().map(|agent| agent.name).collect::<Vec<_>>(), hide_possible_values = true)]
    agent: Option<String>,
}

/// Serve agents on standard input and output, or over HTTP
#[derive(Debug, Args)]
pub struct Start {
    /// Serve over HTTP, where every call names its sandbox
    #[arg(long)]
    http: bool,
    /// Address to listen on with --http
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST), requires = "http")]
    host: IpAddr,
    /// Port to listen on with --http, 0 for any
    #[arg(long, default_value_t = 8765, requires = "http")]
    port: u16,
    /// Host name that clients may use with --http, besides localhost; may be given several times
    #[arg(long, value_name = "NAME", requires = "http")]
    allow_host: Vec<String>,
    /// Sets of tools, or tools, comma-separated: default, all, sandboxes, git, code, search, processes, computer, directories
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    tools: Vec<String>,
    /// Offer only tools that change nothing; calls without id are about --sandbox, else the sandbox in use
    #[arg(long)]
    read_only: bool,
    /// Directory of this machine that agents may copy to sandboxes and from them
    #[arg(long, value_name = "DIRECTORY", conflicts_with = "http")]
    share: Option<PathBuf>,
    /// Sandbox for calls without id, instead of a new one
    #[arg(long, value_name = "SANDBOX")]
    sandbox: Option<String>,
    /// Keep the sandboxes that were created when the agent disconnects
    #[arg(long)]
    keep: bool,
}

impl Mcp {
    /// Runs `init` and `config`; `start` talks to Daytona and is run as other such commands are.
    ///
    /// # Errors
    /// When the agent is not known, or its file cannot be changed.
    pub fn run(self, profile: Option<&str>) -> Result<Done, Start> {
        match self {
            Self::Init(ForAgent { agent }) => Ok(init(agent.as_deref(), profile)),
            Self::Config(ForAgent { agent }) => Ok(config(agent.as_deref(), profile)),
            Self::Start(start) => Err(start),
        }
    }
}

fn init(name: Option<&str>, profile: Option<&str>) -> Done {
    let known = || AGENTS.iter().map(|agent| agent.name).collect::<Vec<_>>().join(", ");
    let name = name.ok_or_else(|| Failure::usage(format!("Name an agent: {}.", known())))?;
    let path = agents::install(agents::agent(name)?, &agents::entry(profile)?)?;
    Output::new(Format::Table).bytes(format!("{}\n", path.display()).as_bytes())
}

fn config(name: Option<&str>, profile: Option<&str>) -> Done {
    let agent = agents::agent(name.unwrap_or(AGENTS[0].name))?;
    let shown = agents::configuration(agent, &agents::entry(profile)?);
    Output::new(Format::Json).result(&shown, String::new)
}

impl Remote for Start {
    const CANCEL_ON_INTERRUPT: bool = false;

    fn format(&self) -> Format {
        Format::Table
    }

    async fn run(self, context: &mut Context) -> Done {
        let selection = Selection::new(&self.tools, self.read_only, self.share.is_some())
            .map_err(|error| Failure::usage(format!("--tools: {error}")))?;
        if let Some(directory) = self.share.as_ref().filter(|directory| !directory.is_dir()) {
            return Err(Failure::usage(format!("--share: {} is not a directory", directory.display())));
        }
        // A server that only reads makes none; the one in use is what people look at.
        let sandbox = match self.sandbox {
            None if self.read_only => profile::sandbox(None).ok(),
            given => given,
        };
        let options =
            ServerOptions { selection, sandbox, is_conversation: !self.http, keep: self.keep, directory: self.share };
        let server = Arc::new(Server::new(context.client.clone(), options));
        let mut signals = Signals::listen()?;
        let stop = async move { signals.next().await };
        if !self.http {
            let done = serve_stdio(server.clone(), stop).await;
            // Asked once more, it does not wait for what it deletes.
            let mut signals = Signals::listen()?;
            return tokio::select! {
                () = server.end() => done,
                number = signals.next() => Err(Failure::Signal(number)),
            };
        }
        let given = std::env::var(TOKEN).ok().filter(|token| !token.is_empty());
        let is_new = given.is_none();
        let token = given.unwrap_or_else(|| uuid::Uuid::new_v4().simple().to_string());
        let announced = token.clone();
        let http = HttpOptions { host: self.host, port: self.port, token, allowed_hosts: self.allow_host };
        let announce = move |url: &str| {
            let mut told = json!({ "url": url });
            if is_new {
                told["headers"] = json!({ "Authorization": format!("Bearer {announced}") });
            }
            raw(format!("{told}\n").as_bytes())
        };
        serve_http(server, http, announce, stop).await
    }
}
