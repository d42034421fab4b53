//! `GET /raw/program`: a program with both outputs apart, or on a terminal, over one connection.
//!
//! The first frame is [`DESCRIPTION`]. Input may be sent as far as [`INPUT_ROOM`] and [`TAKEN`] allow, so that signals and
//! sizes are never stuck behind input that the program does not read. The last frame is [`ENDED`], or [`FAILED`] when the
//! program could not be started.
//!
//! A connection that ends before hangs the program up, as a terminal does: SIGHUP, and its inputs and outputs are closed.

use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;

use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::process::Child;
use tokio::sync::mpsc;

use super::{check_upgrade, frames, upgrade};
use crate::environment::Variables;
use crate::errors::{ApiError, reason};
use crate::pty::{Device, Size};
use crate::shell::start_failure;
use crate::{State, Toolbox};

/// To the program: a [`Description`] as JSON, first and once.
pub const DESCRIPTION: u8 = 0;
/// To the program: input.
pub const INPUT: u8 = 1;
/// To the program: the end of its input.
pub const INPUT_END: u8 = 2;
/// To the program: columns and rows of its terminal, 16 bits each.
pub const RESIZE: u8 = 3;
/// To the program: the name of a signal without `SIG`.
pub const SIGNAL: u8 = 4;
/// From the program: it has been started.
pub const STARTED: u8 = 10;
/// From the program: standard output, or what its terminal shows.
pub const OUTPUT: u8 = 11;
/// From the program: standard error.
pub const ERRORS: u8 = 12;
/// From the program: so many bytes of input have been taken, 32 bits.
pub const TAKEN: u8 = 13;
/// From the program: its [`End`] as JSON.
pub const ENDED: u8 = 14;
/// Why it could not be started, as text.
pub const FAILED: u8 = 15;

/// Input that may be under way, in bytes.
pub const INPUT_ROOM: usize = 1 << 20;

/// Output in one frame, in bytes. No more than an SSH packet holds.
const OUTPUT_SIZE: usize = 32 << 10;

/// Where systems keep OpenSSH's SFTP server.
const SFTP_SERVERS: [&str; 4] = [
    "/usr/lib/openssh/sftp-server",
    "/usr/lib/ssh/sftp-server",
    "/usr/libexec/openssh/sftp-server",
    "/usr/libexec/sftp-server",
];

/// The program to start.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Description {
    /// What to run.
    pub run: Run,
    /// Variables on top of the sandbox's.
    pub envs: Variables,
    /// The terminal to run it on; pipes otherwise.
    pub terminal: Option<TerminalSize>,
}

/// What to run.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Run {
    /// The sandbox's shell, as a login shell.
    Shell,
    /// A command for the shell. Its bytes need not be text.
    Command(Vec<u8>),
    /// An SFTP server.
    Sftp,
}

/// Columns and rows of a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TerminalSize {
    /// Columns.
    pub cols: u16,
    /// Rows.
    pub rows: u16,
}

impl From<TerminalSize> for Size {
    fn from(size: TerminalSize) -> Self {
        Self { cols: size.cols, rows: size.rows }
    }
}

/// How a program ended: by itself or by a signal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// Its exit code.
    pub code: Option<i32>,
    /// The name of the signal without `SIG`.
    pub signal: Option<String>,
    /// Whether it left a memory image.
    pub core: bool,
}

impl From<ExitStatus> for End {
    fn from(status: ExitStatus) -> Self {
        let signal = status.signal().map(|number| {
            let name = Signal::try_from(number).map(|signal| signal.as_str().trim_start_matches("SIG").to_owned());
            name.unwrap_or_else(|_| format!("{number}"))
        });
        Self { code: status.code(), signal, core: status.core_dumped() }
    }
}

/// Becomes a program, as the first frame describes it.
pub(super) async fn program(toolbox: State, request: Request) -> Result<Response, ApiError> {
    check_upgrade(&request)?;
    Ok(upgrade(request, async move |connection| {
        // A connection that breaks has ended the program; there is nobody to tell.
        let _ = serve(&toolbox, connection).await;
    }))
}

async fn serve(toolbox: &Arc<Toolbox>, connection: TokioIo<Upgraded>) -> io::Result<()> {
    let (mut reader, mut writer) = tokio::io::split(connection);
    let Some((DESCRIPTION, description)) = frames::read(&mut reader).await? else { return Ok(()) };
    let started = serde_json::from_slice(&description)
        .map_err(io::Error::from)
        .and_then(|description: Description| Program::start(toolbox, &description));
    let program = match started {
        Ok(program) => program,
        Err(error) => {
            frames::write(&mut writer, FAILED, reason(&error).as_bytes()).await?;
            return writer.shutdown().await;
        }
    };
    frames::write(&mut writer, STARTED, &[]).await?;
    program.run(reader, writer).await
}

struct Program {
    child: Child,
    group: Group,
    way: Way,
}

/// How a program is connected.
enum Way {
    Pipes,
    Terminal(Arc<Device>),
}

/// A process group that is hung up when dropped.
struct Group(Option<Pid>);

impl Group {
    fn signal(&self, signal: Signal) {
        if let Some(group) = self.0 {
            // A group that has ended is what we wanted.
            let _ = killpg(group, signal);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::SIGHUP);
        self.signal(Signal::SIGCONT);
    }
}

impl Program {
    fn start(toolbox: &Toolbox, description: &Description) -> io::Result<Self> {
        let mut command = toolbox.ssh_command(description)?;
        let (child, way) = match description.terminal {
            Some(size) => {
                let (device, child) = Device::start(command, size.into())?;
                (child, Way::Terminal(Arc::new(device)))
            }
            None => {
                command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
                // SAFETY: setsid is async-signal-safe and touches nothing of this process's memory.
                unsafe {
                    command.pre_exec(|| {
                        nix::unistd::setsid()?;
                        Ok(())
                    });
                }
                let mut command = tokio::process::Command::from(command);
                let child = command.spawn().map_err(|error| start_failure(command.as_std(), &error))?;
                (child, Way::Pipes)
            }
        };
        let group = Group(child.id().map(|id| Pid::from_raw(id.cast_signed())));
        Ok(Self { child, group, way })
    }

    async fn run(
        mut self,
        reader: ReadHalf<TokioIo<Upgraded>>,
        mut writer: WriteHalf<TokioIo<Upgraded>>,
    ) -> io::Result<()> {
        // As many as are written at once; the program waits for the rest.
        let (outgoing, mut frames) = mpsc::channel::<Bytes>(4);
        let (input, waiting) = mpsc::unbounded_channel();
        let device = match &self.way {
            Way::Terminal(device) => Some(Arc::clone(device)),
            Way::Pipes => None,
        };
        let stdin = self.child.stdin.take();
        let feeding = tokio::spawn(feed(stdin, device.clone(), waiting, outgoing.clone()));
        let controlling = obey(reader, input, &self.group, device.as_deref());
        let writing = async {
            while let Some(frame) = frames.recv().await {
                writer.write_all(&frame).await?;
            }
            writer.shutdown().await
        };
        tokio::pin!(writing);
        let (stdout, stderr) = (self.child.stdout.take(), self.child.stderr.take());
        let child = &mut self.child;
        let running = async {
            let end = match &device {
                Some(device) => run_on_terminal(child, device, &outgoing).await?,
                None => {
                    let outputs = async {
                        tokio::join!(pass(stdout, OUTPUT, &outgoing), pass(stderr, ERRORS, &outgoing));
                    };
                    let (status, ()) = tokio::join!(child.wait(), outputs);
                    End::from(status?)
                }
            };
            let end = serde_json::to_vec(&end)?;
            let _ = outgoing.send(frame(ENDED, &end)).await;
            io::Result::Ok(())
        };
        let ended = tokio::select! {
            // Only by a connection that broke.
            result = &mut writing => result.map(|()| false),
            () = controlling => Ok(false),
            result = running => result.map(|()| true),
        };
        feeding.abort();
        drop(outgoing);
        if ended? {
            // Its group is not ours to signal any more: whatever it left behind was meant to stay.
            self.group.0 = None;
            // The frame that is being written, and those that wait.
            writing.await?;
        }
        Ok(())
    }
}

/// Does what the other side says until it ends.
async fn obey(
    mut reader: impl AsyncRead + Unpin,
    input: mpsc::UnboundedSender<Bytes>,
    group: &Group,
    device: Option<&Device>,
) {
    let mut input = Some(input);
    while let Ok(Some((kind, content))) = frames::read(&mut reader).await {
        match kind {
            // A program that reads no more has no use for it.
            INPUT => drop(input.as_ref().map(|input| input.send(content))),
            INPUT_END => input = None,
            RESIZE => {
                if let (Some(device), Ok([c1, c0, r1, r0])) = (device, <[u8; 4]>::try_from(&content[..])) {
                    let size = Size { cols: u16::from_be_bytes([c1, c0]), rows: u16::from_be_bytes([r1, r0]) };
                    // A terminal that has ended needs no size.
                    let _ = device.resize(size);
                }
            }
            SIGNAL => {
                let name = String::from_utf8_lossy(&content);
                if let Ok(signal) = format!("SIG{name}").parse() {
                    group.signal(signal);
                }
            }
            _ => return,
        }
    }
}

/// Gives the program its input, and says how much it has taken.
async fn feed(
    mut stdin: Option<tokio::process::ChildStdin>,
    device: Option<Arc<Device>>,
    mut waiting: mpsc::UnboundedReceiver<Bytes>,
    outgoing: mpsc::Sender<Bytes>,
) {
    while let Some(bytes) = waiting.recv().await {
        let written = match (&device, &mut stdin) {
            (Some(device), _) => device.write_all(&bytes).await,
            (None, Some(stdin)) => stdin.write_all(&bytes).await,
            (None, None) => Ok(()),
        };
        if written.is_err() {
            // It reads no more. What else is sent is taken and thrown away, as the program would have done.
            stdin = None;
        }
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        if outgoing.send(frame(TAKEN, &length.to_be_bytes())).await.is_err() {
            return;
        }
    }
    if let Some(device) = device {
        // What a person types at the end of the input.
        let _ = device.write_all(&[4]).await;
    }
}

fn frame(kind: u8, content: &[u8]) -> Bytes {
    let mut frame = frames::begin(content.len());
    frame.extend_from_slice(content);
    frames::finish(&mut frame, kind);
    frame.freeze()
}

/// Passes an output on until everyone has closed it.
async fn pass(output: Option<impl AsyncRead + Unpin>, kind: u8, outgoing: &mpsc::Sender<Bytes>) {
    let Some(mut output) = output else { return };
    loop {
        let mut frame = frames::begin(OUTPUT_SIZE);
        match output.read_buf(&mut frame).await {
            Ok(read) if read > 0 => {}
            _ => return,
        }
        frames::finish(&mut frame, kind);
        if outgoing.send(frame.freeze()).await.is_err() {
            return;
        }
    }
}

/// Passes on what the terminal shows until the program on it has ended.
async fn run_on_terminal(child: &mut Child, device: &Device, outgoing: &mpsc::Sender<Bytes>) -> io::Result<End> {
    let mut buffer = vec![0; OUTPUT_SIZE];
    let status = loop {
        tokio::select! {
            read = device.read(&mut buffer) => match read {
                Ok(read @ 1..) => drop(outgoing.send(frame(OUTPUT, &buffer[..read])).await),
                // Everyone has closed the terminal; the program may go on without.
                _ => break child.wait().await?,
            },
            status = child.wait() => break status?,
        }
    };
    // Others may have the terminal open for long; what was shown by now is all there is.
    while let Ok(read @ 1..) = device.read_now(&mut buffer) {
        let _ = outgoing.send(frame(OUTPUT, &buffer[..read])).await;
    }
    Ok(End::from(status))
}

impl Toolbox {
    /// The command that a description asks for.
    fn ssh_command(&self, description: &Description) -> io::Result<Command> {
        use std::os::unix::ffi::OsStringExt;

        let shell = self.shell();
        let command = |program: &Path| self.command(program, None, &description.envs);
        Ok(match &description.run {
            Run::Shell => {
                let mut command = command(&shell);
                if description.terminal.is_some() {
                    command.arg("-i");
                }
                command.arg("-l");
                command
            }
            Run::Command(text) => {
                let mut command = command(&shell);
                command.arg("-c").arg(std::ffi::OsString::from_vec(text.clone()));
                command
            }
            Run::Sftp => command(&sftp_server().ok_or_else(|| {
                io::Error::new(io::ErrorKind::NotFound, "no sftp-server is installed (Debian: openssh-sftp-server)")
            })?),
        })
    }
}

fn sftp_server() -> Option<PathBuf> {
    SFTP_SERVERS.into_iter().map(PathBuf::from).find(|path| path.exists())
}
