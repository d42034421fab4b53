//! An engine in the background: started, logged, emptied, and as a unit of systemd.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use daytona::model::{DeleteOptions, ListSandboxesQuery};
use daytona::{Client, Config, LOCAL};
use daytona_engine::discovery;
use serde_json::Value;

use crate::failure::{Done, Failure};
use crate::output::{Format, Output, raw, size};
use crate::{interrupt, stdin};

/// Where an engine that was not started in a terminal tells of itself; clients write there, too.
const LOG: &str = "engine.log";
const START_LIMIT: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(20);
const FOLLOW_POLL: Duration = Duration::from_millis(200);
/// The end of the log that tells why an engine did not start, in bytes.
const TOLD: u64 = 4096;

/// Starts this very command without `--detach` and waits until the engine is ready.
pub fn start(state_dir: &Path) -> Done {
    if let Some(running) = discovery::announced(state_dir).context("reading engine.json")? {
        return Err(Failure::other(format!("an engine is running already: pid {}", running.engine.pid)));
    }
    discovery::prepare_state_dir(state_dir)?;
    let path = state_dir.join(LOG);
    let log = OpenOptions::new().create(true).append(true).open(&path)?;
    let mut child = Command::new(std::env::current_exe()?)
        .args(std::env::args_os().skip(1).filter(|argument| argument != "--detach"))
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        // Ctrl-C in this terminal is not for it.
        .process_group(0)
        .spawn()?;
    let begun = Instant::now();
    loop {
        if let Some(running) = discovery::announced(state_dir).context("reading engine.json")? {
            let text = format!("running: pid {}\nAPI: {}\n", running.engine.pid, running.engine.api_url);
            return Output::new(Format::Table).bytes(text.as_bytes());
        }
        if let Some(status) = child.try_wait()? {
            return Err(Failure::other(format!("the engine did not start ({status}):\n{}", last_of(&path))));
        }
        if begun.elapsed() > START_LIMIT {
            return Err(Failure::other(format!("the engine is not ready yet; its log is {}", path.display())));
        }
        std::thread::sleep(POLL);
    }
}

fn last_of(path: &Path) -> String {
    let read = || {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TOLD)))?;
        let mut text = Vec::new();
        file.read_to_end(&mut text)?;
        Ok::<_, std::io::Error>(String::from_utf8_lossy(&text).trim().to_owned())
    };
    read().unwrap_or_default()
}

/// Prints the log, and with `follow` what is added to it.
pub fn print_log(state_dir: &Path, follow: bool) -> Done {
    let path = state_dir.join(LOG);
    let mut file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(Failure::other(format!("there is no log yet: {} does not exist", path.display())));
        }
        Err(error) => return Err(error.into()),
    };
    let mut piece = vec![0; 64 * 1024];
    loop {
        match file.read(&mut piece)? {
            0 if !follow => return Ok(()),
            0 => {
                // A log that was put aside begins anew.
                if std::fs::metadata(&path).is_ok_and(|now| now.len() < file.stream_position().unwrap_or_default()) {
                    file = File::open(&path)?;
                }
                std::thread::sleep(FOLLOW_POLL);
            }
            length => raw(&piece[..length])?,
        }
    }
}

/// A client of the engine, which starts one when none runs.
pub fn client(state_dir: &Path) -> Result<Client, Failure> {
    let text = |path: &Path| path.to_str().map(str::to_owned);
    Ok(Client::new(Config {
        api_url: Some(LOCAL.to_owned()),
        local_state_dir: text(state_dir),
        local_binary: std::env::current_exe().ok().as_deref().and_then(text),
        source: Some("cli".to_owned()),
        ..Config::default()
    })?)
}

/// Deletes all sandboxes.
pub fn delete_all(state_dir: &Path, yes: bool) -> Done {
    if !yes {
        let question = "Delete all sandboxes of the local engine with everything in them?";
        interrupt::run(stdin::confirm(question, "--yes"), true)?;
    }
    let client = client(state_dir)?;
    let deleting = async {
        let mut list = client.list(ListSandboxesQuery::default());
        let mut number = 0;
        while let Some(sandbox) = list.next().await? {
            let options = DeleteOptions { wait: Some(true), ..Default::default() };
            match client.sandboxes().delete(&sandbox.id, options).await {
                Err(error) if error.is_not_found() => {}
                deleted => {
                    deleted?;
                    number += 1;
                }
            }
        }
        Output::new(Format::Table).bytes(format!("deleted: {number}\n").as_bytes())
    };
    interrupt::run(deleting, true)
}

/// Removes what builds have cached, or tells of it.
pub fn prune(state_dir: &Path, dry_run: bool, format: Format) -> Done {
    let client = client(state_dir)?;
    let method = if dry_run { "GET" } else { "DELETE" };
    let pruning = async {
        let answer: Value = serde_json::from_slice(&client.send(method, "/build-cache", None).await?)?;
        let number = |name: &str| answer[name].as_i64().unwrap_or_default();
        Output::new(format).result(&answer, || {
            if dry_run {
                let steps = answer["items"].as_array().map_or(0, Vec::len);
                format!("cached: {steps} steps of builds, {}\n", size(number("size")))
            } else {
                let (steps, layers) = (number("steps"), number("layers"));
                format!("removed: {steps} steps of builds, {layers} layers of images, {}\n", size(number("bytes")))
            }
        })
    };
    interrupt::run(pruning, true)
}

/// Prints the unit.
pub fn print_unit(state_dir: &Path) -> Done {
    let program = std::env::current_exe()?;
    // `%` begins what systemd replaces; a backslash and quotes are as in C.
    let quoted = |path: &Path| {
        let text = path.to_string_lossy().replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%");
        format!("\"{text}\"")
    };
    let unit = format!(
        "# Save as ~/.config/systemd/user/daytona-local.service, then: systemctl --user enable --now daytona-local\n\
         [Unit]\nDescription=Daytona's local engine\n\n\
         [Service]\nExecStart={} local --state-dir {} serve --or-existing\nRestart=on-failure\nKillMode=mixed\n\
         TimeoutStopSec=60\n\n\
         [Install]\nWantedBy=default.target\n",
        quoted(&program),
        quoted(state_dir),
    );
    raw(unit.as_bytes())
}
