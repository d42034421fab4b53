//! Telemetry: a span and a duration for every operation, sent to a collector.
//!
//! ```text
//! DAYTONA_API_URL=local OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 cargo run -p daytona --example telemetry
//! ```

use daytona::{Client, Config, Result};

// region: enable
async fn hello() -> Result<String> {
    let daytona = Client::new(Config { otel_enabled: Some(true), ..Config::default() })?;
    let sandbox = daytona.create(Default::default()).await?;
    let answer = sandbox.process().exec("echo hello", Default::default()).await?;
    sandbox.delete().await?;
    // Before the runtime ends.
    daytona.flush_telemetry().await;
    Ok(answer.result)
}
// endregion

#[tokio::main]
async fn main() -> Result<()> {
    print!("{}", hello().await?);
    Ok(())
}
