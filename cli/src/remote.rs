//! A command that talks to Daytona.

use std::process::ExitCode;

use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use daytona::{Client, Sandbox};

use crate::failure::Done;
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
    let mut chosen = profile::chosen(chosen_profile)?;
    if let Some(Chosen { name, profile, .. }) = &mut chosen
        && profile.login.is_some()
    {
        *profile = interrupt::run(oidc::fresh(name, std::mem::take(profile)), true)?;
    }
    let mut context = Context { client: profile::connect(chosen.as_ref())?, output: Output::new(format) };
    let client = context.client.clone();
    let work = async {
        command.run(&mut context).await?;
        context.output.finish()
    };
    let work = async {
        match chosen {
            Some(Chosen { name, profile, .. }) if profile.login.is_some() => tokio::select! {
                done = work => done,
                never = oidc::keep_fresh(&name, profile, &client) => match never {},
            },
            _ => work.await,
        }
    };
    interrupt::run(work, C::CANCEL_ON_INTERRUPT)
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
