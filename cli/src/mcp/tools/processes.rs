//! Processes that live on: started, read, written to and ended by separate calls.

use std::time::Duration;

use daytona::model::{OutputOptions, SpawnOptions};
use serde_json::json;

use super::{Access, ID, Kind, Report, Tool, optional, required, run};
use crate::mcp::arguments::Arguments;
use crate::mcp::reply::{Refusal, Reply};
use crate::mcp::server::Server;

/// Bytes of output that are given at once.
const PART: usize = 24 * 1024;
/// The longest that a call waits for output, in seconds.
const LONGEST_WAIT: f64 = 300.0;

pub static TOOLS: &[Tool] = &[
    Tool {
        name: "start_process",
        title: "Start process",
        set: "processes",
        access: Access::Destroys,
        description: "Start a process and return at once, such as a server.",
        parameters: &[
            required("command", Kind::Text, "Shell command"),
            optional("cwd", Kind::Text, ""),
            optional("env", Kind::Texts, ""),
            optional("stdin", Kind::Flag, "Keep its input open"),
            ID,
        ],
        run: run!(start),
    },
    Tool {
        name: "read_process",
        title: "Read process",
        set: "processes",
        access: Access::Reads,
        description: "Output of a process from an offset, and whether it has ended.",
        parameters: &[
            required("processId", Kind::Text, ""),
            optional("offset", Kind::Number(Some(0), None), "nextOffset of the call before"),
            optional("wait", Kind::Number(Some(0), Some(LONGEST_WAIT as i64)), "Seconds to wait for output or the end"),
            ID,
        ],
        run: run!(read),
    },
    Tool {
        name: "write_process",
        title: "Write to process",
        set: "processes",
        access: Access::Destroys,
        description: "Write to the input of a process.",
        parameters: &[
            required("processId", Kind::Text, ""),
            required("text", Kind::Text, ""),
            optional("close", Kind::Flag, "Close the input after it"),
            ID,
        ],
        run: run!(write),
    },
    Tool {
        name: "end_process",
        title: "End process",
        set: "processes",
        access: Access::Destroys,
        description: "End a process with everything it started, and remove its output.",
        parameters: &[required("processId", Kind::Text, ""), ID],
        run: run!(end),
    },
];

async fn start(server: &Server, arguments: Arguments, _: Report<'_>) -> Result<Reply, Refusal> {
    let command = arguments.text("command")?;
    let options = SpawnOptions {
        cwd: arguments.optional_name("cwd")?,
        env: arguments.texts("env")?,
        stdin: arguments.flag("stdin")?,
    };
    let sandbox = server.sandbox(arguments.optional_name("id")?.as_deref()).await?;
    let started = sandbox.process().spawn(&command, options).await?;
    Ok(Reply::new(format!("Started process {}.", started.id), json!({ "processId": started.id })))
}

async fn read(server: &Server, arguments: Arguments, report: Report<'_>) -> Result<Reply, Refusal> {
    let id = arguments.text("processId")?;
    let offset = arguments.whole("offset")?.unwrap_or(0).max(0) as usize;
    let wait = arguments.number("wait")?.unwrap_or(0.0).clamp(0.0, LONGEST_WAIT);
    let process = server.sandbox(arguments.optional_name("id")?.as_deref()).await?.process();
    let info = process.get_spawned(&id).await?;
    // Of one that has ended, everything can be read at once.
    let known_code = info.exit_code;
    let options = OutputOptions { channel: None, follow: Some(wait > 0.0) };
    let mut stream = process.stream_output(info, options).await?;
    let (mut part, mut position, mut more, mut is_complete) = (Vec::new(), 0, false, false);
    let reading = async {
        loop {
            let Some(chunk) = stream.next().await? else {
                is_complete = true;
                break;
            };
            let skipped = offset.saturating_sub(position).min(chunk.data.len());
            position += chunk.data.len();
            let rest = &chunk.data[skipped..];
            let taken = rest.len().min(PART - part.len());
            part.extend_from_slice(&rest[..taken]);
            more = taken < rest.len();
            if more || (wait > 0.0 && known_code.is_none() && !part.is_empty()) {
                break;
            }
            report(position as f64, String::new());
        }
        Ok::<_, daytona::Error>(())
    };
    if wait > 0.0 {
        // Nothing within that time is an answer, too.
        if let Ok(read) = tokio::time::timeout(Duration::from_secs_f64(wait), reading).await {
            read?;
        }
    } else {
        reading.await?;
    }
    // The end is told with the last of the output, not before.
    let exit_code = match (is_complete, wait > 0.0) {
        (true, true) => process.get_spawned(&id).await?.exit_code,
        (true, false) => known_code,
        (false, _) => None,
    };
    let next = offset + part.len();
    let mut text = String::from_utf8_lossy(&part).into_owned();
    let data = json!({ "output": text, "nextOffset": next, "more": more, "exitCode": exit_code });
    match exit_code {
        Some(code) => text.push_str(&format!("\n[ended with exit code {code}]")),
        None => text.push_str(&format!("\n[running; next offset {next}]")),
    }
    Ok(Reply::new(text, data))
}

async fn write(server: &Server, arguments: Arguments, _: Report<'_>) -> Result<Reply, Refusal> {
    let (id, text) = (arguments.text("processId")?, arguments.text("text")?);
    let process = server.sandbox(arguments.optional_name("id")?.as_deref()).await?.process();
    let info = process.get_spawned(&id).await?;
    process.write_stdin(info.clone(), text.into_bytes().into()).await?;
    if arguments.flag("close")?.unwrap_or(false) {
        process.close_stdin(info).await?;
    }
    Ok(Reply::new("Written.", json!({ "processId": id })))
}

async fn end(server: &Server, arguments: Arguments, _: Report<'_>) -> Result<Reply, Refusal> {
    let id = arguments.text("processId")?;
    let process = server.sandbox(arguments.optional_name("id")?.as_deref()).await?.process();
    let info = process.get_spawned(&id).await?;
    process.release_spawned(info).await?;
    Ok(Reply::new(format!("Ended process {id}."), json!({ "processId": id })))
}
