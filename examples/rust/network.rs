//! The network: what a sandbox may reach, what it tried, and the lists a program needs.
//!
//! ```text
//! DAYTONA_API_URL=local cargo run -p daytona --example network
//! ```

use daytona::model::NetworkSettings;
use daytona::{Client, Config, Result, Sandbox};

async fn learn(sandbox: &mut Sandbox) -> Result<()> {
    // region: learn
    let program = "curl --silent --max-time 10 --output page https://example.com/";
    sandbox.process().exec(program, Default::default()).await?;

    let log = sandbox.network().log().await?;
    for attempt in &log.entries {
        let target = attempt.name.as_ref().or(attempt.address.as_ref());
        println!("{} {} {} {}", attempt.protocol, target.map_or("", |name| name), attempt.allowed, attempt.rule);
    }

    let lists = NetworkSettings {
        domain_allow_list: Some(log.domain_allow_list),
        network_allow_list: Some(log.network_allow_list),
        ..Default::default()
    };
    sandbox.update_network_settings(lists).await?;
    // endregion
    Ok(())
}

async fn limits(sandbox: &mut Sandbox) -> Result<()> {
    // region: limits
    let list = Some("pypi.org,*.pythonhosted.org".to_owned());
    sandbox.update_network_settings(NetworkSettings { domain_allow_list: list, ..Default::default() }).await?;
    println!("reaches only {:?}", sandbox.info().domain_allow_list);

    let nothing = NetworkSettings { network_block_all: Some(true), ..Default::default() };
    sandbox.update_network_settings(nothing).await?;
    // endregion
    Ok(())
}

async fn tour(sandbox: &mut Sandbox) -> Result<()> {
    learn(sandbox).await?;
    limits(sandbox).await
}

#[tokio::main]
async fn main() -> Result<()> {
    let daytona = Client::new(Config::default())?;
    let mut sandbox = daytona.create(Default::default()).await?;
    let toured = tour(&mut sandbox).await;
    sandbox.delete().await?; // Also after a failure.
    toured
}
