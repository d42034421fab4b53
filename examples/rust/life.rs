//! The life of a sandbox: pause, stop, archive, size, copies, intervals.
//!
//! ```text
//! DAYTONA_API_URL=local cargo run -p daytona --example life
//! ```

use std::error::Error;

use daytona::model::{ForkOptions, MetricsOptions, Resources, UpdateEnvOptions};
use daytona::{Client, Config, Sandbox};

type Outcome = Result<(), Box<dyn Error>>;

async fn pause(sandbox: &mut Sandbox) -> Outcome {
    // region: pause
    sandbox.pause(Default::default()).await?; // Its processes stand still and keep their memory.
    println!("{:?}", sandbox.info().state);
    sandbox.start(Default::default()).await?;
    // endregion
    println!("{:?}", sandbox.info().state);
    Ok(())
}

async fn archive(sandbox: &mut Sandbox) -> Outcome {
    // region: archive
    sandbox.process().exec("echo kept > note", Default::default()).await?;
    sandbox.stop(Default::default()).await?;
    sandbox.archive().await?;
    sandbox.start(Default::default()).await?;
    println!("{}", sandbox.process().exec("cat note", Default::default()).await?.result);
    // endregion
    Ok(())
}

async fn resize(sandbox: &mut Sandbox) -> Outcome {
    // region: resize
    let more = Resources { cpu: Some(2), memory: Some(2), ..Default::default() };
    sandbox.resize(more, Default::default()).await?; // While it runs.
    sandbox.stop(Default::default()).await?;
    let disk = Resources { disk: Some(5), ..Default::default() };
    sandbox.resize(disk, Default::default()).await?; // A disk takes a stopped sandbox.
    sandbox.start(Default::default()).await?;
    println!("{} {} {}", sandbox.info().cpu, sandbox.info().memory, sandbox.info().disk);
    // endregion
    Ok(())
}

async fn fork(sandbox: &Sandbox) -> Outcome {
    // region: fork
    sandbox.process().exec("echo original > note", Default::default()).await?;
    let copy = sandbox.fork(ForkOptions::default()).await?;
    copy.process().exec("echo copied >> note", Default::default()).await?;
    println!("{}", copy.process().exec("cat note", Default::default()).await?.result);
    println!("{}", sandbox.process().exec("cat note", Default::default()).await?.result);
    copy.delete().await?;
    // endregion
    Ok(())
}

async fn intervals(sandbox: &mut Sandbox) -> Outcome {
    // region: intervals
    sandbox.set_auto_stop_interval(30).await?; // Minutes without activity.
    sandbox.set_auto_archive_interval(60).await?; // Minutes since it stopped.
    sandbox.set_auto_delete_interval(24 * 60).await?;
    sandbox.set_ttl(7 * 24 * 60).await?; // Minutes from now, whatever its state.
    sandbox.refresh_activity().await?;
    // endregion
    println!("{:?} {:?}", sandbox.info().auto_stop_interval, sandbox.info().auto_destroy_at);
    Ok(())
}

async fn environment(sandbox: &Sandbox) -> Outcome {
    // region: environment
    let set = [("STAGE".to_owned(), "test".to_owned())].into();
    let change = UpdateEnvOptions { set: Some(set), unset: Some(vec!["OLDPWD".to_owned()]), ..Default::default() };
    sandbox.process().update_env(change).await?;
    println!("{}", sandbox.process().exec("echo $STAGE", Default::default()).await?.result);
    // endregion
    Ok(())
}

async fn metrics(sandbox: &Sandbox) -> Outcome {
    // region: metrics
    let now = sandbox.process().get_metrics_latest().await?;
    println!("{} of {}", now.mem_used, now.mem_total);
    // Of the last hour.
    for at in sandbox.get_metrics(MetricsOptions::default()).await? {
        println!("{} {}", at.timestamp, at.cpu_used_pct);
    }
    // endregion
    Ok(())
}

async fn tour(sandbox: &mut Sandbox) -> Outcome {
    pause(sandbox).await?;
    archive(sandbox).await?;
    resize(sandbox).await?;
    fork(sandbox).await?;
    intervals(sandbox).await?;
    environment(sandbox).await?;
    metrics(sandbox).await
}

#[tokio::main]
async fn main() -> Outcome {
    let daytona = Client::new(Config::default())?;
    let mut sandbox = daytona.create(Default::default()).await?;
    let toured = tour(&mut sandbox).await;
    sandbox.delete().await?; // Also after a failure.
    toured
}
