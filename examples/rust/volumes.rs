//! Volumes: files that sandboxes share and that outlive them.
//!
//! ```text
//! DAYTONA_API_URL=local cargo run -p daytona --example volumes
//! ```

use std::error::Error;
use std::time::SystemTime;

use daytona::model::{CreateSandboxParams, GetVolumeOptions, VolumeMount};
use daytona::{Client, Config};

type Outcome = Result<(), Box<dyn Error>>;

async fn share(daytona: &Client, name: &str) -> Outcome {
    // region: share
    let volume = daytona.volumes().get(name, GetVolumeOptions { create: Some(true) }).await?;
    let mount = VolumeMount { volume_id: volume.id, mount_path: "/home/daytona/shared".into(), subpath: None };
    let params = CreateSandboxParams { volumes: Some(vec![mount]), ..Default::default() };
    let writer = daytona.create(params.clone()).await?;
    let reader = daytona.create(params).await?;
    writer.process().exec("echo 0.87 > shared/score", Default::default()).await?;
    println!("{}", reader.process().exec("cat shared/score", Default::default()).await?.result);
    writer.delete().await?;
    reader.delete().await?;
    // endregion
    Ok(())
}

async fn subpath(daytona: &Client, name: &str) -> Outcome {
    let volume = daytona.volumes().get(name, Default::default()).await?;
    // region: subpath
    let mount = VolumeMount {
        volume_id: volume.id,
        mount_path: "/home/daytona/mine".into(),
        subpath: Some("tenants/42".into()),
    };
    let params = CreateSandboxParams { volumes: Some(vec![mount]), ..Default::default() };
    let sandbox = daytona.create(params).await?;
    sandbox.process().exec("echo private > mine/notes", Default::default()).await?;
    sandbox.delete().await?;
    // endregion
    Ok(())
}

async fn manage(daytona: &Client, name: &str) -> Outcome {
    daytona.volumes().delete(daytona.volumes().get(name, Default::default()).await?).await?;
    // region: manage
    let volume = daytona.volumes().create(&format!("{name}-next")).await?;
    let volume = daytona.volumes().wait_for_ready(volume, Default::default()).await?;
    println!("{:?}", daytona.volumes().list().await?.iter().map(|known| &known.name).collect::<Vec<_>>());
    daytona.volumes().delete(volume).await?;
    // endregion
    Ok(())
}

#[tokio::main]
async fn main() -> Outcome {
    let daytona = Client::new(Config::default())?;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    let name = format!("example-{}", now.as_nanos());
    share(&daytona, &name).await?;
    subpath(&daytona, &name).await?;
    manage(&daytona, &name).await
}
