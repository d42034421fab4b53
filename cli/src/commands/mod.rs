//! One file per command.

pub mod archive;
pub mod autocomplete;
pub mod code;
pub mod cp;
pub mod create;
pub mod delete;
pub mod docs;
pub mod exec;
pub mod fs;
pub mod generate_docs;
pub mod info;
pub mod list;
pub mod local;
pub mod login;
pub mod logout;
#[cfg(feature = "mcp")]
pub mod mcp;
pub mod preview_url;
pub mod run;
pub mod start;
pub mod stop;
pub mod use_sandbox;
pub mod version;
