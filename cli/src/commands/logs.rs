//! `daytona logs`.

use clap::Args;
use daytona::model::OutputOptions;
use daytona::stream::log_demux::LogChannel;
use daytona::stream::logs::LogStream;

use crate::failure::Done;
use crate::output::Format;
use crate::remote::{Context, Remote, SandboxArgument};

/// Print the log of a sandbox's entrypoint, of a command of a session, or of a process
#[derive(Debug, Args)]
pub struct Logs {
    #[command(flatten)]
    sandbox: SandboxArgument,
    /// Follow the log until it ends
    #[arg(short, long)]
    follow: bool,
    /// Session of a command
    #[arg(long, requires = "command")]
    session: Option<String>,
    /// Id of a command in the session
    #[arg(long, requires = "session")]
    command: Option<String>,
    /// Id of a process that was started with `spawn`
    #[arg(long, conflicts_with = "session")]
    process: Option<String>,
}

impl Remote for Logs {
    fn format(&self) -> Format {
        Format::Table
    }

    async fn run(self, context: &mut Context) -> Done {
        let process = self.sandbox.get(&context.client).await?.process();
        if let Some(id) = &self.process {
            let info = process.get_spawned(id).await?;
            let options = OutputOptions { channel: None, follow: Some(self.follow) };
            return print(context, process.stream_output(info, options).await?).await;
        }
        let logs = match (&self.session, &self.command, self.follow) {
            (Some(session), Some(command), true) => {
                return print(context, process.stream_session_command_logs(session, command).await?).await;
            }
            (Some(session), Some(command), false) => process.get_session_command_logs(session, command).await?,
            (_, _, true) => return print(context, process.stream_entrypoint_logs().await?).await,
            (_, _, false) => process.get_entrypoint_logs().await?,
        };
        match (logs.stdout, logs.stderr) {
            (None, None) => context.output.bytes(logs.output.unwrap_or_default().as_bytes()),
            (stdout, stderr) => {
                context.output.bytes(stdout.unwrap_or_default().as_bytes())?;
                context.output.error_bytes(stderr.unwrap_or_default().as_bytes())
            }
        }
    }
}

async fn print(context: &mut Context, mut stream: LogStream) -> Done {
    while let Some(chunk) = stream.next().await? {
        match chunk.channel {
            LogChannel::Stdout => context.output.bytes(&chunk.data)?,
            LogChannel::Stderr => context.output.error_bytes(&chunk.data)?,
        }
    }
    Ok(())
}
