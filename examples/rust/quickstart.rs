//! Quickstart: the tour that every language's package has.
//!
//! ```text
//! DAYTONA_API_URL=local cargo run -p daytona --example quickstart
//! ```

use std::error::Error;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use daytona::model::{
    CodeRunOptions, CreateSandboxParams, DownloadOptions, FileUpload, PtyCreateOptions, SessionExecuteRequest,
    SessionExecuteResponse, UploadOptions, WaitOptions,
};
use daytona::stream::log_demux::LogChannel;
use daytona::{Client, Config, Sandbox};

const ANALYSIS: &str = r#"
import csv, sys
rows = list(csv.DictReader(open("sales.csv")))
for region in sorted({row["region"] for row in rows}):
    units = sum(int(row["units"]) for row in rows if row["region"] == region)
    print(f"{region}: {units} units", flush=True)
print(f"read {len(rows)} rows", file=sys.stderr, flush=True)
"#;

const CHART: &str = r#"
import csv
import matplotlib.pyplot as plt
months = {}
for row in csv.DictReader(open("sales.csv")):
    months[row["month"]] = months.get(row["month"], 0) + float(row["revenue"])
print(f"{sum(months.values()):.2f}")
plt.plot(list(months), list(months.values()))
plt.title("Revenue by month")
plt.show()
"#;

type Outcome<T> = Result<T, Box<dyn Error>>;

#[tokio::main]
async fn main() -> Outcome<()> {
    let table = std::env::args()
        .nth(1)
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/data/sales.csv"), PathBuf::from);
    let daytona = Client::new(Config::default())?;

    let started = Instant::now();
    let labels = [("example".to_owned(), "quickstart".to_owned())];
    let params = CreateSandboxParams { labels: Some(labels.into()), ..CreateSandboxParams::default() };
    let sandbox = daytona.create(params).await?;
    report("create sandbox", started, sandbox.id());

    let toured = tour(&sandbox, &table).await;

    // Also after a failure.
    let started = Instant::now();
    sandbox.delete().await?;
    report("delete sandbox", started, "deleted");
    toured
}

async fn tour(sandbox: &Sandbox, table: &Path) -> Outcome<()> {
    let started = Instant::now();
    report("upload CSV", started, &upload_table(sandbox, table).await?);
    let started = Instant::now();
    report("run Python, live", started, &run_live(sandbox).await?);
    let started = Instant::now();
    report("draw chart", started, &draw_chart(sandbox).await?);
    let started = Instant::now();
    report("shell session", started, &shell_session(sandbox).await?);
    let started = Instant::now();
    report("terminal", started, &terminal(sandbox).await?);
    let started = Instant::now();
    report("download file", started, &download(sandbox).await?);
    Ok(())
}

/// Prints a step's label, the time it took and what it has to tell.
fn report(label: &str, started: Instant, detail: &str) {
    println!("  {label:<20} {:>6} ms  {detail}", started.elapsed().as_millis());
}

async fn upload_table(sandbox: &Sandbox, table: &Path) -> Outcome<String> {
    let file = FileUpload {
        destination: "sales.csv".to_owned(),
        local_path: Some(table.to_string_lossy().into_owned()),
        ..FileUpload::default()
    };
    sandbox.fs().upload_file(file, UploadOptions::default()).await?;
    let info = sandbox.fs().get_file_info("sales.csv").await?;
    Ok(format!("sales.csv, {} bytes", info.size))
}

/// Runs a program in the background and prints what it writes while it runs.
async fn run_live(sandbox: &Sandbox) -> Outcome<String> {
    let file =
        FileUpload { destination: "analysis.py".to_owned(), content: Some(ANALYSIS.into()), ..FileUpload::default() };
    sandbox.fs().upload_file(file, UploadOptions::default()).await?;
    let process = sandbox.process();
    process.create_session("analysis").await?;
    let command = start(sandbox, "analysis", "python3 analysis.py").await?;
    let mut logs = process.stream_session_command_logs("analysis", &command.cmd_id).await?;
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    while let Some(chunk) = logs.next().await? {
        match chunk.channel {
            LogChannel::Stdout => print_lines("stdout", &mut stdout, &chunk.data),
            LogChannel::Stderr => print_lines("stderr", &mut stderr, &chunk.data),
        }
    }
    let ended = process.get_session_command("analysis", &command.cmd_id).await?;
    Ok(format!("exit code {}", ended.exit_code.ok_or("the program has not ended")?))
}

/// Prints the lines that are complete; a chunk may end anywhere.
fn print_lines(name: &str, pending: &mut Vec<u8>, data: &[u8]) {
    pending.extend_from_slice(data);
    while let Some(end) = pending.iter().position(|byte| *byte == b'\n') {
        let line: Vec<u8> = pending.drain(..=end).collect();
        println!("    {name}  {}", String::from_utf8_lossy(&line).trim_end());
    }
}

async fn start(sandbox: &Sandbox, session: &str, command: &str) -> Outcome<SessionExecuteResponse> {
    let request = SessionExecuteRequest {
        command: command.to_owned(),
        run_async: Some(true),
        ..SessionExecuteRequest::default()
    };
    Ok(sandbox.process().execute_session_command(session, request, WaitOptions::default()).await?)
}

/// Runs a program whose chart comes back as a picture.
async fn draw_chart(sandbox: &Sandbox) -> Outcome<String> {
    let result = sandbox.code_run(CHART, CodeRunOptions::default()).await?;
    let charts = result.artifacts.map(|artifacts| artifacts.charts).unwrap_or_default();
    let picture = charts.first().and_then(|chart| chart.png.as_deref());
    let picture = STANDARD.decode(picture.ok_or_else(|| format!("no chart, but: {}", result.result))?)?;
    let directory = tempfile::Builder::new().prefix("quickstart-").tempdir()?.keep();
    let path = directory.join("chart.png");
    std::fs::File::create(&path)?.write_all(&picture)?;
    Ok(format!("revenue {}, {} bytes in {}", result.result.trim(), picture.len(), path.display()))
}

/// Shows that directory and variables last from command to command.
async fn shell_session(sandbox: &Sandbox) -> Outcome<String> {
    let process = sandbox.process();
    process.create_session("shell").await?;
    let request =
        SessionExecuteRequest { command: "cd /tmp && GREETING=hello".to_owned(), ..SessionExecuteRequest::default() };
    process.execute_session_command("shell", request, WaitOptions::default()).await?;
    let command = start(sandbox, "shell", r#"echo "$GREETING from $PWD""#).await?;
    let mut logs = process.stream_session_command_logs("shell", &command.cmd_id).await?;
    let mut text = Vec::new();
    while let Some(chunk) = logs.next().await? {
        text.extend_from_slice(&chunk.data);
    }
    process.delete_session("shell").await?;
    Ok(String::from_utf8(text)?.trim().to_owned())
}

/// Drives a terminal: input, another size, the exit code.
async fn terminal(sandbox: &Sandbox) -> Outcome<String> {
    let process = sandbox.process();
    let mut terminal = process.create_pty("terminal", PtyCreateOptions::default()).await?;
    process.resize_pty_session("terminal", 30, 100).await?;
    terminal.write("echo size $(stty size); exit 7\n").await?;
    let mut output = Vec::new();
    while let Some(piece) = terminal.next().await? {
        output.extend_from_slice(&piece);
    }
    let output = String::from_utf8_lossy(&output);
    let exit_code = terminal.wait().await?.exit_code.ok_or("the terminal has no exit code")?;
    if !output.contains("size 30 100") {
        return Err(format!("unexpected output: {output:?}").into());
    }
    Ok(format!("size 30 100, exit code {exit_code}"))
}

async fn download(sandbox: &Sandbox) -> Outcome<String> {
    let content = sandbox.fs().download_file("sales.csv", DownloadOptions::default()).await?;
    let lines = content.as_ref().iter().filter(|byte| **byte == b'\n').count();
    Ok(format!("sales.csv, {lines} lines"))
}
