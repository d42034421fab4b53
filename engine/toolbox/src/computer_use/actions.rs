//! What can be done with mouse and keyboard: requests are checked and become actions, and actions are done.

use std::thread::sleep;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::input::Button;
use super::keys::{self, Keysym};
use super::screen::{Failure, Screen};
use crate::errors::ApiError;

/// The longest pause between characters, in milliseconds.
const LONGEST_DELAY: u64 = 10_000;

/// The longest pause between actions, in milliseconds.
const LONGEST_WAIT: u64 = 10_000;

/// The most characters that are typed at once.
const LONGEST_TEXT: usize = 1 << 20;

/// A place on the screen in pixels.
pub(super) type Place = (i32, i32);

/// Something to be done, and the request for it as a trajectory tells it.
pub(super) struct Action {
    pub(super) told: Value,
    deed: Deed,
}

enum Deed {
    Move { to: Place },
    Click { at: Place, button: Button, times: u32, held: Vec<Keysym> },
    Drag { from: Place, to: Place, button: Button, held: Vec<Keysym> },
    Scroll { at: Place, wheel: Button, amount: u32, held: Vec<Keysym> },
    Button { x: Option<i32>, y: Option<i32>, button: Button, press: bool },
    Type { text: String, delay: Duration },
    Press { key: Keysym, held: Vec<Keysym> },
    Hold { key: Keysym, press: bool },
    Wait(Duration),
}

impl Action {
    fn new(name: &str, request: &impl Serialize, deed: Deed) -> Self {
        let mut told = json!({ "action": name });
        if let (Some(fields), Ok(Value::Object(request))) = (told.as_object_mut(), serde_json::to_value(request)) {
            fields.extend(request.into_iter().filter(|(_, value)| !value.is_null()));
        }
        Self { told, deed }
    }

    /// An action of `act`: a field names it, the others are those of the request for it alone.
    pub(super) fn read(mut fields: Map<String, Value>) -> Result<Self, ApiError> {
        fields.retain(|_, value| !value.is_null());
        let name = match fields.remove("action") {
            Some(Value::String(name)) => name,
            _ => return Err(ApiError::bad_request("action is missing; it says what to do, such as click")),
        };
        match name.as_str() {
            "move" => parse::<Move>(fields)?.action(),
            "click" => parse::<Click>(fields)?.action(),
            "drag" => parse::<Drag>(fields)?.action(),
            "scroll" => parse::<Scroll>(fields)?.action(),
            "mouse_down" => parse::<ButtonAt>(fields)?.action(true),
            "mouse_up" => parse::<ButtonAt>(fields)?.action(false),
            "type" => parse::<Text>(fields)?.action(),
            "press" => parse::<Key>(fields)?.action(),
            "hotkey" => parse::<Hotkey>(fields)?.action(),
            "key_down" => parse::<Key>(fields)?.hold(true),
            "key_up" => parse::<Key>(fields)?.hold(false),
            "wait" => parse::<Wait>(fields)?.action(),
            _ => Err(ApiError::bad_request(format!(
                "action is {name:?}; it must be move, click, drag, scroll, mouse_down, mouse_up, type, press, hotkey, \
                 key_down, key_up or wait"
            ))),
        }
    }

    /// Does it.
    pub(super) fn perform(&self, screen: &mut Screen) -> Result<(), Failure> {
        match &self.deed {
            Deed::Move { to } => screen.move_pointer(*to),
            Deed::Click { at, button, times, held } => {
                screen.move_pointer(*at)?;
                screen.holding(held, |screen| screen.click(*button, *times))
            }
            Deed::Drag { from, to, button, held } => screen.holding(held, |screen| screen.drag(*from, *to, *button)),
            Deed::Scroll { at, wheel, amount, held } => {
                screen.move_pointer(*at)?;
                screen.holding(held, |screen| {
                    (0..*amount).try_for_each(|_| {
                        screen.button(*wheel, true)?;
                        screen.button(*wheel, false)
                    })
                })
            }
            Deed::Button { x, y, button, press } => {
                if x.is_some() || y.is_some() {
                    let at = screen.pointer()?;
                    screen.move_pointer((x.unwrap_or(at.0), y.unwrap_or(at.1)))?;
                }
                screen.button(*button, *press)
            }
            Deed::Type { text, delay } => screen.type_text(text, *delay),
            Deed::Press { key, held } => screen.press(*key, held),
            Deed::Hold { key, press } => screen.hold(*key, *press),
            Deed::Wait(time) => {
                sleep(*time);
                Ok(())
            }
        }
    }

    /// Where the mouse does it. What the keyboard does goes to the focus.
    pub(super) fn place(&self) -> Option<Place> {
        match &self.deed {
            Deed::Move { to } => Some(*to),
            Deed::Click { at, .. } | Deed::Scroll { at, .. } | Deed::Drag { from: at, .. } => Some(*at),
            Deed::Button { x: Some(x), y: Some(y), .. } => Some((*x, *y)),
            _ => None,
        }
    }

    /// How long it waits by itself.
    pub(super) fn pause(&self) -> Duration {
        match &self.deed {
            Deed::Wait(time) => *time,
            Deed::Type { text, delay } => delay.saturating_mul(u32::try_from(text.chars().count()).unwrap_or(u32::MAX)),
            _ => Duration::ZERO,
        }
    }
}

fn parse<T: DeserializeOwned>(fields: Map<String, Value>) -> Result<T, ApiError> {
    crate::extract::read_fields(fields)
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

#[derive(Deserialize, Serialize)]
pub(super) struct Move {
    x: i32,
    y: i32,
}

impl Move {
    pub(super) fn action(&self) -> Result<Action, ApiError> {
        Ok(Action::new("move", self, Deed::Move { to: (self.x, self.y) }))
    }
}

#[derive(Deserialize, Serialize)]
pub(super) struct Click {
    x: i32,
    y: i32,
    button: Option<String>,
    #[serde(default)]
    double: bool,
    clicks: Option<u32>,
    #[serde(default)]
    modifiers: Vec<String>,
}

impl Click {
    pub(super) fn action(&self) -> Result<Action, ApiError> {
        let times = match (self.clicks, self.double) {
            (Some(clicks @ 1..=10), _) => clicks,
            (Some(other), _) => {
                return Err(ApiError::bad_request(format!("clicks is {other}; it must be from 1 to 10")));
            }
            (None, true) => 2,
            (None, false) => 1,
        };
        let (button, held) = (button(self.button.as_deref())?, all_keys(&self.modifiers)?);
        Ok(Action::new("click", self, Deed::Click { at: (self.x, self.y), button, times, held }))
    }
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Drag {
    #[serde(alias = "x")]
    start_x: i32,
    #[serde(alias = "y")]
    start_y: i32,
    end_x: i32,
    end_y: i32,
    button: Option<String>,
    #[serde(default)]
    modifiers: Vec<String>,
}

impl Drag {
    pub(super) fn action(&self) -> Result<Action, ApiError> {
        let (button, held) = (button(self.button.as_deref())?, all_keys(&self.modifiers)?);
        let (from, to) = ((self.start_x, self.start_y), (self.end_x, self.end_y));
        Ok(Action::new("drag", self, Deed::Drag { from, to, button, held }))
    }
}

#[derive(Deserialize, Serialize)]
pub(super) struct Scroll {
    x: i32,
    y: i32,
    direction: String,
    amount: Option<u32>,
    #[serde(default)]
    modifiers: Vec<String>,
}

impl Scroll {
    pub(super) fn action(&self) -> Result<Action, ApiError> {
        let Some(wheel) = Button::wheel(&self.direction) else {
            let direction = &self.direction;
            return Err(ApiError::bad_request(format!(
                "direction is {direction:?}; it must be up, down, left or right"
            )));
        };
        let amount = self.amount.unwrap_or(1);
        if !(1..=100).contains(&amount) {
            return Err(ApiError::bad_request(format!("amount is {amount}; it must be from 1 to 100")));
        }
        let held = all_keys(&self.modifiers)?;
        Ok(Action::new("scroll", self, Deed::Scroll { at: (self.x, self.y), wheel, amount, held }))
    }
}

#[derive(Deserialize, Serialize)]
pub(super) struct ButtonAt {
    x: Option<i32>,
    y: Option<i32>,
    button: Option<String>,
}

impl ButtonAt {
    pub(super) fn action(&self, press: bool) -> Result<Action, ApiError> {
        let name = if press { "mouse_down" } else { "mouse_up" };
        let button = button(self.button.as_deref())?;
        Ok(Action::new(name, self, Deed::Button { x: self.x, y: self.y, button, press }))
    }
}

#[derive(Deserialize, Serialize)]
pub(super) struct Text {
    #[serde(default)]
    text: String,
    delay: Option<u64>,
}

impl Text {
    pub(super) fn action(&self) -> Result<Action, ApiError> {
        let delay = self.delay.unwrap_or_default();
        if delay > LONGEST_DELAY {
            return Err(ApiError::bad_request(format!("delay is {delay}; it must be from 0 to {LONGEST_DELAY}")));
        }
        if self.text.len() > LONGEST_TEXT {
            return Err(ApiError::bad_request(format!("the text is longer than {LONGEST_TEXT} bytes")));
        }
        let deed = Deed::Type { text: self.text.clone(), delay: Duration::from_millis(delay) };
        Ok(Action::new("type", self, deed))
    }
}

#[derive(Deserialize, Serialize)]
pub(super) struct Key {
    key: String,
    #[serde(default)]
    modifiers: Option<Vec<String>>,
}

impl Key {
    pub(super) fn action(&self) -> Result<Action, ApiError> {
        let (key, held) = (key(&self.key)?, all_keys(self.modifiers.as_deref().unwrap_or_default())?);
        Ok(Action::new("press", self, Deed::Press { key, held }))
    }

    pub(super) fn hold(&self, press: bool) -> Result<Action, ApiError> {
        let name = if press { "key_down" } else { "key_up" };
        Ok(Action::new(name, self, Deed::Hold { key: key(&self.key)?, press }))
    }
}

#[derive(Deserialize, Serialize)]
pub(super) struct Hotkey {
    keys: String,
}

impl Hotkey {
    pub(super) fn action(&self) -> Result<Action, ApiError> {
        // The last key may be a plus sign itself.
        let (names, plus) = match self.keys.strip_suffix("++") {
            Some(names) => (names, true),
            None => (self.keys.as_str(), self.keys == "+"),
        };
        let mut held =
            names.split('+').map(str::trim).filter(|name| !name.is_empty()).map(key).collect::<Result<Vec<_>, _>>()?;
        if plus {
            held.push(u32::from('+'));
        }
        let Some(key) = held.pop() else { return Err(ApiError::bad_request("keys names no key")) };
        Ok(Action::new("hotkey", self, Deed::Press { key, held }))
    }
}

#[derive(Deserialize, Serialize)]
struct Wait {
    milliseconds: u64,
}

impl Wait {
    fn action(&self) -> Result<Action, ApiError> {
        let time = self.milliseconds;
        if time > LONGEST_WAIT {
            return Err(ApiError::bad_request(format!("milliseconds is {time}; it must be from 0 to {LONGEST_WAIT}")));
        }
        Ok(Action::new("wait", self, Deed::Wait(Duration::from_millis(time))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(action: Value) -> Result<Action, String> {
        let Value::Object(fields) = action else { panic!("not an object") };
        Action::read(fields).map_err(|error| error.message)
    }

    #[test]
    fn what_an_action_lacks_or_does_not_know_is_named() {
        for (action, expected) in [
            (json!({}), "action is missing"),
            (json!({ "action": "jump" }), "action is \"jump\""),
            (json!({ "action": "click", "x": 1 }), "y is required"),
            (json!({ "action": "click", "x": 1, "y": "2" }), "y must be a whole number"),
            (json!({ "action": "click", "x": 1, "y": 2, "button": "fourth" }), "button is \"fourth\""),
            (json!({ "action": "wait", "milliseconds": 10_001 }), "milliseconds is 10001"),
        ] {
            let error = read(action).err().unwrap_or_default();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn an_action_tells_what_was_asked_for_and_where_it_is_done() {
        let drag = read(json!({ "action": "drag", "x": 1, "y": 2, "endX": 3, "endY": 4, "button": null })).unwrap();
        assert_eq!(drag.told["startX"], 1);
        assert_eq!(drag.told.get("button"), None);
        assert_eq!(drag.place(), Some((1, 2)));
        let text = read(json!({ "action": "type", "text": "abc", "delay": 20 })).unwrap();
        assert_eq!((text.place(), text.pause()), (None, Duration::from_millis(60)));
    }
}
