//! The thread that turns a running command's output into its labelled log.
//!
//! One thread per running command, so that a slow disk never stalls the runtime. It ends when the shell has reported the exit
//! code AND both output pipes are at their end, which may be later: background processes keep them open. When the shell itself
//! is gone, what is in the pipes is read and that is the end.
//!
//! A line is logged when it is complete; an unfinished one (a prompt, say) when nothing followed for [`PROMPT_DELAY`]. What comes
//! in quick succession is taken together, so that a program that prints in small pieces costs few, large writes to the log and
//! messages to its followers.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use memchr::memrchr;
use nix::fcntl::{FcntlArg, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::memory_limit::{MemoryLimit, MemoryWatch};

use super::command::{Command, Progress, Stream};

/// How long an unfinished line may wait for its end, in milliseconds.
const PROMPT_DELAY: u16 = 30;
/// Output that comes sooner than this after the output before it waits this long for more.
const GATHERING: Duration = Duration::from_millis(1);
/// Bytes read at a time.
const READ_SIZE: usize = 128 * 1024;
/// An unfinished line longer than this is logged without waiting for its end, in bytes.
const LONG_LINE: usize = 64 * 1024;
/// Asked of the kernel for each output pipe, in bytes; a smaller one works as well.
const PIPE_SIZE: nix::libc::c_int = 1024 * 1024;
/// Stack of the thread, in bytes; it holds no large locals.
const STACK_SIZE: usize = 128 * 1024;

/// Starts labelling `command`'s output. The pipes are open when this returns, so the shell may be told to run the command.
///
/// # Errors
/// When a pipe cannot be opened or the thread cannot be started.
pub(super) fn start(command: &Arc<Command>, memory_limit: Option<MemoryLimit>) -> io::Result<()> {
    let labeller = Labeller::new(command, MemoryWatch::begin(memory_limit))?;
    thread::Builder::new().name("labeller".into()).stack_size(STACK_SIZE).spawn(move || labeller.run())?;
    Ok(())
}

/// The lines of the status pipe so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    /// The command is running.
    Pending,
    /// The command ended with this code; others may still hold its output pipes.
    Reported(i32),
    /// The shell ended with this code.
    ShellExited(i32),
}

struct Labeller {
    command: Arc<Command>,
    outputs: [Option<Output>; 2],
    status_pipe: File,
    /// Our own write ends, which keep the output pipes from looking finished before the command opened them.
    writers: Vec<File>,
    status: Status,
    buffer: Vec<u8>,
    /// When a pipe was last read to its end.
    caught_up: Option<Instant>,
    /// Whether the pipes hold what a fast program writes while output is gathered.
    pipes_are_large: bool,
    memory: MemoryWatch,
}

/// One output pipe and the unfinished line read from it.
struct Output {
    stream: Stream,
    pipe: File,
    pending: Vec<u8>,
}

impl Labeller {
    fn new(command: &Arc<Command>, memory: MemoryWatch) -> io::Result<Self> {
        let mut pipes_are_large = true;
        let mut open = |stream, name| {
            let pipe = command.open_pipe(name)?;
            // Fewer, larger reads when allowed.
            pipes_are_large &= fcntl(&pipe, FcntlArg::F_SETPIPE_SZ(PIPE_SIZE)).is_ok();
            io::Result::Ok(Some(Output { stream, pipe, pending: Vec::new() }))
        };
        let outputs = [open(Stream::Stdout, "stdout.pipe")?, open(Stream::Stderr, "stderr.pipe")?];
        let writers = vec![command.open_pipe_writer("stdout.pipe")?, command.open_pipe_writer("stderr.pipe")?];
        let status_pipe = command.open_pipe("status.pipe")?;
        let command = Arc::clone(command);
        let buffer = vec![0; READ_SIZE];
        let status = Status::Pending;
        Ok(Self { command, outputs, status_pipe, writers, status, buffer, caught_up: None, pipes_are_large, memory })
    }

    fn run(mut self) {
        let progress = match self.label() {
            Ok(code) => {
                if let Some(reason) = self.memory.reason().filter(|_| code != 0) {
                    self.command.end_stream(Stream::Stderr);
                    self.command.append(Stream::Stderr, reason.as_bytes());
                }
                Progress::Exited(code)
            }
            Err(error) => {
                tracing::error!(command = %self.command.id, %error, "reading the command's output failed");
                Progress::Exited(-1)
            }
        };
        self.command.finish(progress);
    }

    /// Reads until the command is over and returns its exit code.
    fn label(&mut self) -> io::Result<i32> {
        loop {
            let open = self.outputs.iter().flatten().count();
            match self.status {
                Status::Reported(code) if open == 0 => return Ok(code),
                Status::ShellExited(code) => {
                    self.drain()?;
                    return Ok(code);
                }
                Status::Pending | Status::Reported(_) => self.wait_and_read()?,
            }
        }
    }

    /// Waits until something can be read, and reads it.
    fn wait_and_read(&mut self) -> io::Result<()> {
        let mut waiting = Vec::with_capacity(3);
        // Once reported, the status pipe matters only for the shell's own end.
        waiting.push(PollFd::new(self.status_pipe.as_fd(), PollFlags::POLLIN));
        for output in self.outputs.iter().flatten() {
            waiting.push(PollFd::new(output.pipe.as_fd(), PollFlags::POLLIN));
        }
        let unfinished = self.outputs.iter().flatten().any(|output| !output.pending.is_empty());
        let shows_prompts = !self.command.compat.logs_whole_lines_only();
        let timeout = if unfinished && shows_prompts { PollTimeout::from(PROMPT_DELAY) } else { PollTimeout::NONE };
        let ready = match poll(&mut waiting, timeout) {
            Err(nix::errno::Errno::EINTR) => return Ok(()),
            ready => ready?,
        };
        let is_ready: Vec<bool> = waiting.iter().map(|fd| fd.any().unwrap_or(false)).collect();
        drop(waiting);
        if ready == 0 {
            self.flush_pending();
            return Ok(());
        }
        if !is_ready[0] {
            self.gather()?;
        }
        let mut position = 1;
        for index in 0..self.outputs.len() {
            if self.outputs[index].is_some() {
                if is_ready[position] {
                    self.read_output(index)?;
                }
                position += 1;
            }
        }
        if is_ready[0] {
            self.read_status()?;
        }
        Ok(())
    }

    /// Waits for more output, or the command's end, when output comes in quick succession.
    fn gather(&self) -> io::Result<()> {
        let in_succession = self.caught_up.is_some_and(|before| before.elapsed() < GATHERING);
        if self.status != Status::Pending || !in_succession || !self.pipes_are_large {
            return Ok(());
        }
        let timeout = PollTimeout::try_from(GATHERING).map_err(io::Error::other)?;
        match poll(&mut [PollFd::new(self.status_pipe.as_fd(), PollFlags::POLLIN)], timeout) {
            Ok(_) | Err(nix::errno::Errno::EINTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Reads once from an output pipe. Answers whether there may be more.
    fn read_output(&mut self, index: usize) -> io::Result<bool> {
        let Some(output) = &mut self.outputs[index] else { return Ok(false) };
        match output.pipe.read(&mut self.buffer) {
            Ok(0) => {
                self.command.append(output.stream, &output.pending);
                self.command.end_stream(output.stream);
                self.outputs[index] = None;
                Ok(false)
            }
            Ok(read) => {
                self.caught_up = (read < self.buffer.len()).then(Instant::now);
                let bytes = &self.buffer[..read];
                let complete = memrchr(b'\n', bytes).map_or(0, |at| at + 1);
                if output.pending.is_empty() {
                    self.command.append(output.stream, &bytes[..complete]);
                } else if complete > 0 {
                    output.pending.extend_from_slice(&bytes[..complete]);
                    self.command.append(output.stream, &output.pending);
                    output.pending.clear();
                }
                output.pending.extend_from_slice(&bytes[complete..]);
                if output.pending.len() > LONG_LINE {
                    self.command.append(output.stream, &output.pending);
                    output.pending.clear();
                }
                Ok(true)
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Logs unfinished lines as they are.
    fn flush_pending(&mut self) {
        for output in self.outputs.iter_mut().flatten() {
            self.command.append(output.stream, &output.pending);
            output.pending.clear();
        }
    }

    /// Reads what is in the pipes now and ends both streams.
    fn drain(&mut self) -> io::Result<()> {
        for index in 0..self.outputs.len() {
            while self.read_output(index)? {}
        }
        self.flush_pending();
        for output in self.outputs.iter().flatten() {
            self.command.end_stream(output.stream);
        }
        Ok(())
    }

    fn read_status(&mut self) -> io::Result<()> {
        let mut buffer = [0; 64];
        let read = match self.status_pipe.read(&mut buffer) {
            Ok(read) => read,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => return Ok(()),
            Err(error) => return Err(error),
        };
        for line in String::from_utf8_lossy(&buffer[..read]).lines() {
            let mut words = line.split(' ');
            let code = words.next().and_then(|word| word.parse().ok()).unwrap_or(-1);
            let from_shell = words.next().is_none();
            self.status = match self.status {
                Status::Pending if from_shell => Status::Reported(code),
                Status::Pending => Status::ShellExited(code),
                // The command's own code stays, but nobody is waited for any more.
                Status::Reported(own) => Status::ShellExited(own),
                ended @ Status::ShellExited(_) => ended,
            };
        }
        self.writers.clear();
        Ok(())
    }
}
