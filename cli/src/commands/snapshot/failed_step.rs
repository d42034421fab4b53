//! `--shell-on-failure`: a terminal in the file system that the failed command of a build has left.

use std::io::IsTerminal as _;

use daytona::model::{CreateOptions, CreateSandboxParams, DeleteOptions, PtyCreateOptions, SnapshotState};
use daytona::{Error, Sandbox};

use crate::failure::{Done, Failure};
use crate::interrupt::Signals;
use crate::remote::Context;
use crate::terminal::{self, DetachKeys, End};

/// What a command ends with when it fails and has said so.
const FAILED: Failure = Failure::Program(1);

/// Opens a terminal in what the build of this snapshot has left, and returns how the command ends. Where nobody can type, says
/// how to open one.
pub async fn look(context: &Context, signals: &mut Signals, name: &str, error: Error) -> Failure {
    let step = match signals.or(context.client.snapshots().get(name)).await {
        Ok(Ok(found)) if found.state == SnapshotState::BuildFailed => found.failed_step,
        Ok(_) => None,
        Err(ended) => return ended,
    };
    let Some(step) = step else {
        context.output.note(
            "There is nothing to look at: only what a failed command (RUN) has left is kept, by the local engine.",
        );
        return error.into();
    };
    if context.output.is_for_programs() || !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
        return Failure::other(format!(
            "{error}\nWhat the command has left is kept for an hour: daytona create --snapshot {step}, then daytona pty SANDBOX"
        ));
    }
    context.output.note(format!("Error: {error}"));
    let parameters = CreateSandboxParams {
        snapshot: Some(step.clone()),
        // Should this program be killed, the sandbox goes by itself when it is idle.
        auto_delete_interval: Some(0),
        ..CreateSandboxParams::default()
    };
    let progress = context.output.progress("opening a shell");
    let made = signals.or(context.client.create_with(parameters, CreateOptions::default())).await;
    drop(progress);
    let sandbox = match made {
        Ok(Ok(sandbox)) => sandbox,
        Ok(Err(error)) => {
            context.output.note(format!("A sandbox cannot be made from {step}: {error}"));
            return FAILED;
        }
        Err(ended) => return ended,
    };
    context.output.note("This is what the command has left. `exit` returns, and deletes this sandbox.");
    let shown = shell(&sandbox).await;
    // A signal that has ended the terminal does not keep the sandbox from being deleted; another one does.
    let sandboxes = context.client.sandboxes();
    let deletion = sandboxes.delete(sandbox.id(), DeleteOptions::default());
    let deleted = match Signals::listen() {
        Ok(mut signals) => signals.or(deletion).await,
        Err(_) => Ok(deletion.await),
    };
    if !matches!(deleted, Ok(Ok(_))) {
        let name = &sandbox.info().name;
        context.output.note(format!(
            "The sandbox may be left behind: daytona delete {name}. Otherwise it goes by itself when it is idle."
        ));
    }
    match shown {
        Ok(End::Signalled(number)) => Failure::Signal(number),
        Ok(_) => FAILED,
        Err(failure) => {
            context.output.note(format!("No terminal: {}", failure.message().unwrap_or_default()));
            FAILED
        }
    }
}

/// A terminal of the sandbox on this one, until its shell ends.
async fn shell(sandbox: &Sandbox) -> Done<End> {
    let process = sandbox.process();
    let (rows, cols) = terminal::size();
    let options = PtyCreateOptions { rows: Some(rows), cols: Some(cols), ..Default::default() };
    let opened = process.create_pty("shell-on-failure", options).await?;
    terminal::attach(&process, opened, DetachKeys::none(), true).await
}
