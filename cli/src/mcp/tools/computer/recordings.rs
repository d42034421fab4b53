//! Recordings of the screen.

use std::fmt::Write as _;

use daytona::model::RecordingOptions;
use serde_json::json;

use super::{Access, Arguments, ID, Kind, Parameter, Refusal, Reply, Report, SET, Server, Tool, desktop};
use super::{optional, required, run};

const RECORDING: Parameter = required("recordingId", Kind::Text, "");

pub static TOOLS: &[Tool] = &[
    Tool {
        name: "computer_use_recording_start",
        title: "Start recording",
        set: SET,
        access: Access::Writes,
        description: "Start to record the screen.",
        parameters: &[optional("label", Kind::Text, ""), ID],
        run: run!(start),
    },
    Tool {
        name: "computer_use_recording_stop",
        title: "Stop recording",
        set: SET,
        access: Access::Writes,
        description: "End a recording.",
        parameters: &[RECORDING, ID],
        run: run!(stop),
    },
    Tool {
        name: "computer_use_recording_list",
        title: "List recordings",
        set: SET,
        access: Access::Reads,
        description: "List recordings.",
        parameters: &[ID],
        run: run!(list),
    },
    Tool {
        name: "computer_use_recording_get",
        title: "Recording",
        set: SET,
        access: Access::Reads,
        description: "File and length of a recording.",
        parameters: &[RECORDING, ID],
        run: run!(get),
    },
    Tool {
        name: "computer_use_recording_delete",
        title: "Delete recording",
        set: SET,
        access: Access::Destroys,
        description: "Delete a recording.",
        parameters: &[RECORDING, ID],
        run: run!(delete),
    },
];

async fn start(server: &Server, arguments: Arguments, _: Report<'_>) -> Result<Reply, Refusal> {
    let options = RecordingOptions { label: arguments.optional_name("label")? };
    let recording = desktop(server, &arguments).await?.recording().start(options).await?;
    Ok(Reply::new(format!("Recording {} has started.", recording.id), recording))
}

async fn stop(server: &Server, arguments: Arguments, _: Report<'_>) -> Result<Reply, Refusal> {
    let id = arguments.text("recordingId")?;
    let recording = desktop(server, &arguments).await?.recording().stop(&id).await?;
    Ok(Reply::new(format!("The recording is in {}.", recording.file_path), recording))
}

async fn list(server: &Server, arguments: Arguments, _: Report<'_>) -> Result<Reply, Refusal> {
    let found = desktop(server, &arguments).await?.recording().list().await?;
    let mut text = String::new();
    for recording in &found.recordings {
        let _ = writeln!(text, "{} {} {}", recording.id, recording.status, recording.file_path);
    }
    Ok(Reply::new(text, found))
}

async fn get(server: &Server, arguments: Arguments, _: Report<'_>) -> Result<Reply, Refusal> {
    let id = arguments.text("recordingId")?;
    let recording = desktop(server, &arguments).await?.recording().get(&id).await?;
    Ok(Reply::new(format!("{} {} {}", recording.id, recording.status, recording.file_path), recording))
}

async fn delete(server: &Server, arguments: Arguments, _: Report<'_>) -> Result<Reply, Refusal> {
    let id = arguments.text("recordingId")?;
    desktop(server, &arguments).await?.recording().delete(&id).await?;
    Ok(Reply::new(format!("Deleted recording {id}."), json!({ "recordingId": id })))
}
