//! A command that talks to Daytona.

use std::process::ExitCode;

use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use daytona::{Client, Sandbox};

use crate::failure::{Done, Failure};
use crate::output::{Format, Output};
use crate::profile::{self, Chosen};
use crate::{completion, interrupt, oidc};

/// What the command is run with.
pub struct Context {
    /// The client of the chosen profile.
    pub client: Client,
    /// Where the result goes.
    pub output: Output,
}

/// A command that talks to Daytona.
pub trait Remote: Sized {
    /// Whether an interrupt drops the command's work. Otherwise the command listens for it.
    const CANCEL_ON_INTERRUPT: bool = true;

    /// How the result, and an error, are printed.
    fn format(&self) -> Format;

    /// Whether the exit code is that of a program which it runs: then failures before that must not look like the program's.
    fn runs_program(&self) -> bool {
        false
    }

    /// Runs it.
    async fn run(self, context: &mut Context) -> Done;
}

/// Runs a command from its start to the program's exit code.
pub fn execute(command: impl Remote, chosen_profile: Option<&str>) -> ExitCode {
    let format = command.format();
    match attempt(command, format, chosen_profile) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(format),
    }
}

fn attempt<C: Remote>(command: C, format: Format, chosen_profile: Option<&str>) -> Done {
    let runs_program = command.runs_program();
    let failed = |failure: Failure| if runs_program { failure.not_run() } else { failure };
    let (mut context, chosen) = prepare(format, chosen_profile).map_err(failed)?;
    let client = context.client.clone();
    let work = async {
        command.run(&mut context).await?;
        context.output.finish()
    };
    let work = async {
        match chosen {
            Some(Chosen { name, profile, .. }) if profile.login.is_some() => {
                oidc::replace_refused(&name, &client);
                tokio::select! {
                    done = work => done,
                    never = oidc::keep_fresh(&name, profile, &client) => match never {},
                }
            }
            _ => work.await,
        }
    };
    interrupt::run(work, C::CANCEL_ON_INTERRUPT)
}

/// The client of the chosen profile, with tokens that count.
fn prepare(format: Format, chosen_profile: Option<&str>) -> Done<(Context, Option<Chosen>)> {
    let mut chosen = profile::chosen(chosen_profile)?;
    if let Some(Chosen { name, profile, .. }) = &mut chosen
        && oidc::is_due(profile)
    {
        *profile = interrupt::run(oidc::fresh(name, std::mem::take(profile)), true)?;
    }
    let context = Context { client: profile::connect(chosen.as_ref())?, output: Output::new(format) };
    Ok((context, chosen))
}

/// The sandbox a command is about.
#[derive(Debug, Clone, Args)]
pub struct SandboxArgument {
    /// Id or name of the sandbox [default: the sandbox in use]
    #[arg(value_name = "SANDBOX", add = ArgValueCompleter::new(completion::sandboxes))]
    sandbox: Option<String>,
}

impl SandboxArgument {
    /// Its id or name.
    ///
    /// # Errors
    /// Without a name, when no sandbox is in use.
    pub fn name(&self) -> Done<String> {
        profile::sandbox(self.sandbox.as_deref())
    }

    /// The sandbox itself.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    pub async fn get(&self, client: &Client) -> Done<Sandbox> {
        Ok(client.get(&self.name()?).await?)
    }
}
