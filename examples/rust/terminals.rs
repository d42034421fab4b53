//! Terminals: a shell as a person uses it, driven by a program.
//!
//! ```text
//! DAYTONA_API_URL=local cargo run -p daytona --example terminals
//! ```

use std::error::Error;
use std::io::Write;

use daytona::model::PtyCreateOptions;
use daytona::{Client, Config, Sandbox};

type Outcome = Result<(), Box<dyn Error>>;

async fn create(sandbox: &Sandbox) -> Outcome {
    // region: create
    let size = PtyCreateOptions { rows: Some(30), cols: Some(100), ..Default::default() };
    let mut terminal = sandbox.process().create_pty("work", size).await?;
    terminal.write("stty size; exit 7\n").await?;
    while let Some(data) = terminal.next().await? {
        std::io::stdout().write_all(&data)?;
    }
    println!("exit code {:?}", terminal.wait().await?.exit_code);
    // endregion
    Ok(())
}

async fn resize_kill(sandbox: &Sandbox) -> Outcome {
    // region: resize-kill
    let terminal = sandbox.process().create_pty("second", PtyCreateOptions::default()).await?;
    sandbox.process().resize_pty_session("second", 40, 120).await?;
    terminal.disconnect().await; // Its session goes on.

    sandbox.process().connect_pty("second").await?;
    sandbox.process().kill_pty_session("second").await?;
    // endregion
    println!("left: {:?}", sandbox.process().list_pty_sessions().await?);
    Ok(())
}

async fn tour(sandbox: &Sandbox) -> Outcome {
    create(sandbox).await?;
    resize_kill(sandbox).await
}

#[tokio::main]
async fn main() -> Outcome {
    let daytona = Client::new(Config::default())?;
    let sandbox = daytona.create(Default::default()).await?;
    let toured = tour(&sandbox).await;
    sandbox.delete().await?; // Also after a failure.
    toured
}
