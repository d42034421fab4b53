//! One terminal: a shell on a pseudo-terminal, and the clients that share it.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::pty::{Winsize, openpty};
use nix::sys::signal::Signal;
use time::OffsetDateTime;
use tokio::io::unix::AsyncFd;
use tokio::sync::{mpsc, watch};

use crate::Toolbox;
use crate::environment::Variables;
use crate::process_tree;

/// Bytes read from the terminal at once.
const READ_SIZE: usize = 32 * 1024;
/// Pieces of output a client may be behind.
const CLIENT_QUEUE: usize = 256;
/// How long a full client may hold up the terminal before it is let go.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long output that is already written may take to be read after the shell has exited.
const DRAIN: Duration = Duration::from_millis(500);

/// How the terminal's process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Exit {
    pub(crate) code: i32,
    pub(crate) reason: Option<String>,
}

/// What a client receives.
pub(crate) enum Output {
    Data(Bytes),
    /// The client was too slow.
    Overrun,
}

pub(crate) struct Terminal {
    pub(crate) id: String,
    pub(crate) cwd: String,
    pub(crate) envs: BTreeMap<String, String>,
    pub(crate) created_at: OffsetDateTime,
    pub(crate) lazy_start: bool,
    state: Mutex<State>,
    exit: watch::Sender<Option<Exit>>,
}

struct State {
    size: Size,
    running: Option<Running>,
    clients: Vec<mpsc::Sender<Output>>,
}

#[derive(Clone, Copy)]
pub(crate) struct Size {
    pub(crate) rows: u16,
    pub(crate) cols: u16,
}

#[derive(Clone)]
struct Running {
    master: Arc<AsyncFd<OwnedFd>>,
    shell: i32,
}

impl Terminal {
    pub(crate) fn new(
        id: String,
        cwd: String,
        envs: BTreeMap<String, String>,
        size: Size,
        lazy_start: bool,
    ) -> Arc<Self> {
        Arc::new(Self {
            id,
            cwd,
            envs,
            created_at: OffsetDateTime::now_utc(),
            lazy_start,
            state: Mutex::new(State { size, running: None, clients: Vec::new() }),
            exit: watch::Sender::new(None),
        })
    }

    /// Starts the shell unless it runs. `ended` is called once it has exited and its output has been read.
    pub(crate) fn start(
        self: &Arc<Self>,
        toolbox: &Toolbox,
        ended: impl FnOnce(&Self) + Send + 'static,
    ) -> io::Result<()> {
        let mut state = self.state();
        if state.running.is_some() {
            return Ok(());
        }
        let pty = openpty(Some(&winsize(state.size)), None)?;
        fcntl(&pty.master, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        fcntl(&pty.master, FcntlArg::F_SETFD(nix::fcntl::FdFlag::FD_CLOEXEC))?;
        let mut variables = Variables::from([("TERM".to_owned(), "xterm-256color".to_owned())]);
        variables.extend(self.envs.clone());
        let mut command = toolbox.command(&toolbox.shell(), Some(&self.cwd), &variables);
        command.args(["-i", "-l"]);
        let slave = || pty.slave.try_clone().map(Stdio::from);
        command.stdin(slave()?).stdout(slave()?).stderr(slave()?);
        // SAFETY: setsid and ioctl are async-signal-safe; descriptor 0 is the terminal by then.
        unsafe {
            command.pre_exec(|| {
                nix::unistd::setsid()?;
                if libc::ioctl(0, libc::TIOCSCTTY as _, 0) < 0 {
                    return Err(io::Error::last_os_error());
                }
                Ok(())
            });
        }
        let mut child = tokio::process::Command::from(command).spawn()?;
        drop(pty.slave);
        let shell = child.id().map_or(0, u32::cast_signed);
        // SAFETY: an OwnedFd keeps its descriptor open and the same for as long as it lives.
        let master = Arc::new(unsafe { AsyncFd::register(pty.master) }?);
        state.running = Some(Running { master: master.clone(), shell });
        drop(state);

        let terminal = self.clone();
        tokio::spawn(async move {
            let pump = terminal.pump(&master);
            tokio::pin!(pump);
            let status = tokio::select! {
                status = child.wait() => {
                    // Whatever the shell wrote last is still in the terminal; a background process may hold it open.
                    let _ = tokio::time::timeout(DRAIN, &mut pump).await;
                    status
                }
                () = &mut pump => child.wait().await,
            };
            terminal.exit.send_replace(Some(status.map_or(Exit { code: -1, reason: None }, Exit::of)));
            terminal.state().clients.clear();
            ended(&terminal);
        });
        Ok(())
    }

    /// Reads the terminal to its end and hands everything to every client.
    async fn pump(&self, master: &AsyncFd<OwnedFd>) {
        let mut buffer = vec![0; READ_SIZE];
        loop {
            let read = master
                .async_io(tokio::io::Interest::READABLE, |fd| nix::unistd::read(fd.as_fd(), &mut buffer).map_err(Into::into))
                .await;
            // Linux answers EIO when the last process has closed the terminal.
            let Ok(read @ 1..) = read else { return };
            let data = Bytes::copy_from_slice(&buffer[..read]);
            let clients = self.state().clients.clone();
            for client in clients {
                let sent = client.send_timeout(Output::Data(data.clone()), PATIENCE).await;
                if sent.is_err() {
                    self.state().clients.retain(|other| !other.same_channel(&client));
                    // Best effort: its queue is full, it will find the channel closed.
                    let _ = client.try_send(Output::Overrun);
                }
            }
        }
    }

    /// A new client; it sees output from now on. Its channel closes when the terminal has ended.
    pub(crate) fn attach(&self) -> mpsc::Receiver<Output> {
        let (sender, receiver) = mpsc::channel(CLIENT_QUEUE);
        if self.exit.borrow().is_none() {
            self.state().clients.push(sender);
        }
        receiver
    }

    /// How it ended, if it has.
    pub(crate) fn exit(&self) -> Option<Exit> {
        self.exit.borrow().clone()
    }

    /// Types `input`; waits while the terminal takes nothing.
    pub(crate) async fn write(&self, mut input: &[u8]) -> io::Result<()> {
        let running = self.state().running.clone();
        let Some(Running { master, .. }) = running else {
            return Err(io::Error::new(io::ErrorKind::NotConnected, "the terminal has not been started"));
        };
        let mut exit = self.exit.subscribe();
        while !input.is_empty() {
            let write = master.async_io(tokio::io::Interest::WRITABLE, |fd| {
                nix::unistd::write(fd.as_fd(), input).map_err(Into::into)
            });
            let written = tokio::select! {
                written = write => written?,
                _ = exit.wait_for(Option::is_some) => return Err(io::ErrorKind::BrokenPipe.into()),
            };
            input = &input[written..];
        }
        Ok(())
    }

    pub(crate) fn size(&self) -> Size {
        self.state().size
    }

    /// Whether its process runs.
    pub(crate) fn is_active(&self) -> bool {
        self.state().running.is_some() && self.exit.borrow().is_none()
    }

    pub(crate) fn resize(&self, size: Size) -> io::Result<()> {
        let mut state = self.state();
        let Some(running) = &state.running else {
            return Err(io::Error::new(io::ErrorKind::NotConnected, "the terminal has not been started"));
        };
        // SAFETY: TIOCSWINSZ reads one winsize.
        let done = unsafe { libc::ioctl(running.master.as_raw_fd(), libc::TIOCSWINSZ, &winsize(size)) };
        if done < 0 {
            return Err(io::Error::last_os_error());
        }
        state.size = size;
        Ok(())
    }

    /// Kills everything that runs in the terminal.
    pub(crate) fn kill(&self) {
        let running = self.state().running.clone();
        if let Some(Running { shell, .. }) = running {
            process_tree::signal(shell, Signal::SIGKILL);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Exit {
    /// The exit code and the words the contract has for it (wire section 4.3).
    fn of(status: ExitStatus) -> Self {
        let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(-1);
        let reason = match code {
            0 => None,
            130 => Some("Ctrl+C".to_owned()),
            137 => Some("SIGKILL".to_owned()),
            143 => Some("SIGTERM".to_owned()),
            129.. => Some(format!("signal {}", code - 128)),
            _ => Some("non-zero exit".to_owned()),
        };
        Self { code, reason }
    }
}

fn winsize(size: Size) -> Winsize {
    Winsize { ws_row: size.rows, ws_col: size.cols, ws_xpixel: 0, ws_ypixel: 0 }
}
