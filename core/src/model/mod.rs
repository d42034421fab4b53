//! The documented data types of every operation.
//!
//! `xtask codegen` reads these files and writes the same types for every language, so the model keeps to plain structs,
//! enums of strings, `Option`, `Vec`, `BTreeMap`, [`Blob`] and [`Json`]. All readers are tolerant: an unknown
//! field is ignored, a missing one takes its default, an unknown enum value is kept as it came.

mod blob;
mod chart;
mod code_interpreter;
mod computer_use;
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

#[cfg(test)]
mod tests {
    use super::SandboxInfo;

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
