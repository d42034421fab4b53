//! Images and snapshots: what sandboxes are made from.
//!
//! ```text
//! DAYTONA_API_URL=local cargo run -p daytona --example images
//! ```

use daytona::model::{CreateSandboxParams, CreateSnapshotParams, Resources};
use daytona::{Client, Config, Image, Result};

const DOCKERFILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/data/node-app/Dockerfile");

fn science() -> Result<()> {
    // region: science
    let image = Image::debian_slim(Some("3.12"))?
        .pip_install(["numpy", "pandas>=2", "matplotlib"], Default::default())?
        .run("apt-get install -y git")?
        .env([("MPLBACKEND", "Agg")])?
        .workdir("/home/daytona")?;
    println!("{}", image.dockerfile());
    // endregion
    Ok(())
}

fn app() -> Result<()> {
    // region: app
    let image = Image::from_dockerfile(DOCKERFILE, Default::default())?.env([("NODE_ENV", "production")])?;
    for context in image.contexts() {
        println!("copies {}", context.archive_path.as_deref().unwrap_or_default());
    }
    // endregion
    Ok(())
}

async fn snapshot(daytona: &Client) -> Result<()> {
    // region: snapshot
    // The local engine's own system. Elsewhere: an image of a registry, or the Dockerfile and contexts of an Image.
    let params = CreateSnapshotParams {
        name: "base-rust".into(),
        image: Some("default".into()),
        resources: Some(Resources { cpu: Some(1), memory: Some(1), disk: Some(4), gpu: None }),
        ..Default::default()
    };
    let mut build = daytona.snapshots().create_with_logs(params, Default::default()).await?;
    while let Some(line) = build.next().await? {
        println!("{}", line.text);
    }
    let made = build.finish().await?;
    println!("{} {:?}", made.name, made.state);

    let from = CreateSandboxParams { snapshot: Some(made.name.clone()), ..Default::default() };
    let sandbox = daytona.create(from).await?;
    println!("{}", sandbox.process().exec("echo made from it", Default::default()).await?.result);
    sandbox.delete().await?;

    daytona.snapshots().delete(&made.id).await?;
    // endregion
    Ok(())
}

#[tokio::main]
async fn main() -> Result<()> {
    let daytona = Client::new(Config::default())?;
    println!("--- science");
    science()?;
    println!("--- app");
    app()?;
    println!("--- snapshot");
    snapshot(&daytona).await
}
