//! A program in a sandbox, as if it ran here: its input and outputs are those of this program, an interrupt reaches it, and
//! its exit code becomes ours.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use daytona::model::{OutputOptions, ProcessInfo, SpawnOptions, WaitOptions};
use daytona::ops::Process;
use daytona::stream::log_demux::LogChannel;
use daytona::{Error, ErrorKind};
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use crate::failure::{Done, Failure};
use crate::interrupt::Signals;
use crate::output::Output;
use crate::stdin;

/// How long a program may take to end after it was asked to, before it is killed.
const GRACE: Duration = Duration::from_secs(10);

/// The most that is collected for a result as data, in bytes.
const COLLECTED: usize = 64 << 20;

/// A program to run.
#[derive(Debug, Default)]
pub struct Program {
    /// Command line for the sandbox's shell.
    pub command: String,
    /// Working directory. Default: the sandbox's.
    pub cwd: Option<String>,
    /// Environment variables on top of the sandbox's.
    pub env: Option<BTreeMap<String, String>>,
    /// Seconds after which it is killed; 0 = no limit.
    pub timeout: Duration,
    /// Whether it reads what is written to our standard input.
    pub stdin: bool,
}

/// Outputs that are collected for a result that programs read.
#[derive(Default)]
struct Collected {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl Program {
    /// Runs it to its end.
    ///
    /// # Errors
    /// `Program` with its exit code unless that is 0; `NotRun` when it could not be run or followed.
    pub async fn run(self, process: &Process, output: &mut Output) -> Done {
        let mut signals = Signals::listen()?;
        let options = SpawnOptions { cwd: self.cwd.clone(), env: self.env.clone(), stdin: Some(self.stdin) };
        let command = on_its_own(&self.command);
        let info = tokio::select! {
            started = process.spawn(&command, options) => started.map_err(|error| Failure::from(error).not_run())?,
            number = signals.next() => return Err(Failure::Signal(number)),
        };
        let followed = self.follow(process, &info, output, &mut signals).await;
        // Whatever happened, it has ended with this.
        let released = tokio::select! {
            released = process.release_spawned(info) => released,
            // Who asks once more waits for nothing.
            number = signals.next() => return Err(Failure::Signal(number)),
        };
        match followed.map_err(Failure::not_run)? {
            0 => released.map_err(|error| Failure::from(error).not_run()),
            code => Err(Failure::Program(code)),
        }
    }

    async fn follow(
        &self,
        process: &Process,
        info: &ProcessInfo,
        output: &mut Output,
        signals: &mut Signals,
    ) -> Done<u8> {
        let mut stream = process.stream_output(info.clone(), OutputOptions::default()).await?;
        let mut collected = output.is_for_programs().then(Collected::default);
        let feeding = feed(process, info, self.stdin.then(stdin::pieces));
        tokio::pin!(feeding);
        let mut is_fed = false;
        let limit = (!self.timeout.is_zero()).then(|| Instant::now() + self.timeout);
        let mut asked_to_end = None;
        loop {
            tokio::select! {
                biased;
                number = signals.next() => {
                    if asked_to_end.is_some() {
                        return Err(Failure::Signal(number));
                    }
                    asked_to_end = Some((number, Instant::now() + GRACE));
                    let name = number.to_string();
                    let signalled = tokio::select! {
                        signalled = process.signal_spawned(info.clone(), &name) => signalled,
                        // Who asks once more waits for no server.
                        number = signals.next() => return Err(Failure::Signal(number)),
                    };
                    match signalled {
                        // It has ended meanwhile: its outputs and code say how.
                        Err(error) if has_ended(&error) => {}
                        signalled => signalled?,
                    }
                }
                chunk = stream.next() => {
                    let Some(chunk) = chunk? else { break };
                    if let Some(Collected { stdout, stderr }) = &collected
                        && stdout.len() + stderr.len() > COLLECTED
                    {
                        return Err(Failure::other(format!(
                            "The program printed more than {COLLECTED} bytes; without --json they are passed on as they come."
                        )));
                    }
                    match (&mut collected, chunk.channel) {
                        (Some(collected), LogChannel::Stdout) => collected.stdout.extend_from_slice(&chunk.data),
                        (Some(collected), LogChannel::Stderr) => collected.stderr.extend_from_slice(&chunk.data),
                        (None, LogChannel::Stdout) => output.bytes(&chunk.data)?,
                        (None, LogChannel::Stderr) => output.error_bytes(&chunk.data)?,
                    }
                }
                fed = &mut feeding, if !is_fed => {
                    is_fed = true;
                    fed?;
                }
                () = at(limit) => return Err(self.late()),
                () = at(asked_to_end.map(|(_, end)| end)) => {
                    return Err(Failure::Signal(asked_to_end.map_or(0, |(number, _)| number)));
                }
            }
        }
        // Its outputs are closed; what it left running with them closed may take its time.
        let code = tokio::select! {
            code = process.wait_spawned(info.clone(), WaitOptions { timeout: Some(Duration::ZERO) }) => code?,
            number = signals.next() => return Err(Failure::Signal(number)),
            () = at(limit) => return Err(self.late()),
        };
        // As a shell sees it: the low byte.
        let code = code as u8;
        if let Some(Collected { stdout, stderr }) = collected {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let result = json!({ "exitCode": code, "stdout": text(&stdout), "stderr": text(&stderr) });
            output.result(&result, String::new)?;
        }
        Ok(code)
    }

    fn late(&self) -> Failure {
        let seconds = self.timeout.as_secs_f64();
        let message = format!("The program ran longer than its timeout of {seconds} seconds and was killed.");
        Error::new(ErrorKind::ProcessExecutionTimeout, message).into()
    }
}

/// Hands the program what we read, until one of the two ends.
async fn feed(process: &Process, info: &ProcessInfo, pieces: Option<mpsc::Receiver<std::io::Result<Bytes>>>) -> Done {
    let Some(mut pieces) = pieces else { return Ok(()) };
    while let Some(piece) = pieces.recv().await {
        match process.write_stdin(info.clone(), piece?.into()).await {
            Err(error) if has_ended(&error) => return Ok(()),
            written => written?,
        }
    }
    match process.close_stdin(info.clone()).await {
        Err(error) if has_ended(&error) => Ok(()),
        closed => Ok(closed?),
    }
}

/// Whether it failed because the program has ended: then nobody misses the input or the signal.
fn has_ended(error: &Error) -> bool {
    error.kind().is(ErrorKind::Gone) || error.kind().is(ErrorKind::NotFound)
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}

/// A command line of the given words. One word is a command line already, as for `ssh`; several are a program and its
/// arguments, which reach it exactly as they are.
pub fn command_line(words: &[String]) -> String {
    match words {
        [line] => line.clone(),
        words => words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" "),
    }
}

/// The command line in a session of its own, so that what it leaves in the background goes on when it has ended. Programs that
/// are interrupted or killed are ended with all of that.
fn on_its_own(command: &str) -> String {
    let run = format!("\"${{BASH:-sh}}\" -c {}", quoted(command));
    format!("if command -v setsid >/dev/null 2>&1; then exec setsid {run}; else exec {run}; fi")
}

/// A word as a shell reads it.
pub fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_words_reach_a_program_as_they_are() {
        let line = |words: &[&str]| command_line(&words.iter().map(|word| word.to_string()).collect::<Vec<_>>());
        assert_eq!(line(&["ls | wc -l"]), "ls | wc -l");
        assert_eq!(line(&["echo", "a  b", "", "it's", "$HOME"]), r"echo 'a  b' '' 'it'\''s' '$HOME'");
    }
}
