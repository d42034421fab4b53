//! `daytona session`.

use std::time::Duration;

use clap::{Args, Subcommand};
use daytona::model::{SessionExecuteRequest, WaitOptions};
use serde_json::json;

use crate::failure::{Done, Failure};
use crate::output::{Format, FormatArguments, Table, printable};
use crate::program::command_line;
use crate::remote::{Context, Remote, SandboxArgument};
use crate::stdin;

/// Commands about sessions.
#[derive(Debug, Subcommand)]
pub enum Session {
    /// List sessions with their commands
    #[command(visible_alias = "ls")]
    List {
        #[command(flatten)]
        sandbox: SandboxArgument,
        #[command(flatten)]
        format: FormatArguments,
    },
    /// Create a session
    Create(Named),
    /// Delete a session and end what runs in it
    #[command(visible_aliases = ["remove", "rm"])]
    Delete(Named),
    /// Run a command in a session, whose directory, variables and functions it shares
    Exec {
        #[command(flatten)]
        at: Named,
        /// Return at once, with the id of the command
        #[arg(long)]
        detach: bool,
        /// Seconds to wait; the command runs on afterwards; 0 = no limit
        #[arg(long, value_name = "SECONDS", default_value = "0", value_parser = crate::seconds::read)]
        timeout: Duration,
        /// The command
        #[arg(last = true, required = true, value_name = "COMMAND")]
        words: Vec<String>,
    },
    /// Send standard input to a command that was started with --detach
    Input {
        #[command(flatten)]
        at: Named,
        /// Id of the command
        #[arg(long)]
        command: String,
    },
}

/// A session of a sandbox.
#[derive(Debug, Args)]
pub struct Named {
    #[command(flatten)]
    sandbox: SandboxArgument,
    /// Id of the session
    #[arg(short, long)]
    session: String,
    #[command(flatten)]
    format: FormatArguments,
}

impl Remote for Session {
    fn format(&self) -> Format {
        match self {
            Self::List { format, .. } => format.chosen(),
            Self::Create(at) | Self::Delete(at) | Self::Exec { at, .. } | Self::Input { at, .. } => at.format.chosen(),
        }
    }

    fn runs_program(&self) -> bool {
        matches!(self, Self::Exec { .. })
    }

    async fn run(self, context: &mut Context) -> Done {
        match self {
            Self::List { sandbox, .. } => {
                let sessions = sandbox.get(&context.client).await?.process().list_sessions().await?;
                context.output.result(&sessions, || {
                    let mut table = Table::new(&["SESSION", "ID", "EXIT CODE", "COMMAND"]);
                    for session in &sessions {
                        if session.commands.is_empty() {
                            table.row([session.session_id.as_str(), "", "", ""]);
                        }
                        for command in &session.commands {
                            let code = command.exit_code.map(|code| code.to_string()).unwrap_or_default();
                            table.row([&session.session_id, &command.id, &code, &command.command]);
                        }
                    }
                    table.text()
                })
            }
            Self::Create(at) => {
                at.sandbox.get(&context.client).await?.process().create_session(&at.session).await?;
                context.output.result(&json!({ "sessionId": at.session }), String::new)
            }
            Self::Delete(at) => {
                at.sandbox.get(&context.client).await?.process().delete_session(&at.session).await?;
                context.output.result(&json!({ "sessionId": at.session }), String::new)
            }
            Self::Exec { at, detach, timeout, words } => {
                let process = at.sandbox.get(&context.client).await.map_err(Failure::not_run)?.process();
                let request = SessionExecuteRequest {
                    command: command_line(&words),
                    run_async: Some(detach),
                    ..Default::default()
                };
                let options = WaitOptions { timeout: Some(timeout) };
                let done = process
                    .execute_session_command(&at.session, request, options)
                    .await
                    .map_err(|error| Failure::from(error).not_run())?;
                if !context.output.is_for_programs() {
                    context.output.error_bytes(done.stderr.as_deref().unwrap_or_default().as_bytes())?;
                }
                context.output.result(&done, || match (&done.stdout, detach) {
                    (_, true) => format!("{}\n", printable(&done.cmd_id)),
                    (Some(stdout), false) => stdout.clone(),
                    (None, false) => done.output.clone().unwrap_or_default(),
                })?;
                match done.exit_code.unwrap_or_default() as u8 {
                    0 => Ok(()),
                    code => Err(Failure::Program(code)),
                }
            }
            Self::Input { at, command } => {
                let process = at.sandbox.get(&context.client).await?.process();
                let input =
                    String::from_utf8(stdin::all().await?).map_err(|_| Failure::usage("The input is not UTF-8."))?;
                process.send_session_command_input(&at.session, &command, &input).await?;
                context.output.result(&json!({ "commandId": command }), String::new)
            }
        }
    }
}
