//! Access to a sandbox by SSH.
//!
//! ```text
//! DAYTONA_API_URL=local cargo run -p daytona --example ssh
//! ```

use std::error::Error;

use daytona::{Client, Config, Sandbox};

type Outcome = Result<(), Box<dyn Error>>;

async fn access(sandbox: &Sandbox) -> Outcome {
    // region: access
    let access = sandbox.create_ssh_access(Some(30)).await?;
    println!("{}", access.ssh_command); // ssh -p 34571 f38kj4…@127.0.0.1
    // endregion
    Ok(())
}

async fn revoke(sandbox: &Sandbox) -> Outcome {
    let access = sandbox.create_ssh_access(None).await?;
    // region: revoke
    println!("{}", sandbox.validate_ssh_access(&access.token).await?.valid);
    sandbox.revoke_ssh_access(Some(access.token.clone())).await?; // With `None`: whatever access there is.
    // endregion
    println!("{}", sandbox.validate_ssh_access(&access.token).await?.valid);
    Ok(())
}

async fn tour(sandbox: &Sandbox) -> Outcome {
    access(sandbox).await?;
    revoke(sandbox).await
}

#[tokio::main]
async fn main() -> Outcome {
    let daytona = Client::new(Config::default())?;
    let sandbox = daytona.create(Default::default()).await?;
    let toured = tour(&sandbox).await;
    sandbox.delete().await?; // Also after a failure.
    toured
}
