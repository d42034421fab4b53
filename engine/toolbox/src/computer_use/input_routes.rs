//! `/computeruse/mouse` and `/computeruse/keyboard`.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};

use super::errors::display_failed;
use super::input::Button;
use super::keys::{self, Keysym};
use super::screen::{Failure, Screen};
use super::{Purpose, with_screen};
use crate::errors::ApiError;
use crate::extract::Json;
use crate::{State, Toolbox};

/// The longest pause between characters.
const LONGEST_DELAY: u64 = 10_000;

/// The most characters that are typed at once.
const LONGEST_TEXT: usize = 1 << 20;

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
}

type Answer = Result<axum::Json<Value>, ApiError>;

/// Does something on the screen, and tells where the pointer is then.
async fn at_pointer(toolbox: State, work: impl FnOnce(&mut Screen) -> Result<(), Failure> + Send + 'static) -> Answer {
    let (x, y) = with_screen(toolbox, Purpose::Input, move |screen| {
        work(screen).and_then(|()| screen.pointer()).map_err(display_failed)
    })
    .await?;
    Ok(axum::Json(json!({ "x": x, "y": y })))
}

/// Does something on the screen, of which there is nothing to tell.
async fn on_keyboard(toolbox: State, work: impl FnOnce(&mut Screen) -> Result<(), Failure> + Send + 'static) -> Answer {
    with_screen(toolbox, Purpose::Input, move |screen| work(screen).map_err(display_failed)).await?;
    Ok(axum::Json(json!({})))
}

fn button(name: Option<&str>) -> Result<Button, ApiError> {
    let name = name.unwrap_or_default();
    Button::named(name)
        .ok_or_else(|| ApiError::bad_request(format!("button is {name:?}; it must be left, middle or right")))
}

fn key(name: &str) -> Result<Keysym, ApiError> {
    keys::named(name).ok_or_else(|| ApiError::bad_request(format!("there is no key {name:?}")))
}

fn all_keys(names: &[String]) -> Result<Vec<Keysym>, ApiError> {
    names.iter().map(|name| key(name)).collect()
}

async fn position(toolbox: State) -> Answer {
    at_pointer(toolbox, |_| Ok(())).await
}

#[derive(Deserialize)]
struct Place {
    x: i32,
    y: i32,
}

async fn move_to(toolbox: State, Json(Place { x, y }): Json<Place>) -> Answer {
    at_pointer(toolbox, move |screen| screen.move_pointer((x, y))).await
}

#[derive(Deserialize)]
struct Click {
    x: i32,
    y: i32,
    button: Option<String>,
    #[serde(default)]
    double: bool,
    clicks: Option<u32>,
    #[serde(default)]
    modifiers: Vec<String>,
}

async fn click(toolbox: State, Json(request): Json<Click>) -> Answer {
    let times = match (request.clicks, request.double) {
        (Some(clicks @ 1..=10), _) => clicks,
        (Some(other), _) => {
            return Err(ApiError::bad_request(format!("clicks is {other}; it must be from 1 to 10")));
        }
        (None, true) => 2,
        (None, false) => 1,
    };
    let (button, held) = (button(request.button.as_deref())?, all_keys(&request.modifiers)?);
    at_pointer(toolbox, move |screen| {
        screen.move_pointer((request.x, request.y))?;
        screen.holding(&held, |screen| screen.click(button, times))
    })
    .await
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Drag {
    start_x: i32,
    start_y: i32,
    end_x: i32,
    end_y: i32,
    button: Option<String>,
    #[serde(default)]
    modifiers: Vec<String>,
}

async fn drag(toolbox: State, Json(request): Json<Drag>) -> Answer {
    let (button, held) = (button(request.button.as_deref())?, all_keys(&request.modifiers)?);
    let (from, to) = ((request.start_x, request.start_y), (request.end_x, request.end_y));
    at_pointer(toolbox, move |screen| screen.holding(&held, |screen| screen.drag(from, to, button))).await
}

#[derive(Deserialize)]
struct Scroll {
    x: i32,
    y: i32,
    direction: String,
    amount: Option<u32>,
    #[serde(default)]
    modifiers: Vec<String>,
}

async fn scroll(toolbox: State, Json(request): Json<Scroll>) -> Answer {
    let Some(wheel) = Button::wheel(&request.direction) else {
        let direction = request.direction;
        return Err(ApiError::bad_request(format!("direction is {direction:?}; it must be up, down, left or right")));
    };
    let amount = request.amount.unwrap_or(1);
    if !(1..=100).contains(&amount) {
        return Err(ApiError::bad_request(format!("amount is {amount}; it must be from 1 to 100")));
    }
    let held = all_keys(&request.modifiers)?;
    at_pointer(toolbox, move |screen| {
        screen.move_pointer((request.x, request.y))?;
        screen.holding(&held, |screen| {
            (0..amount).try_for_each(|_| {
                screen.button(wheel, true)?;
                screen.button(wheel, false)
            })
        })
    })
    .await
    .map(|_| axum::Json(json!({ "success": true })))
}

#[derive(Deserialize)]
struct ButtonAt {
    x: Option<i32>,
    y: Option<i32>,
    button: Option<String>,
}

async fn button_down(toolbox: State, Json(request): Json<ButtonAt>) -> Answer {
    hold_button(toolbox, request, true).await
}

async fn button_up(toolbox: State, Json(request): Json<ButtonAt>) -> Answer {
    hold_button(toolbox, request, false).await
}

async fn hold_button(toolbox: State, request: ButtonAt, press: bool) -> Answer {
    let button = button(request.button.as_deref())?;
    at_pointer(toolbox, move |screen| {
        if request.x.is_some() || request.y.is_some() {
            let (x, y) = screen.pointer()?;
            screen.move_pointer((request.x.unwrap_or(x), request.y.unwrap_or(y)))?;
        }
        screen.button(button, press)
    })
    .await
}

#[derive(Deserialize)]
struct Text {
    #[serde(default)]
    text: String,
    delay: Option<u64>,
}

async fn type_text(toolbox: State, Json(request): Json<Text>) -> Answer {
    let delay = request.delay.unwrap_or_default();
    if delay > LONGEST_DELAY {
        return Err(ApiError::bad_request(format!("delay is {delay}; it must be from 0 to {LONGEST_DELAY}")));
    }
    if request.text.len() > LONGEST_TEXT {
        return Err(ApiError::bad_request(format!("the text is longer than {LONGEST_TEXT} bytes")));
    }
    let delay = Duration::from_millis(delay);
    on_keyboard(toolbox, move |screen| screen.type_text(&request.text, delay)).await
}

#[derive(Deserialize)]
struct Key {
    key: String,
    #[serde(default)]
    modifiers: Option<Vec<String>>,
}

async fn press(toolbox: State, Json(request): Json<Key>) -> Answer {
    let (key, held) = (key(&request.key)?, all_keys(&request.modifiers.unwrap_or_default())?);
    on_keyboard(toolbox, move |screen| screen.press(key, &held)).await
}

#[derive(Deserialize)]
struct Hotkey {
    keys: String,
}

async fn hotkey(toolbox: State, Json(Hotkey { keys }): Json<Hotkey>) -> Answer {
    // The last key may be a plus sign itself.
    let (names, plus) = match keys.strip_suffix("++") {
        Some(names) => (names, true),
        None => (keys.as_str(), keys == "+"),
    };
    let mut all =
        names.split('+').map(str::trim).filter(|name| !name.is_empty()).map(key).collect::<Result<Vec<_>, _>>()?;
    if plus {
        all.push(u32::from('+'));
    }
    let Some(last) = all.pop() else { return Err(ApiError::bad_request("keys names no key")) };
    on_keyboard(toolbox, move |screen| screen.press(last, &all)).await
}

async fn key_down(toolbox: State, Json(request): Json<Key>) -> Answer {
    let key = key(&request.key)?;
    on_keyboard(toolbox, move |screen| screen.hold(key, true)).await
}

async fn key_up(toolbox: State, Json(request): Json<Key>) -> Answer {
    let key = key(&request.key)?;
    on_keyboard(toolbox, move |screen| screen.hold(key, false)).await
}
