//! The engine alone, for its tests: `daytona-engine STATE_DIR [IDLE_SECONDS] [ISOLATION] [COMPAT] [or-existing]`.
//!
//! People use `daytona local serve`.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use daytona_engine::{Issuer, ServeOptions, isolation, serve};

fn main() -> anyhow::Result<()> {
    isolation::run_if_sandbox_process();
    let mut arguments = std::env::args().skip(1);
    let state_dir = arguments.next().ok_or_else(|| anyhow::anyhow!("a state directory is needed"))?.into();
    let idle_seconds = arguments.next().map_or(Ok(0), |text| text.parse())?;
    let isolation = arguments.next().map_or(Ok(Default::default()), |text| text.parse())?;
    let compat = arguments.next().map_or(Ok(Default::default()), |text| text.parse()).map_err(anyhow::Error::msg)?;
    let or_existing = arguments.next().is_some_and(|word| word == "or-existing");
    let opened = std::env::var("DAYTONA_LOCAL_ALLOW_NETWORK").unwrap_or_default();
    let opened = opened.split(',').filter(|network| !network.is_empty()).map(str::parse);
    let allow_networks = opened.collect::<Result<_, _>>().map_err(anyhow::Error::msg)?;
    let limits = std::env::var("DAYTONA_LOCAL_RATE_LIMIT").unwrap_or_default();
    let limits = limits.split(',').filter(|limit| !limit.is_empty()).map(str::parse);
    let rate_limits = limits.collect::<Result<_, _>>().map_err(anyhow::Error::msg)?;
    let reached = std::env::var("DAYTONA_LOCAL_WEBHOOK_ALLOW_NETWORK").unwrap_or_default();
    let reached = reached.split(',').filter(|network| !network.is_empty()).map(str::parse);
    let webhook_networks = reached.collect::<Result<_, _>>().map_err(anyhow::Error::msg)?;
    let ssh_port = std::env::var("DAYTONA_LOCAL_SSH_PORT").ok().filter(|port| !port.is_empty());
    let ssh_port = ssh_port.map_or(Ok(0), |port| port.parse())?;
    isolation::enter_own_namespace(isolation)?;
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(serve(ServeOptions {
        host: IpAddr::V4(Ipv4Addr::LOCALHOST),
        port: 0,
        state_dir,
        idle_timeout: Duration::from_secs(idle_seconds),
        isolation,
        compat,
        or_existing,
        ignore_clients: false,
        ssh_port,
        allow_networks,
        warm_pool: std::env::var("DAYTONA_LOCAL_WARM_POOL").map_or(Ok(0), |text| text.parse())?,
        testing: std::env::var("DAYTONA_LOCAL_TESTING").is_ok_and(|value| value == "true"),
        faults: Vec::new(),
        replay: None,
        owner: None,
        ready: None,
        preview_warning: std::env::var("PREVIEW_WARNING_ENABLED").is_ok_and(|value| value == "true"),
        rate_limits,
        oidc_issuer: std::env::var("DAYTONA_LOCAL_OIDC_ISSUER").ok().filter(|url| !url.is_empty()).map(|url| {
            let client_id = "daytona".to_owned();
            Issuer { url, audience: client_id.clone(), client_id }
        }),
        webhook_networks,
        audit_retention: Default::default(),
        backend: daytona_engine::backend::faulty::choice(),
    }))
}
