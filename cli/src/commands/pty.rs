//! `daytona pty` and `daytona attach`.

use clap::Args;
use daytona::model::PtyCreateOptions;
use serde_json::json;

use crate::failure::{Done, Failure};
use crate::output::{Format, FormatArguments, Table};
use crate::profile;
use crate::remote::{Context, Remote, SandboxArgument};
use crate::terminal::{self, DetachKeys, End};

/// Open a terminal in a sandbox on this terminal
#[derive(Debug, Args)]
pub struct Pty {
    #[command(flatten)]
    sandbox: SandboxArgument,
    /// Id of the new terminal session [default: a random one]
    #[arg(long)]
    session: Option<String>,
    /// Working directory [default: the sandbox's]
    #[arg(long, value_name = "DIRECTORY")]
    cwd: Option<String>,
    /// Keys that leave the terminal running and return here
    #[arg(long, value_name = "KEYS", default_value = "ctrl-p,ctrl-q")]
    detach_keys: DetachKeys,
    /// List the terminal sessions of the sandbox instead
    #[arg(long, conflicts_with_all = ["session", "cwd"])]
    list: bool,
    /// Kill this terminal session instead
    #[arg(long, value_name = "SESSION", conflicts_with_all = ["session", "cwd", "list"])]
    kill: Option<String>,
    #[command(flatten)]
    format: FormatArguments,
}

/// Return to a terminal session of a sandbox
#[derive(Debug, Args)]
#[command(override_usage = "daytona attach [OPTIONS] [SANDBOX] SESSION")]
pub struct Attach {
    /// Id or name of the sandbox [default: the sandbox in use], and id of the terminal session
    #[arg(value_names = ["SANDBOX", "SESSION"], num_args = 1..=2, required = true)]
    names: Vec<String>,
    /// Keys that leave the terminal running and return here
    #[arg(long, value_name = "KEYS", default_value = "ctrl-p,ctrl-q")]
    detach_keys: DetachKeys,
}

impl Remote for Pty {
    const CANCEL_ON_INTERRUPT: bool = false;

    fn format(&self) -> Format {
        self.format.chosen()
    }

    fn runs_program(&self) -> bool {
        true
    }

    async fn run(self, context: &mut Context) -> Done {
        let sandbox = self.sandbox.get(&context.client).await.map_err(Failure::not_run)?;
        let process = sandbox.process();
        if self.list {
            let sessions = process.list_pty_sessions().await?;
            return context.output.result(&sessions, || {
                let mut table = Table::new(&["SESSION", "ACTIVE", "SIZE", "DIRECTORY"]);
                for session in &sessions {
                    let active = if session.active { "yes" } else { "no" };
                    table.row([&session.id, active, &format!("{}x{}", session.cols, session.rows), &session.cwd]);
                }
                table.text()
            });
        }
        if let Some(session) = &self.kill {
            process.kill_pty_session(session).await?;
            return context.output.result(&json!({ "sessionId": session }), String::new);
        }
        let session = self.session.unwrap_or_else(|| format!("cli-{}", uuid::Uuid::new_v4().simple()));
        let (rows, cols) = terminal::size();
        let options = PtyCreateOptions { cwd: self.cwd, rows: Some(rows), cols: Some(cols), ..Default::default() };
        let opened = process.create_pty(&session, options).await.map_err(|error| Failure::from(error).not_run())?;
        let end = terminal::attach(&process, opened, self.detach_keys, true).await.map_err(Failure::not_run)?;
        ended(context, &sandbox.info().name, &session, end)
    }
}

impl Remote for Attach {
    const CANCEL_ON_INTERRUPT: bool = false;

    fn format(&self) -> Format {
        Format::Table
    }

    fn runs_program(&self) -> bool {
        true
    }

    async fn run(mut self, context: &mut Context) -> Done {
        let session = self.names.pop().unwrap_or_default();
        let name = profile::sandbox(self.names.first().map(String::as_str))?;
        let sandbox = context.client.get(&name).await.map_err(|error| Failure::from(error).not_run())?;
        let process = sandbox.process();
        let opened = process.connect_pty(&session).await.map_err(|error| Failure::from(error).not_run())?;
        let (rows, cols) = terminal::size();
        // A full-screen program draws itself anew for it.
        process.resize_pty_session(&session, rows, cols).await.map_err(|error| Failure::from(error).not_run())?;
        let end = terminal::attach(&process, opened, self.detach_keys, false).await.map_err(Failure::not_run)?;
        ended(context, &name, &session, end)
    }
}

fn ended(context: &Context, sandbox: &str, session: &str, end: End) -> Done {
    match end {
        End::Exited(0) => Ok(()),
        End::Exited(code) => Err(Failure::Program(code)),
        End::Detached => {
            context.output.note(format!("It goes on: daytona attach {sandbox} {session}"));
            Ok(())
        }
        End::Signalled(number) => Err(Failure::Signal(number)),
    }
}
