//! The desktop of a sandbox, under the names that the documented server gives these tools.

mod accessibility;
mod input;
mod recordings;
mod screen;

use daytona::ops::ComputerUse;
use serde_json::json;

use super::{Access, ID, Kind, Parameter, Report, Tool, optional, required, run};
use crate::mcp::arguments::Arguments;
use crate::mcp::reply::{Refusal, Reply};
use crate::mcp::server::Server;

/// The set of these tools.
const SET: &str = "computer";

pub static TOOLS: &[&[Tool]] = &[LIFE, screen::TOOLS, input::TOOLS, recordings::TOOLS, accessibility::TOOLS];

static LIFE: &[Tool] = &[
    Tool {
        name: "computer_use_start",
        title: "Start desktop",
        set: SET,
        access: Access::Writes,
        description: "Start the desktop of a sandbox made from a snapshot that has one, such as daytona-desktop.",
        parameters: &[ID],
        run: run!(start),
    },
    Tool {
        name: "computer_use_stop",
        title: "Stop desktop",
        set: SET,
        access: Access::Destroys,
        description: "Stop the desktop with its programs.",
        parameters: &[ID],
        run: run!(stop),
    },
    Tool {
        name: "computer_use_status",
        title: "Desktop status",
        set: SET,
        access: Access::Reads,
        description: "Whether the desktop runs.",
        parameters: &[ID],
        run: run!(status),
    },
];

/// The desktop of the sandbox that a call is about.
async fn desktop(server: &Server, arguments: &Arguments) -> Result<ComputerUse, Refusal> {
    Ok(server.sandbox(arguments.optional_name("id")?.as_deref()).await?.computer_use())
}

async fn start(server: &Server, arguments: Arguments, _: Report<'_>) -> Result<Reply, Refusal> {
    let started = desktop(server, &arguments).await?.start().await?;
    Ok(Reply::new("The desktop runs.", started))
}

async fn stop(server: &Server, arguments: Arguments, _: Report<'_>) -> Result<Reply, Refusal> {
    let stopped = desktop(server, &arguments).await?.stop().await?;
    Ok(Reply::new("The desktop has stopped.", stopped))
}

async fn status(server: &Server, arguments: Arguments, _: Report<'_>) -> Result<Reply, Refusal> {
    let status = desktop(server, &arguments).await?.get_status().await?.status;
    Ok(Reply::new(&status, json!({ "status": status })))
}
