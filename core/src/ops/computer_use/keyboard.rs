//! The keyboard.

use http::Method;
use serde_json::{Value, json};

use super::{Keyboard, check_range, with_options};
use crate::error::{Error, Result};
use crate::model::{KeyboardPressOptions, KeyboardTypeOptions};

impl Keyboard {
    /// Types a text: any characters, whatever the keyboard's layout.
    ///
    /// # Parameters
    /// * `text`: The text. A line feed is the Enter key, a tab the Tab key.
    ///
    /// # Errors
    /// `InvalidArgument` when the delay is out of range, `ServiceUnavailable` when the sandbox has no desktop or it does not
    /// run.
    ///
    /// # Examples
    /// `desktop keyboard`
    pub async fn type_text(&self, text: &str, options: KeyboardTypeOptions) -> Result<()> {
        check_range("delay", options.delay, 0..=10_000)?;
        self.send("keyboard.type_text", "/keyboard/type", with_options(json!({ "text": text }), &options)).await
    }

    /// Presses a key and releases it.
    ///
    /// # Parameters
    /// * `key`: The key: a character, or a name such as `enter`, `escape`, `backspace`, `pageup`, `f5`.
    ///
    /// # Errors
    /// `InvalidArgument` when the key is empty, `Validation` for an unknown key or modifier, `ServiceUnavailable` when the
    /// sandbox has no desktop or it does not run.
    pub async fn press(&self, key: &str, options: KeyboardPressOptions) -> Result<()> {
        check_key(key)?;
        self.send("keyboard.press", "/keyboard/key", with_options(json!({ "key": key }), &options)).await
    }

    /// Presses keys together.
    ///
    /// # Parameters
    /// * `keys`: The keys with `+` between them, such as `ctrl+shift+t`.
    ///
    /// # Errors
    /// `InvalidArgument` when there are no keys, `Validation` for an unknown key, `ServiceUnavailable` when the sandbox has
    /// no desktop or it does not run.
    pub async fn hotkey(&self, keys: &str) -> Result<()> {
        check_key(keys)?;
        self.send("keyboard.hotkey", "/keyboard/hotkey", json!({ "keys": keys })).await
    }

    /// Presses a key and keeps it pressed.
    ///
    /// # Parameters
    /// * `key`: The key, as for `press`.
    ///
    /// # Errors
    /// `InvalidArgument` when the key is empty, `Validation` for an unknown key, `NotFound` on servers up to 0.205,
    /// `ServiceUnavailable` when the sandbox has no desktop or it does not run.
    pub async fn down(&self, key: &str) -> Result<()> {
        check_key(key)?;
        self.send("keyboard.down", "/keyboard/down", json!({ "key": key })).await
    }

    /// Releases a key.
    ///
    /// # Parameters
    /// * `key`: The key, as for `press`.
    ///
    /// # Errors
    /// `InvalidArgument` when the key is empty, `Validation` for an unknown key, `NotFound` on servers up to 0.205,
    /// `ServiceUnavailable` when the sandbox has no desktop or it does not run.
    pub async fn up(&self, key: &str) -> Result<()> {
        check_key(key)?;
        self.send("keyboard.up", "/keyboard/up", json!({ "key": key })).await
    }

    async fn send(&self, operation: &'static str, path: &str, body: Value) -> Result<()> {
        let _: Value = self.toolbox.desktop(operation, Method::POST, path, Some(body)).await?;
        Ok(())
    }
}

fn check_key(key: &str) -> Result<()> {
    match key.is_empty() {
        true => Err(Error::invalid_argument("The key is empty.")),
        false => Ok(()),
    }
}
