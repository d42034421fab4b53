//! What every backend promises, tried out on this machine. Needs root.

mod contract;

use std::sync::Arc;

use daytona_engine::backend::Backend;
use daytona_engine::backend::local::Local;
use daytona_engine::isolation;

fn main() -> anyhow::Result<()> {
    isolation::run_if_sandbox_process();
    if std::env::args().any(|argument| argument == "--list") {
        println!("keeps_its_promises: test");
        return Ok(());
    }
    let directory = tempfile::tempdir()?;
    tokio::runtime::Runtime::new()?.block_on(async {
        let local: Arc<dyn Backend> = Arc::new(Local::open(directory.path(), isolation::IsolationChoice::default())?);
        contract::keeps_its_promises(&local, ["contract-one", "contract-two", "contract-unknown"]).await;
        local.clean_up().await;
        anyhow::Ok(())
    })?;
    println!("test keeps_its_promises ... ok");
    Ok(())
}
