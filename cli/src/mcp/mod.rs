//! The MCP server: sandboxes for agents.
//!
//! | file | subject |
//! |---|---|
//! | `protocol` | the Model Context Protocol, on `rmcp`; nothing else knows that |
//! | `http` | listening for it |
//! | `tasks` | calls that go on by themselves, and how much of them is kept |
//! | `tools` | the tools: names, arguments, what they do |
//! | `arguments`, `reply` | what a call brings, what it gives back |
//! | `server` | the sandboxes that calls are about, and their end |
//! | `agents` | the configuration files of agents |
//!
//! On standard input and output the process is the conversation: calls that name no sandbox share one that is made for the
//! first of them, and what the process made is deleted when it ends. Over HTTP nothing belongs to a connection: calls name
//! their sandbox, and sandboxes end by their intervals.

pub mod agents;
mod arguments;
mod http;
mod protocol;
mod reply;
mod server;
mod tasks;
pub mod tools;

pub use http::{HttpOptions, serve_http};
pub use protocol::serve_stdio;
pub use server::{Server, ServerOptions};
