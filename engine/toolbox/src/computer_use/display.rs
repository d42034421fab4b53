//! `/computeruse/display`: the screen's size and its windows.

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};

use super::errors::display_failed;
use super::processes::LARGEST;
use super::{Purpose, with_screen};
use crate::errors::ApiError;
use crate::extract::Json;
use crate::{State, Toolbox};

/// The smallest screen.
const SMALLEST: u16 = 64;

pub(super) fn routes() -> Router<Arc<Toolbox>> {
    Router::new()
        .route("/computeruse/display/info", get(info))
        .route("/computeruse/display/windows", get(windows))
        .route("/computeruse/display/resize", post(resize))
}

type Answer = Result<axum::Json<Value>, ApiError>;

async fn info(toolbox: State) -> Answer {
    let displays = with_screen(toolbox, Purpose::View, |screen| screen.displays().map_err(display_failed)).await?;
    let shown = displays.iter().enumerate().map(|(id, area)| {
        json!({
            "id": id, "x": area.x, "y": area.y, "width": area.width, "height": area.height, "isActive": true,
        })
    });
    Ok(axum::Json(json!({ "displays": shown.collect::<Vec<_>>() })))
}

async fn windows(toolbox: State) -> Answer {
    let windows = with_screen(toolbox, Purpose::View, |screen| screen.windows().map_err(display_failed)).await?;
    let shown = windows.iter().map(|window| {
        let area = window.area;
        json!({
            "id": window.id, "title": window.title, "x": area.x, "y": area.y,
            "width": area.width, "height": area.height, "isActive": window.is_active,
        })
    });
    Ok(axum::Json(json!({ "windows": shown.collect::<Vec<_>>() })))
}

#[derive(Deserialize)]
struct Size {
    width: i64,
    height: i64,
}

async fn resize(toolbox: State, Json(Size { width, height }): Json<Size>) -> Answer {
    let number = |what: &str, value: i64, most: u16| {
        u16::try_from(value)
            .ok()
            .filter(|value| (SMALLEST..=most).contains(value))
            .ok_or_else(|| ApiError::bad_request(format!("{what} is {value}; it must be from {SMALLEST} to {most}")))
    };
    let (width, height) = (number("width", width, LARGEST.0)?, number("height", height, LARGEST.1)?);
    with_screen(toolbox, Purpose::View, move |screen| screen.resize(width, height).map_err(display_failed)).await?;
    Ok(axum::Json(json!({ "id": 0, "x": 0, "y": 0, "width": width, "height": height, "isActive": true })))
}
