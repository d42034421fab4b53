//! The tree of commands, and which code runs for each.

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{ArgAction, Parser, Subcommand};
use clap_complete::engine::ArgValueCompleter;
use serde_json::json;

use crate::commands::{
    api, archive, autocomplete, bench, code, cp, create, delete, docs, exec, fork, forward, fs, generate_docs, git,
    info, list, local, login, logout, logs, network, organization, pause, preview_url, pty, resize, run, session,
    snapshot, ssh, start, stop, sync, top, use_sandbox, version, volume,
};
use crate::completion;
use crate::failure::Done;
use crate::output::{Format, unwritable};
use crate::remote::execute;

/// Daytona: isolated sandboxes for agents and developers, in the cloud or on this machine
#[derive(Debug, Parser)]
#[command(name = "daytona", version, disable_version_flag = true, max_term_width = 100)]
pub struct Cli {
    /// Profile to use instead of the active one
    #[arg(long, global = true, value_name = "NAME", env = completion::PROFILE_VARIABLE, hide_env = true,
        add = ArgValueCompleter::new(completion::profiles))]
    profile: Option<String>,
    /// Print the version
    #[arg(short, long, action = ArgAction::Version)]
    version: (),
    #[command(subcommand)]
    command: Command,
}

/// Commands about sandboxes: at the top, and once more below `sandbox`.
#[derive(Debug, Subcommand)]
#[expect(clippy::large_enum_variant, reason = "there is one of it, once")]
enum SandboxCommand {
    #[command(visible_aliases = ["add", "new"])]
    Create(create::Create),
    #[command(visible_alias = "ls")]
    List(list::List),
    #[command(visible_aliases = ["view", "inspect"])]
    Info(info::Info),
    #[command(visible_alias = "resume")]
    Start(start::Start),
    Stop(stop::Stop),
    Pause(pause::Pause),
    Resize(resize::Resize),
    Fork(fork::Fork),
    Archive(archive::Archive),
    #[command(visible_aliases = ["remove", "rm"])]
    Delete(delete::Delete),
    Exec(exec::Exec),
    Ssh(ssh::Ssh),
    PreviewUrl(preview_url::PreviewUrl),
}

#[derive(Debug, Subcommand)]
enum Command {
    #[command(flatten)]
    Sandboxes(SandboxCommand),
    /// Commands about sandboxes, by their older names
    #[command(hide = true, visible_alias = "sandboxes")]
    Sandbox {
        #[command(subcommand)]
        command: SandboxCommand,
    },
    Run(run::Run),
    Code(code::Code),
    Cp(cp::Cp),
    Sync(sync::Sync),
    /// Look at and change files in a sandbox
    Fs {
        #[command(subcommand)]
        command: fs::Fs,
    },
    /// Work with git repositories in a sandbox
    Git {
        #[command(subcommand)]
        command: git::Git,
    },
    /// Run commands one after the other in a shell that keeps its state
    Session {
        #[command(subcommand)]
        command: session::Session,
    },
    /// Create, list and delete snapshots
    #[command(visible_alias = "snapshots")]
    Snapshot {
        #[command(subcommand)]
        command: snapshot::Snapshot,
    },
    Logs(logs::Logs),
    Pty(pty::Pty),
    Attach(pty::Attach),
    Forward(forward::Forward),
    /// See what a sandbox does on the network
    Network {
        #[command(subcommand)]
        command: network::Network,
    },
    /// Manage organizations, and choose the one that commands use
    #[command(visible_aliases = ["organizations", "org", "orgs"])]
    Organization {
        #[command(subcommand)]
        command: organization::Organization,
    },
    /// Create, look at and delete volumes, which sandboxes share
    #[command(visible_alias = "volumes")]
    Volume {
        #[command(subcommand)]
        command: volume::Volume,
    },
    Api(api::Api),
    Top(top::Top),
    Bench(bench::Bench),
    Use(use_sandbox::Use),
    /// Give agents sandboxes, over the Model Context Protocol
    #[cfg(feature = "mcp")]
    Mcp {
        #[command(subcommand)]
        command: crate::commands::mcp::Mcp,
    },
    /// Run sandboxes on this machine: no account, no containers
    Local(local::Local),
    Login(login::Login),
    Logout(logout::Logout),
    #[command(name = "profile")]
    Switch(login::Switch),
    Autocomplete(autocomplete::Autocomplete),
    #[command(visible_aliases = ["documentation", "doc"])]
    Docs(docs::Docs),
    Version(version::Version),
    #[command(hide = true)]
    GenerateDocs(generate_docs::GenerateDocs),
}

/// Runs the command that this program was called with.
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(refusal) => return refuse(&refusal),
    };
    let profile = cli.profile.as_deref().filter(|name| !name.is_empty());
    match cli.command {
        Command::Sandboxes(command) | Command::Sandbox { command } => command.execute(profile),
        Command::Run(command) => execute(command, profile),
        Command::Code(command) => execute(command, profile),
        Command::Cp(command) => execute(command, profile),
        Command::Sync(command) => execute(command, profile),
        Command::Fs { command } => execute(command, profile),
        Command::Git { command } => execute(command, profile),
        Command::Session { command } => execute(command, profile),
        Command::Snapshot { command } => execute(command, profile),
        Command::Logs(command) => execute(command, profile),
        Command::Pty(command) => execute(command, profile),
        Command::Attach(command) => execute(command, profile),
        Command::Forward(command) => execute(command, profile),
        Command::Network { command } => execute(command, profile),
        Command::Organization { command } => execute(command, profile),
        Command::Volume { command } => execute(command, profile),
        Command::Api(command) => execute(command, profile),
        Command::Top(command) => execute(command, profile),
        Command::Bench(command) => execute(command, profile),
        Command::Use(command) => execute(command, profile),
        #[cfg(feature = "mcp")]
        Command::Mcp { command } => match command.run(profile) {
            Ok(done) => ended(done, Format::Table),
            Err(start) => execute(start, profile),
        },
        Command::Local(command) => {
            let format = command.format();
            ended(local::run(command), format)
        }
        Command::Login(command) => {
            let format = command.format.chosen();
            ended(command.run(profile), format)
        }
        Command::Logout(command) => {
            let format = command.format.chosen();
            ended(command.run(profile), format)
        }
        Command::Switch(command) => {
            let format = command.format.chosen();
            ended(command.run(), format)
        }
        Command::Autocomplete(command) => ended(command.run(), Format::Table),
        Command::Docs(command) => ended(command.run(), Format::Table),
        Command::Version(command) => {
            let format = command.format.chosen();
            ended(command.run(), format)
        }
        Command::GenerateDocs(command) => ended(command.run(), Format::Table),
    }
}

impl SandboxCommand {
    fn execute(self, profile: Option<&str>) -> ExitCode {
        match self {
            Self::Create(command) => execute(command, profile),
            Self::List(command) => execute(command, profile),
            Self::Info(command) => execute(command, profile),
            Self::Start(command) => execute(command, profile),
            Self::Stop(command) => execute(command, profile),
            Self::Pause(command) => execute(command, profile),
            Self::Resize(command) => execute(command, profile),
            Self::Fork(command) => execute(command, profile),
            Self::Archive(command) => execute(command, profile),
            Self::Delete(command) => execute(command, profile),
            Self::Exec(command) => execute(command, profile),
            Self::Ssh(command) => execute(command, profile),
            Self::PreviewUrl(command) => execute(command, profile),
        }
    }
}

fn ended(done: Done, format: Format) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(format),
    }
}

/// Help, the version, or what is wrong with the command line: as data, where data was asked for.
fn refuse(refusal: &clap::Error) -> ExitCode {
    let wants_data = asks_for_data(std::env::args_os());
    let is_error = !matches!(refusal.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    if is_error && wants_data {
        let text = refusal.render().to_string();
        let message = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
        let error = json!({ "kind": "InvalidArgument", "message": message, "retryable": false, "exitCode": 2 });
        let _ = writeln!(std::io::stderr(), "{}", json!({ "error": error }));
    } else {
        let printed = refusal.print();
        if let (false, Err(error)) = (is_error, printed) {
            return unwritable(error).report(Format::Table);
        }
    }
    ExitCode::from(refusal.exit_code() as u8)
}

/// Whether a command line that cannot be read asks for data all the same.
fn asks_for_data(arguments: impl Iterator<Item = OsString>) -> bool {
    let mut arguments = arguments.take_while(|argument| argument != "--").peekable();
    while let Some(argument) = arguments.next() {
        let next_is =
            |words: &[&str], next: Option<&OsString>| next.is_some_and(|next| words.iter().any(|w| next == w));
        if argument == "--json"
            || argument == "--format=json"
            || argument == "--format=yaml"
            || ((argument == "--format" || argument == "-f") && next_is(&["json", "yaml"], arguments.peek()))
        {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_can_be_asked_for_in_every_spelling() {
        let asks = |line: &str| asks_for_data(line.split(' ').map(OsString::from));
        for line in
            ["daytona list --json x", "daytona list --format json", "daytona x --format=yaml", "daytona list -f json"]
        {
            assert!(asks(line), "{line}");
        }
        for line in ["daytona list", "daytona exec box -- x --json", "daytona delete -f", "daytona cp json"] {
            assert!(!asks(line), "{line}");
        }
    }
}
