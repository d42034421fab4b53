//! The pseudo-terminal device: opening it, starting a shell on it, reading, writing and resizing.

use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::pty::{OpenptyResult, Winsize, openpty};
use tokio::io::unix::AsyncFd;
use tokio::process::Child;

use crate::shell::start_failure;

nix::ioctl_write_ptr_bad!(set_size, nix::libc::TIOCSWINSZ, Winsize);

/// Columns and rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) cols: u16,
    pub(crate) rows: u16,
}

impl From<Size> for Winsize {
    fn from(size: Size) -> Self {
        Self { ws_row: size.rows, ws_col: size.cols, ws_xpixel: 0, ws_ypixel: 0 }
    }
}

/// Our side of a pseudo-terminal.
pub(crate) struct Device(AsyncFd<std::fs::File>);

impl Device {
    /// Starts `command` as the leader of a new session whose controlling terminal is a new device of this size.
    pub(crate) fn start(mut command: Command, size: Size) -> io::Result<(Self, Child)> {
        let OpenptyResult { master, slave } = openpty(&Winsize::from(size), None)?;
        let flags = OFlag::from_bits_retain(fcntl(&master, FcntlArg::F_GETFL)?);
        fcntl(&master, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
        fcntl(&master, FcntlArg::F_SETFD(nix::fcntl::FdFlag::FD_CLOEXEC))?;
        fcntl(&slave, FcntlArg::F_SETFD(nix::fcntl::FdFlag::FD_CLOEXEC))?;
        command.stdin(slave.try_clone()?).stdout(slave.try_clone()?).stderr(slave);
        // SAFETY: setsid and ioctl are async-signal-safe and touch nothing of this process's memory.
        unsafe {
            command.pre_exec(|| {
                nix::unistd::setsid()?;
                // Standard input is the terminal by now.
                nix::errno::Errno::result(nix::libc::ioctl(0, nix::libc::TIOCSCTTY, 0))?;
                Ok(())
            });
        }
        let mut command = tokio::process::Command::from(command);
        let child = command.spawn().map_err(|error| start_failure(command.as_std(), &error))?;
        // The command holds the other side of the terminal.
        drop(command);
        Ok((Self::of(master)?, child))
    }

    fn of(master: OwnedFd) -> io::Result<Self> {
        // SAFETY: a `File` owns its descriptor and keeps it open, and the same, for as long as it lives.
        Ok(Self(unsafe { AsyncFd::register(std::fs::File::from(master)) }?))
    }

    /// Reads what the terminal shows; `Ok(0)` when nobody has it open any more.
    pub(crate) async fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let mut ready = self.0.readable().await?;
            if let Ok(result) = ready.try_io(|file| file.get_ref().read(buffer)) {
                return end_of_file(result);
            }
        }
    }

    /// Reads what the terminal has shown by now, without waiting; `Ok(0)` when there is nothing (more).
    pub(crate) fn read_now(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match end_of_file(self.0.get_ref().read(buffer)) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
            result => result,
        }
    }

    /// Types `bytes` into the terminal, waiting for room.
    pub(crate) async fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let mut ready = self.0.writable().await?;
            if let Ok(result) = ready.try_io(|file| file.get_ref().write(bytes)) {
                bytes = &bytes[result?..];
            }
        }
        Ok(())
    }

    pub(crate) fn resize(&self, size: Size) -> io::Result<()> {
        // SAFETY: the descriptor is open and the structure outlives the call.
        unsafe { set_size(self.0.as_raw_fd(), &Winsize::from(size)) }?;
        Ok(())
    }
}

/// A terminal whose other side is closed reads as EIO.
fn end_of_file(result: io::Result<usize>) -> io::Result<usize> {
    match result {
        Err(error) if error.raw_os_error() == Some(nix::libc::EIO) => Ok(0),
        result => result,
    }
}
