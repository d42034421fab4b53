//! The documented data types of every operation.
//!
//! `xtask codegen` reads these files and writes the same types for every language, so the model keeps to plain structs,
//! enums of strings, `Option`, `Vec`, `BTreeMap`, [`Blob`] and [`Json`]. All readers are tolerant: an unknown
//! field is ignored, a missing one takes its default, an unknown enum value is kept as it came.

mod blob;
mod chart;
mod code_interpreter;
mod computer_use;
mod desktop_accessibility;
mod desktop_action;
mod directory;
mod event;
mod file;
mod git;
mod image;
mod life;
mod lsp;
mod network;
mod object_storage;
mod process;
mod pty;
mod rate_limit;
mod sandbox;
mod sandbox_create;
mod sandbox_list;
mod sandbox_reach;
mod secret;
mod snapshot;
mod spawn;
mod ssh;
mod volume;
mod webhook;

pub use blob::*;
pub use chart::*;
pub use code_interpreter::*;
pub use computer_use::*;
pub use desktop_accessibility::*;
pub use desktop_action::*;
pub use directory::*;
pub use event::*;
pub use file::*;
pub use git::*;
pub use image::*;
pub use life::*;
pub use lsp::*;
pub use network::*;
pub use object_storage::*;
pub use process::*;
pub use pty::*;
pub use rate_limit::*;
pub use sandbox::*;
pub use sandbox_create::*;
pub use sandbox_list::*;
pub use sandbox_reach::*;
pub use secret::*;
pub use snapshot::*;
pub use spawn::*;
pub use ssh::*;
pub use volume::*;
pub use webhook::*;

/// A value of any JSON type.
pub type Json = serde_json::Value;

/// A value that servers may send as `null` for its default.
pub(crate) fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: serde::Deserialize<'de> + Default,
{
    use serde::Deserialize;
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// A whole number that servers may write with a fraction of 0 (`1.0`), or as `null` for 0.
pub(crate) fn whole<'de, D>(deserializer: D) -> Result<i64, D::Error>
where
    D: serde::Deserializer<'de>,
{
    Ok(whole_if_any(deserializer)?.unwrap_or_default())
}

/// The same where there may be none.
pub(crate) fn whole_if_any<'de, D>(deserializer: D) -> Result<Option<i64>, D::Error>
where
    D: serde::Deserializer<'de>,
{
    use serde::Deserialize;
    let number = Option::<serde_json::Number>::deserialize(deserializer)?;
    Ok(number.map(|number| number.as_i64().unwrap_or_else(|| number.as_f64().unwrap_or_default() as i64)))
}

/// How durations travel: as numbers of seconds (`#[serde(with = "…")]`).
pub mod seconds {
    use std::fmt;
    use std::time::Duration;

    use serde::de::{Error, Unexpected, Visitor};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    /// Writes a number of seconds.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        duration.map(|duration| duration.as_secs_f64()).serialize(serializer)
    }

    /// Reads a number of seconds, 0 or more.
    ///
    /// # Errors
    /// When it is something else.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<Seconds>::deserialize(deserializer)?.map(|Seconds(duration)| duration))
    }

    struct Seconds(Duration);

    // Refused while it is read: a reader that comes back later does not know where it was.
    impl<'de> Deserialize<'de> for Seconds {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            deserializer.deserialize_f64(Number).map(Self)
        }
    }

    struct Number;

    impl Visitor<'_> for Number {
        type Value = Duration;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a number of seconds, 0 for no limit")
        }

        fn visit_f64<E: Error>(self, number: f64) -> Result<Duration, E> {
            if number >= 0.0 {
                // More than fits is as good as for ever.
                return Ok(Duration::try_from_secs_f64(number).unwrap_or(Duration::MAX));
            }
            Err(E::invalid_value(Unexpected::Other(&number.to_string()), &self))
        }

        fn visit_u64<E: Error>(self, number: u64) -> Result<Duration, E> {
            Ok(Duration::from_secs(number))
        }

        fn visit_i64<E: Error>(self, number: i64) -> Result<Duration, E> {
            let negative = || E::invalid_value(Unexpected::Other(&number.to_string()), &self);
            u64::try_from(number).map(Duration::from_secs).map_err(|_| negative())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{SandboxInfo, WaitOptions};

    #[test]
    fn durations_travel_as_seconds() {
        let read = |text: &str| serde_json::from_str::<WaitOptions>(text).map(|options| options.timeout);
        assert_eq!(read(r#"{"timeout": 1.5}"#).unwrap(), Some(Duration::from_millis(1500)));
        assert_eq!(read(r#"{"timeout": 0}"#).unwrap(), Some(Duration::ZERO));
        assert_eq!(read(r#"{"timeout": 1e300}"#).unwrap(), Some(Duration::MAX));
        assert_eq!((read("{}").unwrap(), read(r#"{"timeout": null}"#).unwrap()), (None, None));
        let error = crate::wording::json(&read(r#"{"timeout": -1}"#).unwrap_err());
        assert_eq!(error, "it must be a number of seconds, 0 for no limit, not -1");
        let options = WaitOptions { timeout: Some(Duration::from_millis(250)) };
        assert_eq!(serde_json::to_string(&options).unwrap(), r#"{"timeout":0.25}"#);
        assert_eq!(serde_json::to_string(&WaitOptions::default()).unwrap(), "{}");
    }

    #[test]
    fn numbers_of_a_sandbox_are_whole_however_they_are_written() {
        let text = r#"{"id":"x","cpu":2.0,"memory":4,"disk":null,"autoStopInterval":15.0,"autoDeleteInterval":-1}"#;
        let sandbox: SandboxInfo = serde_json::from_str(text).unwrap();
        assert_eq!((sandbox.cpu, sandbox.gpu, sandbox.memory, sandbox.disk), (2, 0, 4, 0));
        assert_eq!((sandbox.auto_stop_interval, sandbox.auto_delete_interval), (Some(15), Some(-1)));
        assert_eq!(sandbox.auto_pause_interval, None);
        assert_eq!(serde_json::to_value(&sandbox).unwrap()["cpu"].to_string(), "2");
    }
}
