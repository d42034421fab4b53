//! Sandboxes as a whole.

use std::fmt::Write as _;
use std::time::Duration;

use daytona::model::{
    BuildInfo, CreateSandboxParams, ListSandboxesQuery, Resources, StopOptions, VolumeMount, WaitOptions,
};
use serde_json::json;

use super::{Access, ID, Kind, LIST_SANDBOXES, Report, Tool, optional, required, run};
use crate::mcp::arguments::Arguments;
use crate::mcp::reply::{Refusal, Reply};
use crate::mcp::server::Server;
use crate::output::word;

/// Seconds a link works.
const LINK_SECONDS: i64 = 3600;
/// Seconds to look whether something listens.
const LOOK_LIMIT: Duration = Duration::from_secs(2);

pub static TOOLS: &[Tool] = &[
    Tool {
        name: "create_sandbox",
        title: "Create sandbox",
        set: "default",
        access: Access::Writes,
        description: "Create an isolated Linux sandbox; returns its id.",
        parameters: &[
            optional("id", Kind::Text, "Use this one if it exists"),
            optional("name", Kind::Text, ""),
            optional("target", Kind::Text, "Region"),
            optional("snapshot", Kind::Text, ""),
            optional("user", Kind::Text, "OS user"),
            optional("env", Kind::Texts, ""),
            optional("labels", Kind::Texts, ""),
            optional("public", Kind::Flag, "Previews need no token"),
            optional("cpu", Kind::Number(None, Some(4)), "Cores"),
            optional("gpu", Kind::Number(None, Some(1)), ""),
            optional("memory", Kind::Number(None, Some(8)), "GiB"),
            optional("disk", Kind::Number(None, Some(10)), "GiB"),
            optional(
                "autoStopInterval",
                Kind::Number(Some(0), None),
                "Idle minutes until it stops, default 15, 0 = never",
            ),
            optional("autoArchiveInterval", Kind::Number(Some(0), None), "Minutes stopped until archived"),
            optional("autoDeleteInterval", Kind::Number(None, None), "Minutes stopped until deleted, -1 = never"),
            optional("ttlMinutes", Kind::Number(Some(0), None), "Minutes until deleted in any state"),
            optional("volumes", Kind::Objects, "{volumeId, mountPath}"),
            optional("buildInfo", Kind::Object, "{dockerfileContent}"),
            optional("networkBlockAll", Kind::Flag, ""),
            optional("networkAllowList", Kind::Text, "CIDRs, comma-separated"),
        ],
        run: run!(create),
    },
    Tool {
        name: "destroy_sandbox",
        title: "Destroy sandbox",
        set: "default",
        access: Access::Destroys,
        description: "Delete a sandbox with everything in it.",
        parameters: &[required("id", Kind::Text, "Sandbox id or name")],
        run: run!(destroy),
    },
    Tool {
        name: "preview_link",
        title: "Preview link",
        set: "default",
        access: Access::Reads,
        description: "URL that opens a port of the sandbox in a browser for an hour.",
        parameters: &[
            required("port", Kind::Number(Some(1), Some(65535)), ""),
            optional("description", Kind::Text, "What is served"),
            optional("checkServer", Kind::Flag, "Fail if nothing listens"),
            ID,
        ],
        run: run!(preview),
    },
    Tool {
        name: LIST_SANDBOXES,
        title: "List sandboxes",
        set: "sandboxes",
        access: Access::Reads,
        description: "List sandboxes.",
        parameters: &[
            optional("labels", Kind::Texts, "Only with these labels"),
            optional("cursor", Kind::Text, "nextCursor of the part before"),
            optional("limit", Kind::Number(Some(1), Some(200)), ""),
        ],
        run: run!(list),
    },
    Tool {
        name: "start_sandbox",
        title: "Start sandbox",
        set: "sandboxes",
        access: Access::Writes,
        description: "Start a stopped sandbox.",
        parameters: &[required("id", Kind::Text, "Sandbox id or name")],
        run: run!(start),
    },
    Tool {
        name: "stop_sandbox",
        title: "Stop sandbox",
        set: "sandboxes",
        access: Access::Destroys,
        description: "Stop a sandbox; its files are kept.",
        parameters: &[required("id", Kind::Text, "Sandbox id or name")],
        run: run!(stop),
    },
];

async fn create(server: &Server, arguments: Arguments, _: Report<'_>) -> Result<Reply, Refusal> {
    if let Some(id) = arguments.optional_name("id")? {
        match server.sandbox(Some(&id)).await {
            Ok(sandbox) => {
                let data = json!({ "id": sandbox.id(), "name": sandbox.info().name, "created": false });
                return Ok(Reply::new(format!("Sandbox {} exists.", sandbox.id()), data));
            }
            Err(Refusal::Failed(error)) if error.is_not_found() => {}
            Err(refusal) => return Err(refusal),
        }
    }
    let build: Option<BuildInfo> = arguments.structure("buildInfo", "an object with dockerfileContent")?;
    let (dockerfile, context_hashes) =
        build.map(|build| (build.dockerfile_content, build.context_hashes)).unwrap_or_default();
    let resources = Resources {
        cpu: arguments.whole("cpu")?,
        memory: arguments.whole("memory")?,
        disk: arguments.whole("disk")?,
        gpu: arguments.whole("gpu")?,
    };
    let parameters = CreateSandboxParams {
        name: arguments.optional_name("name")?,
        target: arguments.optional_name("target")?,
        snapshot: arguments.optional_name("snapshot")?,
        user: arguments.optional_name("user")?,
        env_vars: arguments.texts("env")?,
        labels: arguments.texts("labels")?,
        public: arguments.flag("public")?,
        auto_stop_interval: arguments.whole("autoStopInterval")?,
        auto_archive_interval: arguments.whole("autoArchiveInterval")?,
        auto_delete_interval: arguments.whole("autoDeleteInterval")?,
        ttl_minutes: arguments.whole("ttlMinutes")?,
        volumes: arguments.structure::<Vec<VolumeMount>>("volumes", "a list of {volumeId, mountPath}")?,
        network_block_all: arguments.flag("networkBlockAll")?,
        network_allow_list: arguments.optional_name("networkAllowList")?,
        resources: Some(resources).filter(|resources| *resources != Resources::default()),
        dockerfile,
        context_hashes,
        ..CreateSandboxParams::default()
    };
    let sandbox = server.create(parameters).await?;
    let data = json!({ "id": sandbox.id(), "name": sandbox.info().name, "created": true });
    Ok(Reply::new(format!("Created sandbox {}.", sandbox.id()), data))
}

async fn destroy(server: &Server, arguments: Arguments, _: Report<'_>) -> Result<Reply, Refusal> {
    let id = arguments.text("id")?;
    server.destroy(&id).await?;
    Ok(Reply::new(format!("Destroyed sandbox {id}."), json!({ "id": id })))
}

async fn preview(server: &Server, arguments: Arguments, _: Report<'_>) -> Result<Reply, Refusal> {
    let port = arguments.whole("port")?.ok_or_else(|| Refusal::Argument("port is missing.".to_owned()))?;
    let sandbox = server.sandbox(arguments.optional_name("id")?.as_deref()).await?;
    if arguments.flag("checkServer")?.unwrap_or(false) {
        let wait = WaitOptions { timeout: Some(LOOK_LIMIT) };
        sandbox.process().wait_for_port(port, wait).await?;
    }
    let link = server.client.sandboxes().create_signed_preview_url(sandbox.id(), port, Some(LINK_SECONDS)).await?;
    let data = json!({ "url": link.url, "port": port, "expiresInSeconds": LINK_SECONDS });
    let about = arguments.optional_name("description")?.map(|text| format!("{text}: ")).unwrap_or_default();
    Ok(Reply::new(format!("{about}{}", link.url), data))
}

async fn list(server: &Server, arguments: Arguments, _: Report<'_>) -> Result<Reply, Refusal> {
    let query = ListSandboxesQuery {
        labels: arguments.texts("labels")?,
        cursor: arguments.optional_name("cursor")?,
        limit: arguments.whole("limit")?,
        ..Default::default()
    };
    let part = server.client.sandboxes().list(query).await?;
    let mut text = String::new();
    let mut listed = Vec::new();
    for sandbox in part.items {
        let state = sandbox.state.as_ref().map(word).unwrap_or_default();
        let _ = writeln!(text, "{} {} {state}", sandbox.id, sandbox.name);
        listed.push(json!({ "id": sandbox.id, "name": sandbox.name, "state": state, "labels": sandbox.labels }));
    }
    Ok(Reply::new(text, json!({ "sandboxes": listed, "nextCursor": part.next_cursor })))
}

async fn start(server: &Server, arguments: Arguments, _: Report<'_>) -> Result<Reply, Refusal> {
    let id = arguments.text("id")?;
    let started = server.client.sandboxes().start(&id, WaitOptions::default()).await?;
    server.forget(Some(&started.id)).await;
    Ok(Reply::new(format!("Sandbox {id} has started."), json!({ "id": id, "state": "started" })))
}

async fn stop(server: &Server, arguments: Arguments, _: Report<'_>) -> Result<Reply, Refusal> {
    let id = arguments.text("id")?;
    let stopped = server.client.sandboxes().stop(&id, StopOptions::default()).await?;
    server.forget(Some(&stopped.id)).await;
    Ok(Reply::new(format!("Sandbox {id} has stopped."), json!({ "id": id, "state": "stopped" })))
}
