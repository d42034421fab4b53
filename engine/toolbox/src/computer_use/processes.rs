//! The programs of the desktop: which there are, and starting and ending all of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::StatusCode;
use nix::sys::stat::Mode;
use serde::Serialize;
use tokio::sync::Mutex;
use tokio::time::{sleep, timeout};

use super::accessibility::PYTHON;
use super::errors::{busy, display_failed};
use super::screen::Screen;
use super::supervision::{Supervised, log_files};
use crate::environment::Variables;
use crate::errors::ApiError;
use crate::{Toolbox, ports};

/// The largest screen; the server keeps a picture of this size.
pub(super) const LARGEST: (u16, u16) = (2560, 1600);

/// The size of the screen unless [`RESOLUTION`] says otherwise.
const DEFAULT_SIZE: (u16, u16) = (1280, 720);

/// The variable that says how large the screen is to be, such as `1920x1080`.
const RESOLUTION: &str = "VNC_RESOLUTION";

/// The port of the VNC server, for the viewer only.
const VNC_PORT: u16 = 5900;

/// The port of the viewer's page.
const VIEWER_PORT: u16 = 6080;

/// Time that the programs have to be ready.
const READY: Duration = Duration::from_secs(20);

/// Time between looks at what is not ready.
const PAUSE: Duration = Duration::from_millis(5);

/// The end of an output that is answered, in bytes.
const LOG_LIMIT: u64 = 1 << 20;

/// Starts the viewer's page without numpy: loading it takes longer than all the rest of the desktop, and what it makes faster are
/// keys and clicks.
const VIEWER: &str = "import sys; sys.modules['numpy'] = None; \
                      from websockify.websocketproxy import websockify_init; websockify_init()";

/// A program of the desktop.
struct Program {
    /// Its name on the wire. That of the window manager is the one programs ask for, whichever it is.
    name: &'static str,
    arguments: &'static [&'static str],
    /// Whether it is started again when it ends by itself. Without the X server nothing else goes on.
    again: bool,
}

/// In the order they are started in.
const PROGRAMS: [Program; 5] = [
    Program {
        name: "xvfb",
        arguments: &["Xvfb", "-ac", "-noreset", "-nolisten", "tcp", "-dpi", "96", "+extension", "RANDR"],
        again: false,
    },
    Program {
        name: "dbus",
        arguments: &["dbus-daemon", "--session", "--nofork", "--nopidfile", "--nosyslog"],
        again: true,
    },
    Program { name: "xfce4", arguments: &["openbox", "--sm-disable"], again: true },
    Program {
        name: "x11vnc",
        arguments: &["x11vnc", "-localhost", "-forever", "-shared", "-nopw", "-quiet", "-noxrecord", "-xrandr"],
        again: true,
    },
    Program {
        name: "novnc",
        arguments: &[PYTHON, "-I", "-W", "ignore", "-c", VIEWER, "--web", "/usr/share/novnc"],
        again: true,
    },
];

/// What of a program is told.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Status {
    pub(super) running: bool,
    pub(super) priority: usize,
    pub(super) auto_restart: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) pid: Option<i32>,
}

/// The programs that have been started.
#[derive(Default)]
pub(super) struct Programs {
    running: Mutex<BTreeMap<&'static str, Supervised>>,
}

impl Programs {
    /// Starts what does not run, and waits until windows can be shown.
    pub(super) async fn start(&self, toolbox: &Arc<Toolbox>, display: &str) -> Result<(), ApiError> {
        let mut running = self.running.lock().await;
        let is_up = running.get("xvfb").is_some_and(|server| server.pid().is_some());
        if !is_up {
            // What is left of an earlier one has lost its screen.
            end_all(&mut running).await;
        }
        for program in &PROGRAMS {
            if running.get(program.name).is_none_or(|known| known.pid().is_none()) {
                if let Some(ended) = running.remove(program.name) {
                    ended.end().await;
                }
                running.insert(program.name, launch(toolbox, program, display)?);
            }
            if program.name == "xvfb" && !is_up {
                self.prepare_screen(toolbox, &running, display).await?;
            }
        }
        wait_for_windows(display).await?;
        let deadline = Instant::now() + READY;
        // A preview of the viewer must find it; without it everything else works.
        while ports::dial(VIEWER_PORT).await.is_err() && Instant::now() < deadline {
            sleep(PAUSE).await;
        }
        Ok(())
    }

    /// Waits for the X server and gives the screen its size.
    async fn prepare_screen(
        &self,
        toolbox: &Toolbox,
        running: &BTreeMap<&'static str, Supervised>,
        display: &str,
    ) -> Result<(), ApiError> {
        let deadline = Instant::now() + READY;
        let size = wanted_size(toolbox);
        loop {
            let name = display.to_owned();
            let tried = answered(move || {
                let mut screen = Screen::connect(&name)?;
                screen.resize(size.0, size.1)?;
                screen.paint_background()
            });
            let error = match tried.await? {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            let has_ended = running.get("xvfb").is_none_or(|server| server.pid().is_none());
            if has_ended || Instant::now() > deadline {
                return Err(not_up(toolbox, &format!("the X server: {error}")));
            }
            sleep(PAUSE).await;
        }
    }

    /// Ends all of them.
    pub(super) async fn stop(&self) {
        end_all(&mut *self.running.lock().await).await;
    }

    /// Ends one of them and starts it again. What shows windows ends with the X server, and all the others are started again.
    pub(super) async fn restart(&self, toolbox: &Arc<Toolbox>, name: &str, display: &str) -> Result<(), ApiError> {
        let program = find(name)?;
        if program.name == "xvfb" {
            self.stop().await;
        } else if let Some(running) = self.running.lock().await.remove(program.name) {
            running.end().await;
        }
        self.start(toolbox, display).await
    }

    /// All programs by name.
    pub(super) async fn statuses(&self) -> BTreeMap<&'static str, Status> {
        let running = self.running.lock().await;
        let status = |(priority, program): (usize, &Program)| {
            let pid = running.get(program.name).and_then(Supervised::pid);
            let status = Status { running: pid.is_some(), priority, auto_restart: program.again, pid };
            (program.name, status)
        };
        PROGRAMS.iter().enumerate().map(status).collect()
    }
}

/// Ends what runs, the X server last.
async fn end_all(running: &mut BTreeMap<&'static str, Supervised>) {
    for program in PROGRAMS.iter().rev() {
        if let Some(one) = running.remove(program.name) {
            one.end().await;
        }
    }
}

fn find(name: &str) -> Result<&'static Program, ApiError> {
    PROGRAMS.iter().find(|program| program.name == name).ok_or_else(|| {
        let names: Vec<_> = PROGRAMS.iter().map(|program| program.name).collect();
        ApiError::not_found(format!("the desktop has no process {name}; it has {}", names.join(", ")))
    })
}

/// 404 unless the desktop has such a program; its name otherwise.
pub(super) fn known(name: &str) -> Result<&'static str, ApiError> {
    find(name).map(|program| program.name)
}

fn launch(toolbox: &Arc<Toolbox>, program: &'static Program, display: &str) -> Result<Supervised, ApiError> {
    let logs = log_directory(toolbox);
    let executable = toolbox
        .environment
        .which(program.arguments[0])
        .ok_or_else(|| not_up(toolbox, &format!("{} is not installed in this sandbox", program.arguments[0])))?;
    let more = own_arguments(toolbox, program.name, display);
    let toolbox = Arc::clone(toolbox);
    let command = move || {
        let mut command: Command = toolbox.command(&executable, None, &Variables::new());
        command.args(&program.arguments[1..]).args(&more);
        command
    };
    Supervised::start(command, program.name, &logs, program.again)
        .map_err(|error| ApiError::internal(format!("starting {}: {error}", program.name)))
}

/// What depends on the sandbox.
fn own_arguments(toolbox: &Toolbox, name: &str, display: &str) -> Vec<String> {
    let text = |arguments: &[&str]| arguments.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    match name {
        "xvfb" => text(&[display, "-screen", "0", &format!("{}x{}x24", LARGEST.0, LARGEST.1)]),
        "dbus" => {
            let address = toolbox.environment.get("DBUS_SESSION_BUS_ADDRESS").unwrap_or_default();
            let address = address.to_string_lossy().into_owned();
            if let Some(path) = address.strip_prefix("unix:path=").map(PathBuf::from) {
                // A bus that was killed leaves its socket.
                let _ = std::fs::remove_file(&path);
                if let Some(parent) = path.parent() {
                    let _ = nix::unistd::mkdir(parent, Mode::S_IRWXU);
                }
            }
            vec![format!("--address={address}")]
        }
        "x11vnc" => text(&["-display", display, "-rfbport", &VNC_PORT.to_string()]),
        "novnc" => text(&[&format!("127.0.0.1:{VIEWER_PORT}"), &format!("127.0.0.1:{VNC_PORT}")]),
        _ => Vec::new(),
    }
}

/// The size of the screen as the environment says it.
fn wanted_size(toolbox: &Toolbox) -> (u16, u16) {
    let text = toolbox.environment.get(RESOLUTION).unwrap_or_default().to_string_lossy().into_owned();
    let size = text.split(['x', 'X']).take(2).filter_map(|number| number.trim().parse().ok()).collect::<Vec<u16>>();
    match size.as_slice() {
        [width, height] if *width >= 64 && *height >= 64 => (*width.min(&LARGEST.0), *height.min(&LARGEST.1)),
        _ => DEFAULT_SIZE,
    }
}

async fn wait_for_windows(display: &str) -> Result<(), ApiError> {
    let display = display.to_owned();
    answered(move || {
        let deadline = Instant::now() + READY;
        let mut screen = Screen::connect(&display).map_err(display_failed)?;
        while !screen.is_managed().map_err(display_failed)? && Instant::now() < deadline {
            std::thread::sleep(PAUSE);
        }
        Ok(())
    })
    .await?
}

/// Does something with the X server off the runtime. One that a program keeps from answering is waited for no longer than it may
/// take to start.
async fn answered<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, ApiError> {
    let limit = READY * 2;
    Ok(timeout(limit, tokio::task::spawn_blocking(work)).await.map_err(|_| busy(limit))??)
}

fn log_directory(toolbox: &Toolbox) -> PathBuf {
    toolbox.config.home.join(".daytona/desktop")
}

/// The end of what a program has written: to its standard output, or to its standard error.
pub(super) fn log(toolbox: &Toolbox, name: &'static str, errors: bool) -> String {
    let (out, err) = log_files(&log_directory(toolbox), name);
    String::from_utf8_lossy(&tail(if errors { &err } else { &out })).into_owned()
}

fn tail(path: &Path) -> Vec<u8> {
    use std::io::{Read, Seek, SeekFrom};
    let mut text = Vec::new();
    // Without a file there was no output.
    if let Ok(mut file) = std::fs::File::open(path) {
        let length = file.metadata().map_or(0, |found| found.len());
        let _ = file.seek(SeekFrom::Start(length.saturating_sub(LOG_LIMIT)));
        let _ = file.take(LOG_LIMIT).read_to_end(&mut text);
    }
    text
}

/// 503 with the end of what the X server has said.
fn not_up(toolbox: &Toolbox, what: &str) -> ApiError {
    let said = log(toolbox, "xvfb", true);
    let said = said.trim().lines().next_back().map(|line| format!("; it said: {line}")).unwrap_or_default();
    ApiError::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "SERVICE_UNAVAILABLE",
        format!("The desktop did not start: {what}{said}"),
    )
}
