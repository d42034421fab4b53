//! Starting and stopping the desktop, and its programs.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use serde_json::{Value, json};

use super::processes::{Status, known, log};
use crate::compat::Compat;
use crate::errors::ApiError;
use crate::extract::Path;
use crate::{State, Toolbox};

pub(super) fn routes() -> Router<Arc<Toolbox>> {
    Router::new()
        .route("/computeruse/start", post(start))
        .route("/computeruse/stop", post(stop))
        .route("/computeruse/status", get(status))
        .route("/computeruse/process-status", get(status))
        .route("/computeruse/process/{name}/status", get(process_status))
        .route("/computeruse/process/{name}/restart", post(restart))
        .route("/computeruse/process/{name}/logs", get(logs))
        .route("/computeruse/process/{name}/errors", get(errors))
}

type Answer = Result<axum::Json<Value>, ApiError>;

async fn start(toolbox: State) -> Answer {
    let display = toolbox.display()?;
    let running = Arc::clone(&toolbox.0);
    // A client that goes away leaves nothing half started.
    tokio::spawn(async move { running.desktop.programs.start(&running, &display).await }).await??;
    Ok(axum::Json(json!({
        "message": "Computer use processes started successfully",
        "status": shown(&toolbox).await,
    })))
}

async fn stop(toolbox: State) -> Answer {
    toolbox.display()?;
    let stopping = Arc::clone(&toolbox.0);
    tokio::spawn(async move {
        stopping.desktop.recordings.end_all(&stopping).await;
        // Who waits for a screen that does not answer finds that it has ended, and lets go of the rest.
        stopping.desktop.programs.stop().await;
        stopping.desktop.trajectories.end().await;
        stopping.desktop.accessibility.end().await;
        for place in [&stopping.desktop.input, &stopping.desktop.view] {
            *place.lock().await = None;
        }
    })
    .await?;
    Ok(axum::Json(json!({
        "message": "Computer use processes stopped successfully",
        "status": shown(&toolbox).await,
    })))
}

async fn status(toolbox: State) -> Answer {
    toolbox.display()?;
    let statuses = toolbox.desktop.programs.statuses().await;
    let running = statuses.values().filter(|status| status.running).count();
    let word = match running {
        0 => "inactive",
        _ if running == statuses.len() => "active",
        _ => "partial",
    };
    Ok(axum::Json(json!({ "status": word })))
}

async fn process_status(toolbox: State, Path(name): Path<String>) -> Answer {
    toolbox.display()?;
    let name = known(&name)?;
    let running = toolbox.desktop.programs.statuses().await.get(name).is_some_and(|status| status.running);
    Ok(axum::Json(json!({ "processName": name, "running": running })))
}

async fn restart(toolbox: State, Path(name): Path<String>) -> Answer {
    let display = toolbox.display()?;
    let known = known(&name)?;
    let running = Arc::clone(&toolbox.0);
    tokio::spawn(async move {
        // What was connected to the one that ends is connected anew when it is needed.
        running.desktop.accessibility.end().await;
        running.desktop.programs.restart(&running, known, &display).await
    })
    .await??;
    Ok(axum::Json(json!({ "message": format!("Process {known} restarted successfully"), "processName": known })))
}

async fn logs(toolbox: State, Path(name): Path<String>) -> Answer {
    toolbox.display()?;
    let name = known(&name)?;
    Ok(axum::Json(json!({ "processName": name, "logs": log(&toolbox, name, false) })))
}

async fn errors(toolbox: State, Path(name): Path<String>) -> Answer {
    toolbox.display()?;
    let name = known(&name)?;
    Ok(axum::Json(json!({ "processName": name, "errors": log(&toolbox, name, true) })))
}

/// All programs; 0.190 writes the names of Go's fields.
async fn shown(toolbox: &Toolbox) -> BTreeMap<&'static str, Value> {
    let statuses = toolbox.desktop.programs.statuses().await;
    let shown = |status: Status| match toolbox.config.compat {
        Compat::Newest => json!(status),
        Compat::V0_190 => json!({
            "Running": status.running,
            "Priority": status.priority,
            "AutoRestart": status.auto_restart,
            "Pid": status.pid,
        }),
    };
    statuses.into_iter().map(|(name, status)| (name, shown(status))).collect()
}
