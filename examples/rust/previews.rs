//! Previews: a server in the sandbox, reached from outside.
//!
//! ```text
//! DAYTONA_API_URL=local cargo run -p daytona --example previews
//! ```

use std::error::Error;
use std::time::Duration;

use daytona::model::{SpawnOptions, WaitOptions};
use daytona::{Client, Config, Sandbox};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

type Outcome = Result<(), Box<dyn Error>>;

async fn serve(sandbox: &Sandbox) -> Outcome {
    sandbox.process().exec("echo '<h1>Hello</h1>' > index.html", Default::default()).await?;
    sandbox.spawn("python3 -um http.server --bind 127.0.0.1 8000", SpawnOptions::default()).await?;
    sandbox.process().wait_for_port(8000, WaitOptions { timeout: Some(Duration::from_secs(10)) }).await?;
    Ok(())
}

async fn link(sandbox: &Sandbox) -> Outcome {
    // region: link
    let preview = sandbox.get_preview_link(8000).await?;
    let request = reqwest::Client::new().get(&preview.url).header("X-Daytona-Preview-Token", &preview.token);
    println!("{}", request.send().await?.text().await?);
    // endregion
    Ok(())
}

async fn signed(sandbox: &Sandbox) -> Outcome {
    // region: signed
    let signed = sandbox.create_signed_preview_url(8000, Some(600)).await?;
    let answer = reqwest::get(&signed.url).await?; // In a browser as well.
    println!("{} until {}", answer.text().await?, signed.expires_at);

    sandbox.expire_signed_preview_url(8000, &signed.token).await?;
    // endregion
    let expired = reqwest::get(&signed.url).await.is_ok_and(|answer| answer.status().is_success());
    println!("{}", if expired { "still there" } else { "expired" });
    Ok(())
}

async fn forward(sandbox: &Sandbox) -> Outcome {
    // region: forward
    let forwarded = sandbox.forward_port(8000, None).await?;
    let mut connection = TcpStream::connect(("127.0.0.1", forwarded.local_port())).await?;
    connection.write_all(b"GET / HTTP/1.0\r\n\r\n").await?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await?;
    println!("{answer}");
    forwarded.close();
    // endregion
    Ok(())
}

async fn tour(sandbox: &Sandbox) -> Outcome {
    serve(sandbox).await?;
    link(sandbox).await?;
    signed(sandbox).await?;
    forward(sandbox).await
}

#[tokio::main]
async fn main() -> Outcome {
    // For `reqwest`, which is built here without a default.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let daytona = Client::new(Config::default())?;
    let sandbox = daytona.create(Default::default()).await?;
    let toured = tour(&sandbox).await;
    sandbox.delete().await?; // Also after a failure.
    toured
}
