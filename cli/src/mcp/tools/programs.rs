//! Commands.

use std::time::{Duration, Instant};

use daytona::model::{FileUpload, OutputOptions, ProcessInfo, SpawnOptions, UploadOptions, WaitOptions};
use daytona::ops::Process;
use daytona::{Error, ErrorKind, Sandbox};
use serde_json::json;
use tokio::sync::OwnedRwLockReadGuard;

use super::{Access, ID, Kind, Report, Tool, optional, required, run};
use crate::mcp::arguments::Arguments;
use crate::mcp::reply::{Refusal, Reply};
use crate::mcp::server::Server;

/// Bytes of output that a model is given; the rest is in a file of the sandbox.
const SHOWN: usize = 24 * 1024;
/// Output is kept up to this many bytes.
const KEPT: usize = 16 << 20;
/// Time between two reports.
const REPORT: Duration = Duration::from_millis(250);
/// Characters of the last line in a report.
const REPORTED: usize = 200;

pub static TOOLS: &[Tool] = &[Tool {
    name: "execute_command",
    title: "Execute command",
    set: "default",
    access: Access::Destroys,
    description: "Run a shell command and wait for it. Long output goes to a file.",
    parameters: &[
        required("command", Kind::Text, ""),
        optional("cwd", Kind::Text, "Directory"),
        optional("env", Kind::Texts, ""),
        optional("timeout", Kind::Number(Some(0), None), "Seconds until killed, 0 = none"),
        ID,
    ],
    run: run!(execute),
}];

async fn execute(server: &Server, arguments: Arguments, report: Report<'_>) -> Result<Reply, Refusal> {
    let command = arguments.text("command")?;
    if command.trim().is_empty() {
        return Err(Refusal::Argument("command is empty.".to_owned()));
    }
    let timeout = arguments.number("timeout")?.unwrap_or(0.0).clamp(0.0, 1e9);
    let options = SpawnOptions { cwd: arguments.optional_name("cwd")?, env: arguments.texts("env")?, stdin: None };
    let sandbox = server.sandbox(arguments.optional_name("id")?.as_deref()).await?;
    let process = sandbox.process();
    let under_way = server.calls.clone().read_owned().await;
    let spawned = Spawned { info: process.spawn(&command, options).await?, process, under_way: Some(under_way) };
    let work = follow(&spawned, report);
    let ended = if timeout == 0.0 {
        work.await?
    } else {
        tokio::time::timeout(Duration::from_secs_f64(timeout), work).await.map_err(|_| {
            let message = format!("The command ran longer than its timeout of {timeout} seconds and was killed.");
            Error::new(ErrorKind::ProcessExecutionTimeout, message)
        })??
    };
    drop(spawned);
    ended.reply(&sandbox).await
}

/// A process that ends with the call, however that ends.
struct Spawned {
    process: Process,
    info: ProcessInfo,
    /// The server does not end before the process.
    under_way: Option<OwnedRwLockReadGuard<()>>,
}

impl Drop for Spawned {
    fn drop(&mut self) {
        let (process, info) = (self.process.clone(), std::mem::take(&mut self.info));
        let under_way = self.under_way.take();
        tokio::spawn(async move {
            // Its sandbox may be gone.
            let _ = process.release_spawned(info).await;
            drop(under_way);
        });
    }
}

/// A process that has ended.
struct Ended {
    code: i64,
    output: Vec<u8>,
    length: usize,
}

async fn follow(spawned: &Spawned, report: Report<'_>) -> Result<Ended, Error> {
    let mut stream = spawned.process.stream_output(spawned.info.clone(), OutputOptions::default()).await?;
    let (mut output, mut length, mut reported) = (Vec::new(), 0, Instant::now());
    while let Some(chunk) = stream.next().await? {
        length += chunk.data.len();
        let room = KEPT - output.len();
        output.extend_from_slice(&chunk.data[..chunk.data.len().min(room)]);
        if reported.elapsed() >= REPORT {
            reported = Instant::now();
            report(length as f64, last_line(&chunk.data));
        }
    }
    let wait = WaitOptions { timeout: Some(Duration::ZERO) };
    let code = spawned.process.wait_spawned(spawned.info.clone(), wait).await?;
    Ok(Ended { code, output, length })
}

fn last_line(data: &[u8]) -> String {
    let text = String::from_utf8_lossy(&data[data.len().saturating_sub(4 * REPORTED)..]).into_owned();
    let line = text.trim_end().rsplit('\n').next().unwrap_or_default();
    line.chars().take(REPORTED).collect()
}

impl Ended {
    async fn reply(self, sandbox: &Sandbox) -> Result<Reply, Refusal> {
        let mut data = json!({ "exitCode": self.code, "size": self.length });
        let (mut text, file) = shown(self.output, self.length, sandbox).await?;
        if let Some(file) = file {
            data["outputFile"] = json!(file);
        }
        data["output"] = json!(text);
        if self.code != 0 {
            text = format!("{text}\n[exit code {}]", self.code);
        }
        Ok(Reply::new(text, data).failed(self.code != 0))
    }
}

/// Output as a model is given it: what is too long is put into a file of the sandbox, which can be read part by part. `length`
/// is that of all there was, of which `output` is the beginning.
pub async fn shown(output: Vec<u8>, length: usize, sandbox: &Sandbox) -> Result<(String, Option<String>), Error> {
    if output.len() <= SHOWN {
        return Ok((String::from_utf8_lossy(&output).into_owned(), None));
    }
    let path = format!("/tmp/daytona-output-{}", uuid::Uuid::new_v4().simple());
    let (first, last) = (&output[..SHOWN / 2], &output[output.len() - SHOWN / 2..]);
    let (first, last) = (String::from_utf8_lossy(first), String::from_utf8_lossy(last));
    let between = output.len() - SHOWN;
    let kept = if length > output.len() {
        format!("the first {} of {length} bytes are in {path}", output.len())
    } else {
        format!("the whole output is in {path}")
    };
    let text = format!("{first}\n[{between} bytes are left out here; {kept}]\n{last}");
    let file = FileUpload { destination: path.clone(), content: Some(output.into()), local_path: None };
    sandbox.fs().upload_file(file, UploadOptions::default()).await?;
    Ok((text, Some(path)))
}
