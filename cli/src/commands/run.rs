//! `daytona run`.

use std::io::IsTerminal as _;
use std::time::Duration;

use clap::Args;
use daytona::model::{CreateOptions, DeleteOptions};

use super::create::Settings;
use crate::failure::{Done, Failure};
use crate::interrupt::Signals;
use crate::output::{Format, FormatArguments};
use crate::program::{Program, command_line};
use crate::remote::{Context, Remote};

/// Run a program in a new sandbox, and delete that afterwards
#[derive(Debug, Args)]
pub struct Run {
    /// The program and its arguments, which reach it exactly as they are; a single word is a command line for the shell
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "COMMAND")]
    words: Vec<String>,
    #[command(flatten)]
    settings: Settings,
    /// Working directory [default: the sandbox's]
    #[arg(long, value_name = "DIRECTORY")]
    cwd: Option<String>,
    /// Seconds after which the program is killed; 0 = no limit
    #[arg(long, value_name = "SECONDS", default_value = "0", value_parser = crate::seconds::read)]
    timeout: Duration,
    /// Keep the sandbox
    #[arg(long)]
    keep: bool,
    #[command(flatten)]
    format: FormatArguments,
}

impl Remote for Run {
    const CANCEL_ON_INTERRUPT: bool = false;

    fn format(&self) -> Format {
        self.format.chosen()
    }

    fn runs_program(&self) -> bool {
        true
    }

    async fn run(self, context: &mut Context) -> Done {
        let mut parameters = self.settings.parameters()?;
        if !self.keep {
            // Should this program be killed, the sandbox goes by itself when it is idle.
            parameters.auto_delete_interval = Some(0);
        }
        let mut signals = Signals::listen()?;
        let progress = context.output.progress("creating");
        let sandbox = tokio::select! {
            made = context.client.create_with(parameters, CreateOptions::default()) => {
                made.map_err(|error| Failure::from(error).not_run())?
            }
            // Given up, the sandbox is deleted before the program ends.
            number = signals.next() => return Err(Failure::Signal(number)),
        };
        drop((progress, signals));
        let program = Program {
            command: command_line(&self.words),
            cwd: self.cwd,
            timeout: self.timeout,
            stdin: !std::io::stdin().is_terminal(),
            ..Program::default()
        };
        let done = program.run(&sandbox.process(), &mut context.output).await;
        if self.keep {
            context.output.note(format!("The sandbox is kept: {}", sandbox.info().name));
            return done;
        }
        let mut signals = Signals::listen()?;
        let sandboxes = context.client.sandboxes();
        let deleted = tokio::select! {
            deleted = sandboxes.delete(sandbox.id(), DeleteOptions::default()) => deleted,
            number = signals.next() => {
                let name = &sandbox.info().name;
                context.output.note(format!(
                    "The sandbox may be left behind: daytona delete {name}. Otherwise it goes by itself when it is idle."
                ));
                return Err(Failure::Signal(number));
            }
        };
        match (done, deleted) {
            (Ok(()), Err(error)) if !error.is_not_found() => Err(Failure::from(error).not_run()),
            (done, _) => done,
        }
    }
}
