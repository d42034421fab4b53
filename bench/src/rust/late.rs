//! How late `create` returns where the server has no events, so that the client has to ask.

use std::time::{Duration, Instant};

use anyhow::ensure;
use daytona::model::CreateSandboxParams;
use daytona::{Client, Config};

use super::{Rows, Server, runtime};
use crate::row::Row;
use crate::server::LATE;

/// Milliseconds that the sandboxes take to start. In uneven steps: the client asks in steps of its own.
const STARTS: [u64; 12] = [90, 130, 170, 210, 290, 370, 470, 590, 730, 910, 1130, 1390];

pub(super) fn create(server: &Server, wanted: &dyn Fn(&str) -> bool) -> Rows {
    let name = "create without events: from the start of the sandbox to the return";
    if !wanted(name) {
        return Ok(Vec::new());
    }
    let config = Config { use_deprecated_polling: Some(true), ..server.config() };
    let mut late = runtime()?.block_on(async {
        let client = Client::new(config)?;
        // The connection first.
        client.create(CreateSandboxParams::default()).await?;
        let mut late = Vec::new();
        for start in STARTS {
            let params = CreateSandboxParams { name: Some(format!("{LATE}{start}")), ..Default::default() };
            let begun = Instant::now();
            client.create(params).await?;
            let waited = begun.elapsed().checked_sub(Duration::from_millis(start));
            ensure!(waited.is_some(), "the sandbox had not started");
            late.extend(waited);
        }
        anyhow::Ok(late)
    })?;
    late.sort();
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    Ok(vec![
        Row::new("rust core", &format!("{name}, median"), ms(late[late.len() / 2]), "ms").target(40.0),
        Row::new("rust core", &format!("{name}, worst"), ms(late[late.len() - 1]), "ms"),
    ])
}
