//! `daytona local dashboard`: where it is, and the key to log in with.

use std::path::Path;

use anyhow::Context as _;
use daytona::model::ListSandboxesQuery;
use daytona_engine::discovery;

use super::{background, say};
use crate::browser;
use crate::failure::{Done, Failure};
use crate::interrupt;
use crate::output::tell;
use crate::stdin;

/// Prints the address, or the key, and opens the address where there is somebody to look at it. Starts an engine when none runs.
pub fn run(state_dir: &Path, key: bool, no_open: bool) -> Done {
    let client = background::client(state_dir)?;
    let query = ListSandboxesQuery { limit: Some(1), ..Default::default() };
    interrupt::run(async { Ok(client.sandboxes().list(query).await.map(drop)?) }, true)?;
    let found = discovery::announced(state_dir).context("reading engine.json")?;
    let engine = found.ok_or_else(|| Failure::other("the engine has ended meanwhile"))?.engine;
    if key {
        return say(&engine.api_key);
    }
    let origin = engine.api_url.strip_suffix("/api").unwrap_or(&engine.api_url);
    let address = format!("{origin}/dashboard/");
    say(&address)?;
    tell("`daytona local dashboard --key` prints the key to log in with");
    if stdin::is_interactive() && !no_open {
        browser::open(&address);
    }
    Ok(())
}
