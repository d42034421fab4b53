//! `/computeruse/mouse` and `/computeruse/keyboard`, and `/computeruse/act` for several of them at once.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::actions::{Action, ButtonAt, Click, Drag, Hotkey, Key, Move, Scroll, Text};
use super::errors::display_failed;
use super::screenshots::{self, Wish};
use super::trajectories::{self, Target};
use super::{Purpose, with_screen};
use crate::errors::ApiError;
use crate::extract::Json;
use crate::{State, Toolbox};

/// The most actions of one request.
const MOST_ACTIONS: usize = 100;

/// The longest time that the actions of one request may pause, all of them together.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

pub(super) fn routes() -> Router<Arc<Toolbox>> {
    Router::new()
        .route("/computeruse/mouse/position", get(position))
        .route("/computeruse/mouse/move", post(move_to))
        .route("/computeruse/mouse/click", post(click))
        .route("/computeruse/mouse/drag", post(drag))
        .route("/computeruse/mouse/scroll", post(scroll))
        .route("/computeruse/mouse/down", post(button_down))
        .route("/computeruse/mouse/up", post(button_up))
        .route("/computeruse/keyboard/type", post(type_text))
        .route("/computeruse/keyboard/key", post(press))
        .route("/computeruse/keyboard/hotkey", post(hotkey))
        .route("/computeruse/keyboard/down", post(key_down))
        .route("/computeruse/keyboard/up", post(key_up))
        .route("/computeruse/act", post(act))
}

type Answer = Result<axum::Json<Value>, ApiError>;

/// Does something on the screen, and tells where the pointer is then. A trajectory that is being recorded gets it.
async fn perform(toolbox: State, action: Action) -> Result<(i32, i32), ApiError> {
    let target = action.place().map_or(Target::Focus, Target::Place);
    let told = action.told.clone();
    let done = with_screen(State::clone(&toolbox), Purpose::Input, move |screen| {
        action.perform(screen).and_then(|()| screen.pointer()).map_err(display_failed)
    });
    trajectories::recorded(&toolbox, told, target, done).await
}

/// Answers where the pointer is.
async fn at_pointer(toolbox: State, action: Action) -> Answer {
    let (x, y) = perform(toolbox, action).await?;
    Ok(axum::Json(json!({ "x": x, "y": y })))
}

/// Answers that there is nothing to tell.
async fn on_keyboard(toolbox: State, action: Action) -> Answer {
    perform(toolbox, action).await?;
    Ok(axum::Json(json!({})))
}

async fn position(toolbox: State) -> Answer {
    let place = with_screen(toolbox, Purpose::Input, |screen| screen.pointer().map_err(display_failed));
    let (x, y) = place.await?;
    Ok(axum::Json(json!({ "x": x, "y": y })))
}

async fn move_to(toolbox: State, Json(request): Json<Move>) -> Answer {
    at_pointer(toolbox, request.action()?).await
}

async fn click(toolbox: State, Json(request): Json<Click>) -> Answer {
    at_pointer(toolbox, request.action()?).await
}

async fn drag(toolbox: State, Json(request): Json<Drag>) -> Answer {
    at_pointer(toolbox, request.action()?).await
}

async fn scroll(toolbox: State, Json(request): Json<Scroll>) -> Answer {
    perform(toolbox, request.action()?).await?;
    Ok(axum::Json(json!({ "success": true })))
}

async fn button_down(toolbox: State, Json(request): Json<ButtonAt>) -> Answer {
    at_pointer(toolbox, request.action(true)?).await
}

async fn button_up(toolbox: State, Json(request): Json<ButtonAt>) -> Answer {
    at_pointer(toolbox, request.action(false)?).await
}

async fn type_text(toolbox: State, Json(request): Json<Text>) -> Answer {
    on_keyboard(toolbox, request.action()?).await
}

async fn press(toolbox: State, Json(request): Json<Key>) -> Answer {
    on_keyboard(toolbox, request.action()?).await
}

async fn hotkey(toolbox: State, Json(request): Json<Hotkey>) -> Answer {
    on_keyboard(toolbox, request.action()?).await
}

async fn key_down(toolbox: State, Json(request): Json<Key>) -> Answer {
    on_keyboard(toolbox, request.hold(true)?).await
}

async fn key_up(toolbox: State, Json(request): Json<Key>) -> Answer {
    on_keyboard(toolbox, request.hold(false)?).await
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Act {
    actions: Vec<Map<String, Value>>,
    quiet_ms: Option<i64>,
    limit_ms: Option<i64>,
    screenshot: Option<bool>,
    #[serde(default)]
    show_cursor: bool,
    format: Option<String>,
    quality: Option<i64>,
    scale: Option<f64>,
}

/// Several actions, and the screen once it is at rest. Nothing is done unless all of them can be.
async fn act(toolbox: State, Json(request): Json<Act>) -> Answer {
    toolbox.display()?;
    let actions = read_actions(request.actions)?;
    let quiet = milliseconds("quietMs", request.quiet_ms, 200, 5_000)?;
    let limit = milliseconds("limitMs", request.limit_ms, 3_000, 20_000)?;
    let wish = Wish::new(request.format.as_deref(), request.quality, request.scale)?;
    let wish = request.screenshot.unwrap_or(true).then_some(wish.with_pointer(request.show_cursor));
    let count = actions.len();
    for (index, action) in actions.into_iter().enumerate() {
        perform(State::clone(&toolbox), action).await.map_err(|error| in_action(index, error))?;
    }
    let (at_rest, picture) = with_screen(toolbox, Purpose::Input, move |screen| {
        let at_rest = screen.wait_for_rest(quiet, limit).map_err(display_failed)?;
        let picture = wish.map(|wish| screenshots::answer(screen, &wish)).transpose()?;
        Ok((at_rest, picture))
    })
    .await?;
    let mut answer = json!({ "actions": count, "atRest": at_rest });
    if let Some(picture) = picture {
        answer["screenshot"] = picture;
    }
    Ok(axum::Json(answer))
}

fn read_actions(requests: Vec<Map<String, Value>>) -> Result<Vec<Action>, ApiError> {
    if requests.len() > MOST_ACTIONS {
        let count = requests.len();
        return Err(ApiError::bad_request(format!(
            "there are {count} actions; at most {MOST_ACTIONS} are done at once"
        )));
    }
    let read = |(index, fields)| Action::read(fields).map_err(|error| in_action(index, error));
    let actions = requests.into_iter().enumerate().map(read).collect::<Result<Vec<_>, _>>()?;
    let pause = actions.iter().fold(Duration::ZERO, |sum, action| sum.saturating_add(action.pause()));
    if pause > LONGEST_PAUSE {
        return Err(ApiError::bad_request(format!(
            "the actions pause for {} s together; at most {} s fit into one request",
            pause.as_secs(),
            LONGEST_PAUSE.as_secs()
        )));
    }
    Ok(actions)
}

/// Names the action that an error is about.
fn in_action(index: usize, error: ApiError) -> ApiError {
    ApiError { message: format!("actions[{index}]: {}", error.message), ..error }
}

fn milliseconds(name: &str, value: Option<i64>, otherwise: u64, most: u64) -> Result<Duration, ApiError> {
    let Some(value) = value else { return Ok(Duration::from_millis(otherwise)) };
    match u64::try_from(value) {
        Ok(value) if value <= most => Ok(Duration::from_millis(value)),
        _ => Err(ApiError::bad_request(format!("{name} is {value}; it must be from 0 to {most}"))),
    }
}
