//! The first program: a sandbox, a command, its output.
//!
//! ```text
//! DAYTONA_API_URL=local cargo run -p daytona --example first
//! ```

// region: first
use daytona::{Client, Config, Result};

#[tokio::main]
async fn main() -> Result<()> {
    let daytona = Client::new(Config::default())?;
    let sandbox = daytona.create(Default::default()).await?;
    println!("{}", sandbox.process().exec("echo hello", Default::default()).await?.result);
    sandbox.delete().await
}
// endregion
